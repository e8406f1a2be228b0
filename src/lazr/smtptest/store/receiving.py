"""Writing what came into an SQLite file: one transaction, of few statements."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from lazr.smtptest.store.rows import arrival_row
from lazr.smtptest.store.schema import contents, mails, pending

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Table

    from lazr.smtptest.store.contract import Arrival

__all__ = ["STATEMENTS", "receive"]

# Rows that one statement adds, at most.  While a statement runs, Python's lock is free, and comes back only when the
# loop's thread lets go of it: a statement for each row would wait for that as often as there are rows.
_TOGETHER = 64
# Octets of content in one of several rows: of each number of rows, the driver keeps those that came last.
_OCTETS_TOGETHER = 256 * 1024
# The driver is to keep so many statements that it has read: one for each number of rows and each table.
STATEMENTS: int = 2 * _TOGETHER + 20

_QMARK = SQLiteDialect(paramstyle="qmark")
_ADD_PENDING = str(
    insert(pending)
    .from_select(["number"], select(mails.c.number).where(mails.c.number >= bindparam("first")))
    .compile(dialect=_QMARK)
)


def receive(receiver: sqlite3.Connection, first: int, arrivals: Sequence[Arrival]) -> None:
    """Write them, numbered from the first on; where this raises, the transaction may be open still.

    It goes by the driver, not by SQLAlchemy, whose work on each statement takes longer than all of this.
    """
    numbers = range(first, first + len(arrivals))
    rows = [(number, *arrival_row(arrival)) for number, arrival in zip(numbers, arrivals, strict=True)]
    octets = [(number, b"".join(arrival.parts)) for number, arrival in zip(numbers, arrivals, strict=True)]
    receiver.execute("BEGIN IMMEDIATE")
    _insert(receiver, mails, rows)
    for some in _small(octets):
        _insert(receiver, contents, some)
    receiver.execute(_ADD_PENDING, (first,))
    receiver.execute("COMMIT")


def _small(rows: Sequence[tuple[int, bytes]]) -> Iterator[Sequence[tuple[int, bytes]]]:
    """In pieces that are not large, or of one row.

    >>> [len(some) for some in _small([(1, bytes(200_000)), (2, bytes(50_000)), (3, bytes(50_000)), (4, b"")])]
    [2, 2]
    >>> [len(some) for some in _small([(1, bytes(300_000)), (2, bytes(300_000))])]
    [1, 1]
    """
    start = size = 0
    for position, (_, content) in enumerate(rows):
        if start < position and size + len(content) > _OCTETS_TOGETHER:
            yield rows[start:position]
            start, size = position, 0
        size += len(content)
    yield rows[start:]


def _insert(receiver: sqlite3.Connection, to: Table, rows: Sequence[Sequence[object]]) -> None:
    for start in range(0, len(rows), _TOGETHER):
        some = rows[start : start + _TOGETHER]
        receiver.execute(_added(to, len(some)), [value for row in some for value in row])


@cache
def _added(to: Table, rows: int) -> str:
    """The statement that adds so many rows, as the driver wants it."""
    statement = insert(to).values([dict.fromkeys(to.columns.keys())] * rows)
    return str(statement.compile(dialect=_QMARK))
