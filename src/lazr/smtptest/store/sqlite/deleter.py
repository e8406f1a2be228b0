"""Delete mails of an SQLite file: all at once, or in small steps on a full disk."""

from __future__ import annotations

from time import thread_time
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from lazr.smtptest.errors import StoreFull
from lazr.smtptest.store.base import Change
from lazr.smtptest.store.sql.deleter import Deleter
from lazr.smtptest.store.sql.schema import (
    addresses,
    contents,
    mails,
    pending,
    sqlite_mail_tables,
    tags,
)
from lazr.smtptest.store.sqlite.connection import PAGE_BYTES, get_driver_connection
from lazr.smtptest.store.sqlite.file_format import count_pages
from lazr.smtptest.store.sqlite.full_text_index import DELETE_ALL_SQL
from lazr.smtptest.store.sqlite.removed_tables import delete_rows, has_removed_tables, remove_tables
from lazr.smtptest.store.sqlite.totals import reset_totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.store.sqlite.database import SqliteDatabase
    from lazr.smtptest.store.sqlite.disk_space import DiskSpace
    from lazr.smtptest.store.sqlite.index_merging import IndexMerger

__all__ = ["SqliteDeleter"]

_MAX_MAILS_PER_CLEANUP = 100
# 16 MB: this takes some ten milliseconds.
_MAX_PAGES_EMPTIED_AT_ONCE = 4_000
_MIN_MAILS_PER_STEP, _MAX_MAILS_PER_STEP = 20, 5_000
# A row of an address may be in a page of its own, and the log gets the whole page.
_ENOUGH_ADDRESSES = 10_000
_MIN_ADDRESSES_PER_STEP = 20
_DISK_FRACTION_PER_STEP = 8


# Without rows in these tables, there is no mail.
_VISIBLE_TABLES = (pending, tags, mails)
_BACKGROUND_TABLES = tuple(table for table in sqlite_mail_tables if table not in _VISIBLE_TABLES)


