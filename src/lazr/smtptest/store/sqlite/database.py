"""The open SQLite file: its connections, its write lock and its recovery.

It recovers when the file is removed or replaced.

Two connections write, in turns.  One inserts mails, and syncs the disk at each commit.  The other makes all other
changes, and lets the first go ahead.  Readers take connections of a pool, and wait for neither (write-ahead log).
"""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import SearchTooSlow, StoreError, StoreFull, StoreUnavailable
from lazr.smtptest.store.base import Change
from lazr.smtptest.store.sql.database import Database, WriteTransaction
from lazr.smtptest.store.sql.errors import translate_errors
from lazr.smtptest.store.sql.row_mapping import read_bytes
from lazr.smtptest.store.sql.schema import contents, documents, mails, sqlite_mail_tables, texts, upgrade_schema
from lazr.smtptest.store.sqlite.bulk_insert import QMARK_DIALECT, insert_messages
from lazr.smtptest.store.sqlite.compaction import write_compact_copy
from lazr.smtptest.store.sqlite.connection import PAGE_BYTES, ConnectionFactory, get_driver_connection
from lazr.smtptest.store.sqlite.damage_check import (
    DAMAGE_CODES,
    BackgroundCheck,
    FileState,
    check_before_use,
    run_check,
)
from lazr.smtptest.store.sqlite.damage_report import DamageReport, get_result_code, is_damage, is_index_conflict
from lazr.smtptest.store.sqlite.document import decode_content
from lazr.smtptest.store.sqlite.file import (
    BUSY_TIMEOUT_SECONDS,
    find_unused_path,
    get_file_size,
    move_damaged_file_aside,
    reject_foreign_file,
)
from lazr.smtptest.store.sqlite.file_format import count_pages, prepare_file
from lazr.smtptest.store.sqlite.file_identity import FileIdentity
from lazr.smtptest.store.sqlite.full_text_index import (
    add_to_index,
    list_text_numbers,
    merge_index,
    recreate_index,
    remove_from_index,
)
from lazr.smtptest.store.sqlite.index_record import encode_sqlite_record
from lazr.smtptest.store.sqlite.index_writer import replace_outdated, write_records
from lazr.smtptest.store.sqlite.inode_lock import InodeLock
from lazr.smtptest.store.sqlite.lock_file import LockFile
from lazr.smtptest.store.sqlite.log_damage import save_damaged_log
from lazr.smtptest.store.sqlite.recovery import get_part_path, recover_database
from lazr.smtptest.store.sqlite.totals import change_totals, read_mod_seq, read_totals, write_mod_seq
from lazr.smtptest.store.sqlite.write_lock import WriteLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Engine, Select, Table

    from lazr.smtptest.store.base import Arrival, Totals
    from lazr.smtptest.store.sql.database import NumberQuery
    from lazr.smtptest.store.sql.record_builder import EncodeRecord, IndexRecord
    from lazr.smtptest.store.subscribers import Subscribers

__all__ = ["SqliteDatabase"]

_log = logging.getLogger("lazr.smtptest.store")

# Indexing copies the write-ahead log into the file when it has this many pages; without indexing, `insert` does later.
_WAL_PAGES_BEFORE_CHECKPOINT, _WAL_PAGES_BEFORE_LATE_CHECKPOINT = 2_000, 8_000
_MAX_KEPT_WAL_BYTES = 64 * 1024 * 1024
# SQLite itself does so at the end of any commit, should the estimate of `insert` be too low.
_WAL_PAGES_BEFORE_AUTOCHECKPOINT = _MAX_KEPT_WAL_BYTES // PAGE_BYTES
# About how many pages of the log a transaction takes, and each mail in it besides its content.
_WAL_PAGES_PER_COMMIT, _WAL_PAGES_PER_MAIL = 9, 0.7
_KEPT_LOG_BYTES = 1024 * 1024  # on a full disk
# For this long after a mail, a transaction of indexing stays short.
_RECEIVING_SECONDS = 1.0
_IDLE_STEP_SECONDS = 0.05
# Writing to a log that has its length is faster, so a long log stays while mails arrive.
_MAX_BYTES_AFTER_LAST_PAGE = 1024 * 1024
_MAX_IDLE_WAL_BYTES, _IDLE_SECONDS_BEFORE_TRUNCATION = 4 * 1024 * 1024, 0.2

