"""SQLite's index of words: which texts have these three characters in a row; and how SQLite looks for words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import column, func, insert, literal, select, table

from lazr.smtptest.store.conditions import Conditions
from lazr.smtptest.store.schema import texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

__all__ = ["SqliteConditions", "index", "unindex"]

# So many of a search's tri-grams are looked up; the text itself is looked at behind that anyway.
_TRIGRAMS = 12

_DELETE = literal("delete")
_words = table("words", column("rowid"), column("words"), column("anywhere"))


def index(connection: Connection, numbers: Sequence[int]) -> None:
    """The texts of these mails have come."""
    some = select(texts.c.number, texts.c.anywhere).where(texts.c.number.in_(numbers), texts.c.too_long.is_(False))
    connection.execute(insert(_words).from_select(["rowid", "anywhere"], some))


def unindex(connection: Connection, numbers: Sequence[int]) -> None:
    """The texts of these mails are about to go."""
    # FTS5 forgets what it is told that it knows: the text has to be the very same one.
    forget = select(_DELETE, texts.c.number, texts.c.anywhere)
    some = forget.where(texts.c.number.in_(numbers), texts.c.too_long.is_(False))
    connection.execute(insert(_words).from_select(["words", "rowid", "anywhere"], some))


class SqliteConditions(Conditions):
    """By `instr` and GLOB, with the index in front where that helps."""

    def contains(self, column: ColumnElement[str], words: str) -> ColumnElement[bool]:
        """Whether the words are in it."""
        return func.instr(column, words) > 0

    def is_like(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        """Whether all of it matches, `*` and `?` being wild."""
        return column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))

    def perhaps(self, words: str) -> ColumnElement[bool] | None:
        """What the index says; None for fewer than three characters, which it has nothing about."""
        if len(words) < 3:
            return None
        all_ = [words[start : start + 3] for start in range(len(words) - 2)]
        some = dict.fromkeys(all_[:: -(-len(all_) // _TRIGRAMS)])
        query = " AND ".join('"' + one.replace('"', '""') + '"' for one in some)
        indexed = select(_words.c.rowid).where(_words.c.words.op("MATCH", is_comparison=True)(query))
        also = texts.alias("long")
        return texts.c.number.in_(indexed.union_all(select(also.c.number).where(also.c.too_long)))
