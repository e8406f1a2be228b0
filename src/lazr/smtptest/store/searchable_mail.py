"""A parsed mail in memory that search terms can be matched against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from lazr.smtptest.store.message_index import MessageIndex
    from lazr.smtptest.store.search.terms import Search

__all__ = ["SearchableMail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchableMail:
    """The facts about one mail that the terms of a search ask for (`Searchable`).

    Args:
        index: the index of its content.
        size: the length of the content, in bytes.
        received_at: the time of arrival, with a time zone.
        username: the user that the SMTP session authenticated as; empty without authentication.
        read: whether the mail is marked as read.
        tags: the mail's tags.
        number: the position in the order of arrival; 0 if the store has not assigned it yet.
        folder: the folder of a reading account that the mail is in; empty for a caught mail.
        owner: the user name of the account that has the folder; empty for a caught mail.

    >>> from datetime import UTC, datetime
    >>> from lazr.smtptest import Envelope, Mail
    >>> from lazr.smtptest.store import build_message_index, parse_query
    >>> envelope = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> index = build_message_index(Mail("1", envelope, [b"Subject: Welcome\\r\\n\\r\\n"]))
    >>> mail = SearchableMail(index=index, size=22, received_at=datetime(2024, 12, 31, tzinfo=UTC))
    >>> mail.matches(parse_query("subject:welcome")), mail.matches(parse_query("subject:welcome is:read"))
    (True, False)
    """

    index: MessageIndex
    size: int
    received_at: datetime
    username: str = ""
    read: bool = False
    tags: Collection[str] = ()
    number: int = 0
    folder: str = ""
    owner: str = ""

    def matches(self, search: Search) -> bool:
        """Return whether the mail satisfies all terms of a search."""
        return all(term.matches(self) for term in search)

    @property
    def texts(self) -> Mapping[str, str]:
        """The texts that are searched for words, by field."""
        return self.index.texts

    @property
    def addresses(self) -> Collection[tuple[str, str]]:
        """Pairs of a field, and a whole address in it."""
        return self.index.addresses

    @property
    def headers(self) -> Collection[tuple[str, str]]:
        """Pairs of a header field's name and value."""
        return self.index.headers

    @property
    def attachments(self) -> int:
        """The number of attachments."""
        return self.index.attachments

    @property
    def inlines(self) -> int:
        """The number of inline parts."""
        return self.index.inlines
