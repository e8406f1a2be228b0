"""Changes over PostgreSQL's LISTEN and NOTIFY.

A node notifies all nodes of what it has changed.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, get_args

import psycopg
from psycopg import sql

from lazr.smtptest.errors import StoreError
from lazr.smtptest.store.base import Change, ChangeKind
from lazr.smtptest.store.sql.postgres_watchdog import shut_down_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["INITIAL_RETRY_SECONDS", "MAX_RETRY_SECONDS", "NOTIFY_SQL", "NotificationListener", "build_payloads"]

INITIAL_RETRY_SECONDS: float = 0.05
"""How long to wait before the first new attempt to connect; each further wait is twice as long."""
MAX_RETRY_SECONDS: float = 1.0
"""The longest wait between two attempts to connect."""

_MAX_CLOSE_SECONDS = 1.0

# PostgreSQL limits a payload to 8,000 bytes.
_MAX_IDS_PER_PAYLOAD = 50

# One channel per schema.  PostgreSQL cuts names after 63 bytes, so two long ones could become the same.
_CHANNEL_SQL = "left('smtptest ' || current_schema(), 60)"
NOTIFY_SQL: str = f"SELECT pg_notify({_CHANNEL_SQL}, unnest(%s::text[]))"
"""The statement that sends payloads, a list, to all nodes."""


def build_payloads(kind: ChangeKind, ids: Sequence[str]) -> Iterator[str]:
    """Yield the payloads that announce a change; several if the IDs do not fit into one.

    >>> list(build_payloads("read", ["m1", "m2"])), list(build_payloads("truncate", []))
    (['["read", "m1", "m2"]'], ['["truncate"]'])
    """
    for start in range(0, max(1, len(ids)), _MAX_IDS_PER_PAYLOAD):
        yield json.dumps([kind, *ids[start : start + _MAX_IDS_PER_PAYLOAD]])


def parse_payload(payload: str) -> Change:
    """Return the change that a payload announces.

    Payloads are untrusted input: every user of the database may send one.  An invalid one becomes `prune`, which makes
    subscribers read the store again.
    """
    try:
        kind, *ids = json.loads(payload)
    except (ValueError, TypeError):
        return Change("prune")
    return Change(kind, tuple(map(str, ids))) if kind in get_args(ChangeKind) else Change("prune")


class NotificationListener:
    """A thread that receives the changes of all nodes.

    Args:
        connect: opens a connection of its own, in autocommit mode.
        on_change: gets each change, in this thread.
    """

    def __init__(
        self, connect: Callable[[], psycopg.Connection[tuple[object, ...]]], on_change: Callable[[Change], None]
    ) -> None:
        self._connect = connect
        self._on_change = on_change
        self._close_requested = threading.Event()
        self._connection = self._start_listening()
        self._thread = threading.Thread(target=self._run, name="smtptest listens for changes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread.

        A thread that is connecting to a server without a response ends later.
        """
        self._close_requested.set()
        shut_down_socket(self._connection)  # wakes the thread at once
        self._thread.join(_MAX_CLOSE_SECONDS)

    def _start_listening(self) -> psycopg.Connection[tuple[object, ...]]:
        connection = self._connect()
        [(channel,)] = connection.execute(f"SELECT {_CHANNEL_SQL}").fetchall()
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(str(channel))))
        return connection

    def _run(self) -> None:
        while not self._close_requested.is_set():
            try:
                for notification in self._connection.notifies(timeout=1.0):
                    if self._close_requested.is_set():
                        break
                    if notification.payload:
                        self._on_change(parse_payload(notification.payload))
            except (psycopg.Error, OSError):
                if not self._close_requested.is_set():
                    self._reconnect()
        with suppress(psycopg.Error):
            self._connection.close()

    def _reconnect(self) -> None:
        delay = INITIAL_RETRY_SECONDS
        with suppress(psycopg.Error):
            self._connection.close()
        while not self._close_requested.wait(delay):
            try:
                self._connection = self._start_listening()
            except (StoreError, psycopg.Error):
                delay = min(2 * delay, MAX_RETRY_SECONDS)
            else:
                self._on_change(Change("prune"))  # changes may have been missed
                return
