"""The limit of the search for what changed: hostile mails must not cost more time."""

from __future__ import annotations

__all__ = ["SearchBudget"]

# About 0.3 seconds: a hash takes 1 to 3 ns for a byte, and each try costs as much as 1,000 bytes in Python.
MAX_OCTETS = 64_000_000
_OCTETS_OF_A_TRY = 1000


class SearchBudget:
    """Count the bytes that a search hashes, for all signatures of a mail together.

    The first try that does not fit ends the search: later tries would cost time, too.

    >>> budget = SearchBudget(10_000)
    >>> budget.spend(5000), budget.spend(5000), budget.is_spent
    (True, False, True)
    """

    __slots__ = ("_octets",)

    def __init__(self, octets: int = MAX_OCTETS) -> None:
        self._octets = octets

    def split(self) -> SearchBudget:
        """Return half of the rest, for one of two searches."""
        half = self._octets // 2
        self._octets -= half
        return SearchBudget(half)

    @property
    def is_spent(self) -> bool:
        """Whether no further try is allowed."""
        return self._octets < _OCTETS_OF_A_TRY

    def spend(self, octets: int) -> bool:
        """Return whether one more try, of this size, is allowed."""
        octets += _OCTETS_OF_A_TRY
        if octets > self._octets:
            self._octets = 0
            return False
        self._octets -= octets
        return True
