"""A store in an SQLite file: one process has it, and what it acknowledged is on disk.

Two connections write, by turns: one receives, and each of its commits is on disk when it returns; the other does all
else, and lets the one that receives go first.  Whoever reads has a connection of a pool, and waits for nobody
(write-ahead log).
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, delete, event, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import SearchTooSlow, StoreError, StoreFull, StoreUnavailable
from lazr.smtptest.store.contract import NAMED, Change
from lazr.smtptest.store.lockfile import LockFile
from lazr.smtptest.store.receiving import STATEMENTS, receive
from lazr.smtptest.store.salvage import salvage
from lazr.smtptest.store.schema import addresses, contents, entries, headers, mails, pending, tags, texts, upgrade
from lazr.smtptest.store.sql import SqlStore, Step
from lazr.smtptest.store.sqlitefile import (
    APPLICATION,
    BUSY,
    is_damaged,
    path_of,
    put_aside,
    refuse_strangers,
    size_of,
    unused_name,
)
from lazr.smtptest.store.trigrams import SqliteConditions, index, unindex
from lazr.smtptest.store.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from lazr.smtptest.store.contract import Arrival

__all__ = ["SqliteStore"]

_log = logging.getLogger("lazr.smtptest.store")

# Tri-grams since 3.34, RETURNING since 3.35.
_OLDEST = (3, 35, 0)

# The log is copied into the file when it has so many pages: by whoever catches up, and if nobody does, by `add`.
_LOG_PAGES, _LOG_PAGES_MOST = 2_000, 8_000
_LOG_KEPT = 64 * 1024 * 1024
_PAGE = 4096
# Seconds for which the room on the disk is taken to be what it was: asking takes as long as half a mail.
_ROOM_SEEN = 0.05
# What reading mails into entries takes at most, in their own octets: it is written to the log, and then to the file.
_READING = 4

_SWEPT = 100


class SqliteStore(SqlStore):
    """Keeps mails in an SQLite file, which is made where there is none, and belongs to one process at a time.

    - `where`: a path, or `sqlite:///path`.
    - `room`: octets that the file may grow to; beyond it, `add` raises `StoreFull`.  None is no limit but the disk's.
    - `reserve`: octets of the disk that receiving leaves free, so that what came can still be read and deleted.
    - `secure_delete`: overwrite what is deleted with zeros; slower.
    - `search_timeout`: seconds that one search may take, not counting the reading of mails.

    >>> import tempfile
    >>> from lazr.smtptest.mail.envelope import Envelope
    >>> from lazr.smtptest.store.contract import Arrival
    >>> envelope = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> with tempfile.TemporaryDirectory() as directory, SqliteStore(f"{directory}/mail.sqlite") as store:
    ...     store.add([Arrival("1", 1_700_000_000.0, envelope, [b"Subject: Hi\\r\\n", b"\\r\\nHello\\r\\n"])])
    ...     store.totals(), store.page().entries[0].subject
    (Totals(mails=1, unread=1, size=22), 'Hi')
    """

    def __init__(
        self,
        where: str | os.PathLike[str],
        *,
        room: int | None = None,
        reserve: int = 16 * 1024 * 1024,
        secure_delete: bool = False,
        search_timeout: float = 2.0,
    ) -> None:
        super().__init__(SqliteConditions())
        self._path = path_of(where)
        self._room = room
        self._reserve = reserve
        self._secure_delete = secure_delete
        self._search_timeout = search_timeout
        self._lock_file = LockFile(self._path.with_name(self._path.name + ".lock"))
        self._turns = Turns()
        self._room_seen = (float("-inf"), 0)  # when, and how much there was
        self._came = self._read = 0  # octets: of all that came, and of what of that is surely read into entries
        self._counted = float("-inf")  # when it was last counted what is unread
        self._changing = threading.RLock()  # who has the connection that does all else
        self._receiver: sqlite3.Connection | None = None
        self._anchor: sqlite3.Connection | None = None  # does nothing: through it, a file that was removed can be saved
        self._changer: Engine | None = None
        self._looker: Engine | None = None
        self._last = 0  # the number that was given last
        self._files: dict[str, tuple[int, int] | None] = {}  # what these tails of the path named when it was opened

    @property
    def url(self) -> str:
        """Where the mails are."""
        return f"sqlite:///{self._path}"

    # -- opening and closing ---------------------------------------------------------------------

    def open(self) -> None:
        """Be ready; see `Store.open`.  A file that is damaged is put aside, and a new one begun.

        Raises `StoreUnavailable` also where the file is another program's, which is left as it is.
        """
        if sqlite3.sqlite_version_info < _OLDEST:
            raise StoreUnavailable(f"SQLite {'.'.join(map(str, _OLDEST))} is needed; this is {sqlite3.sqlite_version}")
        if self._lock_file.held:
            return
        with _told():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            refuse_strangers(self._path)
            self._lock_file.hold()
            try:
                self._open_file()
                self._sweep()
            except BaseException:
                self._let_go()
                self._lock_file.release()
                raise

    def close(self) -> None:
        """Let go of everything; closing twice does no harm."""
        self._audience.clear()
        with self._changing, self._turns.later():
            if self._lock_file.held:
                try:
                    with _told():
                        self._receive()  # which saves what was in a file that was removed
                except StoreError as error:
                    _log.error("%s: %s", self._path, error)
            with suppress(sqlite3.Error):
                self._let_go()
            self._lock_file.release()  # in our turn: whoever is next finds that it is closed

    def _open_file(self) -> None:
        if is_damaged(self._path):
            put_aside(self._path)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._changer = self._engine("BEGIN IMMEDIATE", size=1)
        self._looker = self._engine("BEGIN", size=5, query_only=True)
        with self._changer.connect() as connection:
            # Whose it is and the tables come at once: a file is ours, or it is empty.  Of one that is ours nothing is
            # written here, so that it can be opened on a disk that is full.
            with connection.begin():
                if connection.exec_driver_sql("PRAGMA application_id").scalar() != APPLICATION:
                    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION:d}")
                upgrade(connection)
            _driver(connection).execute("PRAGMA journal_mode = WAL")
        self._receiver = self._receiving_connection()
        self._anchor = self._connect()
        self._anchor.execute("SELECT * FROM schema_version").fetchone()  # which opens the file
        self._files = {tail: self._named(tail) for tail in ("", "-wal", "-shm")}

    def _named(self, tail: str = "") -> tuple[int, int] | None:
        """Which file the path names, with this behind it."""
        try:
            status = Path(f"{self._path}{tail}").stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def _follow(self) -> None:
        """Go on with the file that the path names now, or with a new one; what was in the one that is lost is saved.

        Where that fails, nothing is let go of, and the next one tries anew.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_file.renew()
        refuse_strangers(self._path)
        if self._anchor is not None:
            for tail in ("-wal", "-shm"):  # SQLite would read what is in these into a file that they do not belong to
                if self._named(tail) == self._files.get(tail) is not None:
                    Path(f"{self._path}{tail}").unlink()
            replaced = size_of(self._path) > 0
            to = unused_name(self._path, "replaced") if replaced else self._path
            salvage(self._anchor, to)
            _log.error("%s was removed or replaced while it was in use; what was in it is in %s now", self._path, to)
            if replaced:
                self._audience.note(Change("prune"))
        self._let_go()
        self._open_file()

    def _let_go(self) -> None:
        for engine in (self._looker, self._changer):
            if engine is not None:
                engine.dispose()
        self._looker = self._changer = None
        self._files = {}
        for driver in (self._anchor, self._receiver):
            if driver is not None:
                driver.close()  # the last one copies the log into the file, and removes it
        self._anchor = self._receiver = None

    def _engine(self, begin: str, *, size: int, query_only: bool = False) -> Engine:
        def connect() -> sqlite3.Connection:
            connection = self._connect()
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            if query_only:
                connection.execute("PRAGMA query_only = ON")
            return connection

        engine = create_engine(
            "sqlite://", creator=connect, poolclass=QueuePool, pool_size=size, max_overflow=100 if query_only else 0
        )
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def _connect(self) -> sqlite3.Connection:
        # Not where there is no file: who would make one here would make it in place of one that is lost.
        there = f"{self._path.as_uri()}?mode=rw"
        connection = sqlite3.connect(
            there, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY, cached_statements=STATEMENTS
        )
        connection.execute(f"PRAGMA page_size = {_PAGE:d}")
        connection.execute(f"PRAGMA secure_delete = {self._secure_delete:d}")
        return connection

    def _receiving_connection(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES_MOST:d}")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_KEPT:d}")
        if self._room is not None:  # all others may go beyond it, so that what came can be read
            connection.execute(f"PRAGMA max_page_count = {max(1, self._room // _PAGE):d}")
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'mails'").fetchone()
        self._last = row[0] if row else 0
        return connection

    # -- receiving -------------------------------------------------------------------------------

    def add(self, arrivals: Sequence[Arrival]) -> None:
        """Keep these; see `Store.add`.  Raises `ValueError` where a name is taken."""
        if not arrivals:
            return
        octets = sum(arrival.size for arrival in arrivals)
        with _told(), self._turns.first():
            receiver = self._receive()
            if not self._fits(octets):
                raise StoreFull(f"there is too little room on the disk of {self._path}")
            try:
                receive(receiver, self._last + 1, arrivals)
            except BaseException as error:
                self._undo(receiver, error)
                raise
            self._last += len(arrivals)
            self._came += octets
            for start in range(0, len(arrivals), NAMED):
                self._audience.note(Change("new", tuple(one.id for one in arrivals[start : start + NAMED])))
        self._audience.tell()

    def _receive(self) -> sqlite3.Connection:
        """The connection that receives, on the file that the path names now."""
        if not self._lock_file.held:
            raise StoreUnavailable(f"{self.url} is closed")
        if not self._files or self._named() != self._files[""]:
            self._follow()  # SQLite would go on writing to a file that nobody can find any more
        if self._receiver is None:
            self._receiver = self._receiving_connection()
        return self._receiver

    def _undo(self, receiver: sqlite3.Connection, error: BaseException) -> None:
        """Nothing of this is kept; where the disk failed, nothing of the connection either."""
        with suppress(sqlite3.Error):
            receiver.rollback()
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code not in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_BUSY}:
            self._receiver = None
            with suppress(sqlite3.Error):
                receiver.close()

    def has_room(self, octets: int) -> bool:
        """Whether so many octets would be kept: they are written to the log, and then to the file."""
        if not self._fits(octets):
            return False
        return self._room is None or self._room - self._used() > octets + octets // 10 + 10 * _PAGE

    def _fits(self, octets: int) -> bool:
        """Whether the disk has room for the log and for the file.

        What was deleted has left pages that are written again before the file grows, and its log is as long as it was.
        So where there is little room, a part of the reserve may go into the log.
        """
        if self._free() >= 2 * octets:
            return True
        self._count_unread()
        free = self._free()
        if free >= 2 * octets:
            return True
        return free + self._reserve // 2 >= octets and free + self._unused() >= 2 * octets

    def _count_unread(self) -> None:
        """See what has been read into entries, or deleted, since `catch_up` was last at an end."""
        now = monotonic()
        if now - self._counted < _ROOM_SEEN:
            return
        self._counted = now
        came = self._came
        statement = select(func.coalesce(func.sum(mails.c.size), 0))
        with self._look() as connection:
            unread = connection.scalar(statement.join_from(pending, mails, mails.c.number == pending.c.number)) or 0
        self._read = max(self._read, came - unread)

    def _used(self) -> int:
        """Octets of the file that hold something."""
        with self._look() as connection:
            pages: int = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return pages * _PAGE - self._unused()

    def _unused(self) -> int:
        """Octets of the file that hold nothing any more."""
        with self._look() as connection:
            pages: int = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        return pages * _PAGE

    def _free(self) -> int:
        """Octets of the disk that may be used to receive, as they were a moment ago."""
        asked, free = self._room_seen
        now = monotonic()
        if now - asked >= _ROOM_SEEN:
            try:
                free = shutil.disk_usage(self._path.parent).free - self._reserve
            except FileNotFoundError:
                return sys.maxsize  # `add` will make the directory
            except OSError as error:
                raise StoreUnavailable(f"{self._path}: {error.strerror}") from error
            self._room_seen = now, free
        return free - _READING * (self._came - self._read)

    # -- how a store in a database does this -----------------------------------------------------

    @contextmanager
    def _look(self, *, hurry: bool = True) -> Iterator[Connection]:
        engine = self._looker
        if engine is None:
            raise StoreUnavailable(f"{self.url} is closed")
        with _told(), engine.connect() as connection:
            driver = _driver(connection)
            if hurry:
                deadline = monotonic() + self._search_timeout
                driver.set_progress_handler(lambda: monotonic() > deadline, 10_000)
            try:
                with connection.begin():
                    yield connection
            finally:
                driver.set_progress_handler(None, 0)

    @contextmanager
    def _step(self, *, safe: bool = False) -> Iterator[Step]:
        # The turn comes first: whoever had it before may have gone on with another file.
        with _told(), self._changing, self._turns.later():
            engine = self._changer
            if engine is None:
                raise StoreUnavailable(f"{self.url} is closed")
            with engine.connect() as connection:
                if safe:
                    _driver(connection).execute("PRAGMA synchronous = FULL")
                try:
                    step = Step(connection)
                    with connection.begin():
                        yield step
                    for change in step.changes:
                        self._audience.note(change)
                finally:
                    if safe:
                        _driver(connection).execute("PRAGMA synchronous = NORMAL")
        self._audience.tell()

    def _index(self, connection: Connection, numbers: Sequence[int]) -> None:
        index(connection, numbers)

    def _unindex(self, connection: Connection, numbers: Sequence[int]) -> None:
        unindex(connection, numbers)

    def catch_up(self, most: int = 100) -> int:
        """Read up to so many mails into entries; how many are left."""
        came = self._came
        with _told(), self._turns.first():
            self._receive()
        self._audience.tell()
        left = super().catch_up(most)
        if not left:
            self._read = max(self._read, came)
        log = size_of(f"{self._path}-wal")
        with _told(), self._changing:
            if self._changer is None:
                return left
            self._free()
            if log and self._room_seen[1] <= 0:  # what deleted mails took in the log is somebody else's room
                with self._changer.connect() as connection, self._turns.later():
                    driver = _driver(connection)
                    driver.execute("PRAGMA busy_timeout = 0")  # nobody is waited for: it is tried again
                    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    driver.execute(f"PRAGMA busy_timeout = {int(BUSY * 1000):d}")
            elif log > _LOG_PAGES * _PAGE:
                with self._changer.connect() as connection:  # nobody waits for this
                    _driver(connection).execute("PRAGMA wal_checkpoint(PASSIVE)")
        return left

    def size_on_disk(self) -> int:
        """Octets that the file takes, with its log."""
        return sum(size_of(f"{self._path}{tail}") for tail in ("", "-wal", "-shm"))

    def _truncate(self) -> int:
        with self._step() as step:
            gone = step.connection.scalar(select(func.count()).select_from(mails)) or 0
            if gone:
                # Without conditions these take next to no time.  What is left belongs to no mail: see `_sweep`.
                for emptied in (tags, entries, pending, mails):
                    step.connection.execute(delete(emptied))
                step.connection.exec_driver_sql("INSERT INTO words (words) VALUES ('delete-all')")
                step.changes.append(Change("truncate"))
        self._sweep()
        return gone

    def _sweep(self) -> None:
        """Delete what belongs to mails that were all deleted at once; also where that was interrupted."""
        oldest = select(func.min(mails.c.number)).scalar_subquery()
        left = select(contents.c.number).where(contents.c.number < func.coalesce(oldest, self._last + 1))
        while True:
            with self._step() as step:
                numbers = list(step.connection.scalars(left.order_by(contents.c.number).limit(_SWEPT)))
                if not numbers:
                    return
                for swept in (texts, addresses, headers, contents):
                    step.connection.execute(delete(swept).where(swept.c.number.between(numbers[0], numbers[-1])))


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    return driver


_MEANINGS: dict[int, type[StoreFull | SearchTooSlow]] = {
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_INTERRUPT: SearchTooSlow,
}


@contextmanager
def _told() -> Iterator[None]:
    """Raises what went wrong in the words of the contract."""
    try:
        yield
    except StoreError:  # said already; and some are an OSError too
        raise
    except (DBAPIError, sqlite3.Error) as raised:
        error = raised.orig if isinstance(raised, DBAPIError) else raised
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if isinstance(raised, (IntegrityError, sqlite3.IntegrityError)):
            raise ValueError(f"it is there already: {error}") from raised  # noqa: TRY004
        raise _MEANINGS.get(code, StoreUnavailable)(str(error)) from raised
    except (OSError, PoolTimeout) as raised:
        raise StoreUnavailable(str(raised)) from raised
