"""Cut the input of a POP3 session into lines, in memory that does not grow with the input."""

from __future__ import annotations

import enum

TYPE_CHECKING = False

__all__ = ["LineReader", "Unreadable"]


class Unreadable(enum.Enum):
    """What was read instead of a line."""

    LONG_LINE = "a line over the limit; its end has arrived"
    ENDLESS_LINE = "a line far over the limit; the session must close"
    TLS_HANDSHAKE = "the start of a TLS handshake, instead of the first command; the session must close"


class LineReader:
    r"""The reader of one session's input; how the input was split does not matter.

    Args:
        max_line_bytes: The longest line that is kept, without its line end.
        flood_bytes: The longest line that is read at all.

    >>> reader = LineReader(max_line_bytes=20, flood_bytes=100)
    >>> reader.feed(b"NOOP\r\nST")
    >>> reader.read(), reader.read(), reader.unread_size
    (b'NOOP', None, 2)
    """

    __slots__ = ("_buffer", "_flood_bytes", "_is_first", "_max_line_bytes", "_searched", "_skipped")

    def __init__(self, *, max_line_bytes: int, flood_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._flood_bytes = flood_bytes
        self._buffer = bytearray()
        self._searched = 0  # no CRLF begins before this position
        self._skipped = 0  # bytes of a line over the limit that were dropped
        self._is_first = True

    @property
    def unread_size(self) -> int:
        """The bytes that have arrived and are not read yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add input."""
        self._buffer += data

    def read(self) -> bytes | Unreadable | None:
        """Return the next line without CRLF, what was read instead, or None without a line."""
        buffer = self._buffer
        if self._is_first and buffer:
            if buffer[0] == 0x16:  # RFC 8446 5.1: a handshake record, then version 3
                if len(buffer) < 2:
                    return None
                if buffer[1] == 0x03:
                    return Unreadable.TLS_HANDSHAKE
            self._is_first = False
        end = buffer.find(b"\r\n", self._searched)
        if end < 0:
            return self._keep_partial_line()
        size = self._skipped + end
        is_kept = size <= self._max_line_bytes
        line = bytes(buffer[:end]) if is_kept else b""
        del buffer[: end + 2]
        self._searched = self._skipped = 0
        if is_kept:
            return line
        return Unreadable.ENDLESS_LINE if size > self._flood_bytes else Unreadable.LONG_LINE

    def _keep_partial_line(self) -> Unreadable | None:
        buffer = self._buffer
        # The last byte may be the CR of the line end.
        length = len(buffer) - buffer.endswith(b"\r")
        if self._skipped + length > self._max_line_bytes:
            del buffer[:length]
            self._skipped += length
            length = 0
        self._searched = length
        return Unreadable.ENDLESS_LINE if self._skipped > self._flood_bytes else None

    def take_rest(self) -> bytes:
        """Return all input that is not read yet, and drop it."""
        rest = bytes(self._buffer)
        self.discard()
        return rest

    def discard(self) -> None:
        """Drop all input."""
        self._buffer.clear()
        self._searched = 0
