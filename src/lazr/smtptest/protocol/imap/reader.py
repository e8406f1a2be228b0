"""Split the input of an IMAP session into commands: lines with literals.

`ImapReader` knows where a command ends (RFC 9051 2.2, 4.3, RFC 7888), and the limits of its length.  It sends no
reply: the session takes one item after the other, and answers it.
"""

from __future__ import annotations

import enum

from lazr.smtptest._util.lazy_pattern import compile_lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Final

__all__ = ["MAX_LINE_BYTES", "ImapReader", "Item", "Literal", "RawCommand", "RawLine", "Refused"]

MAX_LINE_BYTES = 64 * 1024
_MAX_FLOOD_BYTES = 1024 * 1024  # a line that is read without being kept
_MAX_HEAD_BYTES = 256  # enough for the tag and the name
_MAX_HEADER_BYTES = 64  # the end of a line that announces a literal
_MAX_DIGITS = 19

_LITERAL_HEADER = compile_lazily(rb"(~?)\{([0-9]+)(\+?)\}\Z")
# RFC 9051 9: a tag has the characters of `astring` without "+".  Its length has no limit there.
_HEAD = compile_lazily(
    rb"""([^\x00-\x20\x7f-\xff(){%*"\\+]{1,100})(?: ([A-Za-z0-9.=_-]{1,50})(?: ([A-Za-z]{1,50}))?)?"""
)


class Item(enum.Enum):
    """What was read, if it is not a command or a line."""

    PART = "a part of a command; there is nothing to do"
    NEED_CONTINUATION = "the client waits for a continuation request before it sends a literal"


class Literal:
    """A literal of a command; `is_binary` is a literal8, `~{5}` (RFC 9051 4.3.1)."""

    __slots__ = ("content", "is_binary")

    def __init__(self, content: bytes, *, is_binary: bool = False) -> None:
        self.content: Final = content
        self.is_binary: Final = is_binary

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Literal):
            return NotImplemented
        return (self.content, self.is_binary) == (other.content, other.is_binary)

    def __hash__(self) -> int:
        return hash((self.content, self.is_binary))

    def __repr__(self) -> str:
        return f"Literal({self.content!r}, is_binary={self.is_binary})"


class RawCommand:
    """A whole command.

    Args:
        tag: The tag.
        name: The name in capitals; `UID FETCH` and the like are one name.
        lines: The lines without CRLF and without the announcements of literals.
        literals: The literals; each one is between two lines.
    """

    __slots__ = ("lines", "literals", "name", "tag")

    def __init__(self, tag: str, name: str, lines: Sequence[bytes], literals: Sequence[Literal] = ()) -> None:
        self.tag: Final = tag
        self.name: Final = name
        self.lines: Final = tuple(lines)
        self.literals: Final = tuple(literals)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RawCommand):
            return NotImplemented
        return (self.lines, self.literals) == (other.lines, other.literals)

    def __hash__(self) -> int:
        return hash((self.lines, self.literals))

    def __repr__(self) -> str:
        return f"<RawCommand {self.tag} {self.name}>"


