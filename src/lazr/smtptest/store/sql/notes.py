"""Notes: short texts by key, which processes use to coordinate through the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, insert, literal, select, update

from lazr.smtptest.store.sql.schema import notes

if TYPE_CHECKING:
    from lazr.smtptest.store.sql.database import Database

__all__ = ["Notes"]


class Notes:
    """The notes in the database: read them, and replace them by compare and set."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        """Return the text of the note `key`, or None without such a note."""
        with self._database.read_snapshot() as connection:
            return connection.scalar(select(notes.c.value).where(notes.c.key == key))

    def compare_and_set(self, key: str, value: str, expected: str | None) -> bool:
        """Replace the text if it is still `expected`; return whether it was.

        If `expected` is None, this creates the note.
        """
        if expected is None:
            is_there = exists().where(notes.c.key == key)
            new_row = select(literal(key), literal(value)).where(~is_there)
            insertion = insert(notes).from_select(["key", "value"], new_row)
            try:
                with self._database.begin_write(sync=True) as transaction:
                    return transaction.connection.scalar(insertion.returning(notes.c.key)) is not None
            except ValueError:  # another node has just inserted the same key
                return False
        change = update(notes).where(notes.c.key == key, notes.c.value == expected).values(value=value)
        with self._database.begin_write(sync=True) as transaction:
            return transaction.connection.scalar(change.returning(notes.c.key)) is not None
