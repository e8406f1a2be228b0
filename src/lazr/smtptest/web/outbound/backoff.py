"""Compute the delays between attempts: exponential backoff with jitter."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Double the delay with each attempt, up to a maximum, minus random jitter.

    The delays grow from `initial_delay` to `max_delay` seconds.  The jitter is up to half of the delay.  Without it,
    all senders would return at the same time to a receiver that was down.  `jitter` returns a random number from 0 to
    1.

    >>> backoff = Backoff(initial_delay=1, max_delay=5, jitter=lambda: 0.0)
    >>> [backoff.get_next_delay() for _ in range(5)]
    [1.0, 2.0, 4.0, 5.0, 5.0]
    """

    def __init__(
        self, *, initial_delay: float = 1.0, max_delay: float = 300.0, jitter: Callable[[], float] = random.random
    ) -> None:
        self._initial_delay = float(initial_delay)
        self._max_delay = float(max_delay)
        self._jitter = jitter
        self._delay = self._initial_delay

    def get_next_delay(self, min_delay: float = 0.0) -> float:
        """Return the next delay in seconds: at least `min_delay`, but never above the maximum."""
        delay, self._delay = min(self._delay, self._max_delay), self._delay * 2
        return max(delay * (1 - self._jitter() / 2), min(min_delay, self._max_delay))

    def reset(self) -> None:
        """Start with the initial delay again, after a success."""
        self._delay = self._initial_delay
