"""Write the records of indexed mails into an SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from lazr.smtptest.store.sql.schema import addresses, documents, entries, headers, mails, tags, texts
from lazr.smtptest.store.sqlite.bulk_insert import insert_rows
from lazr.smtptest.store.sqlite.connection import get_driver_connection
from lazr.smtptest.store.sqlite.full_text_index import remove_from_index

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from lazr.smtptest.store.sql.record_builder import IndexRecord

__all__ = ["replace_outdated", "write_records"]


def write_records(connection: sqlite3.Connection, records: Sequence[IndexRecord], *, with_tags: bool = True) -> None:
    """Insert what indexing has found, and replace the contents by the documents.

    This uses the driver, as `insert_messages` does.

    Args:
        connection: a connection of the driver, in a transaction.
        records: what `encode_sqlite_record` returned.
        with_tags: whether the mails get their tags, by default; not if they have been indexed before.
    """
    _, entry_rows, document_rows, words, keys, in_document, compressed, tag_rows = zip(*records, strict=True)
    numbers = [record[0] for record in records]
    insert_rows(connection, "INSERT OR REPLACE INTO", entries.name, entries.columns.keys(), entry_rows)
    insert_rows(connection, "INSERT INTO", documents.name, documents.columns.keys(), document_rows)
    word_rows = [(number, text) for number, text in zip(numbers, words, strict=True) if text is not None]
    insert_rows(connection, "INSERT INTO", "document_words", ["rowid", "anywhere"], word_rows)
    key_rows = list(zip(numbers, keys, strict=True))
    insert_rows(connection, "INSERT INTO", "document_keys", ["rowid", "keys"], key_rows)
    if with_tags:
        all_tag_rows = [row for rows in tag_rows for row in rows]
        insert_rows(connection, "INSERT OR REPLACE INTO", tags.name, tags.columns.keys(), all_tag_rows)
    moved = [number for number, is_moved in zip(numbers, in_document, strict=True) if is_moved]
    placeholders = ", ".join("?" * len(moved))
    connection.execute(f"DELETE FROM contents WHERE number IN ({placeholders})", moved)  # noqa: S608
    for number, content in zip(numbers, compressed, strict=True):
        if content is not None:
            connection.execute("UPDATE contents SET content = ? WHERE number = ?", (content, number))


def replace_outdated(connection: Connection, numbers: Sequence[int], records: Sequence[IndexRecord]) -> None:
    """Replace what version 1 of the schema has about mails.

    Args:
        connection: a connection in a transaction.
        numbers: the numbers of rows of `texts`, possibly of deleted mails.
        records: what `encode_sqlite_record` returned for those mails that had not been deleted.
    """
    # A mail that was deleted has no rows in `texts` any more; one of a deletion of all mails has no row in `mails`, and
    # nothing in the full-text index.
    joined = select(texts.c.number).join_from(texts, mails, texts.c.number == mails.c.number)
    existing = set(connection.scalars(joined.where(texts.c.number.in_(numbers))))
    remove_from_index(connection, list(existing))
    for table in (texts, addresses, headers):
        connection.execute(delete(table).where(table.c.number.in_(numbers)))
    kept = [record for record in records if record[0] in existing]
    if kept:
        write_records(get_driver_connection(connection), kept, with_tags=False)
