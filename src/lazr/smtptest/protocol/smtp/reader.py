"""Split the input of a session into items: command lines, and parts of content and chunks.

`SmtpReader` knows where an item ends, and the limits of its length.  It knows no command and sends no reply: the
session chooses what comes next (`expect_data`, `expect_chunk`), and handles each item.
"""

from __future__ import annotations

import enum

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.smtp.data import Content, DotUnstuffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

    from lazr.smtptest.protocol.smtp.data import Sink
    from lazr.smtptest.protocol.smtp.server_settings import ServerSettings

__all__ = ["Item", "SmtpReader"]

_LINE_END = compile_lazily(rb"\r\n|\r|\n")


class Item(enum.Enum):
    """What was read, if it is not a command line."""

    PART = "a part of an item; there is nothing to do"
    TLS_HANDSHAKE = "the start of a TLS handshake, instead of the first command"
    LONG_LINE_START = "the start of a command line over the limit, in `SmtpReader.long_line`"
    LONG_LINE = "the end of that line"
    ENDLESS_LINE = "a command line far over the limit"
    MARK = "content up to a mark"
    END_OF_DATA = "the end of the content of DATA"
    ENDLESS_DATA = "content far over the limit"
    END_OF_CHUNK = "the end of a chunk"


_END_OF_DATA = Item.END_OF_DATA


