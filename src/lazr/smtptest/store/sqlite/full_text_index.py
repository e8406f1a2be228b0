"""Full-text search in SQLite: the indexes (FTS5), and the conditions that use them.

`document_words` has the trigrams of each text, `document_keys` the keys of addresses and header names.  `words` has the
trigrams of mails that were indexed before version 2 of the schema, whose texts are in `texts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, Text, cast, func, insert, literal, or_, select

from lazr.smtptest.store.sql.conditions import RECIPIENTS_END, RECIPIENTS_START, ConditionBuilder, find_envelope_part
from lazr.smtptest.store.sql.schema import (
    CREATE_FULL_TEXT_INDEX_SQL,
    CREATE_KEY_INDEX_SQL,
    CREATE_WORD_INDEX_SQL,
    addresses,
    documents,
    headers,
    mails,
    texts,
)
from lazr.smtptest.store.sql.sort_keys import SortKeyBuilder
from lazr.smtptest.store.sqlite.bulk_insert import insert_rows
from lazr.smtptest.store.sqlite.candidates import RowConditionBuilder, find_candidates
from lazr.smtptest.store.sqlite.connection import get_driver_connection
from lazr.smtptest.store.sqlite.document import SearchableText, build_address_key, build_header_key, decode_text
from lazr.smtptest.store.sqlite.full_text_query import (
    build_trigrams,
    document_words_table,
    join_trigrams,
    match,
    select_by_key,
    select_document,
    select_long_numbers,
    words_table,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from lazr.smtptest.store.search import terms
    from lazr.smtptest.store.search.terms import Search
    from lazr.smtptest.store.sql.conditions import Candidates
    from lazr.smtptest.store.sql.database import NumberQuery

__all__ = [
    "DELETE_ALL_SQL",
    "FULL_TEXT_TABLES",
    "SqliteConditionBuilder",
    "add_to_index",
    "list_text_numbers",
    "merge_index",
    "merge_pages",
    "recreate_index",
    "remove_from_index",
]

FULL_TEXT_TABLES: tuple[str, ...] = ("words", "document_words", "document_keys")
"""The names of the indexes."""
DELETE_ALL_SQL: tuple[str, ...] = tuple(
    f"INSERT INTO {name} ({name}) VALUES ('delete-all')"  # noqa: S608 - names from here
    for name in FULL_TEXT_TABLES
)
"""The statements that empty the indexes at once."""

_MERGE_SQL: tuple[str, ...] = tuple(
    f"INSERT INTO {name} ({name}, rank) VALUES ('merge', ?)"  # noqa: S608 - names from here
    for name in FULL_TEXT_TABLES
)
_MAX_PAGES_PER_MERGE = 200

# The index looks up this many trigrams of a search; the text itself is checked then.
_MAX_QUERY_TRIGRAMS = 12

_FTS5_DELETE = literal("delete")


def add_to_index(connection: Connection, numbers: Sequence[int]) -> None:
    """Add the texts of these mails."""
    rows = select(texts.c.number, texts.c.anywhere).where(texts.c.number.in_(numbers), texts.c.too_long.is_(False))
    connection.execute(insert(words_table).from_select(["rowid", "anywhere"], rows))
    driver = get_driver_connection(connection)
    word_rows, key_rows = _read_indexed_texts(connection, numbers)
    insert_rows(driver, "INSERT INTO", "document_words", ["rowid", "anywhere"], word_rows)
    insert_rows(driver, "INSERT INTO", "document_keys", ["rowid", "keys"], key_rows)


def remove_from_index(connection: Connection, numbers: Sequence[int]) -> None:
    """Remove the texts of these mails."""
    # FTS5 removes a row by its 'delete' command, which needs exactly the text that was added
    # (https://www.sqlite.org/fts5.html#the_delete_command).
    rows = select(_FTS5_DELETE, texts.c.number, texts.c.anywhere)
    rows = rows.where(texts.c.number.in_(numbers), texts.c.too_long.is_(False))
    connection.execute(insert(words_table).from_select(["words", "rowid", "anywhere"], rows))
    driver = get_driver_connection(connection)
    for name, text_column, text_rows in zip(
        ("document_words", "document_keys"),
        ("anywhere", "keys"),
        _read_indexed_texts(connection, numbers),
        strict=True,
    ):
        insert_rows(driver, "INSERT INTO", name, [name, "rowid", text_column], [("delete", *row) for row in text_rows])


def _read_indexed_texts(
    connection: Connection, numbers: Sequence[int]
) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Return what the indexes on words and on keys have of these mails, by number."""
    words: list[tuple[int, str]] = []
    keys: list[tuple[int, str]] = []
    statement = select(documents.c.number, documents.c.too_long, documents.c.data)
    for number, is_too_long, data in connection.execute(statement.where(documents.c.number.in_(numbers))):
        text = SearchableText(decode_text(data))
        if not is_too_long:
            words.append((number, text.get("anywhere").decode("utf-8", "replace")))
        keys.append((number, text.build_keys()))
    return words, keys