class RawLine:
    """A line that is not a command, after `expect_line`; without CRLF."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content: Final = content

    def __eq__(self, other: object) -> bool:
        return self.content == other.content if isinstance(other, RawLine) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.content)

    def __repr__(self) -> str:
        return f"RawLine({self.content!r})"


class Refused:
    """Input that is no command.

    Args:
        tag: The tag of the reply; `*` if the input has none, and "" for a line after `expect_line`.
        status: `BAD` or `NO`; `BYE` if the session must close.
        text: The text of the reply, with its response code.
    """

    __slots__ = ("status", "tag", "text")

    def __init__(self, tag: str, status: str, text: str) -> None:
        self.tag: Final = tag
        self.status: Final = status
        self.text: Final = text

    @property
    def is_fatal(self) -> bool:
        """Whether the session must close, because the next command cannot be found."""
        return self.status == "BYE"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Refused):
            return NotImplemented
        return (self.tag, self.status, self.text) == (other.tag, other.status, other.text)

    def __hash__(self) -> int:
        return hash((self.tag, self.status, self.text))

    def __repr__(self) -> str:
        return f"Refused({self.tag!r}, {self.status!r}, {self.text!r})"


class ImapReader:
    r"""The reader of one session's input.

    Args:
        get_max_literal_bytes: Returns the limit of all literals of a command, by its name in capitals.
        max_line_bytes: The lines of a command in bytes, without literals.
        max_non_synchronizing_bytes: The limit of one `{5+}`: 4096 for LITERAL- (RFC 7888 5); None: no other limit.

    >>> reader = ImapReader(lambda name: 1000)
    >>> reader.feed(b"a1 LOGIN ann {6}\r\nsecret\r\na2 NO")
    >>> reader.read(), reader.read(), reader.read()
    (<Item.NEED_CONTINUATION: ...>, <RawCommand a1 LOGIN>, None)
    """

    __slots__ = (
        "_buffer",
        "_command",
        "_get_max_literal_bytes",
        "_is_at_start",
        "_line_limit",
        "_max_line_bytes",
        "_max_non_synchronizing_bytes",
        "_scanned_bytes",
    )

    def __init__(
        self,
        get_max_literal_bytes: Callable[[str], int],
        *,
        max_line_bytes: int = MAX_LINE_BYTES,
        max_non_synchronizing_bytes: int | None = None,
    ) -> None:
        self._get_max_literal_bytes = get_max_literal_bytes
        self._max_line_bytes = max_line_bytes
        self._max_non_synchronizing_bytes = max_non_synchronizing_bytes
        self._buffer = bytearray()
        self._scanned_bytes = 0  # there is no LF in these bytes of the buffer
        self._command = _PartialCommand()
        self._line_limit: int | None = None  # after `expect_line`
        self._is_at_start = True

    @property
    def unread_size(self) -> int:
        """The bytes that are not part of an item yet, without those of a literal."""
        return len(self._buffer)

    @property
    def unread(self) -> bytes:
        """These bytes."""
        return bytes(self._buffer)

    @property
    def is_in_literal(self) -> bool:
        """Whether the next bytes belong to a literal."""
        return self._command.missing_bytes > 0

    @property
    def literal_size(self) -> int:
        """The bytes of literals that this command has so far."""
        return self._command.literal_bytes - self._command.missing_bytes

    @property
    def is_in_command(self) -> bool:
        """Whether a command has begun and not ended."""
        return bool(self._buffer) or self._command.line_bytes > 0

    def feed(self, data: bytes) -> None:
        """Take input."""
        self._buffer += data

    def expect_line(self, max_bytes: int) -> None:
        """Read a line next, which is not a command; `max_bytes` includes CRLF.

        For the responses of AUTHENTICATE and for the end of IDLE.
        """
        self._line_limit = max_bytes

    def discard(self) -> None:
        """Drop all input, as after STARTTLS (RFC 9051 6.2.1); the next input is a command."""
        self._buffer.clear()
        self._scanned_bytes = 0
        self._command = _PartialCommand()
        self._line_limit = None

    def read(self) -> RawCommand | RawLine | Refused | Item | None:
        """Return the next item; None if it needs more input."""
        if self._is_at_start and self._buffer:
            if self._buffer[0] == 0x16 and len(self._buffer) < 2:
                return None
            self._is_at_start = False
            if self._buffer.startswith(b"\x16\x03"):  # RFC 8446 5.1: a handshake record, then version 3
                return self._refuse_all("expected a command, got a TLS handshake; use the port for TLS, or STARTTLS")
        item: RawCommand | RawLine | Refused | Item | None = Item.PART
        while item is Item.PART:
            item = self._read_literal() if self._command.missing_bytes else self._read_line()
        return item

    def _read_literal(self) -> Item | None:
        if not self._buffer:
            return None
        count = min(self._command.missing_bytes, len(self._buffer))
        self._command.add_literal_bytes(self._buffer[:count])
        del self._buffer[:count]
        return Item.PART

    def _read_line(self) -> RawCommand | RawLine | Refused | Item | None:
        command, buffer = self._command, self._buffer
        end = buffer.find(b"\n", self._scanned_bytes)
        length = len(buffer) if end < 0 else end + 1
        if not command.head and (end >= 0 or length > _MAX_HEAD_BYTES):
            command.head = bytes(buffer[: min(length, _MAX_HEAD_BYTES)])
        max_bytes = self._max_line_bytes if self._line_limit is None else self._line_limit
        if command.line_bytes + length > max_bytes:
            if command.line_bytes + length > _MAX_FLOOD_BYTES:
                return self._refuse_all("the command line has no end")
            command.refuse(f"expected a line of at most {max_bytes} octets; use literals for long texts")
            if end < 0 and command.head:
                dropped = max(length - _MAX_HEADER_BYTES - len(b"\r\n"), 0)
                command.line_bytes += dropped
                del buffer[:dropped]
        if end < 0:
            self._scanned_bytes = len(buffer)
            return None
        command.line_bytes += length
        line = bytes(buffer[:end])
        del buffer[:length]
        self._scanned_bytes = 0
        return self._end_line(line)

    def _end_line(self, line: bytes) -> RawCommand | RawLine | Refused | Item:
        command = self._command
        if not line.endswith(b"\r"):
            command.refuse("expected CRLF at the end of the line, got LF alone")
        if b"\0" in line:
            command.refuse("expected a line without NUL; only a literal8 such as ~{5} can have it")
        line = line.removesuffix(b"\r")
        if self._line_limit is not None:
            self._line_limit = None
            self._command = _PartialCommand()
            return RawLine(line) if command.refusal is None else Refused("", "BAD", command.refusal)
        header = _LITERAL_HEADER.search(line, max(len(line) - _MAX_HEADER_BYTES, 0))
        if header is None:
            command.add_line(line)
            return self._end_command()
        command.add_line(line[: header.start()])
        digits = header[2].lstrip(b"0")
        return self._begin_literal(
            int(digits or b"0") if len(digits) <= _MAX_DIGITS else None,
            is_binary=bool(header[1]),
            is_synchronizing=not header[3],
        )

    def _begin_literal(
        self, size: int | None, *, is_binary: bool, is_synchronizing: bool
    ) -> RawCommand | Refused | Item:
        command = self._command
        if is_synchronizing and command.refusal is not None:
            return self._end_command()  # the client waits, and does not send the literal now
        max_bytes = self._get_max_literal_bytes(command.name)
        if size is None or command.literal_bytes + size > max_bytes:
            text = f"[TOOBIG] expected literals of at most {max_bytes} octets in this command"
            if not is_synchronizing:
                return self._refuse_all(text)
            command.refuse(text, "NO")
            return self._end_command()
        max_bytes = max_bytes if self._max_non_synchronizing_bytes is None else self._max_non_synchronizing_bytes
        if not is_synchronizing and size > max_bytes:
            command.refuse(
                f"[TOOBIG] expected at most {max_bytes} octets in a non-synchronizing literal; send it as {{n}}"
            )
        command.begin_literal(size, is_binary=is_binary)
        return Item.NEED_CONTINUATION if is_synchronizing else Item.PART

    def _end_command(self) -> RawCommand | Refused:
        command, self._command = self._command, _PartialCommand()
        if command.refusal is not None:
            return Refused(command.tag or "*", command.status, command.refusal)
        if not command.tag:
            return Refused("*", "BAD", "expected a tag, a space and a command, such as a1 NOOP")
        if not command.name:
            return Refused(command.tag, "BAD", "expected a space and a command after the tag")
        return RawCommand(command.tag, command.name, command.lines, command.literals)

    def _refuse_all(self, text: str) -> Refused:
        self.discard()
        return Refused("*", "BYE", text)


class _PartialCommand:
    """A command that is being read."""

    __slots__ = (
        "_is_binary",
        "_literal",
        "head",
        "line_bytes",
        "lines",
        "literal_bytes",
        "literals",
        "missing_bytes",
        "refusal",
        "status",
    )

    def __init__(self) -> None:
        self.head = b""  # the first bytes of the first line
        self.lines: list[bytes] = []
        self.literals: list[Literal] = []
        self.line_bytes = 0
        self.literal_bytes = 0  # announced by all literals
        self.missing_bytes = 0  # of the last literal
        self.refusal: str | None = None
        self.status = "BAD"
        self._literal = bytearray()
        self._is_binary = False

    @property
    def tag(self) -> str:
        match = _HEAD.match(self.head)
        # A match that ends within the tag, such as at a "(", has not found a tag.
        return match[1].decode() if match and self.head[match.end(1) : match.end(1) + 1] in b" \r\n" else ""

    @property
    def name(self) -> str:
        match = _HEAD.match(self.head)
        if match is None or match[2] is None:
            return ""
        name = match[2].decode().upper()
        return f"UID {match[3].decode().upper()}" if name == "UID" and match[3] else name

    def refuse(self, text: str, status: str = "BAD") -> None:
        """Refuse the command at its end; only the first reason counts.  Nothing of it is kept."""
        if self.refusal is None:
            self.refusal, self.status = text, status
            self.lines.clear()
            self.literals.clear()

    def add_line(self, line: bytes) -> None:
        if self.refusal is None:
            self.lines.append(line)

    def begin_literal(self, size: int, *, is_binary: bool) -> None:
        self.literal_bytes += size
        self.missing_bytes = size
        self._literal = bytearray()
        self._is_binary = is_binary
        if not size:
            self._end_literal()

    def add_literal_bytes(self, data: bytes | bytearray) -> None:
        self.missing_bytes -= len(data)
        if self.refusal is None:
            self._literal += data
        if not self.missing_bytes:
            self._end_literal()

    def _end_literal(self) -> None:
        if self.refusal is None:
            self.literals.append(Literal(bytes(self._literal), is_binary=self._is_binary))
        self._literal = bytearray()
