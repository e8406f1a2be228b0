"""Split a header block into fields, and find its end (RFC 5322 2.2)."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["read_block", "unfold"]

# RFC 5322 2.2 and 4.5: obsolete syntax allows white space before the colon.  2.2.3: a line that begins with white space
# continues the field before it.
_FIELD = re.compile(rb"([!-9;-~]{1,1000}+)[ \t]{0,1000}+:([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?")
_LINE = re.compile(rb"[^\n]*+\n?")
_LINE_AND_CONTINUATIONS = re.compile(rb"[^\n]*+\n?(?:[ \t][^\n]*+\n?)*+")
_BLANK_CONTINUATION = re.compile(rb"\n[ \t]++\r?\Z")
_BLOCK_END = re.compile(rb"\n\r?\n")
_MAX_STRAY_LINES = 100  # lines that are not fields; where there are more, they are a text
_FOLD = re.compile(r"\r?\n(?=[ \t])")


def read_block(
    content: bytes,
    start: int,
    end: int,
    max_fields: int,
    note: DefectRecorder,
    *,
    places: list[tuple[int, int]] | None = None,
) -> tuple[list[tuple[str, bytes]], int]:
    """Return the fields of a header block as names and raw values, and the start of the body.

    Args:
        content: the bytes of the message.
        start: the position of the header block.
        end: the position after the part.
        max_fields: the number of fields to read at most.
        note: receives a reason for each defect.
        places: receives the start and the end of each field that is found; None, the default, for no list.

    A line that is not a field is left out, as most parsers do, if fields and an empty line are in the block.
    Otherwise the body starts at this line, so no text is lost.

    >>> read_block(b"A: b\\r\\n c\\r\\n\\r\\nbody", 0, 16, 1000, print)
    ([('A', b' b\\r\\n c')], 12)
    >>> read_block(b"A: b\\nnot a field\\nC: d\\n\\nbody", 0, 27, 1000, print)
    a line of the header is not a field
    ([('A', b' b'), ('C', b' d')], 23)
    """
    fields: list[tuple[str, bytes]] = []
    stray_count = 0
    stray: tuple[int, int] | None = None  # the first line that is not a field: its position, and the fields before it
    at = start
    while at < end:
        if content.startswith((b"\n", b"\r\n"), at):
            if stray is None:
                return fields, min(end, content.index(b"\n", at) + 1)
            if not fields:
                break
            note("a line of the header is not a field")
            return fields, min(end, content.index(b"\n", at) + 1)
        if at - start > limits.MAX_HEADER_BLOCK_BYTES or (len(fields) >= max_fields and _FIELD.match(content, at, end)):
            if stray is not None:
                break
            note("too many header fields: truncated")
            last = _BLOCK_END.search(content, at - 1, end)
            return fields, last.end() if last else end
        match = _FIELD.match(content, at, end)
        if match is not None:
            fields.append((match[1].decode("ascii"), match[2].removesuffix(b"\r")))
            if places is not None:
                places.append(match.span())
            at = match.end()
        elif content.startswith(b":", at):
            note("header field without a name")
            at = _find_next_line(content, at, end)
        elif not fields and stray is None and content.startswith((b"From ", b">From ", b" ", b"\t"), at):
            # The separator line of an mbox file, or a continuation line without its field.
            note("the first line of the header is not a field")
            at = _find_next_line(content, at, end)
        else:
            if stray is None:
                stray = at, len(fields)
                if fields and _BLANK_CONTINUATION.search(fields[-1][1]):
                    break  # the line of spaces before it is meant as the empty line
            stray_count += 1
            if stray_count > _MAX_STRAY_LINES:
                break
            match = _LINE_AND_CONTINUATIONS.match(content, at, end)
            at = match.end() if match else end
    if stray is None:
        return fields, end
    note("no empty line between header and body")
    at, count = stray
    return fields[:count], at


def _find_next_line(content: bytes, at: int, end: int) -> int:
    match = _LINE.match(content, at, end)
    return match.end() if match else end


def unfold(text: str) -> str:
    """Return the value of a field in one line (RFC 5322 2.2.3), without outer white space."""
    return (_FOLD.sub("", text) if "\n" in text else text).strip(" \t\r\n")
