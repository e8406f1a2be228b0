"""`smtptest compact`: make a store as small as it can be."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import create_progress_bar, print_text
from lazr.smtptest.cli.serve.mail_store import NO_STORE
from lazr.smtptest.errors import StoreError, StoreInUse, StoreTooNew
from lazr.smtptest.store import Store, create_store, get_default_path

__all__ = ["EXAMPLES", "compact"]

EXAMPLES = (
    "smtptest compact",
    "smtptest compact mails.sqlite",
    "smtptest compact postgresql://ann@db.example/mails",
)

_USAGE_ERROR = 2
_SQLITE_PREFIX = "sqlite:///"
_BYTES_PER_MEGABYTE = 1_000_000


def compact(
    database: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|URL",
            envvar="SMTPTEST_SERVE_DATABASE",
            show_envvar=False,
            help="The store: a file, sqlite:///PATH or postgresql://USER@HOST/DB; by default the store of serve.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Free the disk space that deleted mails have left in a store.

    An SQLite file is compressed and copied without free space, and the copy takes its place.
    No server may have the file open; a running server frees most of the space by itself.

    On PostgreSQL this runs VACUUM, while servers go on.
    The database reuses the space for new mails.
    """
    with _open_store(database) as store:
        try:
            before = store.get_disk_usage()
            with _show_progress() as on_progress:
                store.compact(on_progress)
            after = store.get_disk_usage()
        except StoreError as error:
            raise CommandError(str(error)) from None
        print_text(f"{store.url}: {_format_size(before)} before, {_format_size(after)} now")
        if not store.url.startswith(_SQLITE_PREFIX):
            print_text("PostgreSQL keeps the free space for new mails; VACUUM FULL gives it back to the disk")
    return 0


@contextlib.contextmanager
def _open_store(database: str | None) -> Iterator[Store]:
    if database in (NO_STORE, "memory:", "memory://"):
        raise CommandError(f"a store on disk is needed, got {database}; name a file or a URL", _USAGE_ERROR)
    try:
        store = create_store(database or str(get_default_path()))
        file = store.url.removeprefix(_SQLITE_PREFIX)
        if file != store.url and not Path(file).exists():
            raise CommandError(f"there is no file {file}; name the file or the URL of a store", _USAGE_ERROR)
        store.open()
    except StoreInUse as error:
        raise CommandError(f"{error}; a running server frees most of the space by itself", _USAGE_ERROR) from None
    except (StoreTooNew, ValueError) as error:
        raise CommandError(str(error), _USAGE_ERROR) from None
    except (StoreError, OSError) as error:
        raise CommandError(str(error)) from None
    with contextlib.closing(store):
        yield store


@contextlib.contextmanager
def _show_progress() -> Iterator[Callable[[int, int], None]]:
    with create_progress_bar("compacting") as progress:
        task = progress.add_task("", total=None)

        def on_progress(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield on_progress


def _format_size(size: int) -> str:
    return f"{size / _BYTES_PER_MEGABYTE:,.1f} MB"
