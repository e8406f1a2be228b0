"""A header block (RFC 5322 2.2): where its fields are, and where it ends."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import caps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["read_block", "unfolded"]

# 2.2 and 4.5.1: white space in front of the colon was legal once.  2.2.3: a line that begins with white
# space belongs to the field before it.
_FIELD = re.compile(rb"([!-9;-~]{1,1000}+)[ \t]{0,1000}+:([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?")
_LINE = re.compile(rb"[^\n]*+\n?")
_END = re.compile(rb"\n\r?\n")
_FOLD = re.compile(r"\r?\n(?=[ \t])")


def read_block(content: bytes, start: int, end: int, most: int, note: Note) -> tuple[list[tuple[str, bytes]], int]:
    """The fields from here on, as name and raw value, `most` of them; and where the body begins.

    >>> read_block(b"A: b\\r\\n c\\r\\n\\r\\nbody", 0, 16, 1000, print)
    ([('A', b' b\\r\\n c')], 12)
    """
    fields: list[tuple[str, bytes]] = []
    at = start
    while at < end:
        if content.startswith((b"\n", b"\r\n"), at):
            return fields, min(end, content.index(b"\n", at) + 1)
        if at - start > caps.HEADER_BLOCK or (len(fields) >= most and _FIELD.match(content, at, end)):
            note("more header fields than are read: truncated")
            last = _END.search(content, at - 1, end)
            return fields, last.end() if last else end
        match = _FIELD.match(content, at, end)
        if match is not None:
            fields.append((match[1].decode("ascii"), match[2].removesuffix(b"\r")))
            at = match.end()
        elif content.startswith(b":", at):
            note("a header field without a name")
            at = _next_line(content, at, end)
        elif not fields and at == start and content.startswith((b"From ", b">From ", b" ", b"\t"), at):
            # A mailbox file's separator, or the rest of a field that is not there.
            note("the header begins with a line that is not a field")
            at = _next_line(content, at, end)
        else:
            note("no empty line between header and body")
            return fields, at
    return fields, end


def _next_line(content: bytes, at: int, end: int) -> int:
    match = _LINE.match(content, at, end)
    return match.end() if match else end


def unfolded(text: str) -> str:
    """A field's value in one line (RFC 5322 2.2.3), without the white space around it."""
    return (_FOLD.sub("", text) if "\n" in text else text).strip(" \t\r\n")
