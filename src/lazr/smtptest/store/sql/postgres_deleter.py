"""Delete mails from PostgreSQL.

All mails are deleted at once, and the rest of their rows in the background.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import delete, func, select
from sqlalchemy.exc import DBAPIError

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.store.base import Change
from lazr.smtptest.store.sql.deleter import Deleter
from lazr.smtptest.store.sql.schema import contents, mail_tables, mails, pending, tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from lazr.smtptest.store.sql.database import Database

__all__ = ["PostgresDeleter"]

# While a transaction waits for a lock on a whole table, all others that use the table wait for it.
_TRUNCATE_LOCK_MILLISECONDS = 100
_TRUNCATE_ATTEMPTS = 2
_LOCK_TABLES_SQL = f"LOCK TABLE {', '.join(table.name for table in reversed(mail_tables))} IN ACCESS EXCLUSIVE MODE"
_TRUNCATE_SQL = f"TRUNCATE {', '.join(table.name for table in reversed(mail_tables))}"
# A search or VACUUM uses a table, or the tables belong to another user.
_REASONS_NOT_TO_TRUNCATE = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.InsufficientPrivilege,
)
# Lists and searches find a mail by its rows in these tables.
_LISTED_TABLES = (pending, tags, mails)
_UNLISTED_TABLES = tuple(table for table in mail_tables if table not in _LISTED_TABLES)

_MIN_MAILS_PER_STEP, _MAX_MAILS_PER_STEP = 100, 5_000


class PostgresDeleter(Deleter):
    """The deletion of mails; of all mails in one fast transaction.

    `TRUNCATE` empties the tables at once, and returns their space.  It needs the tables for itself for a moment.  If it
    does not get them, the rows that make a mail visible are deleted, and `remove_orphans` deletes all others later.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._mails_per_step = _MIN_MAILS_PER_STEP

    def delete_all(self) -> int:
        """Delete all mails and publish that; return how many there were.

        A mail that another node adds meanwhile is deleted, or kept completely.
        """
        for _ in range(_TRUNCATE_ATTEMPTS):
            count = self._try_truncate()
            if count is not None:
                return count
        with self._database.begin_write() as transaction:
            count = _delete_listed_rows(transaction.connection)
            if count:
                transaction.changes.append(Change("truncate"))
        return count

    def _try_truncate(self) -> int | None:
        """Empty all tables; return how many mails there were, or None if the tables are in use."""
        with self._database.begin_write() as transaction:
            if not _try_lock_tables(transaction.connection):
                return None
            count = transaction.connection.scalar(select(func.count()).select_from(mails)) or 0
            transaction.connection.exec_driver_sql(_TRUNCATE_SQL)
            if count:
                transaction.changes.append(Change("truncate"))
        return count

    def remove_orphans(self) -> bool:
        """Delete some of the rows that `delete_all` has left; return whether more are left.

        Any node may do that, also after the end of the one that has deleted the mails.
        """
        with self._database.read_snapshot(limit_time=False) as connection:
            numbers = self._find_orphans(connection)
            is_empty = bool(numbers) and connection.scalar(select(mails.c.number).limit(1)) is None
        if not numbers or (is_empty and self._try_truncate_orphans()):
            return False
        with self._database.begin_write() as transaction:
            started = monotonic()
            for table in _UNLISTED_TABLES:
                transaction.connection.execute(
                    delete(table).where(self._database.match_numbers(table.c.number, numbers))
                )
            elapsed = monotonic() - started
        if elapsed > self._database.target_step_seconds:
            self._mails_per_step = max(self._mails_per_step // 2, _MIN_MAILS_PER_STEP)
        elif elapsed < self._database.target_step_seconds / 2:
            self._mails_per_step = min(2 * self._mails_per_step, _MAX_MAILS_PER_STEP)
        return True

    def _find_orphans(self, connection: Connection) -> Sequence[int]:
        """Return the numbers of some contents without a mail, the lowest first.

        Both become visible in one transaction.  So in one snapshot, contents before the first mail have none.
        """
        first_content = connection.scalar(select(func.min(contents.c.number)))
        first_mail = connection.scalar(select(func.min(mails.c.number)))
        if first_content is None or (first_mail is not None and first_mail <= first_content):
            return ()
        orphaned = select(contents.c.number).order_by(contents.c.number).limit(self._mails_per_step)
        return connection.scalars(
            orphaned if first_mail is None else orphaned.where(contents.c.number < first_mail)
        ).all()

    def _try_truncate_orphans(self) -> bool:
        """Empty all tables if there is still no mail; return whether that was so."""
        with self._database.begin_write() as transaction:
            connection = transaction.connection
            if not _try_lock_tables(connection) or connection.scalar(select(mails.c.number).limit(1)) is not None:
                return False
            connection.exec_driver_sql(_TRUNCATE_SQL)
        return True


def _try_lock_tables(connection: Connection) -> bool:
    """Take the tables of mails for this transaction alone; return whether that succeeded soon."""
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_TRUNCATE_LOCK_MILLISECONDS:d}")
            connection.exec_driver_sql(_LOCK_TABLES_SQL)
    except DBAPIError as error:
        if isinstance(error.orig, _REASONS_NOT_TO_TRUNCATE):
            return False
        raise
    return True


def _delete_listed_rows(connection: Connection) -> int:
    """Delete all rows of the tables that lists read first; return how many mails there were."""
    *others, last = _LISTED_TABLES
    # One statement, so that all see the same mails.
    statement = delete(last).add_cte(*(delete(table).cte(f"removed_{table.name}") for table in others))
    return connection.execute(statement).rowcount
