"""Parse the search language: words, phrases and filters become search terms.

The language is a superset of Mailpit's, so Mailpit's clients get the same results here.  It adds whole addresses, the
envelope, users, any header field, and relative times.  `docs/reference/search.md` describes it for users.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

from lazr.smtptest.errors import BadSearch
from lazr.smtptest.store.search.dates import parse_date
from lazr.smtptest.store.search.terms import (
    AddressTerm,
    DateTerm,
    FlagTerm,
    FolderTerm,
    HeaderTerm,
    SizeTerm,
    TagTerm,
    TextTerm,
    UserTerm,
)
from lazr.smtptest.store.text_normalization import fold, lower_ascii, make_storable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from lazr.smtptest.store.search.terms import Search, Term

__all__ = ["MAX_QUERY_CHARACTERS", "MAX_QUERY_TERMS", "parse_query"]

MAX_QUERY_CHARACTERS = 1024
"""A longer query raises `BadSearch`."""
MAX_QUERY_TERMS = 50
"""A query with more terms raises `BadSearch`."""
_MAX_ADDRESS_WILDCARDS = 10

# A run of characters without white space, except inside quotes; the closing quote may be missing at the end.
_TOKEN_PATTERN = re.compile(r'(?:"[^"]*+"?+|[^\s"]++)++')
_SIZE_PATTERN = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\ ?(?:([kmg])b?|b)?", re.ASCII)
_MAX_SIZE_BYTES = 2**53  # every store can hold this number
_BYTES_PER_UNIT = {None: 1, "k": 1024, "m": 1024**2, "g": 1024**3}


@dataclass(frozen=True, slots=True)
class _FilterValue:
    """The value after a filter's colon, and what dates in it refer to.

    `raw` has the quotes of the value, `text` does not.
    """

    raw: str
    text: str
    zone: tzinfo
    now: datetime | None


class _InvalidFilter(Exception):
    """A filter with an invalid value.

    With `search_as_words`, Mailpit searches for the filter as plain words.
    """

    def __init__(self, problem: str, *, search_as_words: bool = False) -> None:
        super().__init__(problem)
        self.search_as_words = search_as_words


def parse_query(text: str, *, zone: tzinfo = UTC, now: datetime | None = None, lenient: bool = False) -> Search:
    """Return the terms of a query; an empty query matches every mail.

    Args:
        text: the query.
        zone: the time zone of dates that name none.
        now: the time, with a zone, that `after:2h` and `after:today` refer to; by default the current time.
        lenient: ignore invalid filters, or search for them as words, as Mailpit does.  A query may then match every
            mail although it was meant to match a few, so do not use this to select mails to delete.

    Raises:
        BadSearch: the query is invalid; with `lenient`, only if it is too long or has too many terms.

    >>> for term in parse_query('"Welcome to" -tag:old'):
    ...     print(term)
    TextTerm(negated=False, field='anywhere', words='welcome to')
    TagTerm(negated=True, tag='old')
    >>> parse_query("larger:many")
    Traceback (most recent call last):
    lazr.smtptest.errors.BadSearch: larger: must be a size such as 500, 20KB or 1.5MB, got 'many'
    """
    if len(text) > MAX_QUERY_CHARACTERS:
        raise BadSearch(f"a search must have at most {MAX_QUERY_CHARACTERS:,} characters, got {len(text):,}")
    terms: dict[Term, None] = {}
    problems = []
    for match in _TOKEN_PATTERN.finditer(make_storable(text)):
        word = match[0]
        negated = len(word) > 1 and word[0] in "-!"
        word = word[negated:]
        try:
            term = _parse_term(word, zone, now)
        except _InvalidFilter as invalid:
            problems.append(str(invalid))
            term = _parse_words(word) if invalid.search_as_words else None
        if term is not None:
            terms[replace(term, negated=term.negated is not negated)] = None
    if text.count('"') % 2:
        problems.append('a closing quote (") is missing')
    if len(terms) > MAX_QUERY_TERMS:
        raise BadSearch(f"a search must have at most {MAX_QUERY_TERMS} terms, got {len(terms)}")
    if problems and not lenient:
        raise BadSearch("; ".join(problems))
    return tuple(terms)


def _parse_term(word: str, zone: tzinfo, now: datetime | None) -> Term | None:
    name, colon, raw = word.partition(":")
    parse_filter = _FILTER_PARSERS.get(name.lower()) if colon else None
    if parse_filter is None:
        return _parse_words(word)
    if not raw:
        raise _InvalidFilter(f"{name}: must have a value after the colon")
    try:
        return parse_filter(_FilterValue(raw, raw.replace('"', ""), zone, now))
    except _InvalidFilter as invalid:
        raise _InvalidFilter(f"{name}: {invalid}", search_as_words=invalid.search_as_words) from None


def _parse_words(word: str) -> Term | None:
    words = fold(word.replace('"', ""))
    # As in Mailpit, a word that consists of punctuation alone is ignored unless it is quoted.
    is_significant = '"' in word or any(letter.isalnum() or not letter.isascii() for letter in words)
    return TextTerm("anywhere", words) if words and is_significant else None


# -- filters: each parses the value into a term, or into None where there is nothing to search for ---

_TextField = Literal["from", "to", "cc", "bcc", "reply-to", "addressed", "subject", "message-id"]
_HeaderField = Literal["from", "to", "cc", "bcc", "reply-to"]
_EnvelopeField = Literal["sender", "recipient"]


def _parse_text(field: _TextField, value: _FilterValue) -> Term | None:
    words = fold(value.text)
    if field == "message-id":
        words = words.removeprefix("<").removesuffix(">")
    return TextTerm(field, words) if words else None


def _parse_text_or_address(field: _HeaderField, value: _FilterValue) -> Term | None:
    return _parse_address(field, value) if value.raw.startswith("=") else _parse_text(field, value)


def _parse_address(field: _HeaderField | _EnvelopeField, value: _FilterValue) -> Term:
    text = fold(value.raw.removeprefix("="))
    # The quotes of a local part belong to the address (RFC 5321 4.1.2).
    address = text if '"@' in text else text.replace('"', "")
    if address.startswith("<") and address.endswith(">"):
        address = address[1:-1]
    address = re.sub(r"\*+", "*", address)
    if address.count("*") > _MAX_ADDRESS_WILDCARDS:
        raise _InvalidFilter(f"an address must have at most {_MAX_ADDRESS_WILDCARDS} asterisks")
    return AddressTerm(field, address)


def _parse_header(value: _FilterValue) -> Term:
    name, _, words = value.text.partition("=")
    if not fold(name):
        raise _InvalidFilter("must name a field, as in header:x-campaign or header:x-campaign=welcome")
    return HeaderTerm(fold(name), fold(words))


def _parse_tag(value: _FilterValue) -> Term | None:
    tag = fold(value.text)
    return TagTerm(tag) if tag else None


def _parse_user(value: _FilterValue) -> Term:
    return UserTerm(value.text)


def _parse_folder(value: _FilterValue) -> Term:
    folder = lower_ascii(value.text.strip("/"))
    return FolderTerm(None, "" if folder == "inbox" else folder)


def _parse_flag(flags: dict[str, Term], value: _FilterValue) -> Term:
    try:
        return flags[value.text.lower()]
    except KeyError:
        message = f"must be one of {', '.join(flags)}, got {value.text!r}"
        raise _InvalidFilter(message, search_as_words=True) from None


def _parse_size(comparison: Literal["larger", "smaller"], value: _FilterValue) -> Term:
    size = _SIZE_PATTERN.fullmatch(value.text.strip().lower())
    if size is None:
        raise _InvalidFilter(f"must be a size such as 500, 20KB or 1.5MB, got {value.text!r}", search_as_words=True)
    return SizeTerm(comparison, min(int(float(size[1]) * _BYTES_PER_UNIT[size[2]]), _MAX_SIZE_BYTES))


def _parse_date_filter(comparison: Literal["after", "before"], value: _FilterValue) -> Term:
    try:
        return DateTerm(comparison, parse_date(value.text, zone=value.zone, now=value.now or datetime.now(UTC)))
    except ValueError as error:
        raise _InvalidFilter(str(error)) from None


_IS_READ, _IS_TAGGED, _HAS_ATTACHMENT, _HAS_INLINE = (
    FlagTerm("read"),
    FlagTerm("tagged"),
    FlagTerm("attachment"),
    FlagTerm("inline"),
)

_FILTER_PARSERS: dict[str, Callable[[_FilterValue], Term | None]] = {
    **{where: partial(_parse_text_or_address, where) for where in get_args(_HeaderField)},
    "addressed": partial(_parse_text, "addressed"),
    "subject": partial(_parse_text, "subject"),
    "message-id": partial(_parse_text, "message-id"),
    "sender": partial(_parse_address, "sender"),
    "recipient": partial(_parse_address, "recipient"),
    "user": _parse_user,
    "in": _parse_folder,
    "header": _parse_header,
    "tag": _parse_tag,
    "is": partial(_parse_flag, {"read": _IS_READ, "unread": replace(_IS_READ, negated=True), "tagged": _IS_TAGGED}),
    "has": partial(
        _parse_flag,
        {"attachment": _HAS_ATTACHMENT, "attachments": _HAS_ATTACHMENT, "inline": _HAS_INLINE, "inlines": _HAS_INLINE},
    ),
    "larger": partial(_parse_size, "larger"),
    "smaller": partial(_parse_size, "smaller"),
    "after": partial(_parse_date_filter, "after"),
    "before": partial(_parse_date_filter, "before"),
}
