"""The file of mailboxes: a table each, with its token and whose mails are in it."""

import tomllib
from pathlib import Path
from typing import Any

from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.web.mailbox import Mailbox

__all__ = ["read_mailboxes"]


def read_mailboxes(path: Path) -> list[Mailbox]:
    """The mailboxes of a TOML file.  Raises `Failure`, which names no token.

    A table for each: `token`, and either `user`, as whom clients authenticate by SMTP, or `recipient`, an address in
    which `*` stands for anything.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}", 2) from None
    except ValueError as error:
        raise Failure(f"{path}: {error}", 2) from None
    try:
        return [_mailbox(name, table) for name, table in tables.items()]
    except ValueError as error:
        raise Failure(f"{path}: {error}", 2) from None


def _mailbox(name: str, table: Any) -> Mailbox:
    if not isinstance(table, dict) or not isinstance(table.get("token"), str):
        raise ValueError(f'[{name}] wants token = "…", and user or recipient')  # noqa: TRY004
    whose = sorted(set(table) - {"token"})
    if whose not in (["user"], ["recipient"]) or not isinstance(table[whose[0]], str):
        raise ValueError(f'[{name}] wants either user = "…" or recipient = "…" beside its token')
    made = Mailbox.of_user if whose == ["user"] else Mailbox.of_recipient
    return made(name, table["token"], table[whose[0]])
