"""A write lock that gives incoming mail priority over maintenance.

Maintenance does not starve.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lazr.smtptest._util.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WriteLock"]


class WriteLock:
    """A lock for one writer at a time, with two priorities.

    `threading.Lock` would not be fair: a thread that releases and acquires it in a loop keeps it, while a client waits.

    Args:
        max_wait: seconds after which a waiting writer of low priority becomes the next, even under constant load.

    >>> lock = WriteLock()
    >>> with lock.acquire_high_priority():
    ...     pass
    """

    def __init__(self, max_wait: float = 0.02) -> None:
        self._max_wait = max_wait
        self._condition = threading.Condition(threading.Lock())
        self._is_locked = False
        self._high_priority_waiters = 0
        self._overdue_waiters = 0  # of low priority, after `max_wait`

    @contextmanager
    def acquire_high_priority(self) -> Iterator[None]:
        """Hold the lock during the block; acquire it before all waiting writers of low priority."""
        with self._condition:
            self._high_priority_waiters += 1
            try:
                while self._is_locked or self._overdue_waiters:
                    self._condition.wait()
            finally:
                self._high_priority_waiters -= 1
            self._is_locked = True
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def try_acquire_high_priority(self) -> Iterator[bool]:
        """Hold the lock during the block if that needs no waiting; the block gets whether it does."""
        with self._condition:
            is_acquired = not (self._is_locked or self._high_priority_waiters or self._overdue_waiters)
            if is_acquired:
                self._is_locked = True
        try:
            yield is_acquired
        finally:
            if is_acquired:
                self._release()

    @contextmanager
    def acquire_low_priority(self) -> Iterator[None]:
        """Hold the lock during the block; let writers of high priority go first.

        Acquires the lock when no writer of high priority waits, or after `max_wait`.
        """
        with self._condition:
            deadline = monotonic() + self._max_wait
            while (self._is_locked or self._high_priority_waiters) and (left := deadline - monotonic()) > 0:
                self._condition.wait(left)
            self._overdue_waiters += 1
            try:
                while self._is_locked:
                    self._condition.wait()
            finally:
                self._overdue_waiters -= 1
            self._is_locked = True
        try:
            yield
        finally:
            self._release()

    def _release(self) -> None:
        with self._condition:
            self._is_locked = False
            self._condition.notify_all()
