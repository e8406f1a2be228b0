"""Content: finding its end, undoing its transparency, and keeping no more of it than is allowed."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Sink(Protocol):
        """Where content is put while it arrives; somebody with a disk may bring a roomier one."""

        def append(self, part: bytes, /) -> None:
            """Keep this too."""

        def take(self) -> list[bytes]:
            """All that was kept, in order, as the pieces that came; the sink is empty afterwards."""

        def clear(self) -> None:
            """Forget all."""


__all__ = ["Chunks", "Content", "DataReceiver", "has_bare_octets", "joined"]

# RFC 5321 4.1.1.4: exactly these five octets end the body.  A bare LF on either side of the dot
# does not, or one message could smuggle in another.
_END = b"\r\n.\r\n"
# RFC 5321 4.5.2: a dot that starts a line is the client's addition, whatever follows it.
_LINE_WITH_DOT = re.compile(rb"\r\n\.")

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\x00")


# Pieces below this are put together, so many at a time: each piece costs some 40 octets of its own,
# and a client that sends octet by octet, or dots only, must not make a message many times its size.
_SMALL = 4096
_TOGETHER = 256


class Chunks:
    """Content in memory, as the pieces that came: joining them all is for whoever wants to read it."""

    __slots__ = ("_parts", "_small")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._small: list[bytes] = []  # the last pieces, while they are small

    def append(self, part: bytes, /) -> None:
        """Keep this too."""
        if len(part) < _SMALL:
            self._small.append(part)
            if len(self._small) == _TOGETHER:
                self._put_together()
        else:
            if self._small:
                self._put_together()
            self._parts.append(part)

    def _put_together(self) -> None:
        self._parts.append(b"".join(self._small))
        self._small = []

    def take(self) -> list[bytes]:
        """All that was kept, in order; the sink is empty afterwards."""
        if not self._parts and len(self._small) == 1:
            parts, self._small = self._small, []
            return parts
        if self._small:
            self._put_together()
        parts, self._parts = self._parts, []
        return parts

    def clear(self) -> None:
        """Forget all."""
        self._parts = []
        self._small = []


class Content:
    """The content of one transaction; over its limit it is counted to the end, and not kept."""

    __slots__ = ("_limit", "_sink", "size")

    def __init__(self, sink: Sink, limit: int | None) -> None:
        self._sink = sink
        self._limit = limit
        self.size: int = 0

    def begin(self) -> None:
        """Another transaction's content begins."""
        self.size = 0

    @property
    def too_big(self) -> bool:
        """Whether the limit is passed."""
        return self._limit is not None and self.size > self._limit

    @property
    def endless(self) -> bool:
        """Whether even reading on to refuse it has become too much: twice the limit."""
        return self._limit is not None and self.size > 2 * self._limit

    def append(self, part: bytes) -> None:
        """Count this, and keep it unless the limit is passed."""
        if not part:
            return
        size = self.size = self.size + len(part)
        if self._limit is None or size <= self._limit:
            self._sink.append(part)
        else:
            self._sink.clear()

    def take(self) -> list[bytes]:
        """The octets, all of them, in pieces."""
        return self._sink.take()

    def drop(self) -> None:
        """Forget the octets."""
        self.size = 0
        self._sink.clear()


def joined(parts: list[bytes]) -> bytes:
    """The pieces as one, which takes their place: whoever else holds them sees the same octets."""
    if len(parts) != 1:
        parts[:] = [b"".join(parts)]
    return parts[0]


def has_bare_octets(content: bytes) -> bool:
    """Whether there is a CR or LF alone, or a NUL, none of which RFC 5321 2.3.8 and 4.5.3.1.6 know."""
    return _BARE.search(content) is not None


class DataReceiver:
    """The receiver's half of DATA's transparency (RFC 5321 4.5.2).

    >>> content = Content(Chunks(), limit=None)
    >>> receiver = DataReceiver(content)
    >>> receiver.receive(b"Hi\\r\\n..signed\\r\\n.\\r\\nQUIT", 0)
    17
    >>> joined(content.take())
    b'Hi\\r\\n.signed\\r\\n'
    """

    __slots__ = ("_content", "_matched")

    def __init__(self, content: Content) -> None:
        self._content = content
        # How many octets of _END the input so far ends with.  The start of the content counts as
        # the start of a line, so that `.CRLF` alone is an empty body.
        self._matched = 2

    def begin(self) -> None:
        """Another transaction's content begins."""
        self._matched = 2

    def receive(self, data: bytes, start: int) -> int:
        """Take what follows `start`.  The position behind the end of the content, or -1 if it goes on."""
        if self._matched == 2 and data[start] not in b".\r":
            self._matched = 0  # a line has started, and with something else: by far the most common
        elif self._matched:
            start = self._over_the_border(data, start)
            if self._matched == len(_END):
                return start
            if start == len(data):
                return -1
        # Most content has few dots, and finding one octet is thirty times faster than finding three.
        dot = data.find(b".", start)
        if dot < 0:
            self._content.append(data[start:] if start else data)
            self._see_line_end(data)
            return -1
        lines = []  # stretches of this input, without the dots of transparency
        end = -1
        # Two octets back, for the CRLF before it; never back over the border, which is done with.
        for match in _LINE_WITH_DOT.finditer(data, max(start, dot - 2)):
            behind = match.end()
            follows = data[behind : behind + 2]
            lines.append(data[start : behind - 1])
            start = behind
            if follows == b"\r\n":
                end = behind + 2
                break
            if len(follows) < 2 and b"\r\n".startswith(follows):
                # The input ends within what may be the end; what comes next decides.
                self._matched = 3 + len(follows)
                break
        else:
            lines.append(data[start:])
            self._see_line_end(data)
        self._content.append(lines[0] if len(lines) == 1 else b"".join(lines))
        return end

    def _see_line_end(self, data: bytes) -> None:
        if data.endswith(b"\r\n"):
            self._matched = 2
        elif data.endswith(b"\r"):
            self._matched = 1

    def _over_the_border(self, data: bytes, start: int) -> int:
        """Octet by octet, until the input no longer ends with a part of _END, or with all of it.

        CR and LF are content as soon as they come; the dot and the CR behind it wait for what follows.
        """
        matched = self._matched
        content = bytearray()
        while matched and start < len(data):
            octet = data[start]
            if octet == _END[matched]:
                start += 1
                matched += 1
                if matched == len(_END):
                    break
                if matched <= 2:
                    content.append(octet)
            elif matched == 4:
                content += b"\r"  # it was content after all, and the dot was transparency
                matched = 1
            else:
                start += 1
                content.append(octet)
                matched = 1 if octet == 0x0D else 0
        if content:
            self._content.append(bytes(content))
        self._matched = matched
        return start
