"""Find the sections of a message: BODY[section] and BINARY[section] (RFC 9051 6.4.5)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Final

    from lazr.smtptest.protocol.folder_access import BodyPart, Message

    # Each field: its name in lower case, and its range; the name of the empty line is None.
    Fields = Sequence[tuple[bytes | None, int, int]]

__all__ = ["HeaderFields", "cut_partial", "find_part", "read_section", "select_fields"]

# What follows is one field without a name: no mail needs it, and a header can have millions of lines.
MAX_HEADER_LINES = 10_000


class HeaderFields:
    """The fields of the headers of one message.

    Each header is split once, however many items of FETCH name fields.

    Args:
        content: The content of the message.
    """

    __slots__ = ("_content", "_fields")

    def __init__(self, content: bytes) -> None:
        self._content: Final = content
        self._fields: dict[tuple[int, int], Fields] = {}

    def split(self, start: int, end: int) -> Fields:
        """Return the fields of the header in this range."""
        fields = self._fields.get((start, end))
        if fields is None:
            fields = self._fields[start, end] = [*_split_header(self._content, start, end)]
        return fields


def find_part(message: BodyPart, path: Sequence[int]) -> BodyPart | None:
    """Return the part at a path such as `(2, 1)`; None if there is none.

    Part 1 of a message that is not a multipart is its body (RFC 9051 6.4.5.1).  The walk ends at the first number that
    leads nowhere, so the work is bounded by the depth of the message.
    """
    part: BodyPart = message
    is_whole_message = True
    for number in path:
        if not is_whole_message and part.message is not None:
            part = part.message
            is_whole_message = True
        if part.type == b"MULTIPART":
            if not 1 <= number <= len(part.parts):
                return None
            part = part.parts[number - 1]
        elif not is_whole_message or number != 1:
            return None
        is_whole_message = False
    return part


def read_section(
    message: Message,
    path: Sequence[int],
    text: str = "",
    fields: Collection[bytes] = (),
    header_fields: HeaderFields | None = None,
) -> bytes | None:
    """Return the octets of BODY[section]; None (NIL) if the message has no such section.

    Args:
        message: A message that was read with its content.
        path: The numbers before the text; empty for the message.
        text: "", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT" or "MIME".
        fields: The names of the fields, in any case.
        header_fields: The fields that were split before, to split nothing twice.
    """
    if not path and not text:
        return message.content
    part = find_part(message.structure, path)
    if part is None:
        return None
    if not text:
        start, end = part.body_range
    elif text == "MIME":
        start, end = part.header_range
    else:
        whole = part.message if path else part
        if whole is None:
            return None
        start, end = whole.body_range if text == "TEXT" else whole.header_range
        if text.startswith("HEADER.FIELDS"):
            is_inverted = text.endswith(".NOT")
            return select_fields(message.content, start, end, fields, is_inverted=is_inverted, split=header_fields)
    return message.content[start:end]


def select_fields(
    content: bytes,
    start: int,
    end: int,
    names: Collection[bytes],
    *,
    is_inverted: bool,
    split: HeaderFields | None = None,
) -> bytes:
    r"""Return fields of a header as they are, with the empty line (RFC 9051 6.4.5.1).

    Args:
        content: The content of the message.
        start: The start of the header.
        end: The end of the header.
        names: The names of the fields, in any case.
        is_inverted: Whether to return all other fields instead.
        split: The fields of this content that were split before.

    >>> select_fields(b"A: 1\r\nB: 2\r\n 3\r\n\r\nText", 0, 19, [b"b"], is_inverted=False)
    b'B: 2\r\n 3\r\n\r\n'
    """
    wanted = {name.lower() for name in names}
    return b"".join(
        content[begin:stop]
        for name, begin, stop in (split or HeaderFields(content)).split(start, end)
        if name is None or (name in wanted) is not is_inverted
    )


def _split_header(content: bytes, start: int, end: int) -> Iterator[tuple[bytes | None, int, int]]:
    """Yield the lower-case name and the range of each field; the empty line has None."""
    lines_left = MAX_HEADER_LINES
    while start < end:
        if lines_left <= 0:
            yield from _split_rest(content, start, end)
            return
        lines_left -= 1
        stop = _find_line_end(content, start, end)
        if content[start:stop] in (b"\r\n", b"\n"):
            yield None, start, stop
        else:
            colon = content.find(b":", start, stop)
            # A line without a colon is a field without a name: it is among the fields that were not named.
            name = content[start:colon].rstrip(b" \t").lower() if colon >= 0 else b""
            while stop < end and content[stop] in b" \t":
                stop = _find_line_end(content, stop, end) if lines_left > 0 else _find_rest(content, stop, end)
                lines_left -= 1
            yield name, start, stop
        start = stop


def _split_rest(content: bytes, start: int, end: int) -> Iterator[tuple[bytes | None, int, int]]:
    """Yield the rest of a header as one field without a name, and the empty line."""
    empty_line = _find_rest(content, start, end)
    if start < empty_line:
        yield b"", start, empty_line
    if empty_line < end:
        yield None, empty_line, end


def _find_rest(content: bytes, start: int, end: int) -> int:
    """Return where the empty line at the end of a header begins."""
    for empty_line in (b"\r\n", b"\n"):
        position = end - len(empty_line)
        if position >= start and content[position - 1 : end] == b"\n" + empty_line:
            return position
    return end


def _find_line_end(content: bytes, start: int, end: int) -> int:
    line_end = content.find(b"\n", start, end)
    return end if line_end < 0 else line_end + 1


def cut_partial(value: bytes, partial: tuple[int, int] | None) -> bytes:
    """Return the octets from a start, at most a count; beyond the end, none (RFC 9051 6.4.5).

    >>> cut_partial(b"abcdef", (2, 3)), cut_partial(b"abc", (3, 9)), cut_partial(b"abc", None)
    (b'cde', b'', b'abc')
    """
    if partial is None:
        return value
    start, count = partial
    return value[start : start + count]