def recreate_index(connection: Connection) -> None:
    """Replace the indexes, which may be damaged, by empty ones."""
    for name, statement in (
        ("words", CREATE_FULL_TEXT_INDEX_SQL),
        ("document_words", CREATE_WORD_INDEX_SQL),
        ("document_keys", CREATE_KEY_INDEX_SQL),
    ):
        # FTS5 cannot drop a table whose structure record is damaged.  This one describes an empty index: four octets of
        # a cookie, no level, no segment, no write (https://www.sqlite.org/src/file/ext/fts5/fts5_index.c).
        empty = f"INSERT OR REPLACE INTO {name}_data (id, block) VALUES (10, x'00000000000000')"  # noqa: S608
        connection.exec_driver_sql(empty)
        connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.exec_driver_sql(statement)


def list_text_numbers(connection: Connection, last: int, limit: int = 20) -> Sequence[int]:
    """Return the numbers of the next indexed mails after a number, in order."""
    found = [
        number
        for source in (texts, documents)
        for number in connection.scalars(
            select(source.c.number).where(source.c.number > last).order_by(source.c.number).limit(limit)
        )
    ]
    return sorted(set(found))[:limit]


def merge_index(driver: sqlite3.Connection) -> None:
    """Merge the whole indexes, in several transactions."""
    is_first = True
    while merge_pages(driver, _MAX_PAGES_PER_MERGE, is_first=is_first):
        is_first = False


def merge_pages(driver: sqlite3.Connection, page_count: int, *, is_first: bool) -> bool:
    """Merge about that many pages of each index; return whether there is more to merge."""
    is_left = False
    for statement in _MERGE_SQL:
        before = driver.total_changes
        # A negative number marks all parts of the index for merging.
        driver.execute(statement, (-page_count if is_first else page_count,))
        is_left |= driver.total_changes - before > 1
    return is_left


