"""Threads for calls that may block, such as those of a store on a disk or in a network."""

from __future__ import annotations

import threading
from collections import deque

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.logger import get_logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WorkerPool"]


class WorkerPool:
    """Run functions in a few daemon threads, which start when they are needed.

    Daemon threads: a call that hangs, such as one of a database without a network, keeps no process alive.

    Thread safety: all methods may be called from any thread.

    Args:
        max_threads: The number of threads, at most.
        name: The name of the threads.

    >>> pool = WorkerPool(2, "worker")
    >>> results = []
    >>> pool.submit(lambda: results.append("done"))
    >>> pool.close(5.0), results
    (True, ['done'])
    """

    def __init__(self, max_threads: int, name: str) -> None:
        self._max_threads = max_threads
        self._name = name
        self._functions: deque[Callable[[], object]] = deque()
        self._condition = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._idle_count = 0
        self._is_closed = False

    def submit(self, function: Callable[[], object]) -> None:
        """Run a function as soon as a thread is free; after `close`, do nothing."""
        with self._condition:
            if self._is_closed:
                return
            self._functions.append(function)
            if self._idle_count >= len(self._functions):
                self._condition.notify()
            elif len(self._threads) < self._max_threads:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                thread.start()
                self._threads.append(thread)

    def _run(self) -> None:
        while True:
            with self._condition:
                self._idle_count += 1
                while not self._functions and not self._is_closed:
                    self._condition.wait()
                self._idle_count -= 1
                if not self._functions:
                    return
                function = self._functions.popleft()
            try:
                function()
            except Exception:  # noqa: BLE001 - the thread goes on with the next function
                get_logger().exception("a call in a worker thread failed")

    def close(self, timeout: float) -> bool:
        """Run the submitted functions, and end the threads; return whether that was in time.

        Args:
            timeout: The longest wait, in seconds.
        """
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
        end = monotonic() + timeout
        for thread in self._threads:
            thread.join(max(end - monotonic(), 0.0))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def thread_count(self) -> int:
        """How many threads were started."""
        return len(self._threads)

    @property
    def has_idle_thread(self) -> bool:
        """Whether a thread waits for a function."""
        return self._idle_count > 0