class SqliteDeleter(Deleter):
    """The deletion of mails; of all mails in one fast transaction.

    Deleting needs disk space before it frees some: changed pages go to the write-ahead log first.  On a disk that is
    nearly full, each transaction is small, and the log is copied into the file after it.

    Args:
        database: the open file.
        disk_space: tells when the disk is nearly full.
        index_merger: is told how many mails are deleted.
        is_secure: whether deleted rows must be overwritten before a deletion returns.
    """

    def __init__(
        self, database: SqliteDatabase, disk_space: DiskSpace, index_merger: IndexMerger, *, is_secure: bool
    ) -> None:
        super().__init__(database, clock=thread_time)
        self._index_merger = index_merger
        self._is_secure = is_secure
        self._mails_per_step = _MIN_MAILS_PER_STEP
        self._sqlite_database = database
        self._disk_space = disk_space

    def delete(self, numbers: Sequence[int]) -> list[str]:
        """Delete these mails; return the IDs of those that existed.  Publishes no change."""
        deleted = super().delete(numbers)
        self._index_merger.note_deleted(len(deleted))
        return deleted

    def delete_all(self) -> int:
        """Delete all mails and publish that; return how many there were.

        The mails are gone at once.  The space of many mails becomes free later, in `remove_rows`.
        """
        try:
            count = self._empty_tables()
        except StoreFull:
            return super().delete_all()
        # Where space is short, the next mail may need it.  With `secure_delete`, nothing may be left.
        if self._is_secure or self._disk_space.is_low():
            while self.remove_rows():
                pass
        return count

    def _empty_tables(self) -> int:
        with self._database.begin_write() as transaction:
            connection = transaction.connection
            count = connection.scalar(select(func.count()).select_from(mails)) or 0
            if not count:
                return 0
            reset_totals(get_driver_connection(connection))
            is_small = count_pages(get_driver_connection(connection)).used <= _MAX_PAGES_EMPTIED_AT_ONCE
            emptied = sqlite_mail_tables if is_small else _VISIBLE_TABLES
            # SQLite empties a table without a condition fast, but it still reads each page.
            for table in emptied:
                connection.execute(delete(table))
            for statement in DELETE_ALL_SQL:
                connection.exec_driver_sql(statement)
            remove_tables(connection, [table.name for table in sqlite_mail_tables if table not in emptied])
            transaction.changes.append(Change("truncate"))
        return count

    def remove_rows(self) -> bool:
        """Delete some rows that `delete_all` has left, in a short transaction.

        Returns whether more are left.

        This may be interrupted, so call it after opening too.
        """
        with self._database.read_snapshot(limit_time=False) as connection:
            if not has_removed_tables(connection):
                return self._delete_orphaned_rows()
        with self._database.begin_write() as transaction:
            started = self._clock()
            is_left = delete_rows(transaction.connection, self._mails_per_step)
            elapsed = self._clock() - started
        is_low = self._disk_space.is_low()
        self._sqlite_database.checkpoint(truncate=is_low)
        if elapsed > 2 * self._database.target_step_seconds or is_low:
            self._mails_per_step = max(self._mails_per_step // 2, _MIN_MAILS_PER_STEP)
        elif elapsed < self._database.target_step_seconds:
            self._mails_per_step = min(2 * self._mails_per_step, _MAX_MAILS_PER_STEP)
        return is_left

    def _delete_orphaned_rows(self) -> bool:
        """Delete some rows that an earlier version has left of deleted mails.

        Returns whether more are left.
        """
        oldest = select(func.min(mails.c.number)).scalar_subquery()
        next_number = self._sqlite_database.last_number + 1
        orphaned = select(contents.c.number).where(contents.c.number < func.coalesce(oldest, next_number))
        with self._database.read_snapshot(limit_time=False) as connection:
            numbers = connection.scalars(orphaned.order_by(contents.c.number).limit(_MAX_MAILS_PER_CLEANUP)).all()
        if not numbers:
            return False
        numbers = self._limit_batch(numbers)
        with self._database.begin_write() as transaction:
            for table in _BACKGROUND_TABLES:
                transaction.connection.execute(delete(table).where(table.c.number.between(numbers[0], numbers[-1])))
        return True

    def _limit_batch(self, numbers: Sequence[int]) -> Sequence[int]:
        """Return the first of these mails that one transaction may delete; at least one.

        Copies a long log into the file first.  On a small disk, the transaction may fill an eighth of it.
        """
        self._sqlite_database.checkpoint(truncate=self._disk_space.is_low())
        left_addresses = self._disk_space.get_free_bytes() // _DISK_FRACTION_PER_STEP // PAGE_BYTES
        if left_addresses >= _ENOUGH_ADDRESSES:
            return numbers
        grouped = select(addresses.c.number, func.count()).where(addresses.c.number.in_(numbers))
        with self._database.read_snapshot(limit_time=False) as connection:
            rows = connection.execute(grouped.group_by(addresses.c.number)).all()
        counts: dict[int, int] = {row[0]: row[1] for row in rows}
        if counts.get(numbers[0], 0) > left_addresses:
            self._delete_addresses_in_steps(numbers[0], max(_MIN_ADDRESSES_PER_STEP, left_addresses))
            return numbers[:1]
        for position, number in enumerate(numbers):
            left_addresses -= counts.get(number, 0)
            if left_addresses < 0:
                return numbers[:position]
        return numbers

    def _delete_addresses_in_steps(self, number: int, max_addresses: int) -> None:
        """Delete the addresses of a mail, with a checkpoint after each step.

        If the process is killed meanwhile, the mail still exists, and searches find fewer of its addresses.
        """
        statement = "DELETE FROM addresses WHERE rowid IN (SELECT rowid FROM addresses WHERE number = ? LIMIT ?)"
        while True:
            with self._database.begin_write() as transaction:
                deleted = transaction.connection.exec_driver_sql(statement, (number, max_addresses)).rowcount
            self._sqlite_database.checkpoint(truncate=True)
            if deleted < max_addresses:
                return
