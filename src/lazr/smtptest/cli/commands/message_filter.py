"""Select mails for `smtptest wait`: a search for the server, and a check of its results."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.mail import describe_values, format_mail, summary
from lazr.smtptest.store import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MessageFilter", "format_sender", "format_summary", "iterate_addresses"]

_REGEX_BY_WILDCARD = {"*": ".*", "?": "."}


class MessageFilter:
    """Criteria for a mail: addresses with wildcards, a part of the subject, and a search.

    The search of a server matches parts of addresses, and Mailpit's supports nothing else.  So `describe_mismatch`
    checks each result again.

    Args:
        to: An address of To, Cc or Bcc; `*` matches any characters, `?` one.
        sender: The address of From, with the same wildcards.
        subject: A part of the subject, in any case.
        query: A search in the language of the server.

    >>> MessageFilter(to="ann@example.com", subject="Welcome").search_query
    'addressed:"ann@example.com" subject:"Welcome"'
    """

    def __init__(self, *, to: str = "", sender: str = "", subject: str = "", query: str = "") -> None:
        self._to, self._sender, self._subject, self._query = to, sender, subject, query

    @property
    def search_query(self) -> str:
        """The search to send to the server; it finds at least the matching mails."""
        terms = [self._query] if self._query.strip() else []
        for field, value in (("addressed", self._to), ("from", self._sender), ("subject", self._subject)):
            has_wildcard = field != "subject" and bool(set(_REGEX_BY_WILDCARD) & set(value))
            if value and '"' not in value and not has_wildcard:
                terms.append(f'{field}:"{value}"')
        return " ".join(terms)

    def describe_mismatch(self, mail: dict[str, Any]) -> str:
        """Return the first criterion that the summary of a mail fails, or "" if it matches."""
        recipients = [one["Address"] for name in ("To", "Cc", "Bcc") for one in mail.get(name) or []]
        if self._to and not any(_is_match(self._to, address) for address in recipients):
            return describe_values("to", recipients)
        sender = (mail.get("From") or {}).get("Address", "")
        if self._sender and not _is_match(self._sender, sender):
            return describe_values("from", [sender] if sender else [])
        if self._subject and fold(self._subject) not in fold(mail.get("Subject", "")):
            return describe_values("subject", [mail.get("Subject", "")])
        return ""

    def __str__(self) -> str:
        criteria = {"to": self._to, "from": self._sender, "subject": self._subject, "query": self._query}
        return ", ".join(f"{name}={value!r}" for name, value in criteria.items() if value)


def _is_match(pattern_text: str, address: str) -> bool:
    pattern = "".join(_REGEX_BY_WILDCARD.get(letter, re.escape(letter)) for letter in pattern_text.casefold())
    return re.fullmatch(pattern, address.casefold(), re.DOTALL) is not None


def iterate_addresses(mail: dict[str, Any], *fields: str) -> Iterator[str]:
    """Yield the escaped addresses of these fields of a mail summary."""
    for field in fields:
        found = mail.get(field) or []
        for one in [found] if isinstance(found, dict) else found:
            if one["Address"]:
                yield escape_unprintable(one["Address"])


def format_sender(mail: dict[str, Any]) -> str:
    """Return the escaped address of From, or the reverse-path of a mail without From.

    It is "<>" for the null reverse-path, and for Mailpit, whose summaries have none.

    >>> format_sender({"From": {"Name": "", "Address": ""}, "ReturnPath": "ann@example.com"}), format_sender({})
    ('ann@example.com', '<>')
    """
    return next(iterate_addresses(mail, "From"), "") or escape_unprintable(mail.get("ReturnPath") or "") or "<>"


def format_summary(mail: dict[str, Any]) -> str:
    """Return one line about a mail, from its summary in a REST response."""
    sender = format_sender(mail)
    recipients = iterate_addresses(mail, "To", "Cc", "Bcc")
    return format_mail(summary.format_summary(sender, recipients, mail.get("Subject", "")))