_WAKE_MAINTENANCE = Change("prune")

_ERRORS_BY_RESULT_CODE: dict[int, type[StoreFull | SearchTooSlow]] = {
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_INTERRUPT: SearchTooSlow,
}


def _classify_error(error: BaseException) -> type[SearchTooSlow | StoreFull | ValueError] | None:
    if isinstance(error, sqlite3.IntegrityError) and "mails.id" in str(error):
        return ValueError
    return _ERRORS_BY_RESULT_CODE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)


_translate_errors = partial(translate_errors, sqlite3.Error, _classify_error)


class SqliteDatabase(Database):
    """The tables in an SQLite file, which belongs to this process while it is open.

    Args:
        path: the file.
        subscribers: the subscribers to notify after each commit.
        max_bytes: how far inserting may grow the file; None is no limit.
        secure_delete: overwrite deleted data with zeros.
        search_timeout: the time limit, in seconds, of a time-limited snapshot.
    """

    mail_tables: ClassVar[tuple[Table, ...]] = sqlite_mail_tables

    def __init__(
        self,
        path: Path,
        subscribers: Subscribers,
        *,
        max_bytes: int | None,
        secure_delete: bool,
        search_timeout: float,
    ) -> None:
        self._path = path
        self._subscribers = subscribers
        self._max_bytes = max_bytes
        self._search_timeout = search_timeout
        self._connections = ConnectionFactory(path, secure_delete=secure_delete)
        self._lock_file = LockFile(path.with_name(path.name + ".lock"))
        self._inode_lock = InodeLock(path)
        self._file_identity = FileIdentity(path)
        self._write_lock = WriteLock()
        self._change_lock = threading.RLock()  # guards the connection of `_write_engine`
        self._insert_connection: sqlite3.Connection | None = None
        # An idle connection that keeps the file open, so that its contents can be copied even after it was unlinked.
        self._recovery_connection: sqlite3.Connection | None = None
        self._write_engine: Engine | None = None
        self._read_engine: Engine | None = None
        self._insert_timeout = BUSY_TIMEOUT_SECONDS  # of `_insert_connection`
        self._last_number = 0
        self._mod_seq = 1  # the last modification sequence that a transaction got, under the write lock
        self._last_insert_at = float("-inf")
        self._logged_pages = 0.0  # about how many pages `insert` has written to the log since the last checkpoint
        self._damage = DamageReport(path)
        self._background_check: BackgroundCheck | None = None

    # -- opening and closing ---------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether the file is open and locked."""
        return self._lock_file.is_held

    @property
    def last_number(self) -> int:
        """The number of the last mail that was inserted."""
        return self._last_number

    def open(self) -> None:
        """Lock and open the file, and create or upgrade its tables.

        A damaged file is moved aside first.
        """
        with _translate_errors():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            reject_foreign_file(self._path)
            self._lock_file.acquire()
            try:
                get_part_path(self._path).unlink(missing_ok=True)  # of a process that was killed while copying
                self._open_file_on_any_disk()
            except BaseException:
                self._close_connections()
                self._lock_file.release()
                raise

    def close(self) -> None:
        """Close and unlock the file; recover its contents first if it was removed."""
        with self._change_lock, self._write_lock.acquire_low_priority():
            if self._lock_file.is_held:
                try:
                    with _translate_errors():
                        self.ensure_current_file()
                except StoreError as error:
                    _log.error("%s: %s", self._path, error)
            with suppress(sqlite3.Error):
                self._close_connections()
            self._lock_file.release()  # under the write lock, so the next writer finds the store closed

    def _open_file_on_any_disk(self) -> None:
        """Open the file, also if it is damaged, or if the disk is full."""
        self._connections.uses_heap_index = False
        try:
            self._open_file()
        except (sqlite3.Error, DBAPIError) as error:
            code = get_result_code(error)
            self._close_connections()
            if code in DAMAGE_CODES:
                _log.warning("%s is damaged: %s", self._path, error)
                move_damaged_file_aside(self._path)
            elif sys.platform != "win32" and code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
                _log.warning("%s: %s; trying again without the file -shm", self._path, error)
                self._connections.uses_heap_index = True
            else:
                raise
            self._open_file()

    def _open_file(self) -> None:
        self._inode_lock.acquire()
        has_report = self._damage.exists()
        state = check_before_use(
            self._path, self._connections.connect, lambda: save_damaged_log(self._path), is_thorough=has_report
        )
        if state is FileState.DAMAGED:
            self._inode_lock.release()
            move_damaged_file_aside(self._path)
            self._inode_lock.acquire()
        self._write_engine = self._connections.create_write_engine()
        self._read_engine = self._connections.create_read_engine()
        with self._write_engine.connect() as connection:
            driver = get_driver_connection(connection)
            # Nothing is written to a file that is up to date, so that it can be opened on a full disk.
            prepare_file(driver)
            with connection.begin():
                upgrade_schema(connection)
            driver.execute("PRAGMA journal_mode = WAL").fetchall()
            # That statement leaves a read transaction, which would block a checkpoint.  The next statement ends it.
            driver.execute("SELECT count(*) FROM schema_version").fetchall()
        self._insert_connection = self._open_insert_connection()
        self._recovery_connection = self._connections.connect()
        self._recovery_connection.execute("SELECT * FROM schema_version").fetchone()  # SQLite opens the file now
        self._file_identity.record()
        if state is FileState.INDEX_DAMAGED:
            self._damage.leave("a full-text index")  # for the next start, should this one be interrupted
        if has_report or state is FileState.INDEX_DAMAGED:
            self._replace_full_text_index_or_file()
        # Replacing the file has started the check of the new one.
        is_checked = has_report or state is FileState.INTACT or self._background_check is not None
        if not is_checked:
            self._background_check = BackgroundCheck(self._path, self._connections.connect, self._record_damage)
            self._background_check.start()

    def _replace_full_text_index_or_file(self) -> None:
        """Build the full-text index anew; if it cannot be repaired, move the file aside."""
        try:
            self._rebuild_full_text_index()
        except StoreUnavailable:
            if not self._damage.is_found:  # another program has locked the file, for example
                raise
            self._close_connections()
            move_damaged_file_aside(self._path)
            self._damage.clear()
            self._open_file()
        else:
            self._damage.clear()

    def _open_insert_connection(self) -> sqlite3.Connection:
        connection = self._connections.connect()
        self._insert_timeout = BUSY_TIMEOUT_SECONDS
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES_BEFORE_AUTOCHECKPOINT:d}")
        connection.execute(f"PRAGMA journal_size_limit = {_MAX_KEPT_WAL_BYTES:d}")
        if self._max_bytes is not None:  # the other connections have no limit, so mails can still be indexed
            connection.execute(f"PRAGMA max_page_count = {max(1, self._max_bytes // PAGE_BYTES):d}")
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'mails'").fetchone()
        self._last_number = row[0] if row else 0
        self._mod_seq = max(self._mod_seq, read_mod_seq(connection))
        return connection

    def _close_connections(self) -> None:
        if self._background_check is not None:
            self._background_check.stop()
            self._background_check = None
        for engine in (self._read_engine, self._write_engine):
            if engine is not None:
                engine.dispose()
        self._read_engine = self._write_engine = None
        self._file_identity.forget()
        for connection in (self._recovery_connection, self._insert_connection):
            if connection is not None:
                connection.close()  # closing the last one copies the write-ahead log into the file, and removes it
        self._recovery_connection = self._insert_connection = None
        self._inode_lock.release()

    def _get_write_engine(self) -> Engine:
        if self._write_engine is None:
            raise self._build_closed_error()
        return self._write_engine

    def _build_closed_error(self) -> StoreUnavailable:
        return StoreUnavailable(f"sqlite:///{self._path} is closed; call open() first")

    # -- damage ----------------------------------------------------------------------------------

    @contextmanager
    def _handle_errors(self) -> Iterator[None]:
        """Translate errors, and take note of those that damage of the file causes."""
        with _translate_errors():
            try:
                yield
            except (sqlite3.Error, DBAPIError) as error:
                if is_damage(error) and self._damage.record(error):
                    self._subscribers.enqueue(_WAKE_MAINTENANCE)  # it repairs the file
                if is_index_conflict(error):
                    raise StoreUnavailable(f"a full-text index of {self._path} is damaged; try again later") from error
                raise

    def _record_damage(self, text: str) -> None:
        """Take note of what the check in the background has found."""
        if self._damage.record(text):
            self._subscribers.enqueue(_WAKE_MAINTENANCE)
            self._subscribers.publish()

    @property
    def is_damaged(self) -> bool:
        """Whether a call has found damage that is not repaired."""
        return self._damage.is_found

    def check_damage(self) -> None:
        """Raise `StoreUnavailable` if a call has found damage that is not repaired."""
        if self._damage.is_found:
            raise StoreUnavailable(
                f"{self._path} is damaged, and no mail is accepted: {self._damage.text}; restart the server to move the"
                " file aside and start with a new one"
            )

    def repair(self) -> None:
        """Repair indexes that were found damaged; does nothing without damage.

        This is tried once.  The tables themselves cannot be repaired.
        """
        if not self._damage.may_repair():
            return
        with self._handle_errors():
            with self.acquire_driver_connection() as driver:
                driver.execute("REINDEX").fetchall()
                findings = run_check(driver, "integrity_check")
            if findings.tables is None:
                self._rebuild_full_text_index()
                self._damage.clear()
                _log.warning("%s: the indexes were damaged and are repaired", self._path)

    def _rebuild_full_text_index(self) -> None:
        with self.begin_write() as transaction:
            recreate_index(transaction.connection)
        last = 0
        while True:
            with self.begin_write() as transaction:
                numbers = list_text_numbers(transaction.connection, last)
                if not numbers:
                    return
                add_to_index(transaction.connection, numbers)
            last = numbers[-1]

    # -- inserting mails -------------------------------------------------------------------------

    @contextmanager
    def acquire_insert_lock(self) -> Iterator[None]:
        """Take the write lock before all other writers.

        Errors in the block become those of the store interface.
        """
        with self._handle_errors(), self._write_lock.acquire_high_priority():
            yield

    @contextmanager
    def try_acquire_insert_lock(self) -> Iterator[bool]:
        """Take the write lock if it is free, and if inserting would wait for nothing but the disk.

        The block gets whether the lock is held.
        """
        with self._handle_errors(), self._write_lock.try_acquire_high_priority() as is_acquired:
            yield (
                is_acquired
                and self._lock_file.is_held
                and self._insert_connection is not None
                and self._logged_pages < _WAL_PAGES_BEFORE_LATE_CHECKPOINT
                and self._file_identity.is_current()
            )

    def insert(self, messages: Sequence[Arrival]) -> None:
        """Insert mails in one durable transaction.

        The caller must hold the insert lock, and must have called `ensure_current_file`.
        """
        connection = self._prepare_insert(BUSY_TIMEOUT_SECONDS)
        self._insert(connection, messages)
        if self._logged_pages >= _WAL_PAGES_BEFORE_LATE_CHECKPOINT:
            self._logged_pages = 0
            with suppress(sqlite3.Error):  # the mails are safe in the log
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def try_insert(self, messages: Sequence[Arrival]) -> bool:
        """Insert mails as `insert` does; return False if another program has locked the file.

        The block of `try_acquire_insert_lock` must have got True.
        """
        connection = self._prepare_insert(0)
        try:
            self._insert(connection, messages)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise
        return True

    def _prepare_insert(self, timeout: float) -> sqlite3.Connection:
        """Return the insert connection; it waits at most that many seconds for other programs."""
        connection = self._insert_connection
        if connection is None:
            raise self._build_closed_error()
        self.check_damage()
        if self._insert_timeout != timeout:
            connection.execute(f"PRAGMA busy_timeout = {int(timeout * 1000):d}")
            self._insert_timeout = timeout
        return connection

    def _insert(self, connection: sqlite3.Connection, messages: Sequence[Arrival]) -> None:
        self._mod_seq += 1
        try:
            size = insert_messages(connection, self._last_number + 1, self._mod_seq, messages)
        except BaseException as error:
            self._roll_back(connection, error)
            raise
        self._last_number += len(messages)
        self._last_insert_at = monotonic()
        self._logged_pages += size / PAGE_BYTES + _WAL_PAGES_PER_MAIL * len(messages) + _WAL_PAGES_PER_COMMIT

    def ensure_current_file(self) -> None:
        """Recover if the file was removed or replaced, and open the insert connection.

        The caller must hold the write lock.
        """
        if not self._lock_file.is_held:
            raise self._build_closed_error()
        if not self._file_identity.is_current():  # SQLite would go on writing to a file that has no name any more
            self._switch_to_current_file()
        if self._insert_connection is None:
            self._insert_connection = self._open_insert_connection()

    def _switch_to_current_file(self) -> None:
        """Save the contents of the lost file, and open the current one.

        The current file is the one that the path names now, or a new one.

        If that fails, all connections stay open, and the next call tries again.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_file.reacquire()
        reject_foreign_file(self._path)
        if self._recovery_connection is not None:
            self._file_identity.remove_stale_wal()
            is_replaced = get_file_size(self._path) > 0
            target = find_unused_path(self._path, "replaced") if is_replaced else self._path
            recover_database(self._recovery_connection, target)
            _log.error("%s was removed or replaced while in use; its mails are in %s now", self._path, target)
            if is_replaced:
                self._subscribers.enqueue(Change("prune"))
        self._close_connections()
        self._open_file()

    def _roll_back(self, connection: sqlite3.Connection, error: BaseException) -> None:
        """Roll back; close the connection too if the disk failed.

        After such a failure, the state of the connection is unknown.
        """
        with suppress(sqlite3.Error):
            connection.rollback()
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code not in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_BUSY}:
            self._insert_connection = None
            with suppress(sqlite3.Error):
                connection.close()

    # -- snapshots and transactions --------------------------------------------------------------

    @contextmanager
    def read_snapshot(self, *, limit_time: bool = True) -> Iterator[Connection]:
        """Open a read-only snapshot; with `limit_time`, slow statements raise `SearchTooSlow`."""
        engine = self._read_engine
        if engine is None:
            raise self._build_closed_error()
        with self._handle_errors(), engine.connect() as connection:
            driver = get_driver_connection(connection)
            if limit_time:
                deadline = monotonic() + self._search_timeout
                driver.set_progress_handler(lambda: monotonic() > deadline, 10_000)
            try:
                with connection.begin():
                    yield connection
            finally:
                driver.set_progress_handler(None, 0)

    def lift_time_limit(self, connection: Connection) -> None:
        """Let the following statements of a snapshot take as long as they need."""
        get_driver_connection(connection).set_progress_handler(None, 0)

    @contextmanager
    def begin_write(self, *, sync: bool = False) -> Iterator[WriteTransaction]:
        """Open a transaction; commit it and publish its changes at the end of the block.

        With `sync`, the commit survives a loss of power.
        """
        # Take the lock before looking at the engine: the previous writer may have switched to another file.
        with (
            self._handle_errors(),
            self._change_lock,
            self._write_lock.acquire_low_priority(),
            self._get_write_engine().connect() as connection,
        ):
            if sync:
                get_driver_connection(connection).execute("PRAGMA synchronous = FULL")
            try:
                transaction = WriteTransaction(connection)
                with connection.begin():
                    yield transaction
                for change in transaction.changes:
                    self._subscribers.enqueue(change)
            finally:
                if sync:
                    get_driver_connection(connection).execute("PRAGMA synchronous = NORMAL")
        self._subscribers.publish()

    @contextmanager
    def acquire_driver_connection(self) -> Iterator[sqlite3.Connection]:
        """Take the write lock after all other writers.

        The block gets the driver's connection, in autocommit mode.
        """
        with (
            self._handle_errors(),
            self._change_lock,
            self._write_lock.acquire_low_priority(),
            self._get_write_engine().connect() as connection,
        ):
            yield get_driver_connection(connection)

    def checkpoint(self, *, truncate: bool, is_needed: bool = False) -> None:
        """Copy a long write-ahead log into the file.

        Args:
            truncate: also free the log's disk space, unless it is short.  This needs the write lock.
            is_needed: copy a short log too.
        """
        log_bytes = get_file_size(f"{self._path}-wal")
        # A checkpoint fails while the disk is full.  Nothing is lost: the log has everything.
        with suppress(StoreFull), self._handle_errors(), self._change_lock:
            if self._write_engine is None:
                return
            if log_bytes and truncate:
                with self._write_engine.connect() as connection:
                    driver = get_driver_connection(connection)
                    driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()  # most of the work, without the lock
                with self._write_engine.connect() as connection, self._write_lock.acquire_low_priority():
                    driver = get_driver_connection(connection)
                    driver.execute("PRAGMA busy_timeout = 0")  # do not wait for readers; the next call tries again
                    # A short log stays, so that there is room for deletions when others use up the disk.
                    mode = "TRUNCATE" if log_bytes > _KEPT_LOG_BYTES else "RESTART"
                    try:
                        driver.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
                    finally:
                        driver.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_SECONDS * 1000):d}")
            elif is_needed or log_bytes > _WAL_PAGES_BEFORE_CHECKPOINT * PAGE_BYTES:
                logged_pages = self._logged_pages
                with self._write_engine.connect() as connection:  # passive: blocks no writer
                    get_driver_connection(connection).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                self._logged_pages = max(0, self._logged_pages - logged_pages)

    def shorten_files(self) -> None:
        """Free the disk space of the file after its last page, and of a long log.

        The log is shortened if no mail has arrived for a moment.

        A transaction that removes pages is in the log; a checkpoint makes the file shorter.
        """
        with self.read_snapshot() as connection:
            page_count = count_pages(get_driver_connection(connection)).total
        is_idle = monotonic() - self._last_insert_at > _IDLE_SECONDS_BEFORE_TRUNCATION
        if is_idle and get_file_size(f"{self._path}-wal") > _MAX_IDLE_WAL_BYTES:
            self.checkpoint(truncate=True)
        elif get_file_size(self._path) > page_count * PAGE_BYTES + _MAX_BYTES_AFTER_LAST_PAGE:
            self.checkpoint(truncate=False, is_needed=True)

    def compact(self, on_progress: Callable[[int, int], None]) -> None:
        """Replace the file by a copy without free pages; all writers wait.

        Args:
            on_progress: is called with the bytes that are written, and with those to write.

        Raises:
            StoreFull: the disk has too little room for the copy.
            StoreUnavailable: another program reads the file.
        """
        with self._handle_errors(), self._change_lock, self._write_lock.acquire_low_priority():
            self.ensure_current_file()
            driver = self._connections.connect()
            try:
                merge_index(driver)
                with write_compact_copy(driver, self._path, on_progress) as replace_file:
                    driver.close()
                    self._close_connections()
                    try:
                        replace_file()
                    finally:
                        self._open_file()
            finally:
                driver.close()

    # -- indexing --------------------------------------------------------------------------------

    @property
    def encode_record(self) -> EncodeRecord:
        """The format of the records that indexing writes."""
        return encode_sqlite_record

    def get_indexing_step_seconds(self) -> float:
        """Return how long a transaction of indexing should take now; longer while no mail arrives."""
        is_receiving = monotonic() - self._last_insert_at < _RECEIVING_SECONDS
        return self.target_step_seconds if is_receiving else _IDLE_STEP_SECONDS

    def read_step_clock(self) -> float:
        """Return the CPU time of this thread.

        On a busy machine, smaller transactions would only add work.
        """
        return time.thread_time()

    def insert_records(self, connection: Connection, records: Sequence[IndexRecord]) -> None:
        """Insert what indexing has found about mails."""
        write_records(get_driver_connection(connection), records)

    def list_outdated_numbers(self, connection: Connection, limit: int) -> Sequence[int]:
        """Return the numbers of mails that were indexed in an older format, in order."""
        return connection.scalars(select(texts.c.number).order_by(texts.c.number).limit(limit)).all()

    def replace_outdated(self, connection: Connection, numbers: Sequence[int], records: Sequence[IndexRecord]) -> None:
        """Replace what an older format has about mails; their tags stay."""
        replace_outdated(connection, numbers, records)

    def read_content(self, connection: Connection, number: int, size: int) -> bytes:
        """Return the content of a mail of `size` bytes; less of it in a damaged file."""
        # One statement for both, because each costs more than reading a row.
        document = select(documents.c.data).where(documents.c.number == number).scalar_subquery()
        content = select(contents.c.content).where(contents.c.number == number).scalar_subquery()
        data, stored = connection.execute(select(document, content)).one()
        stored = None if stored is None else read_bytes(stored)
        return (stored if data is None else decode_content(read_bytes(data), size, stored)) or b""

    def read_totals(self, connection: Connection) -> Totals:
        """Return the counters of all mails."""
        return read_totals(get_driver_connection(connection))

    def change_totals(self, connection: Connection, *, mails: int = 0, unread: int = 0, size: int = 0) -> None:
        """Add numbers, which may be negative, to the counters of all mails."""
        change_totals(get_driver_connection(connection), mails=mails, unread=unread, size=size)

    def list_numbers(self, connection: Connection, statement: NumberQuery) -> list[int]:
        """Return the numbers that a query of one column finds.

        SQLite returns them as one JSON array, which takes half the time of as many rows.
        """
        numbers = statement.subquery("numbers")
        array = connection.scalar(select(func.json_group_array(numbers.c[0])))
        return list(json.loads(array or "[]"))

    def fetch_rows(self, connection: Connection, statement: Select[Any]) -> list[tuple[Any, ...]]:
        """Return all rows of a statement, as the driver does."""
        compiled = statement.compile(dialect=QMARK_DIALECT, compile_kwargs={"render_postcompile": True})
        parameters = [compiled.params[name] for name in compiled.positiontup or ()]
        return get_driver_connection(connection).execute(str(compiled), parameters).fetchall()

    def get_assigned_number(self) -> int:
        """Return the greatest number that a mail has or had."""
        return self._last_number

    def advance_mod_seq(self, connection: Connection) -> int:
        """Return a new modification sequence for changes in this write transaction."""
        self._mod_seq += 1
        write_mod_seq(get_driver_connection(connection), self._mod_seq)
        return self._mod_seq

    def get_mod_seq(self) -> int:
        """Return the modification sequence of the last change."""
        with self.read_snapshot(limit_time=False) as connection:
            return read_mod_seq(get_driver_connection(connection))

    def read_contents(self, connection: Connection, sizes: Mapping[int, int]) -> dict[int, bytes]:
        """Return the contents of mails; less of them in a damaged file."""
        statement = (
            select(mails.c.number, documents.c.data, contents.c.content)
            .outerjoin_from(mails, documents, documents.c.number == mails.c.number)
            .outerjoin(contents, contents.c.number == mails.c.number)
            .where(mails.c.number.in_(sizes))
        )
        found: dict[int, bytes] = {}
        for number, data, content in connection.execute(statement):
            stored = None if content is None else read_bytes(content)
            found[number] = (stored if data is None else decode_content(read_bytes(data), sizes[number], stored)) or b""
        return found

    def remove_from_full_text_index(self, connection: Connection, numbers: Sequence[int]) -> None:
        """Remove mails whose rows are still in the tables."""
        remove_from_index(connection, numbers)
