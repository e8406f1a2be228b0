"""What to look for in a store: terms that must all hold, as values.

`grammar.py` reads what people type into these.  What a term means is what its `holds` says; a store that puts
the question to a database finds the same mails, and `tests/store/contract.py` holds it to that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from lazr.smtptest.store.indexed import Findable

__all__ = ["EVERYTHING", "Address", "Flag", "Header", "Search", "Size", "Tag", "Term", "Text", "Time", "User", "fold"]


def fold(text: str) -> str:
    """Text as it is compared: letter case and amounts of white space do not count.

    >>> fold("Straße  in\\nBERN")
    'strasse in bern'
    """
    return " ".join(text.casefold().split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Something that is true of a mail, or is not; with `negated`, it is looked for where it is not."""

    negated: bool = False

    def holds(self, mail: Findable) -> bool:
        """Whether the mail is looked for, as far as this goes."""
        return self._is_true(mail) is not self.negated

    def _is_true(self, mail: Findable) -> bool:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Text(Term):
    """These words, folded, are somewhere in that, one after the other, perhaps inside longer ones."""

    where: Literal["anywhere", "from", "to", "cc", "bcc", "reply-to", "addressed", "subject", "message-id"]
    words: str

    def _is_true(self, mail: Findable) -> bool:
        return self.words in mail.texts[self.where]


@dataclass(frozen=True, slots=True)
class Address(Term):
    """A whole address is there, folded; `*` stands for anything, `?` for one character.

    `sender` and `recipient` are the envelope's, the others the header's; `bcc` is the envelope's recipients that no
    header field names.
    """

    where: Literal["from", "to", "cc", "bcc", "reply-to", "sender", "recipient"]
    address: str

    def _is_true(self, mail: Findable) -> bool:
        pattern = _glob(self.address)
        return any(where == self.where and pattern.fullmatch(address) for where, address in mail.addresses)


@lru_cache(maxsize=64)
def _glob(text: str) -> re.Pattern[str]:
    # What is between two stars is looked for once, and what was found is not gone back on: that finds all that there
    # is to find, and a mail for `*a*a*a*a*` does not keep us busy.
    first, *others = ("".join("." if letter == "?" else re.escape(letter) for letter in one) for one in text.split("*"))
    if not others:
        return re.compile(first, re.DOTALL)
    *within, last = others
    return re.compile(first + "".join(f"(?>.*?{one})" for one in within if one) + ".*" + last, re.DOTALL)


@dataclass(frozen=True, slots=True)
class Header(Term):
    """A header field of that name (in small letters) has these words, folded, in its decoded value."""

    name: str
    words: str

    def _is_true(self, mail: Findable) -> bool:
        return any(name == self.name and self.words in value for name, value in mail.headers)


@dataclass(frozen=True, slots=True)
class Tag(Term):
    """The mail has this tag, folded."""

    tag: str

    def _is_true(self, mail: Findable) -> bool:
        return self.tag in map(fold, mail.tags)


@dataclass(frozen=True, slots=True)
class User(Term):
    """The session that brought it was authenticated as this user, to the letter."""

    name: str

    def _is_true(self, mail: Findable) -> bool:
        return self.name == mail.username


@dataclass(frozen=True, slots=True)
class Flag(Term):
    """The mail is, or has, that."""

    what: Literal["read", "tagged", "attachment", "inline"]

    def _is_true(self, mail: Findable) -> bool:
        return bool(
            {"read": mail.read, "tagged": mail.tags, "attachment": mail.attachments, "inline": mail.inlines}[self.what]
        )


@dataclass(frozen=True, slots=True)
class Size(Term):
    """The content has more octets than that, or fewer."""

    than: Literal["larger", "smaller"]
    octets: int

    def _is_true(self, mail: Findable) -> bool:
        return mail.size > self.octets if self.than == "larger" else mail.size < self.octets


@dataclass(frozen=True, slots=True)
class Time(Term):
    """The mail came at that moment (an aware time) or after it; or before it."""

    than: Literal["after", "before"]
    at: datetime

    def _is_true(self, mail: Findable) -> bool:
        return mail.received_at >= self.at if self.than == "after" else mail.received_at < self.at


Search = tuple[Term, ...]

EVERYTHING: Search = ()
