"""Notify subscribers of changes, in the order in which the changes happened."""

from __future__ import annotations

import logging
import threading
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store.base import Change

__all__ = ["Subscribers"]

_log = logging.getLogger("lazr.smtptest.store")


class Subscribers:
    """Listeners, and the queue of changes that they have not received yet.

    A store calls `enqueue` while it holds the lock under which the change happens, and `publish` after it has released
    that lock, or `publish_soon` in a thread that must not wait.  So the order is the true one, and a listener may call
    the store.  An exception in a listener is logged, and the other listeners are still called.

    Thread safety: all methods may be called from any thread.

    >>> from lazr.smtptest.store import Change
    >>> subscribers = Subscribers()
    >>> unsubscribe = subscribers.subscribe(print)
    >>> subscribers.enqueue(Change("new", ("1",))); subscribers.publish()
    Change(kind='new', ids=('1',))
    >>> unsubscribe()
    >>> subscribers.enqueue(Change("truncate")); subscribers.publish()
    """

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[[Change], None]] = {}
        self._queue: deque[Change] = deque()
        # Reentrant, because a listener may change the store.  That change is published after the current one has
        # reached all listeners.
        self._publish_lock = threading.RLock()
        self._is_publishing = False
        self._publisher = _Publisher(self.publish)

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` for each change; return a function that ends this.

        The returned function may be called twice.
        """
        key = object()
        with self._publish_lock:
            self._listeners[key] = listener

        def unsubscribe() -> None:
            with self._publish_lock:
                self._listeners.pop(key, None)

        return unsubscribe

    def enqueue(self, change: Change) -> None:
        """Add a change to the queue; the caller has to call `publish` or `publish_soon`."""
        self._queue.append(change)

    def publish(self) -> None:
        """Call the listeners for all queued changes.

        After the return, every change that was queued before the call has been published, by this thread or another.
        (The exception is a call from within a listener: the outer call publishes then.)
        """
        with self._publish_lock:
            if self._is_publishing:
                return
            self._is_publishing = True
            try:
                while self._queue:
                    self._notify(self._queue.popleft())
            finally:
                self._is_publishing = False

    def publish_soon(self) -> None:
        """Let another thread call the listeners for all queued changes; wait for none of them.

        That thread is woken at once.  It ends with `clear`.
        """
        if not self._listeners and self._publish_lock.acquire(blocking=False):
            try:
                if not self._listeners:  # also now that none can be added
                    self._queue.clear()
                    return
            finally:
                self._publish_lock.release()
        self._publisher.wake()

    def _notify(self, change: Change) -> None:
        for listener in tuple(self._listeners.values()):
            try:
                listener(change)
            except Exception:  # noqa: BLE001 - one listener's mistake must not keep the change from the others
                _log.exception("a subscriber raised an exception on the change %r", change.kind)

    def clear(self) -> None:
        """Remove all listeners and drop the queued changes."""
        with self._publish_lock:
            self._listeners.clear()
            self._queue.clear()
        self._publisher.end()


class _Publisher:
    """A thread that publishes whenever it is woken; the first call of `wake` starts it."""

    def __init__(self, publish: Callable[[], None]) -> None:
        self._publish = publish
        self._lock = threading.Lock()  # held for moments, never while listeners are called
        self._wakes: SimpleQueue[bool] | None = None  # with a thread; False ends it

    def wake(self) -> None:
        """Let the thread publish at once."""
        with self._lock:
            if self._wakes is None:
                wakes: SimpleQueue[bool] = SimpleQueue()
                thread = threading.Thread(target=self._run, args=(wakes,), name="smtptest publisher", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # there are too many threads; the next change is published with this one
                    _log.exception("changes are announced late")
                    return
                self._wakes = wakes
            self._wakes.put(True)

    def end(self) -> None:
        """Let the thread end soon."""
        with self._lock:
            if self._wakes is not None:
                self._wakes.put(False)
                self._wakes = None

    def _run(self, wakes: SimpleQueue[bool]) -> None:
        while wakes.get():
            self._publish()
