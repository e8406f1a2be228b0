"""Which mails somebody asks for on the command line: a search for the server, and a look at what it found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lazr.smtptest.cli.visible import visible
from lazr.smtptest.store.search import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Wanted", "line_of", "names"]

_GLOB = {"*": ".*", "?": "."}


class Wanted:
    """Whole addresses, in which `*` and `?` stand for others, words of a subject, and a search.

    A server finds parts of addresses (Mailpit knows no others), so what it found is looked at again.

    >>> Wanted(to="ann@example.com", subject="Welcome").search
    'addressed:"ann@example.com" subject:"Welcome"'
    """

    def __init__(self, *, to: str = "", sender: str = "", subject: str = "", query: str = "") -> None:
        self._to, self._sender, self._subject, self._query = to, sender, subject, query

    @property
    def search(self) -> str:
        """What the server is asked for, which finds no less."""
        terms = [self._query] if self._query.strip() else []
        for where, wanted in (("addressed", self._to), ("from", self._sender), ("subject", self._subject)):
            if wanted and '"' not in wanted and not (where != "subject" and set(_GLOB) & set(wanted)):
                terms.append(f'{where}:"{wanted}"')
        return " ".join(terms)

    def failure(self, mail: dict[str, Any]) -> str:
        """What a mail lacks; empty for one that is wanted, as far as its summary tells."""
        recipients = [one["Address"] for name in ("To", "Cc", "Bcc") for one in mail.get(name) or []]
        if self._to and not any(_is(self._to, address) for address in recipients):
            return f"it is for {', '.join(recipients) or 'nobody'}"
        sender = (mail.get("From") or {}).get("Address", "")
        if self._sender and not _is(self._sender, sender):
            return f"it is from {sender or 'nobody'}"
        if self._subject and fold(self._subject) not in fold(mail.get("Subject", "")):
            return f"its subject is {mail.get('Subject', '')!r}"
        return ""

    def __str__(self) -> str:
        said = [f"to {self._to}"] if self._to else []
        said += [f"from {self._sender}"] if self._sender else []
        said += [f"with {self._subject!r} in its subject"] if self._subject else []
        said += [f"that {self._query!r} finds"] if self._query else []
        return " ".join(["mail", *said])


def _is(wanted: str, address: str) -> bool:
    pattern = "".join(_GLOB.get(letter, re.escape(letter)) for letter in wanted.casefold())
    return re.fullmatch(pattern, address.casefold(), re.DOTALL) is not None


def names(mail: dict[str, Any], *fields: str) -> Iterator[str]:
    """The addresses of a mail's summary, for people."""
    for field in fields:
        found = mail.get(field) or []
        for one in [found] if isinstance(found, dict) else found:
            if one["Address"]:
                yield visible(one["Address"], keep_lines=False)


def line_of(mail: dict[str, Any]) -> str:
    """A mail in a line, as evidence."""
    sender = next(names(mail, "From"), "<>")
    return f"{sender} -> {', '.join(names(mail, 'To', 'Cc', 'Bcc'))} {visible(repr(mail.get('Subject', '')))}"
