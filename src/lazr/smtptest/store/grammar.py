"""The language that people search in: words, phrases and filters, read into the terms of a search.

It is Mailpit's, so that what its clients ask means the same here, and more: whole addresses, the envelope, users,
any header field, times that count from now.  `docs/search.md` is the page for people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

from lazr.smtptest.errors import BadSearch
from lazr.smtptest.store.indexed import holdable
from lazr.smtptest.store.moment import read_moment
from lazr.smtptest.store.search import Address, Flag, Header, Size, Tag, Text, Time, User, fold

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from lazr.smtptest.store.search import Search, Term

__all__ = ["LONGEST", "MOST_TERMS", "parse"]

# A longer text, and one with more terms, is refused.
LONGEST = 1024
MOST_TERMS = 50
_MOST_STARS = 10

# What is not separated by white space that is not in quotes; the last quote may be missing.
_WORD = re.compile(r'(?:"[^"]*+"?+|[^\s"]++)++')
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\ ?(?:([kmg])b?|b)?", re.ASCII)
_MOST_OCTETS = 2**53  # what every store can count to
_OCTETS = {None: 1, "k": 1024, "m": 1024**2, "g": 1024**3}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is behind a filter's colon, as it was written and without its quotes; and what moments count from."""

    raw: str
    text: str
    zone: tzinfo
    now: datetime | None


class _Nonsense(Exception):
    """A filter makes no sense; with `as_words`, Mailpit looks for it as words then."""

    def __init__(self, problem: str, *, as_words: bool = False) -> None:
        super().__init__(problem)
        self.as_words = as_words


def parse(text: str, *, zone: tzinfo = UTC, now: datetime | None = None, lenient: bool = False) -> Search:
    """The terms that a text asks for.  An empty one asks for everything.

    - `zone`: of the dates that name none.
    - `now`: an aware time that `after:2h` and `after:today` count from; the clock's by default.
    - `lenient`: leave out what makes no sense, or look for it as words, as Mailpit does.  (What was meant to find some
      mails may then find all of them: not a good way to delete any.)

    Raises `BadSearch` where it makes no sense, and in any case for too long a text or too many terms.

    >>> for term in parse('"Welcome to" -tag:old'):
    ...     print(term)
    Text(negated=False, where='anywhere', words='welcome to')
    Tag(negated=True, tag='old')
    >>> parse("larger:many")
    Traceback (most recent call last):
    lazr.smtptest.errors.BadSearch: larger: 'many' is no size; write 500, 20KB or 1.5MB
    """
    if len(text) > LONGEST:
        raise BadSearch(f"a search has at most {LONGEST:,} characters, this one {len(text):,}")
    terms: dict[Term, None] = {}
    problems = []
    for match in _WORD.finditer(holdable(text)):
        word = match[0]
        negated = len(word) > 1 and word[0] in "-!"
        word = word[negated:]
        try:
            term = _term(word, zone, now)
        except _Nonsense as nonsense:
            problems.append(str(nonsense))
            term = _words(word) if nonsense.as_words else None
        if term is not None:
            terms[replace(term, negated=term.negated is not negated)] = None
    if text.count('"') % 2:
        problems.append('a quote (") is missing')
    if len(terms) > MOST_TERMS:
        raise BadSearch(f"a search has at most {MOST_TERMS} terms, this one {len(terms)}")
    if problems and not lenient:
        raise BadSearch("; ".join(problems))
    return tuple(terms)


def _term(word: str, zone: tzinfo, now: datetime | None) -> Term | None:
    name, colon, raw = word.partition(":")
    read = _FILTERS.get(name.lower()) if colon else None
    if read is None:
        return _words(word)
    if not raw:
        raise _Nonsense(f"{name}: has nothing behind it")
    try:
        return read(_Asked(raw, raw.replace('"', ""), zone, now))
    except _Nonsense as nonsense:
        raise _Nonsense(f"{name}: {nonsense}", as_words=nonsense.as_words) from None


