"""Search terms: the values that a query consists of, and what each of them matches.

`query_parser` builds them from text.  `Term.matches` defines their meaning.  A store that translates terms into SQL
finds the same mails, which `tests/store/contract.py` checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from lazr.smtptest._util.glob import compile_glob
from lazr.smtptest.store.text_normalization import fold, lower_ascii

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

__all__ = [
    "EVERYTHING",
    "AddressTerm",
    "DateTerm",
    "FlagTerm",
    "FolderTerm",
    "HeaderTerm",
    "NumberTerm",
    "Search",
    "Searchable",
    "SizeTerm",
    "TagTerm",
    "Term",
    "TextTerm",
    "UserTerm",
]


class Searchable(Protocol):
    """Everything about a mail that a term can ask for.

    Texts, addresses and headers are folded.
    """

    @property
    def texts(self) -> Mapping[str, str]:
        """The texts that are searched for words, by field."""

    @property
    def addresses(self) -> Collection[tuple[str, str]]:
        """Pairs of a field, and a whole address in it."""

    @property
    def headers(self) -> Collection[tuple[str, str]]:
        """Pairs of a header field's name and value."""

    @property
    def tags(self) -> Collection[str]:
        """The tags, not folded."""

    @property
    def username(self) -> str:
        """The user that the SMTP session authenticated as; empty without authentication."""

    @property
    def read(self) -> bool:
        """Whether the mail is marked as read."""

    @property
    def folder(self) -> str:
        """The folder of a reading account that the mail is in; empty for a caught mail."""

    @property
    def owner(self) -> str:
        """The user name of the account that has the folder; empty for a caught mail."""

    @property
    def attachments(self) -> int:
        """The number of attachments."""

    @property
    def inlines(self) -> int:
        """The number of inline parts."""

    @property
    def size(self) -> int:
        """The length of the content, in bytes."""

    @property
    def received_at(self) -> datetime:
        """The time of arrival, with a time zone."""

    @property
    def number(self) -> int:
        """The position in the order of arrival; 0 if the store has not assigned it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A condition on a mail; with `negated`, the condition must be false."""

    negated: bool = False

    def matches(self, mail: Searchable) -> bool:
        """Return whether the mail satisfies this term."""
        return self._is_true(mail) is not self.negated

    def _is_true(self, mail: Searchable) -> bool:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class TextTerm(Term):
    """The condition that a field contains these words, folded and in this order.

    The words may start and end inside longer words.
    """

    field: Literal["anywhere", "from", "to", "cc", "bcc", "reply-to", "addressed", "subject", "message-id"]
    words: str

    def _is_true(self, mail: Searchable) -> bool:
        return self.words in mail.texts[self.field]


@dataclass(frozen=True, slots=True)
class AddressTerm(Term):
    """The condition that a field has this whole address, folded.

    In the address, `*` stands for any text, `?` for one character.

    `sender` and `recipient` are fields of the envelope, the others are header fields.  `bcc` has the envelope's
    recipients that no header field names.
    """

    field: Literal["from", "to", "cc", "bcc", "reply-to", "sender", "recipient"]
    address: str

    @property
    def is_exact(self) -> bool:
        """Whether the address has no wildcards."""
        return "*" not in self.address and "?" not in self.address

    def matches_addresses(self, addresses: Iterable[tuple[str, str]]) -> bool:
        """Return whether a mail with these addresses satisfies this term.

        Each address comes with its field.
        """
        pattern = compile_glob(self.address)
        is_found = any(field == self.field and pattern.fullmatch(address) for field, address in addresses)
        return is_found is not self.negated

    def matches(self, mail: Searchable) -> bool:
        """Return whether the mail satisfies this term."""
        return self.matches_addresses(mail.addresses)


@dataclass(frozen=True, slots=True)
class HeaderTerm(Term):
    """The condition that a header field contains these words, folded, in its decoded value.

    The name of the field is in lower case.
    """

    name: str
    words: str

    def _is_true(self, mail: Searchable) -> bool:
        return any(name == self.name and self.words in value for name, value in mail.headers)


@dataclass(frozen=True, slots=True)
class TagTerm(Term):
    """The condition that the mail has this tag, folded."""

    tag: str

    def _is_true(self, mail: Searchable) -> bool:
        return self.tag in map(fold, mail.tags)


@dataclass(frozen=True, slots=True)
class UserTerm(Term):
    """The condition that the SMTP session authenticated as exactly this user."""

    name: str

    def _is_true(self, mail: Searchable) -> bool:
        return self.name == mail.username


@dataclass(frozen=True, slots=True)
class FolderTerm(Term):
    """The condition that the mail is in a folder of a reading account.

    Args:
        owner: the user name, in lower case, of the account that has the folder.  None is any account; the letter case
            of the folder then does not count, for letters of ASCII.
        folder: the name of the folder; empty, with an owner that is empty or None, for caught mails.

    >>> FolderTerm("", "")  # caught mails: the inbox
    FolderTerm(negated=False, owner='', folder='')
    """

    owner: str | None
    folder: str

    def contains(self, owner: str, folder: str) -> bool:
        """Return whether a mail in that folder satisfies this term."""
        if self.owner is None:
            is_inside = lower_ascii(self.folder) == lower_ascii(folder)
        else:
            is_inside = self.owner == owner and self.folder == folder
        return is_inside is not self.negated

    def matches(self, mail: Searchable) -> bool:
        """Return whether the mail satisfies this term."""
        return self.contains(mail.owner, mail.folder)


@dataclass(frozen=True, slots=True)
class FlagTerm(Term):
    """The condition that the mail is marked as read, or has a tag or a kind of part.

    The kinds of parts are attachments and inline parts.
    """

    flag: Literal["read", "tagged", "attachment", "inline"]

    def _is_true(self, mail: Searchable) -> bool:
        return bool(
            {"read": mail.read, "tagged": mail.tags, "attachment": mail.attachments, "inline": mail.inlines}[self.flag]
        )


@dataclass(frozen=True, slots=True)
class SizeTerm(Term):
    """The condition that the content has more than `size` bytes, or fewer."""

    comparison: Literal["larger", "smaller"]
    size: int

    def _is_true(self, mail: Searchable) -> bool:
        return mail.size > self.size if self.comparison == "larger" else mail.size < self.size


@dataclass(frozen=True, slots=True)
class DateTerm(Term):
    """The condition that the mail arrived at or after `date`, or before it.

    `date` is a time with a zone.
    """

    comparison: Literal["after", "before"]
    date: datetime

    def _is_true(self, mail: Searchable) -> bool:
        return mail.received_at >= self.date if self.comparison == "after" else mail.received_at < self.date


@dataclass(frozen=True, slots=True)
class NumberTerm(Term):
    """The condition that the mail has one of these positions in the order of arrival.

    No query has this term.  Cursors are made of it, and deletions that can be undone.

    Args:
        last: the position of the last mail that matches, and all mails before it do; 0 for none.
        numbers: the positions of other mails that match.
    """

    last: int = 0
    numbers: frozenset[int] = frozenset()

    def _is_true(self, mail: Searchable) -> bool:
        return mail.number <= self.last or mail.number in self.numbers


Search = tuple[Term, ...]
"""Terms that must all match."""

EVERYTHING: Search = ()
"""The search that every mail matches."""