class SmtpReader:
    r"""The reader of one session's input.

    `read` reads one item.  The session keeps the input between its calls, because it stops reading when it has to wait;
    `keep` and `take` store the rest of it here.

    Args:
        settings: The settings of the server when the session begins.
        make_sink: Returns a store for content; it is called before the first content.

    >>> from lazr.smtptest.protocol.smtp import MemorySink, ServerSettings
    >>> reader = SmtpReader(ServerSettings(), MemorySink)
    >>> reader.read(b"NOOP\r\nNO", 0), reader.end, reader.read(b"NOOP\r\nNO", 6)
    (b'NOOP\r\n', 6, None)
    """

    __slots__ = (
        "_byte_count",
        "_chunk_content",
        "_content",
        "_dot_unstuffer",
        "_line_reader",
        "_make_sink",
        "_read_after_lf",
        "_read_next",
        "bare_line_ends",
        "end",
        "has_eof",
        "has_overflowed",
        "is_at_line_start",
        "last_mark",
        "long_line",
        "marks",
        "settings",
        "unread",
    )

    def __init__(self, settings: ServerSettings, make_sink: Callable[[], Sink]) -> None:
        self.settings: ServerSettings = settings
        self._make_sink = make_sink
        # The method that reads the next item, one of the `_read_…` and `_skip_…` methods.  It is not bound: that would
        # be a reference cycle, and an object for each session.
        self._read_next: ReadItem = SmtpReader._read_first_bytes
        self._line_reader: ReadItem = (
            SmtpReader._read_any_line if settings.accepts_bare_line_ends else SmtpReader._read_crlf_line
        )
        self._read_after_lf: ReadItem = SmtpReader._read_first_bytes  # see `_skip_lf`
        self.end: int = 0  # the position after the item that was read
        self.unread: bytes = b""  # half a line, or the input after a command whose reply is pending
        self.has_eof: bool = False
        self.has_overflowed: bool = False  # more input than `Limits.session_memory` waits for a pending reply
        # The next input may be one whole line, for the fast path of `SmtpSession.receive`: nothing is unread.
        self.is_at_line_start: bool = False
        self.bare_line_ends: int = 0  # how many commands ended with a CR or an LF alone
        self.long_line: bytes = b""
        self._byte_count = 0  # bytes left of a chunk; or bytes read of a line that is too long
        self._content: Content | None = None
        self._dot_unstuffer: DotUnstuffer | None = None
        self._chunk_content: Content | None = None  # where the chunk goes; None if it was refused
        self.marks: Sequence[int] = ()  # as in `SmtpSession`
        self.last_mark: int = -1  # the last mark that this content has reached; -1 for none

    def read(self, data: bytes, position: int) -> bytes | Item | None:
        """Read the item at `position`, and set `end`.

        Returns a command line with CRLF, another `Item`, or None if the item needs more input.
        """
        return self._read_next(self, data, position)

    # -- input that waits --------------------------------------------------------------------

    def take(self, data: bytes) -> bytes:
        """Return the unread input with `data` after it; nothing is unread then."""
        unread = self.unread
        if unread:
            self.unread = b""
            return unread + data
        return data

    def keep(self, rest: bytes) -> None:
        """Keep the rest of the input, perhaps none, until more arrives."""
        self.unread = rest
        self.is_at_line_start = not (rest or self.has_eof) and self._read_next is SmtpReader._read_crlf_line

    def hold(self, data: bytes) -> None:
        """Keep input that arrives while the session waits, up to the limit."""
        waiting = self.take(data)
        self.has_overflowed = self.has_overflowed or len(waiting) > self.settings.limits.session_memory
        self.unread = b"" if self.has_overflowed else waiting
        self.is_at_line_start = False

    def note_eof(self) -> None:
        """Note that no more input will arrive."""
        self.has_eof = True
        self.is_at_line_start = False

    def discard(self) -> None:
        """Drop the input and the content, because the session closes."""
        self.unread = self.long_line = b""
        self.discard_content()

    # -- command lines -----------------------------------------------------------------------

    @property
    def is_at_command(self) -> bool:
        """Whether a command line comes next."""
        return self._read_next is self._line_reader

    def _read_first_bytes(self, data: bytes, position: int) -> bytes | Item | None:
        """Recognize a TLS handshake at the start of a session; it would never contain a line end."""
        if data[position] == 0x16:  # RFC 8446 5.1: a handshake record, then version 3
            if len(data) - position < 2:
                return None
            if data[position + 1] == 0x03:
                self.end = len(data)
                return Item.TLS_HANDSHAKE
        self._read_next = self._line_reader
        return self._read_next(self, data, position)

    def _read_crlf_line(self, data: bytes, position: int) -> bytes | Item | None:
        """Read a line that ends with CRLF, the only valid line end (RFC 5321 2.3.8)."""
        end = data.find(b"\r\n", position)
        if end < 0:
            return self._read_partial_line(data, position)
        self.end = end = end + 2
        return data[position:end]

    def _read_any_line(self, data: bytes, position: int) -> bytes | Item | None:
        """Read a line that may also end with a CR or an LF alone."""
        match = _LINE_END.search(data, position)
        if match is None:
            return self._read_partial_line(data, position)
        self._end_line_at(match)
        return data[position : match.start()] + b"\r\n"

    def _end_line_at(self, match: re.Match[bytes]) -> None:
        self.end = match.end()
        if match[0] == b"\n":
            self.bare_line_ends += 1
        elif match[0] == b"\r":
            self._read_after_lf = self._read_next
            self._read_next = SmtpReader._skip_lf

    def _skip_lf(self, data: bytes, position: int) -> bytes | Item | None:
        """Skip the LF after a CR that has ended a line already: both are one line end."""
        self._read_next = self._read_after_lf
        if data[position] == 0x0A:
            self.end = position + 1
            return Item.PART
        self.bare_line_ends += 1
        return self._read_next(self, data, position)

    def _read_partial_line(self, data: bytes, position: int) -> Item | None:
        max_bytes = self.settings.max_line_bytes
        if len(data) - position <= max_bytes:
            return None
        # RFC 5321 4.5.3.1: the line is too long.  The reply is sent when its end has arrived.
        self.long_line = data[position : position + max_bytes]
        self._byte_count = 0
        self._read_next = SmtpReader._skip_long_line
        self.end = position
        return Item.LONG_LINE_START

    def _skip_long_line(self, data: bytes, position: int) -> Item | None:
        """Count the rest of a line that is too long, without keeping it."""
        match = None
        if self.settings.accepts_bare_line_ends:
            match = _LINE_END.search(data, position)
            end = -1 if match is None else match.start()
        else:
            end = data.find(b"\r\n", position)
        # A CR at the end of the input may be half of a CRLF: leave it for the next call.
        stop = end if end >= 0 else len(data) - data.endswith(b"\r")
        self._byte_count += stop - position
        if self._byte_count > self.settings.limits.command_flood:
            self.end = len(data)
            return Item.ENDLESS_LINE
        if end < 0:
            self.end = stop
            return Item.PART if stop > position else None
        self._read_next = self._line_reader
        if match is None:
            self.end = end + 2
        else:
            self._end_line_at(match)
        return Item.LONG_LINE

    # -- content -----------------------------------------------------------------------------

    @property
    def content(self) -> Content:
        """The content of the current transaction."""
        content = self._content
        if content is None:  # many sessions never receive content
            content = self._content = Content(self._make_sink(), self.settings.limits.message_size)
        return content

    @property
    def content_size(self) -> int:
        """The bytes of content received since DATA, or in the chunks of this transaction."""
        return 0 if self._content is None else self._content.size

    @property
    def is_in_content(self) -> bool:
        """Whether the next bytes are content, by DATA or by BDAT."""
        return self._read_next in (SmtpReader._read_data, SmtpReader._read_chunk)

    def begin_content(self) -> None:
        """Begin the content of another transaction."""
        self.content.reset()
        self.last_mark = -1

    def discard_content(self) -> None:
        """Drop the content received so far."""
        if self._content is not None:
            self._content.discard()

    def reach_mark(self) -> bool:
        """Note the next mark if the content has reached it; return whether it has."""
        mark = self._find_next_mark()
        if mark is None or mark > self.content_size:
            return False
        self.last_mark = mark
        return True

    def _find_next_mark(self) -> int | None:
        return min((mark for mark in self.marks if mark > self.last_mark), default=None)

    def _count_bytes_to_mark(self) -> int | None:
        """Return how many bytes may be read before the next mark; None without a next mark."""
        mark = self._find_next_mark()
        return None if mark is None else max(mark - self.content_size, 1)

    def expect_data(self) -> None:
        """Read the content of DATA next."""
        unstuffer = self._dot_unstuffer
        if unstuffer is None:
            unstuffer = self._dot_unstuffer = DotUnstuffer(self.content)
        unstuffer.reset()
        self.begin_content()
        self._expect(SmtpReader._read_data)

    def _expect(self, read_next: ReadItem) -> None:
        self.is_at_line_start = False
        if self._read_next is SmtpReader._skip_lf:
            self._read_after_lf = read_next
        else:
            self._read_next = read_next

    def _read_data(self, data: bytes, position: int) -> Item:
        """Read content up to the line that is a dot alone (RFC 5321 4.1.1.4, 4.5.2)."""
        unstuffer = self._dot_unstuffer
        if unstuffer is None:  # pragma: no cover - `expect_data` has created it
            raise AssertionError("content before DATA")
        room = self._count_bytes_to_mark() if self.marks else None
        if room is not None:
            data = data[: position + room]
        end = unstuffer.receive(data, position)
        if end >= 0:
            self._read_next = self._line_reader
            self.end = end
            return _END_OF_DATA
        self.end = len(data)
        if self.content.is_over_hard_limit:
            return Item.ENDLESS_DATA
        return Item.MARK if room is not None and self.reach_mark() else Item.PART

    def expect_chunk(self, size: int, *, is_kept: bool) -> None:
        """Read a chunk of `size` bytes next; a refused one is read too, but not kept (RFC 3030 2)."""
        self._byte_count = size
        self._chunk_content = self.content if is_kept else None
        self._expect(SmtpReader._read_chunk)

    @property
    def is_at_chunk_end(self) -> bool:
        """Whether all bytes of a chunk are read, and its end is not reported yet."""
        return self._byte_count == 0 and self._read_next is SmtpReader._read_chunk

    def end_chunk(self) -> None:
        """Read a command line next."""
        self._read_next = self._line_reader

    def _read_chunk(self, data: bytes, position: int) -> Item:
        end = min(position + self._byte_count, len(data))
        content = self._chunk_content
        room = self._count_bytes_to_mark() if self.marks and content is not None else None
        if room is not None:
            end = min(end, position + room)
        self._byte_count -= end - position
        self.end = end
        if content is not None:
            content.append(data[position:end])
            if room is not None and self.reach_mark():
                return Item.MARK
        if self._byte_count:
            return Item.PART
        self.end_chunk()
        return Item.END_OF_CHUNK


if TYPE_CHECKING:
    ReadItem = Callable[[SmtpReader, bytes, int], bytes | Item | None]