def _words(word: str) -> Term | None:
    words = fold(word.replace('"', ""))
    # As in Mailpit, a word of signs alone says nothing; in quotes, it does.
    says = '"' in word or any(letter.isalnum() or not letter.isascii() for letter in words)
    return Text("anywhere", words) if words and says else None


# -- filters: each makes a term of what is asked, or None where that is nothing --------------------

_TextPlace = Literal["from", "to", "cc", "bcc", "reply-to", "addressed", "subject", "message-id"]
_HeaderPlace = Literal["from", "to", "cc", "bcc", "reply-to"]
_EnvelopePlace = Literal["sender", "recipient"]


def _text(where: _TextPlace, asked: _Asked) -> Term | None:
    words = fold(asked.text)
    if where == "message-id":
        words = words.removeprefix("<").removesuffix(">")
    return Text(where, words) if words else None


def _in_header(where: _HeaderPlace, asked: _Asked) -> Term | None:
    return _address(where, asked) if asked.raw.startswith("=") else _text(where, asked)


def _address(where: _HeaderPlace | _EnvelopePlace, asked: _Asked) -> Term:
    text = fold(asked.raw.removeprefix("="))
    # The quotes of a local part (RFC 5321 4.1.2) belong to the address.
    address = text if '"@' in text else text.replace('"', "")
    if address.startswith("<") and address.endswith(">"):
        address = address[1:-1]
    address = re.sub(r"\*+", "*", address)
    if address.count("*") > _MOST_STARS:
        raise _Nonsense(f"an address has at most {_MOST_STARS} asterisks")
    return Address(where, address)


def _header(asked: _Asked) -> Term:
    name, _, words = asked.text.partition("=")
    if not fold(name):
        raise _Nonsense("which one? write header:x-campaign or header:x-campaign=welcome")
    return Header(fold(name), fold(words))


def _tag(asked: _Asked) -> Term | None:
    tag = fold(asked.text)
    return Tag(tag) if tag else None


def _user(asked: _Asked) -> Term:
    return User(asked.text)


def _flag(flags: dict[str, Term], asked: _Asked) -> Term:
    try:
        return flags[asked.text.lower()]
    except KeyError:
        raise _Nonsense(f"{asked.text!r} is none of {', '.join(flags)}", as_words=True) from None


def _size(than: Literal["larger", "smaller"], asked: _Asked) -> Term:
    size = _SIZE.fullmatch(asked.text.strip().lower())
    if size is None:
        raise _Nonsense(f"{asked.text!r} is no size; write 500, 20KB or 1.5MB", as_words=True)
    return Size(than, min(int(float(size[1]) * _OCTETS[size[2]]), _MOST_OCTETS))


def _time(than: Literal["after", "before"], asked: _Asked) -> Term:
    try:
        return Time(than, read_moment(asked.text, zone=asked.zone, now=asked.now or datetime.now(UTC)))
    except ValueError as error:
        raise _Nonsense(str(error)) from None


_READ, _TAGGED, _ATTACHMENT, _INLINE = Flag("read"), Flag("tagged"), Flag("attachment"), Flag("inline")

_FILTERS: dict[str, Callable[[_Asked], Term | None]] = {
    **{where: partial(_in_header, where) for where in get_args(_HeaderPlace)},
    "addressed": partial(_text, "addressed"),
    "subject": partial(_text, "subject"),
    "message-id": partial(_text, "message-id"),
    "sender": partial(_address, "sender"),
    "recipient": partial(_address, "recipient"),
    "user": _user,
    "header": _header,
    "tag": _tag,
    "is": partial(_flag, {"read": _READ, "unread": replace(_READ, negated=True), "tagged": _TAGGED}),
    "has": partial(
        _flag,
        {"attachment": _ATTACHMENT, "attachments": _ATTACHMENT, "inline": _INLINE, "inlines": _INLINE},
    ),
    "larger": partial(_size, "larger"),
    "smaller": partial(_size, "smaller"),
    "after": partial(_time, "after"),
    "before": partial(_time, "before"),
}
