"""Group commit: put the mails of many sessions into one commit, in a thread of its own.

A commit waits for the disk, and takes about as long for a hundred mails as for one.  While one commit is running, new
mails queue up for the next.  With one client that costs nothing; with a hundred clients, each pays a hundredth.
"""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest.errors import StoreError, StoreFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store.base import Arrival, Store

__all__ = ["GroupCommit"]

# A larger commit saves nothing more, and its first mail waits for its last.
_MAX_MAILS_PER_COMMIT = 500
_MAX_BYTES_PER_COMMIT = 16 * 1024 * 1024


class _QueuedMessage(NamedTuple):
    message: Arrival
    on_done: Callable[[BaseException | None], None]


class GroupCommit:
    """A thread that adds queued mails to a store, many in one commit.

    Thread safety: `add` may be called from any thread.

    Args:
        store: the open store.
        call_soon: calls a function in the thread that handles results; must not block.  In asyncio programs, this is
            `loop.call_soon_threadsafe`.
    """

    def __init__(self, store: Store, call_soon: Callable[[Callable[[], None]], None]) -> None:
        self._store = store
        self._call_soon = call_soon
        self._queue: SimpleQueue[_QueuedMessage | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"smtptest commits to {store.url}", daemon=True)
        self._thread.start()

    def add(self, message: Arrival, on_done: Callable[[BaseException | None], None]) -> None:
        """Queue a mail; `on_done` gets None after the commit, or the exception that prevented it.

        `on_done` must not raise an exception.
        """
        self._queue.put(_QueuedMessage(message, on_done))

    def close(self, timeout: float) -> bool:
        """Commit the queued mails and end the thread; return whether that was in time.

        It is in time if it took at most `timeout` seconds.
        """
        self._queue.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        ended = False
        while not ended:
            first = self._queue.get()
            if first is None:
                return
            batch, size = [first], first.message.size
            while len(batch) < _MAX_MAILS_PER_COMMIT and size < _MAX_BYTES_PER_COMMIT:
                try:
                    another = self._queue.get_nowait()
                except Empty:
                    break
                if another is None:
                    ended = True
                    break
                batch.append(another)
                size += another.message.size
            self._add_batch(batch)

    def _add_batch(self, batch: list[_QueuedMessage]) -> None:
        error: BaseException | None = None
        try:
            self._store.add([queued.message for queued in batch])
        except BaseException as raised:  # noqa: BLE001 - `on_done` passes it on
            may_concern_one_mail = isinstance(raised, StoreFull) or not isinstance(raised, StoreError)
            if may_concern_one_mail and len(batch) > 1:
                for queued in batch:
                    self._add_batch([queued])
                return
            error = raised

        def report() -> None:
            for queued in batch:
                queued.on_done(error)

        self._call_soon(report)
