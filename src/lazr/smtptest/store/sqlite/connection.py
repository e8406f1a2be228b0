"""Open connections to an SQLite file, by the driver and by SQLAlchemy."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from lazr.smtptest.store.sqlite.bulk_insert import STATEMENT_CACHE_SIZE
from lazr.smtptest.store.sqlite.document import register_functions
from lazr.smtptest.store.sqlite.file import BUSY_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

__all__ = ["PAGE_BYTES", "ConnectionFactory", "get_driver_connection"]

PAGE_BYTES: int = 4096
"""The size of a page of the file."""


class ConnectionFactory:
    """A factory of connections to one file.

    Args:
        path: the file, which must exist.
        secure_delete: overwrite deleted data with zeros.
    """

    def __init__(self, path: Path, *, secure_delete: bool) -> None:
        self._path = path
        self._secure_delete = secure_delete
        self.uses_heap_index: bool = False
        """Whether the index of the log is in the memory of this process, and not in the file `-shm`.

        On a full disk, that file cannot be created.  Other processes then cannot read the database, for a backup.
        """

    def connect(self) -> sqlite3.Connection:
        """Open a connection of the driver, in autocommit mode."""
        # Never create the file here (`mode=rw`): a new, empty one would hide the loss of the old one.
        vfs = "&vfs=unix-excl" if self.uses_heap_index else ""  # https://www.sqlite.org/vfs.html
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw{vfs}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT_SECONDS,
            cached_statements=STATEMENT_CACHE_SIZE,
        )
        # One damaged byte must not make a whole list unreadable.
        connection.text_factory = _decode_text
        register_functions(connection)
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES:d}")
        connection.execute(f"PRAGMA secure_delete = {self._secure_delete:d}")
        return connection

    def create_read_engine(self) -> Engine:
        """Return a pool for snapshots.

        Readers never wait for writers, because the file has a write-ahead log.
        """
        return self._create_engine("BEGIN", pool_size=5, max_overflow=100, query_only=True)

    def create_write_engine(self) -> Engine:
        """Return a pool of one connection, for all changes other than adding mails."""
        return self._create_engine("BEGIN IMMEDIATE", pool_size=1, max_overflow=0, query_only=False)

    def _create_engine(self, begin_statement: str, *, pool_size: int, max_overflow: int, query_only: bool) -> Engine:
        def connect() -> sqlite3.Connection:
            connection = self.connect()
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            if query_only:
                connection.execute("PRAGMA query_only = ON")
            return connection

        engine = create_engine(
            "sqlite://", creator=connect, poolclass=QueuePool, pool_size=pool_size, max_overflow=max_overflow
        )
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin_statement))
        return engine


def _decode_text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def get_driver_connection(connection: Connection) -> sqlite3.Connection:
    """Return the driver's connection that an SQLAlchemy connection wraps."""
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    return driver
