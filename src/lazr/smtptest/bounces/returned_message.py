"""The part of the original mail that a notification returns (RFC 3461 4.3, RFC 6522 4).

The original is untrusted and may break every rule.  Its lines are made valid, as a server does that returns it: CRLF
line ends, no NUL, and at most 998 bytes a line.  Everything else stays byte for byte.
"""

from __future__ import annotations

import re

__all__ = ["read_header_block", "repair_lines"]

MAX_LINE_BYTES = 998  # RFC 5322 2.1.1
MAX_HEADER_BYTES = 64 * 1024
_LINE_END = re.compile(rb"\r\n|\r|\n")
_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")


def repair_lines(content: bytes) -> bytes:
    r"""Return content with CRLF line ends, also at its end, and at most 998 bytes a line.

    >>> repair_lines(b"Subject: Hi\n\nHe\0llo")
    b'Subject: Hi\r\n\r\nHello\r\n'
    """
    lines = _LINE_END.split(content.replace(b"\0", b""))
    if not lines[-1]:
        lines.pop()
    if max(map(len, lines), default=0) > MAX_LINE_BYTES:
        lines = [piece for line in lines for piece in _split_line(line)]
    return b"".join(line + b"\r\n" for line in lines)


def _split_line(line: bytes) -> list[bytes]:
    """Split a long line as Postfix does: a space begins each piece, which folds a field."""
    pieces = [line[:MAX_LINE_BYTES]]
    step = MAX_LINE_BYTES - 1
    pieces += [b" " + line[at : at + step] for at in range(MAX_LINE_BYTES, len(line), step)]
    return pieces


def read_header_block(content: bytes) -> bytes:
    r"""Return the header of a message, without the empty line, up to 64 KiB.

    >>> read_header_block(b"Subject: Hi\r\nTo: ann@example.com\r\n\r\nHello\r\n")
    b'Subject: Hi\r\nTo: ann@example.com\r\n'
    """
    if content.startswith((b"\n", b"\r")):
        return b""
    block = content[:MAX_HEADER_BYTES]
    blank = _BLANK_LINE.search(block)
    if blank:
        return repair_lines(block[: blank.start()])
    if len(content) > MAX_HEADER_BYTES:
        block = block[: block.rfind(b"\n") + 1] or block  # whole lines
    return repair_lines(block)
