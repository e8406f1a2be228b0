"""A small pool of driver connections, for statements that must cost little.

SQLAlchemy's overhead for such a statement exceeds the work.  Taking a connection costs no round trip: a read that
does not wait shows whether the server has closed it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq

from lazr.smtptest.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DriverConnectionPool"]


class DriverConnectionPool:
    """Connections in autocommit mode; each is used by one thread at a time.

    Args:
        connect: opens a connection and prepares its statements.
        max_connections: how many there may be.
        timeout: for how many seconds to wait for a connection while all are in use.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[tuple[object, ...]]],
        *,
        max_connections: int,
        timeout: float,
    ) -> None:
        self._connect = connect
        self._timeout = timeout
        self._slots = threading.BoundedSemaphore(max_connections)
        self._lock = threading.Lock()
        self._idle: list[psycopg.Connection[tuple[object, ...]]] = []
        self._is_closed = False

    @contextmanager
    def acquire(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """Take a connection for the duration of the block.

        Raises:
            StoreUnavailable: all connections are in use for too long.
        """
        if not self._slots.acquire(timeout=self._timeout):
            raise StoreUnavailable(f"all connections that add mails were in use for {self._timeout:g} s; try again")
        try:
            connection = self._take_idle() or self._connect()
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close the connections; those in use at the end of their block."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            _close(connection)

    def _take_idle(self) -> psycopg.Connection[tuple[object, ...]] | None:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None or _is_alive(connection):
                return connection
            _close(connection)

    def _give_back(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        # A connection in the middle of a transaction or of a result is of no use to the next thread.
        is_reusable = connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
        with self._lock:
            if is_reusable and not self._is_closed:
                self._idle.append(connection)
                return
        _close(connection)


def _is_alive(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Return whether a connection is open, as far as this machine knows.

    This does not wait for the server.
    """
    try:
        for _ in range(2):  # the first read may get the server's last words, the second finds the end
            connection.pgconn.consume_input()
    except psycopg.Error:
        return False
    return connection.pgconn.status == pq.ConnStatus.OK


def _close(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    with suppress(psycopg.Error):
        connection.close()
