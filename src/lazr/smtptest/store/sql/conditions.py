"""Translate search terms into SQL conditions that match the same mails as `Term.matches`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import singledispatchmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from sqlalchemy import ColumnElement, collate, false, func, not_, select, true

from lazr.smtptest.store.search import terms
from lazr.smtptest.store.search.term_kinds import split_terms
from lazr.smtptest.store.sql.database import MAX_NUMBER
from lazr.smtptest.store.sql.schema import addresses, entries, headers, mails, tags, texts
from lazr.smtptest.store.text_normalization import lower_ascii, make_storable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection, FromClause, Select

    from lazr.smtptest.store.search.terms import Search, Term
    from lazr.smtptest.store.sql.database import NumberQuery
    from lazr.smtptest.store.sql.sort_keys import SortKeyBuilder

__all__ = [
    "RECIPIENTS_END",
    "RECIPIENTS_START",
    "Candidates",
    "ConditionBuilder",
    "encode_timestamp",
    "find_envelope_part",
    "needs_index",
]

# What is before and after the recipients in an encoded envelope (`envelope_codec`): no address has it, as JSON escapes
# quotes, but `"]` can be in the rest of one.
RECIPIENTS_START, RECIPIENTS_END = b'"to":[', b'"]'

# Without quotes and backslashes, which JSON escapes, and spaces, which folding changes.
_PLAIN_ADDRESS = re.compile(r"[a-z0-9!#$%&'*+\-/=?^_`{|}~.@\[\]:;<>(),]+")
_MIN_PART_CHARACTERS, _MAX_PART_CHARACTERS = 3, 200

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode_timestamp(date: datetime) -> int:
    """Return the value of the column `received_at` for a time.

    >>> encode_timestamp(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    return (date - _EPOCH) // timedelta(microseconds=1)


def needs_index(query: Search) -> bool:
    """Return whether the search reads what indexing writes.

    If it does, mails that are not indexed have to be searched in another way.

    >>> needs_index((terms.UserTerm("ann"),)), needs_index((terms.AddressTerm("recipient", "ann@example.com"),))
    (False, True)
    """
    kinds = split_terms(query)
    return bool(kinds.envelope or kinds.content)


def find_envelope_part(term: terms.AddressTerm) -> str | None:
    """Return a text that all envelopes contain which a term matches; None without one.

    The text is in lower case, like the envelopes that it is compared with.  Envelopes are JSON, so only characters of
    ASCII that JSON does not escape count.

    >>> find_envelope_part(terms.AddressTerm("recipient", "ann+*@example.com"))
    '@example.com'
    >>> find_envelope_part(terms.AddressTerm("recipient", "zoë@example.com"))
    >>> find_envelope_part(terms.AddressTerm("recipient", "*"))
    """
    if term.negated or not _PLAIN_ADDRESS.fullmatch(term.address):
        return None
    part = max(re.split("[*?]", term.address), key=len)
    return part[:_MAX_PART_CHARACTERS] if len(part) >= _MIN_PART_CHARACTERS else None


class Candidates(NamedTuple):
    """Where the mails that may match a search are read from, newest first.

    Args:
        source: tables, with `mails` among them.
        number: the column to sort by, which holds the number of the mail.
        conditions: what a mail of `source` must satisfy to match; the first of them, if any, narrows `source`.
    """

    source: FromClause
    number: ColumnElement[int]
    conditions: Sequence[ColumnElement[bool]]


class ConditionBuilder:
    """A builder of conditions on the table `mails`.

    Subclasses implement the methods that differ between databases.
    """

    binary_collation: ClassVar[str] = "BINARY"
    """The collation that only knows the letters of ASCII."""

    def build(self, query: Sequence[Term]) -> list[ColumnElement[bool]]:
        """Return the conditions for the terms of a search; all of them must be true."""
        return [not_(self._build_condition(term)) if term.negated else self._build_condition(term) for term in query]

    def build_for_row(self, query: Search) -> list[ColumnElement[bool]]:
        """Return the conditions of a search; they are fast in a statement about one mail."""
        return self.build(query)

    def build_candidates(self, connection: Connection, query: Search) -> list[Candidates]:
        """Return where to read the mails that match, newest first.

        Reading the first of them takes little time, however many match.  A mail may come from several of them.

        Args:
            connection: a snapshot, to find out what narrows the search most.
            query: the search.
        """
        return [Candidates(mails, mails.c.number, self.build(query))]

    def build_contains(self, column: ColumnElement[str], words: str) -> ColumnElement[bool]:
        """Return the condition that a column contains `words` (not empty) exactly."""
        raise NotImplementedError

    def build_like(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        """Return the condition that a whole column matches the pattern.

        In the pattern, `*` stands for any text, `?` for one character.
        """
        raise NotImplementedError

    @property
    def sort_keys(self) -> SortKeyBuilder:
        """The keys that lists are sorted by."""
        raise NotImplementedError

    def build_recipient_list(self) -> ColumnElement[bytes]:
        """Return the encoded recipients of an envelope.

        These are the bytes from `"to":[` to the next quote and bracket.  It must not fail for any bytes.
        """
        raise NotImplementedError

    def build_number_among(self, numbers: Collection[int]) -> ColumnElement[bool]:
        """Return the condition that a mail has one of these numbers, of which there may be many."""
        raise NotImplementedError

    def select_address_numbers(self, term: terms.AddressTerm) -> NumberQuery:
        """Return the query for the indexed mails that have an exact address, in any order."""
        statement = select(addresses.c.number)
        statement = statement.where(addresses.c.place == term.field, addresses.c.address == term.address)
        # PostgreSQL can have addresses of mails that are deleted.
        return statement.where(addresses.c.number.in_(select(mails.c.number)))

    def build_prefilter(self, words: str) -> ColumnElement[bool] | None:
        """Return a fast condition that narrows a search for `words`; None without one.

        The condition holds at least for texts whose `anywhere` contains `words`.
        """
        raise NotImplementedError

    def build_envelope_prefilter(self, term: terms.AddressTerm) -> ColumnElement[bool] | None:
        """Return a fast condition that narrows a search for an address; None without one.

        The condition is on the column `envelope`.  It holds at least for the envelopes that the term, on sender or
        recipients, matches.
        """
        return None

    def build_text_condition(self, term: terms.TextTerm) -> ColumnElement[bool]:
        """Return the condition that a field of the mail contains the words (not empty)."""
        numbers = select(texts.c.number).where(self.build_contains(texts.c[term.field], term.words))
        if term.field != "message-id":  # `anywhere` contains all other fields, see `build_message_index`
            prefilter = self.build_prefilter(term.words)
            if prefilter is not None:
                numbers = numbers.where(prefilter)
        return build_number_in(numbers)

    def build_header_condition(self, term: terms.HeaderTerm) -> ColumnElement[bool]:
        """Return the condition that a header field of this name contains the words, if any."""
        numbers = select(headers.c.number).where(headers.c.name == term.name)
        if term.words:
            numbers = numbers.where(self.build_contains(headers.c.value, term.words))
        return build_number_in(numbers)

    def build_address_condition(self, term: terms.AddressTerm) -> ColumnElement[bool]:
        """Return the condition that a field has an address that the term's pattern matches."""
        if term.is_exact:
            matches = addresses.c.address == term.address
        else:
            matches = self.build_like(addresses.c.address, term.address)
        return build_number_in(select(addresses.c.number).where(addresses.c.place == term.field, matches))

    @singledispatchmethod
    def _build_condition(self, term: Term) -> ColumnElement[bool]:
        raise NotImplementedError(type(term))

    @_build_condition.register
    def _(self, term: terms.TextTerm) -> ColumnElement[bool]:
        if not term.words:
            return true()
        return self.build_text_condition(term) if _is_storable(term.words) else false()

    @_build_condition.register
    def _(self, term: terms.AddressTerm) -> ColumnElement[bool]:
        return self.build_address_condition(term) if _is_storable(term.address) else false()

    @_build_condition.register
    def _(self, term: terms.HeaderTerm) -> ColumnElement[bool]:
        return self.build_header_condition(term) if _is_storable(term.name + term.words) else false()

    @_build_condition.register
    def _(self, term: terms.TagTerm) -> ColumnElement[bool]:
        return (
            build_number_in(select(tags.c.number).where(tags.c.folded == term.tag))
            if _is_storable(term.tag)
            else false()
        )

    @_build_condition.register
    def _(self, term: terms.UserTerm) -> ColumnElement[bool]:
        if not term.name:  # the index on usernames leaves out mails without one
            return mails.c.username == ""
        return (mails.c.username != "") & (mails.c.username == make_storable(term.name))

    @_build_condition.register
    def _(self, term: terms.FolderTerm) -> ColumnElement[bool]:
        if not term.folder:
            return mails.c.folder == "" if not term.owner else false()
        is_folder = mails.c.folder != ""  # the index on folders leaves out caught mails
        if term.owner is None:
            is_named = func.lower(collate(mails.c.folder, self.binary_collation)) == lower_ascii(term.folder)
            return is_folder & is_named if _is_storable(term.folder) else false()
        if not _is_storable(term.owner + term.folder):
            return false()
        return is_folder & (mails.c.owner == term.owner) & (mails.c.folder == term.folder)

    @_build_condition.register
    def _(self, term: terms.FlagTerm) -> ColumnElement[bool]:
        if term.flag == "read":
            return mails.c.read.is_(True)
        if term.flag == "tagged":
            return build_number_in(select(tags.c.number))
        column = entries.c.attachments if term.flag == "attachment" else entries.c.inlines
        return build_number_in(select(entries.c.number).where(column > 0))

    @_build_condition.register
    def _(self, term: terms.SizeTerm) -> ColumnElement[bool]:
        size = max(-MAX_NUMBER, min(term.size, MAX_NUMBER))
        return mails.c.size > size if term.comparison == "larger" else mails.c.size < size

    @_build_condition.register
    def _(self, term: terms.NumberTerm) -> ColumnElement[bool]:
        last = max(0, min(term.last, MAX_NUMBER))
        others = [number for number in term.numbers if last < number <= MAX_NUMBER]
        is_early = mails.c.number <= last
        return is_early | self.build_number_among(others) if others else is_early

    @_build_condition.register
    def _(self, term: terms.DateTerm) -> ColumnElement[bool]:
        at = encode_timestamp(term.date)
        return mails.c.received_at >= at if term.comparison == "after" else mails.c.received_at < at


def _is_storable(words: str) -> bool:
    """Return whether the words can occur in a store at all."""
    return make_storable(words) == words


def build_number_in(numbers: Select[tuple[int]]) -> ColumnElement[bool]:
    return mails.c.number.in_(numbers)
