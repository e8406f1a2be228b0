"""A store in an SQLite file: one process has it open, and acknowledged mails are on disk."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import StoreFull, StoreUnavailable
from lazr.smtptest.store.base import MAX_IDS_PER_CHANGE, Change
from lazr.smtptest.store.search_limit import DEFAULT_SEARCH_TIMEOUT, SearchLimit
from lazr.smtptest.store.sql.base import SqlStore
from lazr.smtptest.store.sql.database import split_into_batches
from lazr.smtptest.store.sql.indexer import Indexer
from lazr.smtptest.store.sqlite.database import SqliteDatabase
from lazr.smtptest.store.sqlite.deleter import SqliteDeleter
from lazr.smtptest.store.sqlite.disk_space import DiskSpace
from lazr.smtptest.store.sqlite.file import get_file_size, parse_path
from lazr.smtptest.store.sqlite.file_shrinking import FileShrinker
from lazr.smtptest.store.sqlite.full_text_index import SqliteConditionBuilder
from lazr.smtptest.store.sqlite.index_merging import IndexMerger
from lazr.smtptest.store.subscribers import Subscribers

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from lazr.smtptest.store.base import Arrival
    from lazr.smtptest.store.tag_rules import TagRules

__all__ = ["SqliteStore"]

_log = logging.getLogger("lazr.smtptest.store")

# Full-text search by trigrams needs 3.34, RETURNING needs 3.35.
_MIN_SQLITE_VERSION = (3, 35, 0)
# One call of `reclaim_space` takes about this long, in many short transactions.
_RECLAIM_SECONDS = 0.2


class SqliteStore(SqlStore):
    """A store in an SQLite file, which one process at a time can have open.

    The file is created if needed.

    Thread safety: all methods may be called from any thread.

    Args:
        path_or_url: a file path, or `sqlite:///path`.
        max_bytes: how far the file may grow, in bytes; `add` raises `StoreFull` beyond it.  None limits it by the
            disk alone.
        reserve: how many bytes of the disk `add` leaves free, so that mails can still be indexed and deleted.
        secure_delete: overwrite deleted mails with zeros.  This makes deleting slower.
        search_timeout: the time limit of a search in seconds, not counting the time that it waits for other searches; a
            slower search raises `SearchTooSlow`.
        max_searches: how many searches may run at a time, others wait; None: one per processor, at least 2.
        tag_rules: which tags a new mail gets; None, the default, takes those of its X-Tags fields.

    Raises:
        ValueError: the URL names no file.

    >>> import tempfile
    >>> from lazr.smtptest import Envelope
    >>> from lazr.smtptest.store import Arrival
    >>> envelope = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> with tempfile.TemporaryDirectory() as directory, SqliteStore(f"{directory}/mail.sqlite") as store:
    ...     store.add([Arrival("1", 1_700_000_000.0, envelope, [b"Subject: Hi\\r\\n", b"\\r\\nHello\\r\\n"])])
    ...     store.get_totals(), store.get_page().entries[0].subject
    (Totals(mails=1, unread=1, size=22, pending=0), 'Hi')
    """

    def __init__(
        self,
        path_or_url: str | os.PathLike[str],
        *,
        max_bytes: int | None = None,
        reserve: int = 16 * 1024 * 1024,
        secure_delete: bool = False,
        search_timeout: float = DEFAULT_SEARCH_TIMEOUT,
        max_searches: int | None = None,
        tag_rules: TagRules | None = None,
    ) -> None:
        self._path = parse_path(path_or_url)
        subscribers = Subscribers()
        self._database = SqliteDatabase(
            self._path,
            subscribers,
            max_bytes=max_bytes,
            secure_delete=secure_delete,
            search_timeout=search_timeout,
        )
        self._disk_space = DiskSpace(self._path, self._database, max_bytes=max_bytes, reserve=reserve)
        self._index_merger = IndexMerger(self._database)
        self._sqlite_deleter = SqliteDeleter(
            self._database, self._disk_space, self._index_merger, is_secure=secure_delete
        )
        self._file_shrinker = FileShrinker(self._database, self._disk_space)
        super().__init__(
            self._database,
            SqliteConditionBuilder(),
            self._sqlite_deleter,
            subscribers,
            search_limit=SearchLimit(max_searches, search_timeout),
            indexer=Indexer(self._database, check_room=self._disk_space.check_indexing_room, tag_rules=tag_rules),
        )

    @property
    def url(self) -> str:
        """The location of the mails: `sqlite:///path`."""
        return f"sqlite:///{self._path}"

    def open(self) -> None:
        """Open the file; see `Store.open`.  A damaged file is moved aside, and a new one created.

        Raises:
            StoreUnavailable: also if the file belongs to another program; it is left unchanged.
            StoreInUse: another process has the file open.
            StoreTooNew: a later version of this program wrote the file.
        """
        if sqlite3.sqlite_version_info < _MIN_SQLITE_VERSION:
            required = ".".join(map(str, _MIN_SQLITE_VERSION))
            raise StoreUnavailable(f"SQLite must be {required} or later, got {sqlite3.sqlite_version}; upgrade Python")
        if self._database.is_open:
            return
        self._indexer.open()
        self._database.open()
        try:
            self._prepare()
            self._database.check_damage()
        except BaseException as error:
            self._database.close()
            if not isinstance(error, StoreUnavailable) or not self._database.is_damaged:
                raise
            self._database.open()  # checks everything, and moves the damaged file aside

    def _prepare(self) -> None:
        """Find out whether the disk has room."""
        self._disk_space.count_backlog()
        shortage = self._disk_space.describe_shortage()
        if shortage is not None:
            _log.warning("%s", shortage)

    def close(self) -> None:
        """Close the file; see `Store.close`."""
        self._subscribers.publish()  # what `try_add` has left to another thread
        self._subscribers.clear()
        self._indexer.close()
        self._database.close()

    def add(self, messages: Sequence[Arrival]) -> None:
        """Add mails, all of them or none; see `Store.add`."""
        if not messages:
            return
        size = sum(arrival.size for arrival in messages)
        with self._database.acquire_insert_lock():
            self._database.ensure_current_file()
            if not self._disk_space.has_room_on_disk(size):
                raise StoreFull(f"the disk of {self._path} has too little room for {size:,} bytes; delete some files")
            self._database.insert(messages)
            self._note_added(messages)
        self._subscribers.publish()

    def try_add(self, messages: Sequence[Arrival]) -> bool:
        """Add mails if that waits for nothing but the disk; return whether they were added.

        It returns False, and adds nothing, if another thread or program writes to the file, if the file has to be
        recovered, or if the disk is nearly full.  An exception also means that nothing was added.  Another thread
        calls the listeners, at once.

        Args:
            messages: the mails; at least one.
        """
        size = sum([arrival.size for arrival in messages])
        with self._database.try_acquire_insert_lock() as is_acquired:
            if not (is_acquired and self._disk_space.has_ample_room(size) and self._database.try_insert(messages)):
                return False
            self._note_added(messages)
        self._subscribers.publish_soon()
        return True

    def _note_added(self, messages: Sequence[Arrival]) -> None:
        """Count mails that were added, and queue their announcement."""
        self._disk_space.note_added(messages)
        for batch in split_into_batches(messages, MAX_IDS_PER_CHANGE):
            self._subscribers.enqueue(Change("new", tuple([arrival.id for arrival in batch]), tuple(batch)))

    def has_room(self, size: int) -> bool:
        """Return whether a mail of `size` bytes would probably be accepted."""
        self._database.check_damage()
        return self._disk_space.has_room_on_disk(size) and self._disk_space.has_room_in_file(size)

    def index_pending(self, limit: int = 100) -> int:
        """Parse mails that are not indexed yet; see `Store.index_pending`.

        This also recovers a file that was removed, and repairs damaged indexes.
        """
        added_bytes = self._disk_space.added_bytes
        with self._database.acquire_insert_lock():
            self._database.ensure_current_file()
        self._subscribers.publish()
        self._database.repair()
        left = super().index_pending(limit)
        if not left:
            self._disk_space.note_indexed(added_bytes)
        # On a full disk, the space that deleted mails take in the log is needed for new ones.
        self._database.checkpoint(truncate=self._disk_space.is_low())
        return left

    def reclaim_space(self) -> bool:
        """Free the space of deleted mails; see `Store.reclaim_space`."""
        deadline = monotonic() + _RECLAIM_SECONDS
        while self._sqlite_deleter.remove_rows() or self._merge_index() or self._file_shrinker.run_step():
            if monotonic() > deadline:
                return True
        self._database.shorten_files()
        return False

    def _merge_index(self) -> bool:
        is_more_left = self._index_merger.run_step()
        self._database.checkpoint(truncate=False)
        return is_more_left

    def compact(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Make the file as short as it can be; see `Store.compact`.

        Raises:
            StoreFull: the disk has too little room for a copy.
            StoreUnavailable: another program reads the file.
        """
        while self._sqlite_deleter.remove_rows():
            pass
        with suppress(StoreFull):  # then the copy has these mails as they are
            while self.index_pending():  # compresses them, also those of an earlier version
                pass
        self._database.compact(on_progress)

    def get_disk_usage(self) -> int:
        """Return how many bytes the file and its write-ahead log take."""
        return sum(get_file_size(f"{self._path}{suffix}") for suffix in ("", "-wal", "-shm"))
