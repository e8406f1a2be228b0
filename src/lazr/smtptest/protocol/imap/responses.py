"""Responses of IMAP, as bytes that are always valid on the wire (RFC 9051 7)."""

from __future__ import annotations

import enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

__all__ = [
    "CommandFailed",
    "Completion",
    "Effect",
    "Part",
    "bad",
    "join_lines",
    "no",
    "ok",
    "render_status_response",
    "render_text",
]

# RFC 9051 9: a text has no CR, LF or NUL; other controls confuse terminals.  Untrusted text, such as the name of a
# folder, cannot start a line of its own.
_TEXT_TRANSLATION = bytes(octet if octet == 9 or 32 <= octet <= 126 else ord("?") for octet in range(256))
_MAX_TEXT_BYTES = 1000
# Lines are joined up to this size, so that output has few pieces and none is large.
_MAX_BATCH_BYTES = 4096


class Effect(enum.Enum):
    """What the session does after the tagged response."""

    NONE = "it reads the next command"
    CLOSE = "it closes, as the client expects (LOGOUT)"
    BEGIN_TLS = "it waits for the TLS handshake (STARTTLS)"


class Completion:
    """How a command ended: the status of its tagged response.

    Args:
        status: `OK`, `NO` or `BAD`; `BYE` closes the session, without a tagged response.
        text: The text.
        code: The response code without brackets, such as `READ-WRITE`; "" for none.
        effect: What the session does then.
    """

    __slots__ = ("code", "effect", "status", "text")

    def __init__(self, status: str, text: str, code: str = "", *, effect: Effect = Effect.NONE) -> None:
        self.effect: Final = effect
        self.status: Final = status
        self.text: Final = text
        self.code: Final = code

    def render(self, tag: bytes) -> bytes:
        """Return the line with this tag."""
        return render_status_response(tag, self.status, self.text, self.code)

    def __repr__(self) -> str:
        return f"<Completion {self.render(b'tag').decode('ascii').rstrip()}>"


def ok(text: str, code: str = "", *, effect: Effect = Effect.NONE) -> Completion:
    """Return the completion of a command that succeeded."""
    return Completion("OK", text, code, effect=effect)


def no(text: str, code: str = "") -> Completion:
    """Return the completion of a command that cannot be done."""
    return Completion("NO", text, code)


def bad(text: str, code: str = "") -> Completion:
    """Return the completion of a command that is wrong."""
    return Completion("BAD", text, code)


class CommandFailed(Exception):
    """End the command in execution with this completion."""

    def __init__(self, completion: Completion) -> None:
        super().__init__(completion)
        self.completion: Final = completion


class Part:
    """A part of a response; other responses can be sent only after its last part.

    Args:
        wire: The bytes.
        is_first: Whether the response begins with it.
        is_last: Whether the response ends with it.
    """

    __slots__ = ("is_first", "is_last", "wire")

    def __init__(self, wire: bytes, *, is_first: bool, is_last: bool) -> None:
        self.wire: Final = wire
        self.is_first: Final = is_first
        self.is_last: Final = is_last


def render_text(text: str) -> bytes:
    r"""Return a text for a response; a character that is not allowed there becomes `?`.

    >>> render_text("Gr\xfc\xdfe\r\nx OK")
    b'Gr??e??x OK'
    """
    return text.encode("ascii", "replace")[:_MAX_TEXT_BYTES].translate(_TEXT_TRANSLATION) or b" "


def render_status_response(tag: bytes, status: str, text: str, code: str = "") -> bytes:
    r"""Return a status response (RFC 9051 7.1); an untagged one has the tag `*`.

    >>> render_status_response(b"*", "OK", "UIDs are valid", "UIDVALIDITY 7")
    b'* OK [UIDVALIDITY 7] UIDs are valid\r\n'
    """
    if code:
        return b"%s %s [%s] %s\r\n" % (tag, status.encode("ascii"), code.encode("ascii", "replace"), render_text(text))
    return b"%s %s %s\r\n" % (tag, status.encode("ascii"), render_text(text))


def join_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Join lines to pieces of a few KiB."""
    pieces: list[bytes] = []
    size = 0
    for line in lines:
        pieces.append(line)
        size += len(line)
        if size > _MAX_BATCH_BYTES:
            yield b"".join(pieces)
            pieces.clear()
            size = 0
    if pieces:
        yield b"".join(pieces)
