"""Read the entries of mails: from tables, or by parsing mails that are not indexed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from lazr.smtptest.store.sql.database import split_into_batches
from lazr.smtptest.store.sql.row_mapping import build_entry
from lazr.smtptest.store.sql.schema import entries, mails, tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

    from lazr.smtptest.store.base import Entry
    from lazr.smtptest.store.sql.pending_reader import PendingMail, PendingReader

__all__ = ["ENTRY_COLUMNS", "EntryReader"]

ENTRY_COLUMNS = [*mails.c, *(column for column in entries.c if column is not entries.c.number)]
"""The columns that an entry is built from, besides the tags.

With an outer join, `addresses` is None in the row of a mail that is not indexed.
"""


class EntryReader:
    """A reader of entries.

    Args:
        pending_reader: parses the mails that are not indexed yet.
    """

    def __init__(self, pending_reader: PendingReader) -> None:
        self._pending_reader = pending_reader

    def read_entries(self, connection: Connection, numbers: Sequence[int]) -> list[Entry]:
        """Return the entries of these mails, in this order; leave out missing mails."""
        found = self._query_indexed(connection, numbers)
        missing = [number for number in numbers if number not in found]
        for pending_mail in self._pending_reader.read(connection, missing):
            found[pending_mail.number] = pending_mail.entry
        return [found[number] for number in numbers if number in found]

    def read_entry(self, connection: Connection, row: RowMapping, pending_mail: PendingMail | None) -> Entry:
        """Return the entry for a row with `ENTRY_COLUMNS`.

        Args:
            connection: the snapshot that the row is from.
            row: the row.
            pending_mail: the parsed mail if it is not indexed.
        """
        if pending_mail is not None:
            return pending_mail.entry
        names = connection.scalars(select(tags.c.tag).where(tags.c.number == row["number"])).all()
        return build_entry(row, names)

    def _query_indexed(self, connection: Connection, numbers: Sequence[int]) -> dict[int, Entry]:
        """Return the entries of those mails that are indexed, by number."""
        joined = mails.join(entries, entries.c.number == mails.c.number)
        found: dict[int, Entry] = {}
        for batch in split_into_batches(numbers):
            names: dict[int, list[str]] = {}
            for number, tag in connection.execute(select(tags.c.number, tags.c.tag).where(tags.c.number.in_(batch))):
                names.setdefault(number, []).append(tag)
            statement = select(*ENTRY_COLUMNS).select_from(joined).where(mails.c.number.in_(batch))
            for row in connection.execute(statement).mappings():
                found[row["number"]] = build_entry(row, names.get(row["number"], ()))
        return found
