"""Run the deliveries of notifications one after another, in a thread of their own.

A delivery to another server may take its time, which must not stop the server.
"""

from __future__ import annotations

import threading
from collections import deque

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.logger import get_logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NotificationQueue"]


class NotificationQueue:
    """A thread that calls functions in order; it starts with the first one.

    Any thread may call the methods.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._calls: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def put(self, function: Callable[[], None]) -> bool:
        """Call a function after those before it; return False if the queue is closed."""
        with self._condition:
            if self._is_closed:
                return False
            self._calls.append(function)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="smtptest notifications", daemon=True)
                self._thread.start()
            self._condition.notify_all()
        return True

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._calls and not self._is_closed:
                    self._condition.wait()
                if self._is_closed:
                    return
                function = self._calls.popleft()
            try:
                function()
            except Exception:  # noqa: BLE001 - the others go on
                get_logger().exception("the delivery of a notification failed")

    def close(self, timeout: float) -> bool:
        """Drop the functions that wait; return whether the thread has ended in time."""
        with self._condition:
            self._is_closed = True
            self._calls.clear()
            self._condition.notify_all()
            thread = self._thread
        deadline = monotonic() + timeout
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(deadline - monotonic(), 0))
            return not thread.is_alive()
        return True
