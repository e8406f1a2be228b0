"""Search the pending mails, which no table has the contents of, up to a limit of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.store.message_index import build_envelope_addresses
from lazr.smtptest.store.parsing_budget import ParsingBudget
from lazr.smtptest.store.search.term_kinds import split_terms
from lazr.smtptest.store.sql.database import MAX_NUMBER
from lazr.smtptest.store.sql.row_mapping import decode_stored_envelope, read_integer
from lazr.smtptest.store.sql.schema import mails, pending

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, RowMapping

    from lazr.smtptest.store.search.terms import Search
    from lazr.smtptest.store.sql.conditions import ConditionBuilder
    from lazr.smtptest.store.sql.parsed_content_cache import ParsedContent
    from lazr.smtptest.store.sql.pending_reader import PendingReader

__all__ = ["BacklogMatch", "BacklogScan"]

# A window of the backlog is searched by one statement.  With conditions, most rows stay in the database.
_WINDOW_MAILS, _WINDOW_MAILS_WITH_CONDITIONS = 100, 20_000
_MAX_ROWS_PER_READ = 200
# For terms on the envelope that the database cannot narrow down: each envelope is decoded, which takes microseconds.
_MAX_ENVELOPE_SCAN_SECONDS, _MIN_ROWS = 0.2, 1000


class BacklogMatch(NamedTuple):
    """A pending mail that matches.

    Args:
        row: its row of `mails`.
        content: its content, if the scan has parsed it.
    """

    row: RowMapping
    content: ParsedContent | None

    @property
    def number(self) -> int:
        """The mail's number."""
        return int(self.row["number"])

    @property
    def read(self) -> bool:
        """Whether the mail is marked as read."""
        return bool(self.row["read"])

    @property
    def size(self) -> int:
        """The length of the content, in bytes."""
        return read_integer(self.row["size"])


class BacklogScan:
    """A search through the pending mails, newest first, for as long as its time limit allows.

    Terms on the envelope and the size need no parsing, so they come first.  `skipped` counts the mails that the time
    was too short for; it is complete when the iteration has ended.

    Args:
        reader: parses the mails.
        condition_builder: translates terms for the database.
        connection: the snapshot to read from.
        search: which mails to find.
        seconds: the time limit for parsing; a first hundred mails are always parsed.
        must_parse: whether to parse all mails that match, for their tags or for sorting them.
    """

    def __init__(
        self,
        reader: PendingReader,
        condition_builder: ConditionBuilder,
        connection: Connection,
        search: Search,
        *,
        seconds: float,
        must_parse: bool = False,
    ) -> None:
        self._reader = reader
        self._connection = connection
        self._envelope_deadline = monotonic() + _MAX_ENVELOPE_SCAN_SECONDS
        self._budget = ParsingBudget(seconds)
        metadata_terms, self._envelope_terms, self._content_terms = split_terms(search)
        self._must_parse = must_parse or bool(self._content_terms)
        prefilters = [
            prefilter
            for prefilter in map(condition_builder.build_envelope_prefilter, self._envelope_terms)
            if prefilter is not None
        ]
        self._has_prefilter = bool(prefilters)
        self._conditions = [*condition_builder.build(metadata_terms), *prefilters]
        self._read_rows = self._matching_rows = 0
        self.skipped: int = 0

    def __iter__(self) -> Iterator[BacklogMatch]:
        """Yield the mails that match, newest first."""
        next_number = MAX_NUMBER
        while True:
            rows, next_number = self._read_window(next_number)
            candidates = self._select_matches(rows)
            if self._must_parse:
                yield from self._parse(candidates)
            else:
                yield from (BacklogMatch(row, None) for row in candidates)
            if next_number == 0:
                return
            if self._is_over():
                self.skipped += self._count_before(next_number)
                return

    def _read_window(self, end: int) -> tuple[Sequence[RowMapping], int]:
        """Return rows of the newest pending mails before a number, and the next such number.

        That number is 0 after the last window.
        """
        size = _WINDOW_MAILS_WITH_CONDITIONS if self._conditions else _WINDOW_MAILS
        newest = select(pending.c.number).where(pending.c.number < end).order_by(pending.c.number.desc()).limit(size)
        start = self._connection.scalar(select(func.min(newest.subquery().c.number)))
        if start is None:
            return [], 0
        joined = pending.join(mails, mails.c.number == pending.c.number)
        statement = select(*mails.c).select_from(joined).where(pending.c.number >= start, pending.c.number < end)
        statement = statement.where(*self._conditions).order_by(pending.c.number.desc()).limit(_MAX_ROWS_PER_READ)
        rows = self._connection.execute(statement).mappings().all()
        self._read_rows += len(rows)
        return rows, rows[-1]["number"] if len(rows) == _MAX_ROWS_PER_READ else start

    def _select_matches(self, rows: Sequence[RowMapping]) -> list[RowMapping]:
        """Return the rows whose envelopes match."""
        matches = [row for row in rows if self._matches_envelope(row)]
        self._matching_rows += len(matches)
        return matches

    def _matches_envelope(self, row: RowMapping) -> bool:
        if not self._envelope_terms:
            return True
        addresses = build_envelope_addresses(decode_stored_envelope(row["envelope"]))
        return all(term.matches_addresses(addresses) for term in self._envelope_terms)

    def _parse(self, rows: Sequence[RowMapping]) -> Iterator[BacklogMatch]:
        """Yield those of the mails that match the other terms; count the skipped ones."""
        left = len(rows)
        for mail in self._reader.read_rows(self._connection, rows, with_index=bool(self._content_terms)):
            left -= 1
            self._budget.note_parsed(read_integer(mail.row["size"]))
            if not self._content_terms or mail.searchable.matches(self._content_terms):
                yield BacklogMatch(mail.row, mail.content)
            if self._is_over():
                break
        self.skipped += left

    def _is_over(self) -> bool:
        if self._must_parse and self._budget.is_spent():
            return True
        # With a prefilter, counting the rest would take as long as searching it.
        if self._has_prefilter or self._read_rows < _MIN_ROWS:
            return False
        return monotonic() > self._envelope_deadline

    def _count_before(self, last: int) -> int:
        """Return how many mails before a number match all terms but those of the content.

        Prefilters let other mails through too.  A count of these would show them to a user who may not see them, so
        the envelopes are compared, too.  If the time is too short for that, the same part of the rest is assumed.
        """
        counted = 0
        while self._envelope_terms and last and monotonic() < self._envelope_deadline:
            rows, last = self._read_window(last)
            counted += len(self._select_matches(rows))
        joined = pending.join(mails, mails.c.number == pending.c.number) if self._conditions else pending
        statement = select(func.count()).select_from(joined).where(pending.c.number < last, *self._conditions)
        left = self._connection.scalar(statement) or 0
        if self._envelope_terms and left:
            left = max(1, round(left * self._matching_rows / max(1, self._read_rows)))
        return counted + left
