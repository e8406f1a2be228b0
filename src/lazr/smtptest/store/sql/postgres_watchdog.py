"""Interrupt operations on a PostgreSQL server that does not respond any more.

A server that is suspended, or whose disk hangs, still confirms what it gets: the kernel does.  So no time limit of TCP
ends the wait, and the server's own time limits do not run.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ServerWatchdog", "shut_down_socket"]

_log = logging.getLogger("lazr.smtptest.store")

_CHECK_INTERVAL_SECONDS = 1.0
# A healthy server may take this long, with locks and large transactions.  Then a new connection shows whether it lives.
MAX_SECONDS_BEFORE_CHECK: float = 4.0


class ServerWatchdog:
    """A thread that closes all connections to a server that does not respond.

    It acts when an operation takes long and the server accepts no new connection.  The operations then raise an error
    of the driver.

    Args:
        connect: opens a new connection with a short time limit; raises an error of the driver or a `StoreError`.
        max_seconds: how long an operation may take before the server is checked.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[tuple[object, ...]]],
        *,
        max_seconds: float = MAX_SECONDS_BEFORE_CHECK,
    ) -> None:
        self._connect = connect
        self._max_seconds = max_seconds
        self._lock = threading.Lock()
        self._started_by_operation: dict[object, float] = {}
        self._connections: set[psycopg.Connection[tuple[object, ...]]] = set()
        self._close_requested = threading.Event()
        self._thread = threading.Thread(target=self._run, name="smtptest watches the database", daemon=True)
        self._thread.start()

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Watch the operation in the block."""
        operation = object()
        with self._lock:
            self._started_by_operation[operation] = monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._started_by_operation.pop(operation, None)

    def add_connection(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        """Close this connection too when the server does not respond."""
        with self._lock:
            self._connections = {known for known in self._connections if not known.closed} | {connection}

    def close(self) -> None:
        """End the thread, and interrupt the operations that are running."""
        self._close_requested.set()
        self._interrupt()

    def _run(self) -> None:
        is_reported = False
        while not self._close_requested.wait(_CHECK_INTERVAL_SECONDS):
            with self._lock:
                oldest = min(self._started_by_operation.values(), default=monotonic())
            if monotonic() - oldest <= self._max_seconds:
                continue
            if self._is_server_alive():
                is_reported = False
                continue
            if not is_reported:  # one line for each outage
                _log.warning("the database does not respond; its connections are closed")
            is_reported = True
            self._interrupt()

    def _is_server_alive(self) -> bool:
        try:
            self._connect().close()
        except (psycopg.Error, StoreError):
            return False
        return True

    def _interrupt(self) -> None:
        with self._lock:
            connections, self._connections = self._connections, set()
        for connection in connections:
            shut_down_socket(connection)


def shut_down_socket(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """End a connection from another thread: what waits for the server gets an error at once."""
    with suppress(OSError, psycopg.Error):
        copy = socket.socket(fileno=os.dup(connection.fileno()))
        with copy:
            copy.shutdown(socket.SHUT_RDWR)
