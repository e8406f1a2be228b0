"""A sink for message content that moves large content to a temporary file."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import MemorySink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

__all__ = ["MemoryBudget", "SpooledContent"]


class MemoryBudget:
    """The memory that the unfinished messages of all sessions share.

    Args:
        max_bytes: The limit; above it, content goes to files.
    """

    __slots__ = ("max_bytes", "used_bytes")

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes: int = max_bytes
        self.used_bytes: int = 0


class SpooledContent:
    """Content of one transaction, in memory or in a temporary file.

    It is in memory up to `max_memory_bytes`, and while the budget of all sessions suffices; then it is in a file.

    Args:
        max_memory_bytes: The limit for this content.
        budget: The memory that it shares with the content of other sessions; None for no such limit.

    >>> spool = SpooledContent(max_memory_bytes=4)
    >>> spool.append(b"Hi "); spool.append(b"Ann")
    >>> spool.has_file, spool.take()
    (True, [b'Hi Ann'])
    """

    __slots__ = ("_budget", "_chunks", "_file", "_max_memory_bytes", "_size")

    def __init__(self, max_memory_bytes: int, budget: MemoryBudget | None = None) -> None:
        self._max_memory_bytes = max_memory_bytes
        self._budget = budget or MemoryBudget(max_memory_bytes)
        self._chunks = MemorySink()
        self._size = 0  # of the content in memory
        self._file: IO[bytes] | None = None

    @property
    def has_file(self) -> bool:
        """Whether the content is in a temporary file."""
        return self._file is not None

    def append(self, part: bytes, /) -> None:
        """Add bytes at the end."""
        if self._file is not None:
            self._file.write(part)
            return
        budget = self._budget
        self._chunks.append(part)
        self._size += len(part)
        budget.used_bytes += len(part)
        if self._size > self._max_memory_bytes or budget.used_bytes > budget.max_bytes:
            from tempfile import TemporaryFile  # the import takes 3 ms, and most content stays in memory

            self._file = TemporaryFile()  # noqa: SIM115 - closed by take and clear
            self._file.writelines(self._chunks.take())
            self._release_memory()

    def take(self) -> list[bytes]:
        """Return the content in order, as a list of parts, and empty the sink."""
        if self._file is None:
            self._release_memory()
            return self._chunks.take()
        self._file.seek(0)
        parts = [self._file.read()]
        self.clear()
        return parts

    def clear(self) -> None:
        """Drop the content."""
        self._chunks.clear()
        self._release_memory()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _release_memory(self) -> None:
        self._budget.used_bytes -= self._size
        self._size = 0
