"""What is looked for, as conditions that a database understands; for the same mails as `Term.holds`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import singledispatchmethod
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, false, not_, select, true

from lazr.smtptest.store import search
from lazr.smtptest.store.indexed import holdable
from lazr.smtptest.store.schema import addresses, entries, headers, mails, tags, texts

if TYPE_CHECKING:
    from sqlalchemy import Select

    from lazr.smtptest.store.search import Search, Term

__all__ = ["Conditions", "microseconds", "needs_reading"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The terms that the commands alone answer.  For all others a mail must have been read.
_OF_COMMANDS = (search.User, search.Size, search.Time)
# What a database takes for a number; no mail has so many octets.
_HUGE = 1 << 62


def microseconds(time: datetime) -> int:
    """A moment, as tables have it.

    >>> microseconds(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    return (time - _EPOCH) // timedelta(microseconds=1)


def needs_reading(looked_for: Search) -> bool:
    """Whether the content says which mails these are.

    >>> needs_reading((search.User("ann"),)), needs_reading((search.Tag("new"),))
    (False, True)
    """
    return not all(
        isinstance(term, _OF_COMMANDS) or (isinstance(term, search.Flag) and term.what == "read") for term in looked_for
    )


class Conditions:
    """Makes conditions on `mails`; the methods that are not private are where databases differ."""

    def all_of(self, looked_for: Search) -> list[ColumnElement[bool]]:
        """The terms, as conditions that must all be true."""
        return [not_(self._one(term)) if term.negated else self._one(term) for term in looked_for]

    def contains(self, column: ColumnElement[str], words: str) -> ColumnElement[bool]:
        """The words, which are not empty, are in the column, to the letter."""
        raise NotImplementedError

    def is_like(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        """All of the column is like the pattern, in which `*` stands for anything and `?` for one character."""
        raise NotImplementedError

    def perhaps(self, words: str) -> ColumnElement[bool] | None:
        """A condition on `texts` that is quick, and true wherever the words are anywhere; None where there is none."""
        raise NotImplementedError

    @singledispatchmethod
    def _one(self, term: Term) -> ColumnElement[bool]:
        raise NotImplementedError(type(term))

    @_one.register
    def _(self, term: search.Text) -> ColumnElement[bool]:
        if not term.words:
            return true()
        if not _possible(term.words):
            return false()
        found = select(texts.c.number).where(self.contains(texts.c[term.where], term.words))
        if term.where != "message-id":  # all others are in `anywhere` too, see indexed.py
            quick = self.perhaps(term.words)
            if quick is not None:
                found = found.where(quick)
        return _among(found)

    @_one.register
    def _(self, term: search.Address) -> ColumnElement[bool]:
        if not _possible(term.address):
            return false()
        if "*" in term.address or "?" in term.address:
            fits = self.is_like(addresses.c.address, term.address)
        else:
            fits = addresses.c.address == term.address
        return _among(select(addresses.c.number).where(addresses.c.place == term.where, fits))

    @_one.register
    def _(self, term: search.Header) -> ColumnElement[bool]:
        if not _possible(term.name + term.words):
            return false()
        found = select(headers.c.number).where(headers.c.name == term.name)
        if term.words:
            found = found.where(self.contains(headers.c.value, term.words))
        return _among(found)

    @_one.register
    def _(self, term: search.Tag) -> ColumnElement[bool]:
        return _among(select(tags.c.number).where(tags.c.folded == term.tag)) if _possible(term.tag) else false()

    @_one.register
    def _(self, term: search.User) -> ColumnElement[bool]:
        if not term.name:  # an index of names has no mails without one
            return mails.c.username == ""
        return (mails.c.username != "") & (mails.c.username == holdable(term.name))

    @_one.register
    def _(self, term: search.Flag) -> ColumnElement[bool]:
        if term.what == "read":
            return mails.c.read.is_(True)
        if term.what == "tagged":
            return _among(select(tags.c.number))
        column = entries.c.attachments if term.what == "attachment" else entries.c.inlines
        return _among(select(entries.c.number).where(column > 0))

    @_one.register
    def _(self, term: search.Size) -> ColumnElement[bool]:
        octets = max(-_HUGE, min(term.octets, _HUGE))
        return mails.c.size > octets if term.than == "larger" else mails.c.size < octets

    @_one.register
    def _(self, term: search.Time) -> ColumnElement[bool]:
        at = microseconds(term.at)
        return mails.c.received_at >= at if term.than == "after" else mails.c.received_at < at


def _possible(words: str) -> bool:
    """Whether such words can be anywhere: what no store can hold is in none."""
    return holdable(words) == words


def _among(numbers: Select[tuple[int]]) -> ColumnElement[bool]:
    return mails.c.number.in_(numbers)