class SqliteConditionBuilder(ConditionBuilder):
    """Conditions that look up an index first, and then the document of each candidate.

    A mail that was indexed before version 2 of the schema has no document, but rows in `texts`, `addresses` and
    `headers`.  They are searched as the base class does it.
    """

    def build_for_row(self, query: Search) -> list[ColumnElement[bool]]:
        """Return conditions that read the document of the mail, and look up no index."""
        return RowConditionBuilder().build(query)

    def build_candidates(self, connection: Connection, query: Search) -> list[Candidates]:
        """Return where to read the mails that match, newest first."""
        return find_candidates(connection, self, query)

    def build_contains(self, column: ColumnElement[str], words: str) -> ColumnElement[bool]:
        """Return the condition that a column contains `words` exactly."""
        return func.instr(column, words) > 0

    def build_like(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        """Return the condition that a whole column matches the pattern.

        In the pattern, `*` stands for any text, `?` for one character.
        """
        return column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))

    @property
    def sort_keys(self) -> SortKeyBuilder:
        """The keys that lists are sorted by."""
        return SortKeyBuilder(decode=lambda column: cast(column, Text), find=func.instr, fold=func.lower)

    def build_recipient_list(self) -> ColumnElement[bytes]:
        """Return the encoded recipients of an envelope."""
        start = func.instr(mails.c.envelope, RECIPIENTS_START) + len(RECIPIENTS_START)
        rest = func.substr(mails.c.envelope, start)
        return func.substr(rest, 1, func.instr(rest, RECIPIENTS_END) - 1)

    def build_number_among(self, numbers: Collection[int]) -> ColumnElement[bool]:
        """Return the condition that a mail has one of these numbers; they are one parameter."""
        return RowConditionBuilder().build_number_among(numbers)

    def build_envelope_prefilter(self, term: terms.AddressTerm) -> ColumnElement[bool] | None:
        """Return the condition that an envelope contains the literal part of an address.

        It also holds for all envelopes with other characters than ASCII, because LIKE does not fold these.
        """
        part = find_envelope_part(term)
        if part is None:
            return None
        text = cast(mails.c.envelope, Text)
        return or_(text.contains(part, autoescape=True), func.length(text) < func.length(mails.c.envelope))

    def build_prefilter(self, words: str) -> ColumnElement[bool] | None:
        """Return the condition that the trigram index can answer; None if there is none.

        The index cannot answer for fewer than three characters.
        """
        query = _build_trigram_query(words)
        if query is None:
            return None
        indexed = select(words_table.c.rowid).where(match(words_table, query))
        return texts.c.number.in_(indexed.union_all(select_long_numbers(texts).correlate(None)))

    def select_address_numbers(self, term: terms.AddressTerm) -> NumberQuery:
        """Return the query for the indexed mails that have an exact address, in any order."""
        old = select(addresses.c.number).where(addresses.c.place == term.field, addresses.c.address == term.address)
        return select_by_key(build_address_key(term.field, term.address)).union_all(old)

    def build_text_condition(self, term: terms.TextTerm) -> ColumnElement[bool]:
        """Return the condition that a field of the mail contains the words (not empty)."""
        old = select(texts.c.number).where(self.build_contains(texts.c[term.field], term.words))
        is_match = func.document_contains(select_document(), term.field, term.words)
        query = None if term.field == "message-id" else _build_trigram_query(term.words)
        if query is None:
            return _build_verified(None, is_match, old)
        prefilter = self.build_prefilter(term.words)
        if prefilter is not None:
            old = old.where(prefilter)
        matches = match(document_words_table, query)
        candidates = select(document_words_table.c.rowid).where(matches)
        return _build_verified([candidates, select_long_numbers(documents)], is_match, old)

    def build_header_condition(self, term: terms.HeaderTerm) -> ColumnElement[bool]:
        """Return the condition that a header field of this name contains the words, if any."""
        old = select(headers.c.number).where(headers.c.name == term.name)
        candidates = [select_by_key(build_header_key(term.name))]
        if not term.words:
            return mails.c.number.in_(candidates[0].union_all(old))
        old = old.where(self.build_contains(headers.c.value, term.words))
        return _build_verified(candidates, func.document_has_header(select_document(), term.name, term.words), old)

    def build_address_condition(self, term: terms.AddressTerm) -> ColumnElement[bool]:
        """Return the condition that a field has an address that the term's pattern matches."""
        if term.is_exact:
            matches = addresses.c.address == term.address
        else:
            matches = self.build_like(addresses.c.address, term.address)
        old = select(addresses.c.number).where(addresses.c.place == term.field, matches)
        local, at, domain = term.address.rpartition("@")
        is_domain_literal = bool(at) and "*" not in domain and "?" not in domain
        if term.is_exact or (local == "*" and is_domain_literal):
            return mails.c.number.in_(select_by_key(build_address_key(term.field, term.address)).union_all(old))
        candidates = [select_by_key(build_address_key(term.field, "*@" + domain))] if is_domain_literal else None
        return _build_verified(candidates, func.document_has_address(select_document(), term.field, term.address), old)


def _build_trigram_query(words: str) -> str | None:
    """Return a query for some trigrams of `words`; None for fewer than three characters."""
    trigrams = build_trigrams(words)
    return join_trigrams(trigrams, _MAX_QUERY_TRIGRAMS) if trigrams else None


def _build_verified(
    candidates: list[Select[tuple[int]]] | None, is_match: ColumnElement[bool], old: Select[tuple[int]]
) -> ColumnElement[bool]:
    """Return the condition that a mail is a candidate and its document matches.

    The document is read for each mail in turn, so that a query with a limit stops early.

    Args:
        candidates: queries for the numbers of possible matches; None if every mail is one.
        is_match: the condition on the document, which is NULL without one.
        old: the query for the mails without a document that match.
    """
    if candidates is None:
        return func.coalesce(is_match, mails.c.number.in_(old))
    return mails.c.number.in_(candidates[0].union_all(*candidates[1:], old)) & func.coalesce(is_match, 1)
