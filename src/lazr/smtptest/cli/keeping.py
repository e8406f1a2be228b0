"""Where `smtptest serve` keeps mails, and how many: the options, and the store that they make."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.rows import flag, option
from lazr.smtptest.cli.settings import octets
from lazr.smtptest.errors import StoreError, StoreInUse, StoreTooNew
from lazr.smtptest.store.contract import Retention, Store
from lazr.smtptest.store.places import default_file, store_at
from lazr.smtptest.store.tidying import Tidying

__all__ = ["Kept", "keeping"]

_STORE = "What is kept"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _age(text: object) -> timedelta:
    if isinstance(text, timedelta):
        return text
    said = re.fullmatch(r"([1-9][0-9]{0,8})([smhdw])", str(text).lower())
    if said is None:
        raise typer.BadParameter(f"{str(text)!r} is no age; an age is a number and s, m, h, d or w, such as 12h or 7d.")
    return timedelta(seconds=int(said[1]) * _UNITS[said[2]])


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The options."""

    database: Annotated[
        str,
        option(
            "--database",
            help="sqlite:///PATH, postgresql://USER@HOST/DB, memory: (gone at the end), or none (printed, not kept).",
            panel=_STORE,
            metavar="URL",
            show_default="a file in your data directory",
        ),
    ] = ""
    max_messages: Annotated[
        int | None,
        option("--max-messages", help="The most mails; the oldest go first.", panel=_STORE, min=1, show_default="all"),
    ] = None
    max_age: Annotated[
        timedelta | None,
        option("--max-age", help="As old as that, such as 12h or 7d.", panel=_STORE, parser=_age, metavar="AGE"),
    ] = None
    max_bytes: Annotated[
        int | None,
        option("--max-bytes", help="As much as that, such as 500M or 2G.", panel=_STORE, parser=octets, metavar="SIZE"),
    ] = None
    secure_delete: Annotated[
        bool, flag("--secure-delete", help="Overwrite in the file what is deleted; slower.", panel=_STORE)
    ] = False


@contextlib.contextmanager
def keeping(kept: Kept) -> Iterator[Store | None]:
    """The store, open and kept in order; None where nothing is kept.  Raises `Failure`, with 2 for what cannot be."""
    if kept.database == "none":
        yield None
        return
    try:
        place = kept.database
        if not place:
            file = default_file()
            file.parent.mkdir(parents=True, exist_ok=True)
            place = str(file)
        store = store_at(place, secure_delete=kept.secure_delete)
        store.open()
    except StoreInUse as error:
        raise Failure(f"{error}; --database says where else mails can be kept", 2) from None
    except (StoreTooNew, ValueError) as error:
        raise Failure(str(error), 2) from None
    except (StoreError, OSError) as error:
        raise Failure(str(error)) from None
    retention = Retention(mails=kept.max_messages, size=kept.max_bytes, age=kept.max_age)
    try:
        with Tidying(store, None if retention == Retention() else retention):
            yield store
    finally:
        store.close()
