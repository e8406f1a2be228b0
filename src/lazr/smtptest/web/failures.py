"""How often somebody may fail before they have to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["Failures"]


class Failures:
    """Counts failures: at most `most` in `seconds`, for each key.

    An attempt counts as a failure while nobody knows yet (`attempt`), so that a thousand at once are no way around;
    a success takes it back.  Only `keys` many are remembered; the oldest is forgotten for a new one.

    >>> failures = Failures(most=2, seconds=60)
    >>> [failures.attempt("eve") for _ in range(2)]
    [0.0, 0.0]
    >>> 59 < failures.attempt("eve") <= 60, failures.attempt("ann")
    (True, 0.0)
    """

    def __init__(
        self, *, most: int, seconds: float, keys: int = 10_000, clock: Callable[[], float] = monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._keys = keys
        self._clock = clock
        self._counts: dict[Hashable, list[float]] = {}  # how many, and until when they count

    def attempt(self, key: Hashable) -> float:
        """Begin one: 0.0, or the seconds to wait, and then it has not begun."""
        now = self._clock()
        count = self._counts.get(key)
        if count is None or count[1] <= now:
            self._counts.pop(key, None)
            while len(self._counts) >= self._keys:
                del self._counts[next(iter(self._counts))]
            count = self._counts[key] = [0, now + self._seconds]
        if count[0] >= self._most:
            return count[1] - now
        count[0] += 1
        return 0.0

    def succeeded(self, key: Hashable) -> None:
        """It was none."""
        if key in self._counts:
            self._counts[key][0] -= 1

    def __len__(self) -> int:
        return len(self._counts)
