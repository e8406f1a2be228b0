"""Slow down attempts that fail often: a rate limit for passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest._util.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["AttemptLimit"]


class AttemptLimit:
    """Allow `burst` failed attempts of a key at once, and one more in each interval.

    An attempt counts as failed from its start until `forgive`, so that many attempts at once do not bypass the limit.
    An attempt above the limit has to wait for its turn.  The turns of one key follow each other, so its wait is short
    when the failures end.

    Args:
        burst: the number of failed attempts that need not wait.
        interval_seconds: the time between two further attempts.
        max_wait_seconds: the longest wait; an attempt that would wait longer is refused.
        max_keys: how many keys are remembered; a new key beyond that replaces the oldest one.
        clock: seconds that never go back.

    >>> limit = AttemptLimit(burst=2, interval_seconds=5, max_wait_seconds=6, clock=lambda: 100.0)
    >>> [limit.start_attempt("eve") for _ in range(4)]
    [0.0, 0.0, 5.0, None]
    >>> limit.start_attempt("ann")
    0.0
    """

    def __init__(
        self,
        *,
        burst: int,
        interval_seconds: float,
        max_wait_seconds: float,
        max_keys: int = 10_000,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._burst = burst
        self._interval_seconds = interval_seconds
        self._max_wait_seconds = max_wait_seconds
        self._max_keys = max_keys
        self._clock = clock
        # When all counted attempts of a key would have had their turn, if each took an interval.
        self._end_by_key: dict[Hashable, float] = {}

    def start_attempt(self, key: Hashable) -> float | None:
        """Count an attempt, and return the seconds that it must wait.

        None if it would wait too long: it is refused, and not counted.
        """
        now = self._clock()
        end = max(self._end_by_key.get(key, now), now)
        wait_seconds = end + self._interval_seconds - now - self._burst * self._interval_seconds
        if wait_seconds > self._max_wait_seconds:
            return None
        if key not in self._end_by_key:
            while len(self._end_by_key) >= self._max_keys:
                del self._end_by_key[next(iter(self._end_by_key))]
        self._end_by_key[key] = end + self._interval_seconds
        return max(wait_seconds, 0.0)

    def forgive(self, key: Hashable) -> None:
        """Undo one counted attempt: it succeeded."""
        end = self._end_by_key.get(key)
        if end is not None:
            end -= self._interval_seconds
            if end > self._clock():
                self._end_by_key[key] = end
            else:
                del self._end_by_key[key]

    def __len__(self) -> int:
        return len(self._end_by_key)
