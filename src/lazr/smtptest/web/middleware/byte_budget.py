"""Limit the bytes that all requests hold in memory together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ByteBudget", "ByteShare"]


class ByteBudget:
    """Count the bytes that requests hold, against `max_bytes` for all of them.

    >>> budget = ByteBudget(100)
    >>> with budget.open_share() as one, budget.open_share() as other:
    ...     one.add(80), other.add(80)
    (True, False)
    >>> budget.held_bytes
    0
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.held_bytes: int = 0

    @property
    def is_exceeded(self) -> bool:
        """Whether requests hold more than `max_bytes`."""
        return self.held_bytes > self._max_bytes

    def open_share(self) -> ByteShare:
        """Return the share of one request; leaving its `with` block gives the bytes back."""
        return ByteShare(self)


class ByteShare:
    """The bytes that one request holds of a budget."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.size: int = 0

    def add(self, count: int) -> bool:
        """Count more bytes; return whether all requests together are within the budget."""
        self.size += count
        self._budget.held_bytes += count
        return not self._budget.is_exceeded

    def resize(self, size: int) -> bool:
        """Hold this many bytes instead.

        Return whether all requests together are within the budget.
        """
        return self.add(size - self.size)

    @property
    def is_only_one(self) -> bool:
        """Whether no other request holds bytes of the budget."""
        return self._budget.held_bytes == self.size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.held_bytes -= self.size
