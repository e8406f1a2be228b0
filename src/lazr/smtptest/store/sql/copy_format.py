"""The rows that indexing writes, as text for PostgreSQL's COPY.

A child process encodes them, so nothing here needs the driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.store.sql.row_mapping import build_index_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.store.message_index import MessageIndex
    from lazr.smtptest.store.sql.record_builder import IndexRecord

__all__ = ["encode_copy_record", "encode_rows"]


def encode_copy_record(number: int, content: bytes, index: MessageIndex, tags: tuple[str, ...]) -> IndexRecord:
    """Return the record of a mail.

    For each table, it has the name and columns in SQL, and the rows as bytes.
    """
    del content
    tables = [(table, rows) for table, rows in build_index_rows(number, index, tags) if rows]
    return number, [
        (_render_target(table, rows[0]), encode_rows(row.values() for row in rows)) for table, rows in tables
    ]


def _render_target(table: str, columns: Iterable[str]) -> str:
    """Return the table and columns of a COPY statement.

    >>> _render_target("texts", ["number", "from"])
    'texts ("number", "from")'
    """
    return f"""{table} ({", ".join([f'"{column}"' for column in columns])})"""


def encode_rows(rows: Iterable[Iterable[object]]) -> bytes:
    r"""Return rows of values in the text format of COPY.

    >>> encode_rows([(1, "a\tb\\", None), (2, True, b"\xff")])
    b'1\ta\\tb\\\\\t\\N\n2\tTrue\t\\\\xff\n'
    """
    return "".join(["\t".join([_encode_value(value) for value in row]) + "\n" for row in rows]).encode()


def _encode_value(value: object) -> str:
    if isinstance(value, str):
        # Faster than `str.translate`, because few texts have these characters.
        value = value.replace("\\", "\\\\").replace("\n", "\\n")
        return value.replace("\t", "\\t").replace("\r", "\\r")
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return "\\N" if value is None else str(value)
