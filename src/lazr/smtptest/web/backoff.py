"""How long to wait before something is tried again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Twice as long each time, from `first` to `longest` seconds, less up to a half by chance.

    Without chance, all whose receiver was gone would come back to it at the same moment.

    >>> backoff = Backoff(first=1, longest=5, chance=lambda: 0.0)
    >>> [backoff.next() for _ in range(5)]
    [1.0, 2.0, 4.0, 5.0, 5.0]
    """

    def __init__(
        self, *, first: float = 1.0, longest: float = 300.0, chance: Callable[[], float] = random.random
    ) -> None:
        self._first = float(first)
        self._longest = float(longest)
        self._chance = chance
        self._whole = self._first

    def next(self, at_least: float = 0.0) -> float:
        """The next wait; `at_least` is what was asked for, and no more than the longest."""
        whole, self._whole = min(self._whole, self._longest), self._whole * 2
        return max(whole * (1 - self._chance() / 2), min(at_least, self._longest))

    def reset(self) -> None:
        """It worked: begin with the first again."""
        self._whole = self._first
