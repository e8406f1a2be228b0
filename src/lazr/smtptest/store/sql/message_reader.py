"""Read one mail: its entry, its content, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import and_, select, true

from lazr.smtptest.mail import Mail
from lazr.smtptest.store.base import OpenedMessage
from lazr.smtptest.store.sql.conditions import needs_index
from lazr.smtptest.store.sql.entry_reader import ENTRY_COLUMNS
from lazr.smtptest.store.sql.row_mapping import decode_stored_envelope, decode_timestamp, read_integer, read_text
from lazr.smtptest.store.sql.schema import entries, mails
from lazr.smtptest.store.text_normalization import make_storable

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, RowMapping, Select

    from lazr.smtptest.store.base import Entry
    from lazr.smtptest.store.search.terms import Search
    from lazr.smtptest.store.sql.conditions import ConditionBuilder
    from lazr.smtptest.store.sql.database import Database
    from lazr.smtptest.store.sql.entry_reader import EntryReader
    from lazr.smtptest.store.sql.pending_reader import PendingMail, PendingReader
    from lazr.smtptest.store.sql.queries import MessageQueries

__all__ = ["MessageReader"]

_T = TypeVar("_T")

_Reader = Callable[["Connection", "RowMapping", "PendingMail | None"], _T]
# What reads one mail, from the snapshot and the mail's row.  If the mail is not indexed, it gets the parsed mail.


class MessageReader:
    """The methods of an SQL store that read one mail, from one snapshot.

    A mail that is not indexed yet is parsed in memory, once for a call.

    Args:
        database: the database with the mails.
        condition_builder: translates searches for it.
        pending_reader: parses mails that are not indexed.
        entry_reader: reads entries.
        queries: finds the newest mail of a search.
    """

    def __init__(
        self,
        database: Database,
        condition_builder: ConditionBuilder,
        pending_reader: PendingReader,
        entry_reader: EntryReader,
        queries: MessageQueries,
    ) -> None:
        self._database = database
        self._condition_builder = condition_builder
        self._pending_reader = pending_reader
        self._entry_reader = entry_reader
        self._queries = queries

    def get_entry(self, id: str | None, search: Search) -> Entry | None:
        """Return the entry of that mail, or with None of the newest mail that matches."""
        return self._read_message(id, search, self._entry_reader.read_entry)

    def open_message(self, id: str | None, search: Search) -> OpenedMessage | None:
        """Return the entry and the mail, from one snapshot."""

        def read(connection: Connection, row: RowMapping, pending_mail: PendingMail | None) -> OpenedMessage:
            entry = self._entry_reader.read_entry(connection, row, pending_mail)
            mail = None if pending_mail is None else pending_mail.mail
            return OpenedMessage(entry, mail or self._read_mail(connection, row))

        return self._read_message(id, search, read)

    def get_mail(self, id: str, search: Search) -> Mail | None:
        """Return that mail, without parsing it unless the search needs that."""
        return self._read_message(id, search, lambda connection, row, _: self._read_mail(connection, row), parse=False)

    def _read_message(self, id: str | None, search: Search, read: _Reader[_T], *, parse: bool = True) -> _T | None:
        """Find one mail and return what `read` returns for it.

        Args:
            id: the ID of the mail; None is the newest that matches.
            search: what the mail must match.
            read: what to read of the mail.
            parse: whether `read` needs a mail that is not indexed parsed.
        """
        if id is None:
            with self._queries.open_search(search) as connection:
                if needs_index(search):
                    statement = _select_message().where(mails.c.number == self._queries.find_newest(connection, search))
                else:
                    statement = _select_message().where(*self._condition_builder.build(search))
                    statement = statement.order_by(mails.c.number.desc()).limit(1)
                row = connection.execute(statement).mappings().one_or_none()
                if search:
                    self._database.lift_time_limit(connection)  # the limit is for searching; a content may be large
                return None if row is None else self._read_row(connection, row, (), read, parse=parse)
        if make_storable(id) != id:
            return None
        with self._database.read_snapshot(limit_time=bool(search)) as connection:
            is_match = and_(true(), *self._condition_builder.build_for_row(search)).label("is_match")
            statement = _select_message(is_match).where(mails.c.id == id)
            row = connection.execute(statement).mappings().one_or_none()
            if row is None:
                return None
            if search:
                self._database.lift_time_limit(connection)
            if row["addresses"] is None and needs_index(search):
                return self._read_row(connection, row, search, read, parse=parse)
            return self._read_row(connection, row, (), read, parse=parse) if row["is_match"] else None

    def _read_row(
        self, connection: Connection, row: RowMapping, search: Search, read: _Reader[_T], *, parse: bool
    ) -> _T | None:
        """Return what `read` returns for a row; None if the mail does not match.

        Args:
            connection: the snapshot that the row is from.
            row: the row, with `ENTRY_COLUMNS`.
            search: what a mail that is not indexed must match.
            read: what to read of the mail.
            parse: whether `read` needs a mail that is not indexed parsed.
        """
        pending_mail: PendingMail | None = None
        if row["addresses"] is None and (parse or search):
            pending_mail = next(self._pending_reader.read_rows(connection, [row], with_index=bool(search)), None)
        if search and pending_mail is not None and not pending_mail.searchable.matches(search):
            return None
        return read(connection, row, pending_mail)

    def _read_mail(self, connection: Connection, row: RowMapping) -> Mail:
        content = self._database.read_content(connection, row["number"], read_integer(row["size"]))
        received_at = decode_timestamp(row["received_at"]).timestamp()
        envelope = decode_stored_envelope(row["envelope"])
        return Mail(read_text(row["id"]), envelope, [content], received_at=received_at)


def _select_message(*columns: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    joined = mails.outerjoin(entries, entries.c.number == mails.c.number)
    return select(*ENTRY_COLUMNS, *columns).select_from(joined)
