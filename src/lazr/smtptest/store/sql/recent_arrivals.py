"""Keep the mails that this process added, until the database notifies it of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.store.base import Arrival

__all__ = ["RecentArrivals"]

_MAX_BYTES = 8 * 1024 * 1024


class RecentArrivals:
    """New mails by their IDs, within a limit on their size; the oldest are dropped first.

    Subscribers get them with the notification, and need not read them from the database.

    Thread safety: all methods may be called from any thread.

    >>> from lazr.smtptest import Envelope
    >>> from lazr.smtptest.store import Arrival
    >>> envelope = Envelope("", (), mail_parameters={}, rcpt_parameters=())
    >>> recent = RecentArrivals()
    >>> recent.add([Arrival("1", 0.0, envelope, [b"x"]), Arrival("2", 0.0, envelope, [b"y"])])
    >>> len(recent.take(["1", "2"])), recent.take(["1", "2"]), recent.take(["3"])
    (2, (), ())
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._arrivals: dict[str, Arrival] = {}
        self._size = 0
        self._lock = threading.Lock()

    def add(self, arrivals: Sequence[Arrival]) -> None:
        """Keep mails that are about to be added."""
        with self._lock:
            for arrival in arrivals:
                if arrival.id in self._arrivals:  # the database will refuse one of them
                    self._remove(arrival.id)
                self._arrivals[arrival.id] = arrival
                self._size += arrival.memory_size
            while self._size > self._max_bytes:
                self._remove(next(iter(self._arrivals)))

    def take(self, ids: Sequence[str]) -> tuple[Arrival, ...]:
        """Return the mails with these IDs, and forget them; empty unless all of them are known."""
        with self._lock:
            found = [self._remove(mail_id) for mail_id in ids if mail_id in self._arrivals]
        return tuple(found) if len(found) == len(ids) else ()

    def _remove(self, mail_id: str) -> Arrival:
        arrival = self._arrivals.pop(mail_id)
        self._size -= arrival.memory_size
        return arrival
