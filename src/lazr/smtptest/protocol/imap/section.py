"""Find and read the sections of a message, for BODY[…] and BINARY[…] (RFC 9051 6.4.5)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from lazr.smtptest.protocol.folder_access import BodyPart, Message

__all__ = ["cut_partial", "find_part", "read_section", "select_fields"]


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


def read_section(message: Message, path: Sequence[int], text: str = "", fields: Collection[bytes] = ()) -> bytes | None:
    """Return the octets of BODY[section]; None (NIL) if the message has no such section.

    Args:
        message: A message that was read with its content.
        path: The numbers before the text; empty for the message.
        text: "", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT" or "MIME".
        fields: The names of the fields, in any case.
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
            return select_fields(message.content, start, end, fields, is_inverted=text.endswith(".NOT"))
    return message.content[start:end]


def select_fields(content: bytes, start: int, end: int, names: Collection[bytes], *, is_inverted: bool) -> bytes:
    r"""Return fields of a header as they are, with the empty line (RFC 9051 6.4.5.1).

    Args:
        content: The content of the message.
        start: The start of the header.
        end: The end of the header.
        names: The names of the fields, in any case.
        is_inverted: Whether to return all other fields instead.

    >>> select_fields(b"A: 1\r\nB: 2\r\n 3\r\n\r\nText", 0, 19, [b"b"], is_inverted=False)
    b'B: 2\r\n 3\r\n\r\n'
    """
    wanted = {name.lower() for name in names}
    return b"".join(
        content[begin:stop]
        for name, begin, stop in _split_header(content, start, end)
        if name is None or (name in wanted) is not is_inverted
    )


def _split_header(content: bytes, start: int, end: int) -> Iterator[tuple[bytes | None, int, int]]:
    """Yield the lower-case name and the range of each field; the empty line has None."""
    while start < end:
        stop = _find_line_end(content, start, end)
        if content[start:stop] in (b"\r\n", b"\n"):
            yield None, start, stop
        else:
            colon = content.find(b":", start, stop)
            # A line without a colon is a field without a name: it is among the fields that were not named.
            name = content[start:colon].rstrip(b" \t").lower() if colon >= 0 else b""
            while stop < end and content[stop] in b" \t":
                stop = _find_line_end(content, stop, end)
            yield name, start, stop
        start = stop


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
