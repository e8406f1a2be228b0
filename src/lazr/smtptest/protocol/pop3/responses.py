"""Responses of POP3 (RFC 1939 3), and the steps of which commands are made.

A command is a generator.  It yields steps, which the session carries out, and gets their results: bytes to send,
`Piece`s of a long response, a `Call` that may block, and a `ReadingCommand` to decide about.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, Final, TypeVar

    from lazr.smtptest.protocol.reading_session import Call, ReadingCommand

__all__ = ["END", "CommandError", "Piece", "Record", "render_error", "render_ok", "stuff_dots"]

END = b".\r\n"
# RFC 2449 4: a response has at most 512 octets, with its CRLF.
_MAX_TEXT_BYTES = 500
_UNPRINTABLE = compile_lazily(rb"[\x00-\x1f\x7f]")


class CommandError(Exception):
    """The end of a command that is answered with -ERR.

    Args:
        text: The text, which may begin with a response code (RFC 2449 8).
        is_misuse: Whether the client broke the protocol; too many of these end the session.
        closes: Whether the session closes.
    """

    def __init__(self, text: str, *, is_misuse: bool = False, closes: bool = False) -> None:
        super().__init__(text)
        self.text: Final = text
        self.is_misuse: Final = is_misuse
        self.closes: Final = closes


class Piece:
    """A part of a long response, which the transcript does not show; see `Record`."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data: Final = data


class Record:
    """What the transcript shows instead of the `Piece`s that follow.

    Args:
        note: What they are, and their size.
        content: The whole response, for a transcript that keeps content; None if it is not in memory.
    """

    __slots__ = ("content", "note")

    def __init__(self, note: str, content: bytes | None = None) -> None:
        self.note: Final = note
        self.content: Final = content


if TYPE_CHECKING:
    Step = bytes | Piece | Record | Call | ReadingCommand
    Result = TypeVar("Result")
    # What a step results in depends on the step.
    Steps = Generator[Step, Any, Result]


def render_ok(text: str = "") -> bytes:
    r"""Return a positive response.

    >>> render_ok("2 320"), render_ok()
    (b'+OK 2 320\r\n', b'+OK\r\n')
    """
    return _render("+OK", text)


def render_error(text: str) -> bytes:
    r"""Return a negative response.

    >>> render_error("[AUTH] Wrong\npassword")
    b'-ERR [AUTH] Wrong?password\r\n'
    """
    return _render("-ERR", text)


def _render(status: str, text: str) -> bytes:
    octets = f"{status} {text}".rstrip(" ").encode("utf-8", "replace")
    if len(octets) > _MAX_TEXT_BYTES:
        octets = octets[:_MAX_TEXT_BYTES].decode("utf-8", "ignore").encode()
    return _UNPRINTABLE.sub(b"?", octets) + b"\r\n"


def stuff_dots(content: bytes) -> bytes:
    r"""Return the lines of a multi-line response, without its last line (RFC 1939 3).

    A dot at the start of a line is doubled, also after an LF alone: many clients end a line there.  All other bytes
    stay.  CRLF is added if the content does not end with it, as the last line must have a line of its own.

    >>> stuff_dots(b".a\r\n.b\n.c.\rd")
    b'..a\r\n..b\n..c.\rd\r\n'
    """
    stuffed = content.replace(b"\n.", b"\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed if not stuffed or stuffed.endswith(b"\r\n") else stuffed + b"\r\n"
