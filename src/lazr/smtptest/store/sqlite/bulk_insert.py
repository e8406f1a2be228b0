"""Insert rows into an SQLite file with few statements, and mails in one transaction."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from lazr.smtptest.store.sql.row_mapping import build_mail_row
from lazr.smtptest.store.sql.schema import contents, mails, pending
from lazr.smtptest.store.sqlite.totals import change_totals

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from lazr.smtptest.store.base import Arrival

__all__ = ["QMARK_DIALECT", "STATEMENT_CACHE_SIZE", "insert_messages", "insert_rows"]

# Rows in one statement.  sqlite3 releases the GIL for each statement, and has to wait for the thread of the event loop
# to get it back.  A statement for each row would wait that often.
_MAX_ROWS_PER_INSERT = 64
# Texts and bytes in one statement with several rows.  The driver keeps the last values of each cached statement in
# memory.
_MAX_BYTES_PER_INSERT = 256 * 1024
STATEMENT_CACHE_SIZE: int = 2 * _MAX_ROWS_PER_INSERT + 20
"""How many statements the driver caches: one for each number of rows and each table, and some others."""

QMARK_DIALECT: SQLiteDialect = SQLiteDialect(paramstyle="qmark")
"""Renders statements for the driver, where SQLAlchemy would take more time than SQLite."""
_INSERT_PENDING_SQL = str(
    insert(pending)
    .from_select(["number"], select(mails.c.number).where(mails.c.number >= bindparam("first")))
    .compile(dialect=QMARK_DIALECT)
)


def insert_messages(
    connection: sqlite3.Connection, first_number: int, mod_seq: int, messages: Sequence[Arrival]
) -> int:
    """Insert mails and commit; return the size of their contents.

    After an exception, the caller has to roll back.

    This uses the driver, because SQLAlchemy's overhead for each statement exceeds the time of the whole function.

    Args:
        connection: a connection of the driver, in autocommit mode.
        first_number: the number of the first mail; the others follow.
        mod_seq: the modification sequence of all of them.
        messages: the mails.
    """
    rows: list[tuple[object, ...]] = []
    content_rows: list[tuple[object, ...]] = []
    total_size = unread = 0
    for number, arrival in enumerate(messages, first_number):
        row = build_mail_row(arrival)
        rows.append((number, *row, mod_seq))
        content_rows.append((number, b"".join(arrival.parts)))
        total_size += row[2]
        unread += not arrival.read
    connection.execute("BEGIN IMMEDIATE")
    insert_rows(connection, "INSERT INTO", mails.name, mails.columns.keys(), rows)
    insert_rows(connection, "INSERT INTO", contents.name, contents.columns.keys(), content_rows)
    connection.execute(_INSERT_PENDING_SQL, (first_number,))
    change_totals(connection, mails=len(messages), unread=unread, size=total_size, mod_seq=mod_seq)
    connection.execute("COMMIT")
    return total_size


def insert_rows(
    connection: sqlite3.Connection, verb: str, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Insert rows, many in each statement.

    Args:
        connection: a connection of the driver, in a transaction.
        verb: `INSERT INTO` or `INSERT OR REPLACE INTO`.
        table: the name of the table, which can be virtual.
        columns: the names of the columns.
        rows: the values in the order of the columns.
    """
    for batch in _split_rows(rows):
        statement = _render_insert(verb, table, tuple(columns), len(batch))
        connection.execute(statement, [value for row in batch for value in row])


def _split_rows(rows: Sequence[Sequence[object]]) -> Iterator[Sequence[Sequence[object]]]:
    """Yield slices of few rows and few bytes, or of one row.

    >>> rows = [(1, bytes(200_000)), (2, bytes(50_000)), (3, bytes(50_000)), (4, b"")]
    >>> [len(batch) for batch in _split_rows(rows)]
    [2, 2]
    >>> [len(batch) for batch in _split_rows([(1, bytes(300_000)), (2, bytes(300_000))])]
    [1, 1]
    """
    start = size = 0
    for position, row in enumerate(rows):
        row_size = 0
        for value in row:
            if isinstance(value, (bytes, str)):
                row_size += len(value)
        if start < position and (position - start == _MAX_ROWS_PER_INSERT or size + row_size > _MAX_BYTES_PER_INSERT):
            yield rows[start:position]
            start, size = position, 0
        size += row_size
    if rows:
        yield rows[start:]


@cache
def _render_insert(verb: str, table: str, columns: tuple[str, ...], row_count: int) -> str:
    """Return the statement that inserts that many rows."""
    names = ", ".join(f'"{name}"' for name in columns)
    values = f"({', '.join('?' * len(columns))})"
    return f'{verb} "{table}" ({names}) VALUES {", ".join([values] * row_count)}'
