"""Find mails: totals, pages, tags, and the mails that a change concerns."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, func, or_, select

from lazr.smtptest.errors import StoreFull
from lazr.smtptest.store.base import Entry, MatchedMail, Page, Totals
from lazr.smtptest.store.parsing_budget import MAX_SCAN_SECONDS, MAX_TAG_SCAN_SECONDS
from lazr.smtptest.store.search.term_kinds import has_content_terms, has_only_numbers, is_expensive
from lazr.smtptest.store.search.terms import NumberTerm
from lazr.smtptest.store.sort_order import NEWEST_FIRST
from lazr.smtptest.store.sql.backlog_scan import BacklogScan
from lazr.smtptest.store.sql.conditions import needs_index
from lazr.smtptest.store.sql.database import MAX_NUMBER, split_into_batches
from lazr.smtptest.store.sql.match_stream import MatchStream
from lazr.smtptest.store.sql.row_mapping import decode_stored_envelope, read_text
from lazr.smtptest.store.sql.schema import entries, mails, pending, sane_size, tags
from lazr.smtptest.store.sql.unindexed_mail import read_unindexed_mails
from lazr.smtptest.store.text_normalization import fold, make_storable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from lazr.smtptest.store.search.terms import Search
    from lazr.smtptest.store.search_limit import SearchLimit
    from lazr.smtptest.store.sort_order import SortOrder
    from lazr.smtptest.store.sql.backlog_scan import BacklogMatch
    from lazr.smtptest.store.sql.conditions import ConditionBuilder
    from lazr.smtptest.store.sql.database import Database
    from lazr.smtptest.store.sql.entry_reader import EntryReader
    from lazr.smtptest.store.sql.indexer import Indexer
    from lazr.smtptest.store.sql.pending_reader import PendingReader

__all__ = ["MessageQueries"]

# A search indexes pending mails for this long, so that a store whose mails nothing else indexes gets there in the end.
_MAX_INDEXING_SECONDS = 0.05
# A longer page has its mails indexed rather than parsed for this call alone.
_MAX_PARSED_MAILS_PER_PAGE = 1000

_IS_INDEXED = mails.c.number.not_in(select(pending.c.number))


class _Matches(NamedTuple):
    """How many mails match, how many of these are unread, and the numbers of those on a page.

    `newest` is the number of the newest mail that matches; 0 if none does.
    """

    match_count: int
    unread_count: int
    numbers: Sequence[int]
    newest: int
    pending: int = 0
    is_estimate: bool = False


class MessageQueries:
    """The methods of an SQL store that read lists, each from one snapshot.

    Mails that are not indexed are in all lists.  A search for contents looks at the newest of them only, because each
    has to be parsed.

    Args:
        database: the database with the mails.
        indexer: indexes pending mails.
        condition_builder: translates searches for the database.
        pending_reader: parses mails that are not indexed.
        entry_reader: reads entries.
        search_limit: limits how many searches run at a time.
    """

    def __init__(
        self,
        database: Database,
        indexer: Indexer,
        condition_builder: ConditionBuilder,
        *,
        pending_reader: PendingReader,
        entry_reader: EntryReader,
        search_limit: SearchLimit,
    ) -> None:
        self._database = database
        self._indexer = indexer
        self._condition_builder = condition_builder
        self._pending_reader = pending_reader
        self._entry_reader = entry_reader
        self._search_limit = search_limit

    # -- snapshots -------------------------------------------------------------------------------

    @contextmanager
    def open_search(self, search: Search, *, needs_content: bool = False) -> Iterator[Connection]:
        """Open a snapshot to search in; wait if too many searches run.

        With `needs_content`, also a search that does not depend on contents has some mails indexed first.
        """
        if needs_content or has_content_terms(search):
            with suppress(StoreFull):
                self._indexer.index_briefly(_MAX_INDEXING_SECONDS)
        with (
            self._search_limit.acquire() if is_expensive(search) else nullcontext(),
            # Positions need no limit: they exclude the mails that are about to be deleted, from every list.
            self._database.read_snapshot(limit_time=not has_only_numbers(search)) as connection,
        ):
            yield connection

    def _scan_backlog(self, connection: Connection, search: Search, *, must_parse: bool = False) -> BacklogScan:
        """Return a scan of the pending mails; only searches for what indexing writes need one."""
        self._database.lift_time_limit(connection)  # the scan has its own
        return BacklogScan(
            self._pending_reader,
            self._condition_builder,
            connection,
            search,
            seconds=MAX_SCAN_SECONDS,
            must_parse=must_parse,
        )

    def count_pending(self) -> int:
        """Return how many mails are not indexed yet."""
        with self._database.read_snapshot(limit_time=False) as connection:
            return connection.scalar(select(func.count()).select_from(pending)) or 0

    # -- totals ----------------------------------------------------------------------------------

    def get_totals(self, search: Search) -> Totals:
        """Count the mails that match."""
        with self.open_search(search) as connection:
            if not needs_index(search):
                return self.query_totals(connection, search)
            indexed = self.query_totals(connection, search, _IS_INDEXED)
            scan = self._scan_backlog(connection, search)
            found = list(scan)
        unread = sum(not match.read for match in found)
        size = sum(match.size for match in found)
        return Totals(indexed.mails + len(found), indexed.unread + unread, indexed.size + size, scan.skipped)

    def query_totals(self, connection: Connection, search: Search, *conditions: ColumnElement[bool]) -> Totals:
        """Count the mails that match the search and the conditions, in a snapshot."""
        counters = self._database.read_totals(connection) if not conditions and has_only_numbers(search) else None
        if counters is not None and not search:
            return counters
        if counters is not None and _is_near_end(connection, search):
            others = or_(*self._condition_builder.build([replace(term, negated=not term.negated) for term in search]))
            rest = self._count(connection, others)
            return Totals(counters.mails - rest.mails, counters.unread - rest.unread, counters.size - rest.size)
        return self._count(connection, *conditions, *self._condition_builder.build(search))

    def _count(self, connection: Connection, *conditions: ColumnElement[bool]) -> Totals:
        unread = func.count().filter(mails.c.read.is_(False))
        statement = select(func.count(), unread, func.coalesce(func.sum(sane_size), 0)).select_from(mails)
        row = connection.execute(statement.where(*conditions)).one()
        return Totals(*map(int, row))

    # -- pages -----------------------------------------------------------------------------------

    def get_page(self, search: Search, start: int, limit: int | None, order: SortOrder) -> Page:
        """Return a slice of the mails that match, in an order."""
        if (limit is None or limit > _MAX_PARSED_MAILS_PER_PAGE) and self.count_pending() > _MAX_PARSED_MAILS_PER_PAGE:
            with suppress(StoreFull):
                self._indexer.index_all()
        with self.open_search(search, needs_content=order.needs_content) as connection:
            matches = self._search(connection, search, start, limit, order)
            self._database.lift_time_limit(connection)  # the limit is for searching
            listed = self._entry_reader.read_entries(connection, matches.numbers)
        return Page(
            listed, matches.match_count, matches.unread_count, matches.pending, matches.is_estimate, matches.newest
        )

    def find_newest(self, connection: Connection, search: Search) -> int | None:
        """Return the number of the newest mail that matches a search that needs the index."""
        indexed = MatchStream(self._condition_builder, connection, search).find_newest()
        for match in self._scan_backlog(connection, search):
            return max(match.number, indexed or 0)
        return indexed

    def _search(
        self, connection: Connection, search: Search, start: int, limit: int | None, order: SortOrder
    ) -> _Matches:
        if not needs_index(search) and not order.needs_content:
            return self._query_slice(connection, search, start, limit, order)
        if order != NEWEST_FIRST:
            return self._sort(connection, search, start, limit, order)
        wanted = None if limit is None else start + limit
        found = MatchStream(self._condition_builder, connection, search).find(
            None if wanted is None else max(wanted, 1)
        )
        scan = self._scan_backlog(connection, search)
        pending_matches = list(scan)
        numbers = [match.number for match in found.newest] + [match.number for match in pending_matches]
        numbers.sort(reverse=True)
        unread = found.unread_count + sum(not match.read for match in pending_matches)
        return _Matches(
            found.match_count + len(pending_matches),
            unread,
            numbers[start:wanted],
            numbers[0] if numbers else 0,
            scan.skipped,
            found.is_estimate,
        )

    def _query_slice(
        self, connection: Connection, search: Search, start: int, limit: int | None, order: SortOrder
    ) -> _Matches:
        """Return a page of a search and an order that the columns of `mails` answer."""
        totals = self.query_totals(connection, search)
        conditions = self._condition_builder.build(search)
        numbers = connection.scalars(self._select_sorted(conditions, order, start, limit)).all()
        if order == NEWEST_FIRST and start == 0 and numbers:
            newest = numbers[0]
        else:
            newest = connection.scalar(self._select_sorted(conditions, NEWEST_FIRST, 0, 1)) or 0
        return _Matches(totals.mails, totals.unread, numbers, newest)

    def _sort(
        self, connection: Connection, search: Search, start: int, limit: int | None, order: SortOrder
    ) -> _Matches:
        """Return a page of a search or an order that needs the index."""
        if needs_index(search):
            found = self._query_matches(connection, search, _IS_INDEXED)  # once, as it may take long
            newest = found[-1].number if found else 0
            match_count, unread = len(found), sum(not match.read for match in found)
            conditions = [self._condition_builder.build_number_among([match.number for match in found])]
        else:
            conditions = [_IS_INDEXED, *self._condition_builder.build(search)]
            totals = self.query_totals(connection, search, _IS_INDEXED)
            match_count, unread = totals.mails, totals.unread
            newest = connection.scalar(self._select_sorted(conditions, NEWEST_FIRST, 0, 1)) or 0
        scan = self._scan_backlog(connection, search, must_parse=order.needs_content)
        pending_matches = list(scan)
        if pending_matches:
            numbers = self._merge_sorted(connection, conditions, pending_matches, start=start, limit=limit, order=order)
        else:
            numbers = connection.scalars(self._select_sorted(conditions, order, start, limit)).all()
        return _Matches(
            match_count + len(pending_matches),
            unread + sum(not match.read for match in pending_matches),
            numbers,
            max(newest, *(match.number for match in pending_matches)) if pending_matches else newest,
            scan.skipped,
        )

    def _merge_sorted(
        self,
        connection: Connection,
        conditions: Sequence[ColumnElement[bool]],
        pending_matches: Sequence[BacklogMatch],
        *,
        start: int,
        limit: int | None,
        order: SortOrder,
    ) -> Sequence[int]:
        """Return the numbers on a page, of mails that are indexed and of others.

        Args:
            connection: the snapshot to read from.
            conditions: which of the indexed mails to list.
            pending_matches: the mails that are not indexed.
            start: how many of the first to skip.
            limit: how many to return; None returns all.
            order: the order.
        """
        wanted = None if limit is None else start + limit
        keyed: list[tuple[int | bytes, int]] = []
        for number, key in connection.execute(self._select_sorted(conditions, order, 0, wanted, with_key=True)):
            keyed.append((key if isinstance(key, int) else read_text(key).encode("utf-8", "surrogatepass"), number))
        for match in pending_matches:
            summary = None if match.content is None else match.content.summary
            envelope = decode_stored_envelope(match.row["envelope"])
            keyed.append((order.compute_key(match.number, match.size, envelope, summary), match.number))
        keyed.sort(key=itemgetter(1), reverse=True)
        keyed.sort(key=itemgetter(0), reverse=not order.is_ascending)  # stable: equal keys stay newest first
        return [number for _, number in keyed[start:wanted]]

    def _select_sorted(
        self,
        conditions: Sequence[ColumnElement[bool]],
        order: SortOrder,
        start: int,
        limit: int | None,
        *,
        with_key: bool = False,
    ) -> Select[tuple[Any, ...]]:
        """Return the statement for the numbers of mails in an order.

        Args:
            conditions: which mails to select.
            order: the order.
            start: how many of the first to skip.
            limit: how many to select; None selects all.
            with_key: whether to select the key, too.
        """
        key = self._condition_builder.sort_keys.build(order.field)
        statement = select(mails.c.number, key) if with_key else select(mails.c.number)
        if order.needs_content:
            statement = statement.join(entries, entries.c.number == mails.c.number)
        by_key = key.asc() if order.is_ascending else key.desc()
        statement = statement.where(*conditions).order_by(by_key)
        if order.field != "received":
            statement = statement.order_by(mails.c.number.desc())
        statement = statement.limit(MAX_NUMBER if limit is None else min(limit, MAX_NUMBER))
        return statement.offset(min(start, MAX_NUMBER))

    def get_entries_after(self, number: int, limit: int) -> list[Entry]:
        """Return the entries whose number is greater than `number`, oldest first."""
        between = mails.c.number > min(number, MAX_NUMBER), mails.c.number <= self._database.get_stable_number()
        statement = select(mails.c.number).where(*between).order_by(mails.c.number).limit(min(limit, MAX_NUMBER))
        with self._database.read_snapshot(limit_time=False) as connection:
            return self._entry_reader.read_entries(connection, connection.scalars(statement).all())

    def get_last_number(self) -> int:
        """Return the number of the newest mail; see `Store.get_last_number`."""
        stable_number = self._database.get_stable_number()
        if stable_number < MAX_NUMBER:
            return stable_number
        with self._database.read_snapshot(limit_time=False) as connection:
            return connection.scalar(select(func.max(mails.c.number))) or 0

    # -- tags ------------------------------------------------------------------------------------

    def count_tags(self, search: Search) -> dict[str, int]:
        """Return how many of the mails that match have each tag.

        A tag is written as the oldest of these mails has it.
        """
        oldest = func.min(tags.c.number).label("oldest")
        grouped = select(tags.c.folded, func.count().label("mails"), oldest).group_by(tags.c.folded)
        if search:
            numbers = select(mails.c.number).where(_IS_INDEXED, *self._condition_builder.build(search))
            grouped = grouped.where(tags.c.number.in_(numbers))
        counts = grouped.subquery()
        statement = select(tags.c.folded, tags.c.tag, counts.c.mails).join_from(
            tags, counts, and_(tags.c.folded == counts.c.folded, tags.c.number == counts.c.oldest)
        )
        with self.open_search(search) as connection:
            rows = [(read_text(folded), read_text(tag), count) for folded, tag, count in connection.execute(statement)]
            counts_by_tag = {folded: (tag, count) for folded, tag, count in rows}
            self._database.lift_time_limit(connection)  # the scan has its own
            for match in BacklogScan(
                self._pending_reader,
                self._condition_builder,
                connection,
                search,
                seconds=MAX_TAG_SCAN_SECONDS,
                must_parse=True,
            ):
                for tag in () if match.content is None else match.content.tags:
                    written, count = counts_by_tag.get(fold(tag), (tag, 0))
                    counts_by_tag[fold(tag)] = written, count + 1
        return dict(counts_by_tag[folded] for folded in sorted(counts_by_tag))

    # -- matches, for changes --------------------------------------------------------------------

    def find_matches(
        self, search: Search, ids: Collection[str] | None, *conditions: ColumnElement[bool]
    ) -> list[MatchedMail]:
        """Return all mails that match search, IDs and conditions, in the order of arrival.

        Mails that the search needs indexed are indexed first; on a full disk, they are parsed in memory.
        """
        if ids is not None:
            return self.find_matches_by_id(ids, search, *conditions)
        is_indexed = True
        try:
            self._indexer.index_for_search(search)
        except StoreFull:
            is_indexed = False
        with self.open_search(search) as connection:
            return self._query_all_matches(connection, search, *conditions, is_indexed=is_indexed)

    def find_matches_by_id(
        self, ids: Collection[str], search: Search, *conditions: ColumnElement[bool]
    ) -> list[MatchedMail]:
        """Return which of these mails match, in the order of arrival; index no others."""
        found: list[MatchedMail] = []
        is_indexed = True
        for batch in split_into_batches([name for name in dict.fromkeys(ids) if make_storable(name) == name]):
            if needs_index(search):
                with self._database.read_snapshot() as connection:
                    numbers = list(connection.scalars(select(mails.c.number).where(mails.c.id.in_(batch))))
                try:
                    self._indexer.index_numbers(numbers)
                except StoreFull:
                    is_indexed = False
            with self._database.read_snapshot() as connection:
                is_named = mails.c.id.in_(batch)
                found += self._query_all_matches(connection, search, is_named, *conditions, is_indexed=is_indexed)
        return sorted(found)

    def _query_all_matches(
        self, connection: Connection, search: Search, *conditions: ColumnElement[bool], is_indexed: bool
    ) -> list[MatchedMail]:
        """Return the mails that match, in the order of arrival.

        Unless everything is indexed, the pending mails are parsed here.
        """
        if is_indexed:
            return self._query_matches(connection, search, *conditions)
        found = self._query_matches(connection, search, _IS_INDEXED, *conditions)
        self._database.lift_time_limit(connection)  # most of the time is for parsing
        unindexed = read_unindexed_mails(connection, self._indexer.tag_rules, search, *conditions)
        found += [MatchedMail(mail.number, mail.entry.id, mail.entry.read) for mail in unindexed]
        return sorted(found)

    def _query_matches(
        self, connection: Connection, search: Search, *conditions: ColumnElement[bool]
    ) -> list[MatchedMail]:
        """Return the mails whose rows match, in the order of arrival."""
        statement = select(mails.c.number, mails.c.id, mails.c.read)
        statement = statement.where(*conditions, *self._condition_builder.build(search)).order_by(mails.c.number)
        return [
            MatchedMail(number, read_text(name), bool(read)) for number, name, read in connection.execute(statement)
        ]


def _is_near_end(connection: Connection, search: Search) -> bool:
    """Return whether most mails match, as far as the positions of `NumberTerm` say."""
    last = connection.scalar(select(func.max(mails.c.number))) or 0
    first = connection.scalar(select(func.min(mails.c.number))) or 0
    middle = (first + last) // 2
    return all(
        (term.last <= middle and len(term.numbers) <= last - middle) if term.negated else term.last > middle
        for term in search
        if isinstance(term, NumberTerm)
    )
