"""Queries of SQLite's full-text indexes (FTS5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, LargeBinary, Select, cast, column, literal_column, select, table

from lazr.smtptest.store.sql.schema import documents, mails

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Table, TableClause

__all__ = [
    "build_trigrams",
    "document_keys_table",
    "document_words_table",
    "join_trigrams",
    "match",
    "select_by_key",
    "select_document",
    "select_long_numbers",
    "words_table",
]

words_table: TableClause = table("words", column("rowid"), column("words"), column("anywhere"))
document_words_table: TableClause = table("document_words", column("rowid"), column("document_words"))
document_keys_table: TableClause = table("document_keys", column("rowid"), column("document_keys"))


def build_trigrams(words: str) -> list[str]:
    """Return all trigrams of a text, in order; none if it has fewer than three characters.

    >>> build_trigrams("order")
    ['ord', 'rde', 'der']
    """
    return [words[start : start + 3] for start in range(len(words) - 2)]


def join_trigrams(trigrams: Sequence[str], limit: int) -> str:
    """Return a query for texts with these trigrams; it has at most `limit` of them.

    >>> join_trigrams(["ord", "rde", "der"], 2)
    '"ord" AND "der"'
    """
    step = -(-len(trigrams) // limit)
    sample = dict.fromkeys(trigrams[::step])
    return " AND ".join('"' + trigram.replace('"', '""') + '"' for trigram in sample)


def match(index: TableClause, query: str) -> ColumnElement[bool]:
    """Return the condition that a row of a full-text index satisfies a query."""
    return index.c[index.name].op("MATCH", is_comparison=True)(query)


def select_by_key(key: str) -> Select[tuple[int]]:
    """Return the query for the numbers of the mails whose document has a key."""
    return select(document_keys_table.c.rowid).where(match(document_keys_table, f'"{key}"'))


def select_long_numbers(source: Table) -> Select[tuple[int]]:
    """Return the query for the mails of a table that are too long for the index.

    Args:
        source: the table `texts` or `documents`.
    """
    # `source.c.too_long` would be written as `too_long = 1`, for which SQLite does not use the partial index.
    return select(source.c.number).where(literal_column(f"{source.name}.too_long"))


def select_document() -> ColumnElement[bytes]:
    """Return the document of a mail; NULL if it has none."""
    # A damaged file can have a text there.  Without the cast, sqlite3 could not pass an invalid one to a function.
    data = cast(documents.c.data, LargeBinary)
    return select(data).where(documents.c.number == mails.c.number).correlate(mails).scalar_subquery()
