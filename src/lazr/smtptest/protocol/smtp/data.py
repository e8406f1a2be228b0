"""Receive message content: find its end, remove added dots, and enforce the size limit."""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Sink(Protocol):
        """Store for content while it arrives, in memory or on disk."""

        def append(self, part: bytes, /) -> None:
            """Add a part."""

        def take(self) -> list[bytes]:
            """Return all parts in order, and empty the sink."""

        def clear(self) -> None:
            """Drop all parts."""


__all__ = ["Content", "DotUnstuffer", "MemorySink"]

# RFC 5321 4.1.1.4: exactly these five bytes end the content.  A bare CR or LF next to the dot does not, or one message
# could smuggle in another (CVE-2023-51764, CVE-2023-51765, CVE-2023-51766).
_END_OF_DATA = b"\r\n.\r\n"
# RFC 5321 4.5.2: the client has added a dot to each line that starts with one.
_DOT_AT_LINE_START = compile_lazily(rb"\r\n\.")

# Small parts are joined.  Each part costs about 40 bytes of memory: without joining, a client that sends byte by byte
# could make a message use many times its size.
_SMALL_PART_BYTES = 4096
_MAX_SMALL_PARTS = 256


class MemorySink:
    """A sink in memory that keeps the parts unjoined; the reader of a message joins them."""

    __slots__ = ("_parts", "_small_parts")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._small_parts: list[bytes] = []  # the latest parts, while they are small

    def append(self, part: bytes, /) -> None:
        """Add a part."""
        if len(part) < _SMALL_PART_BYTES:
            self._small_parts.append(part)
            if len(self._small_parts) == _MAX_SMALL_PARTS:
                self._join_small_parts()
        else:
            if self._small_parts:
                self._join_small_parts()
            self._parts.append(part)

    def _join_small_parts(self) -> None:
        self._parts.append(b"".join(self._small_parts))
        self._small_parts = []

    def take(self) -> list[bytes]:
        """Return all parts in order, and empty the sink."""
        if not self._parts and len(self._small_parts) == 1:
            return [self._small_parts.pop()]
        if self._small_parts:
            self._join_small_parts()
        parts, self._parts = self._parts, []
        return parts

    def clear(self) -> None:
        """Drop all parts."""
        if self._parts or self._small_parts:
            self._parts = []
            self._small_parts = []


class Content:
    """The content of one transaction; above the limit it is counted but not stored.

    Args:
        sink: Stores the parts.
        max_bytes: The limit; None for no limit.
    """

    __slots__ = ("_max_bytes", "_sink", "size")

    def __init__(self, sink: Sink, max_bytes: int | None) -> None:
        self._sink = sink
        self._max_bytes = max_bytes
        self.size: int = 0

    def reset(self) -> None:
        """Start the content of another transaction."""
        self.size = 0

    @property
    def is_too_big(self) -> bool:
        """Whether the content is larger than the limit."""
        return self._max_bytes is not None and self.size > self._max_bytes

    @property
    def is_over_hard_limit(self) -> bool:
        """Whether the content is larger than twice the limit, so that the session must be closed."""
        return self._max_bytes is not None and self.size > 2 * self._max_bytes

    def append(self, part: bytes) -> None:
        """Count a part, and store it unless the content is over the limit."""
        size = self.size = self.size + len(part)
        if self._max_bytes is None or size <= self._max_bytes:
            self._sink.append(part)
        else:
            self._sink.clear()

    def take(self) -> list[bytes]:
        """Return all parts in order, and empty the sink."""
        return self._sink.take()

    def discard(self) -> None:
        """Drop the content."""
        self.size = 0
        self._sink.clear()


class DotUnstuffer:
    """Removes the dots that the client has added to the content of DATA (RFC 5321 4.5.2).

    >>> from lazr.smtptest._util.octets import join_parts
    >>> content = Content(MemorySink(), max_bytes=None)
    >>> receiver = DotUnstuffer(content)
    >>> receiver.receive(b"Hi\\r\\n..signed\\r\\n.\\r\\nQUIT", 0)
    17
    >>> join_parts(content.take())
    b'Hi\\r\\n.signed\\r\\n'
    """

    __slots__ = ("_content", "_matched_bytes")

    def __init__(self, content: Content) -> None:
        self._content = content
        # The input so far ends with this many bytes of _END_OF_DATA.  The content begins at the start of a line, so
        # `.CRLF` alone is an empty message.
        self._matched_bytes = 2

    def reset(self) -> None:
        """Start the content of another transaction."""
        self._matched_bytes = 2

    def receive(self, data: bytes, start: int) -> int:
        """Read `data` from the position `start`.

        Returns the position after the end of the content, or -1 if the content continues.
        """
        if self._matched_bytes == 2 and data[start] not in b".\r":
            self._matched_bytes = 0  # the usual case: a line that starts with another byte
        elif self._matched_bytes:
            start = self._match_across_input(data, start)
            if self._matched_bytes == len(_END_OF_DATA):
                return start
            if start == len(data):
                return -1
        # Most content has few dots, and searching for one byte is thirty times faster than searching for three.
        dot = data.find(b".", start)
        if dot < 0:
            self._content.append(data[start:] if start else data)
            self._note_line_end(data)
            return -1
        # Start two bytes before the dot, for its CRLF, but not before `start`: those bytes are handled already.
        search_start = max(start, dot - 2)
        first = _DOT_AT_LINE_START.search(data, search_start)
        if first is not None and data.startswith(b"\r\n", first.end()):
            # Fast path: no dot was added, and the content ends in this input.
            end = first.end() + 2
            self._content.append(data[start : end - 3])
            return end
        lines = []  # the input without the added dots
        end = -1
        for match in _DOT_AT_LINE_START.finditer(data, search_start):
            after_dot = match.end()
            follows = data[after_dot : after_dot + 2]
            lines.append(data[start : after_dot - 1])
            start = after_dot
            if follows == b"\r\n":
                end = after_dot + 2
                break
            if len(follows) < 2 and b"\r\n".startswith(follows):
                # The input ends in the middle of what may be the end of the content.
                self._matched_bytes = 3 + len(follows)
                break
        else:
            lines.append(data[start:])
            self._note_line_end(data)
        self._content.append(lines[0] if len(lines) == 1 else b"".join(lines))
        return end

    def _note_line_end(self, data: bytes) -> None:
        if data.endswith(b"\r\n"):
            self._matched_bytes = 2
        elif data.endswith(b"\r"):
            self._matched_bytes = 1

    def _match_across_input(self, data: bytes, start: int) -> int:
        """Match _END_OF_DATA across two inputs, until it is complete or the match fails.

        The first CR and LF are content at once.  The dot, and the CR after it, are held until the next byte decides.
        Returns the position of the first byte that is not handled.
        """
        matched = self._matched_bytes
        content = bytearray()
        while matched and start < len(data):
            octet = data[start]
            if octet == _END_OF_DATA[matched]:
                start += 1
                matched += 1
                if matched == len(_END_OF_DATA):
                    break
                if matched <= 2:
                    content.append(octet)
            elif matched == 4:
                content += b"\r"  # the CR is content, and the dot before it was added by the client
                matched = 1
            else:
                start += 1
                content.append(octet)
                matched = 1 if octet == 0x0D else 0
        if content:
            self._content.append(bytes(content))
        self._matched_bytes = matched
        return start
