"""A store in a PostgreSQL database, which any number of processes (nodes) may share.

What one node has acknowledged is visible to all nodes at once, and the subscribers on all nodes get its changes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.store.search_limit import DEFAULT_SEARCH_TIMEOUT, SearchLimit
from lazr.smtptest.store.sql.base import SqlStore
from lazr.smtptest.store.sql.postgres_database import INDEXING_LOCK_ID, RECLAIM_LOCK_ID, PostgresDatabase
from lazr.smtptest.store.sql.postgres_deleter import PostgresDeleter
from lazr.smtptest.store.sql.postgres_notifications import NotificationListener
from lazr.smtptest.store.sql.recent_arrivals import RecentArrivals
from lazr.smtptest.store.sql.schema import metadata
from lazr.smtptest.store.subscribers import Subscribers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.store.base import Arrival, Change
    from lazr.smtptest.store.tag_rules import TagRules

__all__ = ["PostgresStore"]

# How often a node looks for rows of deleted mails.  They are left only if tables were in use when all was deleted.
_RECLAIM_INTERVAL_SECONDS = 10.0


class PostgresStore(SqlStore):
    """A store in a PostgreSQL database.

    The tables are in the first schema of the search path.

    Thread safety: all methods may be called from any thread, and any number of processes may use the same schema.

    Args:
        url: `postgresql://user:password@host:port/database`, as `psql` takes it.
        search_timeout: the time limit of a search in seconds, not counting the time that it waits for other searches; a
            slower search raises `SearchTooSlow`.
        max_searches: how many searches may run at a time, others wait; None: one per processor, at least 2.
        tag_rules: which tags a new mail gets; None, the default, takes those of its X-Tags fields.  Pass the same
            rules on all nodes: one of them indexes.

    Raises:
        ValueError: the URL is invalid.

    >>> PostgresStore("postgresql://ann:secret@db.example/mails").url
    'postgresql://ann:***@db.example/mails'
    """

    def __init__(
        self,
        url: str,
        *,
        search_timeout: float = DEFAULT_SEARCH_TIMEOUT,
        max_searches: int | None = None,
        tag_rules: TagRules | None = None,
    ) -> None:
        self._database = PostgresDatabase(url, search_timeout)
        self._notification_listener: NotificationListener | None = None
        self._recent_arrivals = RecentArrivals()
        self._postgres_deleter = PostgresDeleter(self._database)
        self._reclaim_at = 0.0  # by the monotonic clock
        super().__init__(
            self._database,
            self._database.condition_builder,
            self._postgres_deleter,
            Subscribers(),
            search_limit=SearchLimit(max_searches, search_timeout),
            tag_rules=tag_rules,
        )

    @property
    def url(self) -> str:
        """The location of the mails, without the password."""
        return self._database.public_url

    def open(self) -> None:
        """Connect to the server, and create or upgrade the tables; see `Store.open`."""
        if self._database.is_open:
            return
        self._indexer.open()
        try:
            self._database.open()
            self._notification_listener = NotificationListener(
                self._database.open_dedicated_connection, self._handle_notification
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections; see `Store.close`."""
        listener, self._notification_listener = self._notification_listener, None
        if listener is not None:
            listener.close()
        self._subscribers.clear()
        self._indexer.close()
        self._database.close()

    def _handle_notification(self, change: Change) -> None:
        if change.kind == "new":
            change = replace(change, arrivals=self._recent_arrivals.take(change.ids))
        self._subscribers.enqueue(change)
        self._subscribers.publish()

    def add(self, messages: Sequence[Arrival]) -> None:
        """Add mails, all of them or none; see `Store.add`."""
        if messages:
            self._recent_arrivals.add(messages)
            try:
                self._database.insert(messages)
            except BaseException:
                self._recent_arrivals.take([arrival.id for arrival in messages])
                raise

    def has_room(self, size: int) -> bool:
        """Return True: the free space of the server's disk is unknown until `add` fails."""
        return True

    def index_pending(self, limit: int = 100) -> int:
        """Parse mails that are not indexed yet, unless another node does.

        See `Store.index_pending`.
        """
        # All nodes are notified of a mail.  Without the lock, each would parse it, and one would write the result.
        with self._database.try_lock(INDEXING_LOCK_ID) as is_locked:
            return super().index_pending(limit) if is_locked else 0

    def reclaim_space(self) -> bool:
        """Delete rows that deleting all mails has left, unless another node does.

        See `Store.reclaim_space`.  PostgreSQL's autovacuum frees the space of deleted rows.
        """
        if monotonic() < self._reclaim_at:
            return False
        with self._database.try_lock(RECLAIM_LOCK_ID) as is_locked:
            if is_locked and self._postgres_deleter.remove_orphans():
                return True
        self._reclaim_at = monotonic() + _RECLAIM_INTERVAL_SECONDS
        return False

    def compact(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Make the space of deleted mails free for new ones; see `Store.compact`.

        Other nodes go on meanwhile.
        """
        self._database.vacuum([table.name for table in metadata.sorted_tables], on_progress)

    def get_disk_usage(self) -> int:
        """Return how many bytes the tables and their indexes take."""
        with self._database.read_snapshot() as connection:
            sizes = (func.pg_total_relation_size(table.name) for table in metadata.sorted_tables)
            return sum(connection.execute(select(*sizes)).one())
