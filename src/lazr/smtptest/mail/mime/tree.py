"""The parts of a message (RFC 2046 5.1), as places in its octets."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import caps
from lazr.smtptest.mail.mime.charset import header_text
from lazr.smtptest.mail.mime.defect import shown
from lazr.smtptest.mail.mime.header import read_block, unfolded
from lazr.smtptest.mail.mime.parameter import Parameters, read_parameters
from lazr.smtptest.mail.mime.transfer import decoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.mime.defect import Defects, Note

__all__ = ["Part", "read_tree"]

_DELIMITER_END = rb"(--)?[ \t]*+(?:\r?\n|\Z)"
_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")
_MISSES = 100


class Part:
    """One part: a header block, and a body that may be parts again.

    `begin` is where its header begins, `start` and `end` are its body's.
    """

    __slots__ = ("begin", "children", "depth", "digested", "disposition", "end", "fields", "number", "start", "type")

    def __init__(self, number: str, depth: int, begin: int, end: int, *, digested: bool) -> None:
        self.number: str = number  # such as "1.2"; the empty string for the message itself
        self.depth: int = depth
        self.begin: int = begin
        self.start: int = begin
        self.end: int = end
        self.digested: bool = digested  # whether it is in a multipart/digest
        self.fields: list[tuple[str, bytes]] = []
        self.type: Parameters = Parameters("text/plain", {})
        self.disposition: Parameters = Parameters("", {})
        self.children: list[Part] = []

    @property
    def where(self) -> str:
        """Its name in a defect."""
        return f"part {self.number}" if self.number else "content"

    @property
    def is_multipart(self) -> bool:
        """Whether it says so."""
        return self.type.value.startswith("multipart/")

    def field(self, name: str, note: Note) -> str | None:
        """The first field of that name (in lower case), unfolded; None where there is none."""
        for found, raw in self.fields:
            if found.lower() == name:
                return unfolded(header_text(raw[: caps.HEADER_BLOCK], note))
        return None

    def body(self, content: bytes, note: Note) -> bytes:
        """The body's octets, without their transfer encoding."""
        octets = content[self.start : self.end]
        encoding = (self.field("content-transfer-encoding", note) or "").partition(";")[0].partition("(")[0]
        if self.is_multipart:
            return octets  # RFC 2045 6.4: those are not encoded
        return decoded(octets, encoding.strip().lower(), note)

    def walk(self) -> Iterator[Part]:
        """It and all below it, in the order of the octets."""
        stack = [self]
        while stack:
            part = stack.pop()
            yield part
            stack.extend(reversed(part.children))


class _Budget:
    """What is left of the caps that one mail has in all."""

    __slots__ = ("fields", "octets", "parts")

    def __init__(self) -> None:
        self.fields = caps.FIELDS_IN_ALL
        self.parts = caps.PARTS
        self.octets = caps.SEARCHED


def read_tree(content: bytes, defects: Defects, *, embedded: bool = False) -> Part:
    """The message's parts; those of a message within it too, if `embedded`."""
    budget = _Budget()
    root = Part("", 0, 0, len(content), digested=False)
    stack = [root]
    while stack:
        part = stack.pop()
        note = defects.at(part.where)
        most = min(caps.FIELDS, budget.fields)
        part.fields, part.start = read_block(content, part.begin, part.end, most, note)
        budget.fields -= len(part.fields)
        _read_type(part, note)
        if part.is_multipart:
            part.children = _children(content, part, budget, note)
        elif embedded and part.type.value.startswith("message/") and part.type.value != "message/delivery-status":
            part.children = [Part(_number(part, 1), part.depth + 1, part.start, part.end, digested=False)]
            if part.depth >= caps.DEPTH:
                note(f"messages nested deeper than {caps.DEPTH}: truncated")
                part.children = []
        stack.extend(reversed(part.children))
    return root


def _read_type(part: Part, note: Note) -> None:
    default = "message/rfc822" if part.digested else "text/plain"  # RFC 2046 5.1.5
    text = part.field("content-type", note)
    if text is None:
        part.type = Parameters(default, {})
    else:
        part.type = read_parameters(text, note)
        if _TYPE.fullmatch(part.type.value) is None:
            note(f"{shown(part.type.value)} is not a content type")
            part.type.value = "text/plain"  # RFC 2045 5.2
    text = part.field("content-disposition", note)
    if text is not None:
        part.disposition = read_parameters(text, note)


def _children(content: bytes, part: Part, budget: _Budget, note: Note) -> list[Part]:
    boundary = part.type.get("boundary").rstrip().encode("utf-8")
    if part.depth >= caps.DEPTH:
        note(f"parts nested deeper than {caps.DEPTH}: truncated")
        return []
    if not boundary or len(boundary) > caps.BOUNDARY:
        note("a boundary that is too long: truncated" if boundary else "a multipart without a boundary")
        return []
    if part.end - part.start > budget.octets:
        note("multiparts in multiparts that are too long: truncated")
        return []
    budget.octets -= part.end - part.start
    places, closed, more = _split(content, part.start, part.end, boundary, budget.parts)
    budget.parts -= len(places)
    if more:
        note(f"more than {caps.PARTS:,} parts: truncated")
    elif not places:
        note("a multipart in which its boundary is not to be found")
    elif not closed:
        note("a multipart that does not end")
    digested = part.type.value == "multipart/digest"
    return [
        Part(_number(part, index), part.depth + 1, start, end, digested=digested)
        for index, (start, end) in enumerate(places, 1)
    ]


def _number(part: Part, index: int) -> str:
    return f"{part.number}.{index}" if part.number else str(index)


def _split(
    content: bytes, start: int, end: int, boundary: bytes, most: int
) -> tuple[list[tuple[int, int]], bool, bool]:
    """Where the parts between the delimiters are, whether the last delimiter is there, and whether there is more.

    RFC 2046 5.1.1: a delimiter is at the beginning of a line, which belongs to it with its end.
    """
    places: list[tuple[int, int]] = []
    opened = -1
    for at, behind, last in _delimiters(content, max(start - 1, 0), end, b"\n--" + boundary):
        if opened >= 0:
            if len(places) >= most:
                return places, False, True
            close = at - 1 if content.startswith(b"\r", at - 1) else at
            places.append((opened, max(opened, close)))
        if last:
            return places, True, False
        opened = behind
    if opened < 0:
        return places, False, False
    if len(places) >= most:
        return places, False, True
    places.append((opened, end))
    return places, False, False


def _delimiters(content: bytes, at: int, end: int, needle: bytes) -> Iterator[tuple[int, int, bool]]:
    """Each delimiter's place, the place behind its line, and whether it is the closing one."""
    tail = re.compile(_DELIMITER_END)
    whole = None
    misses = 0
    while True:
        if whole is None:
            at = content.find(needle, at, end)
            match = tail.match(content, at + len(needle), end) if at >= 0 else None
            if at >= 0 and match is None:
                at += len(needle) - 1
                misses += 1
                if misses > _MISSES:  # many lines that only look like it: let the pattern pass over them
                    whole = re.compile(re.escape(needle) + _DELIMITER_END)
                continue
        else:
            match = whole.search(content, at, end)
            at = match.start() if match else -1
        if match is None:
            return
        yield at, match.end(), match[1] is not None
        # The end of this line may be the beginning of the next delimiter.
        at = match.end() - 1 if content.startswith(b"\n", match.end() - 1) else match.end()
