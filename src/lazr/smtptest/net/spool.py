"""A sink for content that keeps what is large in a temporary file until it is whole."""

from __future__ import annotations

from tempfile import TemporaryFile

from lazr.smtptest.protocol.smtp.data import Chunks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

__all__ = ["Spool"]


class Spool:
    """Content of one transaction: in memory up to `most` octets, in a temporary file beyond.

    >>> spool = Spool(most=4)
    >>> spool.append(b"Hi "); spool.append(b"Ann")
    >>> spool.spooled, spool.take()
    (True, [b'Hi Ann'])
    """

    __slots__ = ("_chunks", "_file", "_most", "_size")

    def __init__(self, most: int) -> None:
        self._most = most
        self._chunks = Chunks()
        self._size = 0
        self._file: IO[bytes] | None = None

    @property
    def spooled(self) -> bool:
        """Whether there is a temporary file."""
        return self._file is not None

    def append(self, part: bytes, /) -> None:
        """Keep this too."""
        if self._file is not None:
            self._file.write(part)
            return
        self._chunks.append(part)
        self._size += len(part)
        if self._size > self._most:
            self._file = TemporaryFile()  # noqa: SIM115 - closed by take and clear
            self._file.writelines(self._chunks.take())

    def take(self) -> list[bytes]:
        """All that was kept, in order; the sink is empty afterwards."""
        if self._file is None:
            self._size = 0
            return self._chunks.take()
        self._file.seek(0)
        parts = [self._file.read()]
        self.clear()
        return parts

    def clear(self) -> None:
        """Forget all."""
        self._chunks.clear()
        self._size = 0
        if self._file is not None:
            self._file.close()
            self._file = None
