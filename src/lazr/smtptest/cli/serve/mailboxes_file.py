"""Read the file of mailboxes: a TOML table for each, with its token and its mails."""

import tomllib
from pathlib import Path
from typing import Any

from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.web import Mailbox, Mailboxes

__all__ = ["read_mailboxes"]

_USAGE_ERROR = 2


def read_mailboxes(path: Path | None) -> Mailboxes:
    """Return the mailboxes of a TOML file; none without a file.

    Each table has `token` and either `user` or `recipient`.  `user` is the name with which clients authenticate by
    SMTP; `recipient` is an address in which `*` matches any characters.

    Raises:
        CommandError: If the file cannot be read, or a table in it is invalid; the text contains no token.
    """
    if path is None:
        return Mailboxes()
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}", _USAGE_ERROR) from None
    except ValueError as error:
        raise CommandError(f"{path}: {error}", _USAGE_ERROR) from None
    try:
        return Mailboxes(_parse_mailbox(name, table) for name, table in tables.items())
    except ValueError as error:
        raise CommandError(f"{path}: {error}", _USAGE_ERROR) from None


def _parse_mailbox(name: str, table: Any) -> Mailbox:
    if not isinstance(table, dict) or not isinstance(table.get("token"), str):
        raise ValueError(f'[{name}] must have token = "…", and user or recipient')  # noqa: TRY004
    other_keys = sorted(set(table) - {"token"})
    if other_keys not in (["user"], ["recipient"]) or not isinstance(table[other_keys[0]], str):
        raise ValueError(f'[{name}] must have either user = "…" or recipient = "…" besides its token')
    make_mailbox = Mailbox.of_user if other_keys == ["user"] else Mailbox.of_recipient
    return make_mailbox(name, table["token"], table[other_keys[0]])
