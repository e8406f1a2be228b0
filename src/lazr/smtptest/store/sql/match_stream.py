"""Read the mails that match a search one by one, newest first, as far as needed."""

from __future__ import annotations

import heapq
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from lazr.smtptest.store.counting_limit import CountingLimit
from lazr.smtptest.store.search.terms import NumberTerm
from lazr.smtptest.store.sql.database import MAX_NUMBER
from lazr.smtptest.store.sql.schema import mails, pending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection, Select

    from lazr.smtptest.store.search.terms import Search
    from lazr.smtptest.store.sql.conditions import ConditionBuilder

__all__ = ["FoundMail", "FoundMails", "MatchStream"]

_ROWS_PER_FETCH = 16

_IS_INDEXED = mails.c.number.not_in(select(pending.c.number))


class FoundMail(NamedTuple):
    """A mail that matches: its number, and whether it is marked as read."""

    number: int
    read: bool


class FoundMails(NamedTuple):
    """The newest mails that match, newest first, and how many match in all.

    Args:
        newest: the newest ones, as many as were wanted.
        match_count: how many mails match.
        unread_count: how many of them are unread.
        is_estimate: whether the counts are estimates.
    """

    newest: list[FoundMail]
    match_count: int
    unread_count: int
    is_estimate: bool


class MatchStream:
    """The indexed mails that match a search, newest first.

    Args:
        condition_builder: translates the search for the database.
        connection: the snapshot to read from.
        search: which mails to find.
    """

    def __init__(self, condition_builder: ConditionBuilder, connection: Connection, search: Search) -> None:
        self._connection = connection
        # The positions that the search can match end there: an index is not read before it, and counts are not scaled.
        self._last = min(
            [
                MAX_NUMBER,
                *(term.last for term in search if isinstance(term, NumberTerm) and not (term.negated or term.numbers)),
            ]
        )
        candidates = condition_builder.build_candidates(connection, search)
        self._statements = [
            select(mails.c.number, mails.c.read)
            .select_from(candidate.source)
            .where(*candidate.conditions, _IS_INDEXED, *self._build_end(candidate.number))
            .order_by(candidate.number.desc())
            for candidate in candidates
        ]

    def _build_end(self, number: ColumnElement[int]) -> list[ColumnElement[bool]]:
        return [] if self._last == MAX_NUMBER else [number <= max(0, self._last)]

    def find_newest(self) -> int | None:
        """Return the number of the newest mail that matches; None if none does."""
        with self._open() as found:
            for mail in found:
                return mail.number
        return None

    def find(self, wanted: int | None) -> FoundMails:
        """Return the newest mails that match, at most `wanted`, and count the others.

        The count is exact if it takes little time, or if the store is small.
        """
        newest: list[FoundMail] = []
        count = unread = 0
        last = first = None
        limit = CountingLimit()
        with self._open() as found:
            for mail in found:
                count += 1
                unread += not mail.read
                first = mail.number if first is None else first
                if wanted is None or count <= wanted:
                    newest.append(mail)
                elif limit.is_reached(first - mail.number):
                    last = mail.number
                    break
        if last is None:
            return FoundMails(newest, count, unread, is_estimate=False)
        # The matches among the newest mails stand for those among all.
        scale = self._count_mails(0) / self._count_mails(last)
        return FoundMails(newest, round(count * scale), round(unread * scale), is_estimate=True)

    @contextmanager
    def _open(self) -> Iterator[Iterator[FoundMail]]:
        """Run the statements; the block gets their rows in one order, read as it takes them."""
        with ExitStack() as stack:
            yield _drop_repeated(
                heapq.merge(
                    *(self._fetch(statement, stack) for statement in self._statements),
                    key=lambda mail: mail.number,
                    reverse=True,
                )
            )

    def _fetch(self, statement: Select[Any], stack: ExitStack) -> Iterator[FoundMail]:
        result = self._connection.execute(statement, execution_options={"stream_results": True})
        stack.callback(result.close)
        while rows := result.fetchmany(_ROWS_PER_FETCH):
            yield from (FoundMail(number, bool(read)) for number, read in rows)

    def _count_mails(self, first: int) -> int:
        statement = select(func.count()).select_from(mails).where(mails.c.number.between(first, self._last))
        return self._connection.scalar(statement) or 1


def _drop_repeated(found: Iterator[FoundMail]) -> Iterator[FoundMail]:
    last = None
    for mail in found:
        if mail.number != last:
            yield mail
        last = mail.number
