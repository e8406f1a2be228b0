"""Arrivals put together, so that many sessions share one commit and none of them blocks the loop.

A commit waits for a disk, and takes as long for a hundred mails as for one.  While one is under way, whatever comes
waits for the next: with one client that costs nothing, with a hundred a hundredth.
"""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest.errors import StoreError, StoreFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store.contract import Arrival, Store

__all__ = ["Commits"]

# The most of one commit: more makes the first of them wait for the last, and saves no more.
_MOST = 500
_MOST_OCTETS = 16 * 1024 * 1024


class _Waiting(NamedTuple):
    arrival: Arrival
    done: Callable[[BaseException | None], None]


class Commits:
    """A thread that adds to a store what others hand it.

    `tell(function)` calls a function in the thread that wants to hear of it; it must not block.
    """

    def __init__(self, store: Store, tell: Callable[[Callable[[], None]], None]) -> None:
        self._store = store
        self._tell = tell
        self._waiting: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"smtptest commits to {store.url}", daemon=True)
        self._thread.start()

    def add(self, arrival: Arrival, done: Callable[[BaseException | None], None]) -> None:
        """Have it added; then `done` is told None, or what went wrong."""
        self._waiting.put(_Waiting(arrival, done))

    def close(self, timeout: float) -> bool:
        """Add what waits, and end; whether that was done in so many seconds."""
        self._waiting.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        ended = False
        while not ended:
            first = self._waiting.get()
            if first is None:
                return
            batch, size = [first], first.arrival.size
            while len(batch) < _MOST and size < _MOST_OCTETS:
                try:
                    another = self._waiting.get_nowait()
                except Empty:
                    break
                if another is None:
                    ended = True
                    break
                batch.append(another)
                size += another.arrival.size
            self._add(batch)

    def _add(self, batch: list[_Waiting]) -> None:
        error: BaseException | None = None
        try:
            self._store.add([waiting.arrival for waiting in batch])
        except BaseException as raised:  # noqa: BLE001 - it is told to whoever waits
            alone = isinstance(raised, StoreFull) or not isinstance(raised, StoreError)
            if alone and len(batch) > 1:  # one of them is to blame, or too large, and the others are not
                for waiting in batch:
                    self._add([waiting])
                return
            error = raised

        def tell() -> None:
            for waiting in batch:
                waiting.done(error)

        self._tell(tell)
