"""Notify all nodes of new mails, for many commits in one transaction.

PostgreSQL runs transactions with a NOTIFY one after another, and each wakes every node.  So a thread of its own sends
them, with a pause after each: a mail that comes alone is announced at once, and mails in a burst a little later.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg

from lazr.smtptest.errors import StoreError
from lazr.smtptest.store.sql.postgres_driver import encode_texts, execute_prepared, prepare_statement
from lazr.smtptest.store.sql.postgres_notifications import (
    INITIAL_RETRY_SECONDS,
    MAX_RETRY_SECONDS,
    NOTIFY_SQL,
    build_payloads,
)
from lazr.smtptest.store.sql.postgres_watchdog import shut_down_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

__all__ = ["NewMailPublisher"]

PAUSE_SECONDS: float = 0.01
"""How long the IDs of further mails are collected after a notification."""

_STATEMENT_NAME = b"smtptest_notify"
_MAX_QUEUED_IDS = 10_000
_MAX_CLOSE_SECONDS = 1.0


class NewMailPublisher:
    """A thread that announces the mails that this node has added.

    A notification that cannot be sent is replaced by a `prune`, after which subscribers read the store again.

    Thread safety: all methods may be called from any thread.

    Args:
        connect: opens a connection of its own, in autocommit mode.
        watch: the watch over an operation of the database.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[tuple[object, ...]]],
        watch: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connect = connect
        self._watch = watch
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._lock = threading.Lock()  # guards the following
        self._wakes = threading.Condition(self._lock)  # the thread waits for it
        self._sends = threading.Condition(self._lock)  # flushes wait for it
        self._queue: deque[str] = deque()
        self._added_count = self._settled_count = 0  # IDs since the start; settled are those sent or dropped
        self._has_dropped = False  # since the last notification that was sent
        self._is_idle = False
        self._waiting_flushes = 0
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="smtptest announces new mails", daemon=True)
        self._thread.start()

    def add(self, ids: Sequence[str]) -> None:
        """Announce these mails soon, in this order."""
        with self._lock:
            self._queue.extend(ids)
            self._added_count += len(ids)
            if len(self._queue) > _MAX_QUEUED_IDS:  # the server does not respond
                self._settled_count += len(self._queue)
                self._queue.clear()
                self._has_dropped = True
            if self._is_idle:  # waking a thread costs more than all this
                self._wakes.notify()

    def flush(self, timeout: float) -> None:
        """Wait until all mails that were added before are announced, at most `timeout` seconds."""
        with self._lock:
            target = self._added_count
            if self._settled_count >= target:
                return
            self._waiting_flushes += 1
            self._wakes.notify()
            self._sends.wait_for(lambda: self._settled_count >= target, timeout)
            self._waiting_flushes -= 1

    def close(self) -> None:
        """Announce what is queued, if that succeeds within a second, and end the thread."""
        with self._lock:
            self._is_closed = True
            self._wakes.notify()
        self._thread.join(_MAX_CLOSE_SECONDS)
        connection = self._connection
        if connection is not None and self._thread.is_alive():
            shut_down_socket(connection)

    def _run(self) -> None:
        retry_delay = INITIAL_RETRY_SECONDS
        while self._wait_for_work():
            with self._lock:
                ids, has_dropped = list(self._queue), self._has_dropped
                self._queue.clear()
            is_sent = self._send(list(build_payloads("prune", ()) if has_dropped else build_payloads("new", ids)))
            with self._lock:
                self._settled_count += len(ids)
                self._has_dropped = not is_sent or (self._has_dropped and not has_dropped)
                self._sends.notify_all()
                if is_sent:
                    retry_delay = INITIAL_RETRY_SECONDS
                    self._wakes.wait_for(lambda: self._is_closed or self._waiting_flushes > 0, PAUSE_SECONDS)
                else:
                    self._wakes.wait_for(lambda: self._is_closed, retry_delay)
                    retry_delay = min(2 * retry_delay, MAX_RETRY_SECONDS)
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()

    def _wait_for_work(self) -> bool:
        """Wait until there is something to send; return whether there is.

        There may be nothing once the publisher is closed.
        """
        with self._lock:
            self._is_idle = True
            self._wakes.wait_for(lambda: self._is_closed or self._queue or self._has_dropped)
            self._is_idle = False
            return bool(self._queue) or (self._has_dropped and not self._is_closed)

    def _send(self, payloads: list[str]) -> bool:
        """Send payloads in one transaction; return whether that succeeded."""
        try:
            with self._watch():
                if self._connection is None:
                    self._connection = self._connect()
                    # No disk has to keep a notification.
                    self._connection.execute("SET synchronous_commit = off")
                    prepare_statement(self._connection, _STATEMENT_NAME, NOTIFY_SQL.replace("%s", "$1"))
                execute_prepared(self._connection, _STATEMENT_NAME, [encode_texts(payloads)])
        except (psycopg.Error, StoreError):
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(psycopg.Error):
                    connection.close()
            return False
        return True
