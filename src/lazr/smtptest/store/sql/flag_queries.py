"""Read numbers, flags and contents of many mails, as IMAP and POP3 need them.

These lists are complete and may be long, so they are read without building entries.  Terms on the folder and on the
recipients, which an account consists of, are answered without indexing mails first.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from lazr.smtptest.store.base import FlaggedMail, MailContent
from lazr.smtptest.store.flags import decode_flags
from lazr.smtptest.store.message_index import build_envelope_addresses
from lazr.smtptest.store.search.term_kinds import split_terms
from lazr.smtptest.store.search.terms import AddressTerm, FolderTerm, NumberTerm
from lazr.smtptest.store.sql.conditions import RECIPIENTS_END, RECIPIENTS_START, needs_index
from lazr.smtptest.store.sql.database import MAX_NUMBER, split_into_batches
from lazr.smtptest.store.sql.row_mapping import (
    decode_added_tags,
    decode_stored_envelope,
    decode_timestamp,
    read_bytes,
    read_integer,
    read_text,
)
from lazr.smtptest.store.sql.schema import mails, pending, tags
from lazr.smtptest.store.text_normalization import fold, make_storable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from lazr.smtptest.store.search.terms import Search
    from lazr.smtptest.store.sql.conditions import ConditionBuilder
    from lazr.smtptest.store.sql.database import Database
    from lazr.smtptest.store.sql.queries import MessageQueries

__all__ = ["FlagQueries"]

# Of more mails, all rows are read, and those that are not wanted are dropped.
_MAX_NUMBERS_PER_QUERY = 2000

_IS_INDEXED = mails.c.number.not_in(select(pending.c.number))
_IS_MARKED = or_(
    mails.c.flags != 0,
    mails.c.number.in_(select(tags.c.number)),
    # Tags of a pending mail are with its arrival.
    and_(mails.c.brought.is_not(None), mails.c.number.in_(select(pending.c.number))),
)
_FLAG_COLUMNS = (mails.c.number, mails.c.id, mails.c.read, mails.c.flags, mails.c.mod_seq)
_CONTENT_COLUMNS = (*_FLAG_COLUMNS, mails.c.received_at, mails.c.size, mails.c.envelope)


class FlagQueries:
    """The methods of an SQL store that read what IMAP and POP3 show of many mails.

    Args:
        database: the database with the mails.
        condition_builder: translates searches for the database.
        queries: finds the mails of searches for contents.
    """

    def __init__(self, database: Database, condition_builder: ConditionBuilder, queries: MessageQueries) -> None:
        self._database = database
        self._condition_builder = condition_builder
        self._queries = queries

    def get_mod_seq(self) -> int:
        """Return the last modification sequence up to which all changes are committed."""
        return self._database.get_mod_seq()

    # -- numbers ---------------------------------------------------------------------------------

    def get_next_number(self) -> int:
        """Return a number greater than all so far; see `Store.get_next_number`."""
        return self._database.get_assigned_number() + 1

    def list_numbers(self, search: Search, *, unread: bool = False) -> list[int]:
        """Return the numbers of all mails that match, ascending; see `Store.list_numbers`."""
        last = self._database.get_settled_number()
        numbers = self._find_numbers(search, unread=unread)
        return numbers if last >= MAX_NUMBER else [number for number in numbers if number <= last]

    def _find_numbers(self, search: Search, *, unread: bool = False) -> list[int]:
        if split_terms(search).content:
            return [match.number for match in self._queries.find_matches(search, None) if not (unread and match.read)]
        caught = [term for term in search if _selects_caught_mails(term)]
        rest = tuple(term for term in search if term not in caught)
        with self._queries.open_search(search) as connection:
            numbers = self._query_numbers(connection, rest, unread=unread)
            if caught:
                # An index has the mails in folders, which are few, but not the caught ones.
                others = set(connection.scalars(select(mails.c.number).where(mails.c.folder != "")))
                if others:
                    numbers = [number for number in numbers if number not in others]
        numbers.sort()
        return numbers

    def _query_numbers(self, connection: Connection, search: Search, *, unread: bool) -> list[int]:
        """Return which mails match, in any order; the search has no terms on contents."""
        is_unread = [mails.c.read.is_(False)] if unread else []
        if not needs_index(search):
            # Without conditions, an index has all numbers, nearly in order.
            source = select(mails.c.number).where(*is_unread, *self._condition_builder.build(search))
            return self._database.list_numbers(connection, source)
        if len(search) == 1 and isinstance(term := search[0], AddressTerm) and term.is_exact and not term.negated:
            if make_storable(term.address) != term.address:
                return []
            numbers = self._database.list_numbers(connection, self._condition_builder.select_address_numbers(term))
            if unread:
                marked = set(self._database.list_numbers(connection, select(mails.c.number).where(*is_unread)))
                numbers = [number for number in numbers if number in marked]
            numbers = list(dict.fromkeys(numbers))
        else:
            conditions = (_IS_INDEXED, *is_unread, *self._condition_builder.build(search))
            numbers = self._database.list_numbers(connection, select(mails.c.number).where(*conditions))
        return numbers + self._scan_pending(connection, search, *is_unread)

    def _scan_pending(self, connection: Connection, search: Search, *conditions: ColumnElement[bool]) -> list[int]:
        """Return the numbers of the pending mails that match, by their rows and envelopes."""
        kinds = split_terms(search)
        prefilters = map(self._condition_builder.build_envelope_prefilter, kinds.envelope)
        statement = (
            select(mails.c.number, mails.c.envelope)
            .join_from(pending, mails, mails.c.number == pending.c.number)
            .where(*conditions, *self._condition_builder.build(kinds.metadata))
            .where(*(prefilter for prefilter in prefilters if prefilter is not None))
        )
        self._database.lift_time_limit(connection)  # this reads each row once
        return [
            number
            for number, envelope in connection.execute(statement)
            if _matches_envelope(kinds.envelope, read_bytes(envelope))
        ]

    def _find_among(self, connection: Connection, numbers: Collection[int], search: Search) -> set[int]:
        """Return which of some mails match a search without terms on contents."""
        among = NumberTerm(numbers=frozenset(numbers))
        conditions = self._condition_builder.build((among,))
        if not needs_index(search):
            conditions += self._condition_builder.build_for_row(search)
            return set(connection.scalars(select(mails.c.number).where(*conditions)))
        conditions += [_IS_INDEXED, *self._condition_builder.build_for_row(search)]
        found = set(connection.scalars(select(mails.c.number).where(*conditions)))
        return found.union(self._scan_pending(connection, (among, *search)))

    # -- flags -----------------------------------------------------------------------------------

    def find_flags(
        self, search: Search, numbers: Collection[int] | None, since: int, *, marked: bool = False
    ) -> list[FlaggedMail]:
        """Return the flags of all mails that match; see `Store.find_flags`."""
        if numbers is not None and not numbers:
            return []
        last = self._database.get_settled_number() if numbers is None else MAX_NUMBER
        found: set[int] | None = None
        if split_terms(search).content or (search and numbers is None and not (since or marked)):
            found = set(self._find_numbers(search))
            search = ()
        wanted = None if numbers is None else set(numbers)
        conditions = [mails.c.mod_seq > min(since, MAX_NUMBER)] if since else []
        if marked:
            conditions.append(_IS_MARKED)
        with self._database.read_snapshot(limit_time=False) as connection:
            rows = self._read_rows(connection, _FLAG_COLUMNS, wanted, *conditions)
            if last < MAX_NUMBER:
                rows = [row for row in rows if row[0] <= last]
            if found is not None:
                rows = [row for row in rows if row[0] in found]
            if search and rows:
                found = self._find_among(connection, [row[0] for row in rows], search)
                rows = [row for row in rows if row[0] in found]
            tags_by_number = self._read_tags(connection, [row[0] for row in rows])
        return [
            FlaggedMail(
                number,
                name if isinstance(name, str) else read_text(name),
                bool(read),
                decode_flags(read_integer(flags)) if flags else (),
                tags_by_number.get(number, ()),
                read_integer(mod_seq),
            )
            for number, name, read, flags, mod_seq in rows
        ]

    def _read_rows(
        self,
        connection: Connection,
        columns: Sequence[ColumnElement[Any]],
        numbers: set[int] | None,
        *conditions: ColumnElement[bool],
    ) -> list[tuple[Any, ...]]:
        """Return rows of `mails` in the order of the numbers, of all mails or of these."""
        statement = select(*columns).where(*conditions)
        if numbers is None or len(numbers) > _MAX_NUMBERS_PER_QUERY:
            # With ORDER BY, SQLite would read all mails in this order, and not use the index of the other conditions.
            if not conditions:
                statement = statement.order_by(mails.c.number)
            rows = [
                row for row in self._database.fetch_rows(connection, statement) if numbers is None or row[0] in numbers
            ]
            if conditions:
                rows.sort(key=itemgetter(0))
            return rows
        found: list[tuple[Any, ...]] = []
        storable = sorted(number for number in numbers if 0 < number <= MAX_NUMBER)
        for batch in split_into_batches(storable):
            is_named = self._database.match_numbers(mails.c.number, batch)
            found += map(tuple, connection.execute(statement.where(is_named).order_by(mails.c.number)))
        return found

    def _read_tags(self, connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Return the tags of mails that have any; of pending mails, those of the arrival."""
        all_tags: dict[int, list[str]] = {}
        of_rows = select(tags.c.number, tags.c.tag)
        of_arrivals = (
            select(pending.c.number, mails.c.brought)
            .join_from(pending, mails, mails.c.number == pending.c.number)
            .where(mails.c.brought.is_not(None))
        )
        for number, tag in self._read_of_mails(connection, of_rows, tags.c.number, numbers):
            all_tags.setdefault(number, []).append(read_text(tag))
        for number, brought in map(tuple, self._read_of_mails(connection, of_arrivals, pending.c.number, numbers)):
            all_tags.setdefault(number, []).extend(decode_added_tags(brought))
        return {number: tuple(sorted(names, key=fold)) for number, names in all_tags.items()}

    def _read_of_mails(
        self, connection: Connection, statement: Select[Any], column: ColumnElement[int], numbers: Sequence[int]
    ) -> Iterable[tuple[Any, ...]]:
        """Return the rows that concern these mails; if these are many, those of all mails."""
        if len(numbers) > _MAX_NUMBERS_PER_QUERY:
            return self._database.fetch_rows(connection, statement)
        return [
            tuple(row)
            for batch in split_into_batches(numbers)
            for row in connection.execute(statement.where(self._database.match_numbers(column, batch)))
        ]

    # -- contents --------------------------------------------------------------------------------

    def read_contents(self, numbers: Collection[int], search: Search, *, with_content: bool) -> list[MailContent]:
        """Return mails with their contents; see `Store.read_contents`."""
        wanted = set(numbers)
        if split_terms(search).content:
            terms = (*search, NumberTerm(numbers=frozenset(wanted)))
            wanted = {match.number for match in self._queries.find_matches(terms, None)}
            search = ()
        if not wanted:
            return []
        with self._database.read_snapshot(limit_time=False) as connection:
            rows = self._read_rows(connection, _CONTENT_COLUMNS, wanted)
            if search and rows:
                found = self._find_among(connection, [row[0] for row in rows], search)
                rows = [row for row in rows if row[0] in found]
            tags_by_number = self._read_tags(connection, [row[0] for row in rows])
            contents: dict[int, bytes] = {}
            for batch in split_into_batches(rows) if with_content else ():
                contents |= self._database.read_contents(connection, {row[0]: read_integer(row[6]) for row in batch})
        return [
            MailContent(
                number,
                read_text(name),
                decode_timestamp(received_at),
                read_integer(size),
                bool(read),
                decode_flags(read_integer(flags)),
                tags_by_number.get(number, ()),
                read_integer(mod_seq),
                decode_stored_envelope(envelope),
                contents.get(number, b""),
            )
            for number, name, read, flags, mod_seq, received_at, size, envelope in rows
        ]


def _selects_caught_mails(term: object) -> bool:
    return isinstance(term, FolderTerm) and not (term.negated or term.folder or term.owner)


def _matches_envelope(terms: Sequence[AddressTerm], data: bytes) -> bool:
    """Return whether an encoded envelope satisfies all terms."""
    if len(terms) == 1 and _has_recipient(terms[0], data):
        return True
    addresses = build_envelope_addresses(decode_stored_envelope(data))
    return all(term.matches_addresses(addresses) for term in terms)


def _has_recipient(term: AddressTerm, data: bytes) -> bool:
    """Return whether an encoded envelope certainly has the recipient, without decoding it.

    JSON escapes the quotes in an address, so what is between quotes after a comma or a bracket is a whole one.
    """
    if term.field != "recipient" or term.negated or not term.is_exact or "\\" in term.address or '"' in term.address:
        return False
    start = data.find(RECIPIENTS_START)
    if start < 0:
        return False
    start += len(RECIPIENTS_START)
    recipients = b"," + data[start : data.find(RECIPIENTS_END, start) + 1].lower()
    return b',"%s"' % term.address.encode("utf-8", "surrogatepass") in recipients
