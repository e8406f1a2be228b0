"""Where a search in SQLite reads mails that may match, one by one and newest first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, func, select

from lazr.smtptest.store.search.term_kinds import split_terms
from lazr.smtptest.store.search.terms import AddressTerm, HeaderTerm, TagTerm, TextTerm, UserTerm
from lazr.smtptest.store.sql.conditions import Candidates, ConditionBuilder
from lazr.smtptest.store.sql.schema import addresses, documents, headers, mails, tags, texts
from lazr.smtptest.store.sqlite.document import build_address_key, build_header_key
from lazr.smtptest.store.sqlite.full_text_query import (
    build_trigrams,
    document_keys_table,
    document_words_table,
    join_trigrams,
    match,
    select_by_key,
    select_document,
    select_long_numbers,
    words_table,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection, TableClause

    from lazr.smtptest.store.search.terms import Search, Term

__all__ = ["RowConditionBuilder", "find_candidates"]

# A term that at most so many mails satisfy is looked up first.
_MAX_SELECTED_MAILS = 5000
_MAX_QUERY_TRIGRAMS = 24


def find_candidates(connection: Connection, builder: ConditionBuilder, query: Search) -> list[Candidates]:
    """Return where to read the mails that match; see `ConditionBuilder.build_candidates`.

    Args:
        connection: a snapshot.
        builder: builds conditions that look up an index.
        query: the search.
    """
    kinds = split_terms(query)
    ordered = (*kinds.metadata, *kinds.envelope, *kinds.content)  # those that need no document first
    row_builder = RowConditionBuilder()
    for term in ordered:
        if not term.negated and _is_selective(connection, term):
            others = tuple(other for other in ordered if other is not term)
            return [Candidates(mails, mails.c.number, [*builder.build((term,)), *row_builder.build(others)])]
    conditions = row_builder.build(ordered)
    trigrams = [
        trigram
        for term in query
        if isinstance(term, TextTerm) and not term.negated and term.field != "message-id"
        for trigram in build_trigrams(term.words)
    ]
    if trigrams:
        query_text = join_trigrams(trigrams, _MAX_QUERY_TRIGRAMS)
        # A long text is in no index, and a mail that was indexed before version 2 of the schema is in `words`.
        is_long = mails.c.number.in_(select_long_numbers(documents).union_all(select_long_numbers(texts)))
        return [
            _join_index(document_words_table, query_text, conditions),
            _join_index(words_table, query_text, conditions),
            Candidates(mails, mails.c.number, [is_long, *conditions]),
        ]
    key = next((key for term in query if (key := _find_key(term)) is not None), None)
    if key is not None:
        old_mails = Candidates(texts.join(mails, mails.c.number == texts.c.number), texts.c.number, conditions)
        return [_join_index(document_keys_table, f'"{key}"', conditions), old_mails]
    return [Candidates(mails, mails.c.number, conditions)]


def _join_index(index: TableClause, query_text: str, conditions: Sequence[ColumnElement[bool]]) -> Candidates:
    """Return the mails that a full-text index finds; it returns them newest first, one by one."""
    joined = index.join(mails, mails.c.number == index.c.rowid)
    return Candidates(joined, index.c.rowid, [match(index, query_text), *conditions])


def _find_key(term: Term) -> str | None:
    """Return the key that documents have which satisfy the term; None if it has none."""
    if term.negated:
        return None
    if isinstance(term, HeaderTerm):
        return build_header_key(term.name)
    if isinstance(term, AddressTerm) and term.is_exact:
        return build_address_key(term.field, term.address)
    return None


def _is_selective(connection: Connection, term: Term) -> bool:
    """Return whether an index knows that few mails satisfy the term."""
    statements: list[Select[tuple[int]]] = []
    if isinstance(term, AddressTerm) and term.is_exact:
        is_address = (addresses.c.place == term.field, addresses.c.address == term.address)
        statements = [
            select_by_key(build_address_key(term.field, term.address)),
            select(addresses.c.number).where(*is_address),
        ]
    elif isinstance(term, TagTerm):
        statements = [select(tags.c.number).where(tags.c.folded == term.tag)]
    elif isinstance(term, UserTerm) and term.name:
        statements = [select(mails.c.number).where(mails.c.username != "", mails.c.username == term.name)]
    if not statements:
        return False
    limited = (statement.limit(_MAX_SELECTED_MAILS + 1).subquery() for statement in statements)
    counts = (connection.scalar(select(func.count()).select_from(rows)) or 0 for rows in limited)
    return sum(counts) <= _MAX_SELECTED_MAILS


class RowConditionBuilder(ConditionBuilder):
    """Conditions that are checked for one mail after the other, and look up no index."""

    def build_number_among(self, numbers: Collection[int]) -> ColumnElement[bool]:
        """Return the condition that a mail has one of these numbers; they are one parameter."""
        values = func.json_each(json.dumps(sorted(numbers))).table_valued("value")
        return mails.c.number.in_(select(values.c.value))

    def build_text_condition(self, term: TextTerm) -> ColumnElement[bool]:
        """Return the condition that a field of the mail contains the words (not empty)."""
        is_old_match = _exists(texts.c.number, func.instr(texts.c[term.field], term.words) > 0)
        return func.coalesce(func.document_contains(select_document(), term.field, term.words), is_old_match)

    def build_header_condition(self, term: HeaderTerm) -> ColumnElement[bool]:
        """Return the condition that a header field of this name contains the words, if any."""
        is_old_match = _exists(
            headers.c.number, headers.c.name == term.name, func.instr(headers.c.value, term.words) > 0
        )
        return func.coalesce(func.document_has_header(select_document(), term.name, term.words), is_old_match)

    def build_address_condition(self, term: AddressTerm) -> ColumnElement[bool]:
        """Return the condition that a field has an address that the term's pattern matches."""
        pattern = term.address.replace("[", "[[]")
        is_old_match = _exists(
            addresses.c.number,
            addresses.c.place == term.field,
            addresses.c.address.op("GLOB", is_comparison=True)(pattern),
        )
        return func.coalesce(func.document_has_address(select_document(), term.field, term.address), is_old_match)


def _exists(number: ColumnElement[int], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a table has a row for the mail that satisfies the conditions."""
    return select(number).where(number == mails.c.number, *conditions).correlate(mails).exists()
