"""Delete mails in short transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.store.base import Change
from lazr.smtptest.store.sql.database import MAX_MAILS_PER_STEP
from lazr.smtptest.store.sql.schema import mails, sane_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from lazr.smtptest.store.sql.database import Database

__all__ = ["Deleter"]

_INITIAL_MAILS_PER_TRANSACTION = 20


class Deleter:
    """The deletion of mails from all tables.

    The size of a transaction adapts to the time that it takes.

    Args:
        database: the database with the mails.
        clock: measures the time of a transaction, in seconds.  Where the database works in this thread, that is the
            time of the processor: on a busy machine, smaller transactions would only add work.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = monotonic) -> None:
        self._database = database
        self._clock = clock

    def delete(self, numbers: Sequence[int]) -> list[str]:
        """Delete these mails; return the IDs of those that existed.  Publishes no change."""
        deleted: list[str] = []
        batch_size = _INITIAL_MAILS_PER_TRANSACTION
        while numbers:
            batch = self._limit_batch(numbers[:batch_size])
            with self._database.begin_write() as transaction:
                started = self._clock()
                deleted += self._delete_batch(transaction.connection, batch)
                elapsed = self._clock() - started
            numbers = numbers[len(batch) :]
            # The cost depends on the mails: deleting a pending mail is almost free.
            if elapsed < self._database.target_step_seconds:
                batch_size = min(2 * batch_size, MAX_MAILS_PER_STEP)
            elif elapsed > 2 * self._database.target_step_seconds:
                batch_size = max(batch_size // 2, 1)
        return deleted

    def delete_all(self) -> int:
        """Delete all mails and publish that; return how many there were."""
        with self._database.read_snapshot(limit_time=False) as connection:
            numbers = list(connection.scalars(select(mails.c.number).order_by(mails.c.number)))
        deleted = self.delete(numbers)
        if deleted:
            self._database.publish(Change("truncate"))
        return len(deleted)

    def _limit_batch(self, numbers: Sequence[int]) -> Sequence[int]:
        """Return the first of these mails that one transaction may delete; at least one."""
        return numbers

    def _delete_batch(self, connection: Connection, numbers: Sequence[int]) -> Sequence[str]:
        # `pending` comes first: the statement waits for a node that is indexing one of these mails.
        first, *others, last = self._database.mail_tables
        connection.execute(delete(first).where(self._database.match_numbers(first.c.number, numbers)))
        self._database.remove_from_full_text_index(connection, numbers)
        for table in others:
            connection.execute(delete(table).where(self._database.match_numbers(table.c.number, numbers)))
        statement = delete(last).where(self._database.match_numbers(last.c.number, numbers))
        rows = connection.execute(statement.returning(last.c.id, last.c.read, sane_size)).all()
        self._database.change_totals(
            connection,
            mails=-len(rows),
            unread=-sum(read == 0 for _, read, _ in rows),
            size=-sum(size for _, _, size in rows),
        )
        return [name for name, _, _ in rows]
