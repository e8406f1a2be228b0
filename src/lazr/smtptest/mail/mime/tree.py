"""Find the MIME parts of a message (RFC 2046 5.1), as positions in its bytes.

One pass over the lines that begin with two hyphens, with a stack of the multiparts around them.  The innermost
multipart that has the boundary of a line takes it.  So a multipart may have the boundary of one around it, as some
programs write, and a delimiter of an outer multipart ends the unterminated ones within it (RFC 2046 5.1.2).
"""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.mime.charset import decode_header_text
from lazr.smtptest.mail.mime.defect import quote_untrusted
from lazr.smtptest.mail.mime.header import read_block, unfold
from lazr.smtptest.mail.mime.parameter import Parameters, read_parameters
from lazr.smtptest.mail.mime.transfer_encoding import decode_transfer_encoding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.mime.defect import DefectRecorder, Defects

__all__ = ["Part", "read_tree"]

_MAX_VALID_BOUNDARY_BYTES = 70  # RFC 2046 5.1.1
_CONTENT_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")
_BLOCK_END = re.compile(rb"\n\r?\n")


class Part:
    """One part: a header block, and a body that may consist of parts.

    Args:
        number: the part number, such as "1.2"; the empty string for the whole message.
        depth: the number of parts around it.
        header_start: the position of the header block in the content.
        body_end: the position after the body.
        is_in_digest: whether the part is in a multipart/digest, where the default type is message/rfc822.
    """

    __slots__ = (
        "body_end",
        "body_start",
        "children",
        "depth",
        "disposition",
        "fields",
        "header_start",
        "is_in_digest",
        "number",
        "type",
    )

    def __init__(self, number: str, depth: int, header_start: int, body_end: int, *, is_in_digest: bool) -> None:
        self.number: str = number
        self.depth: int = depth
        self.header_start: int = header_start
        self.body_start: int = header_start
        self.body_end: int = body_end
        self.is_in_digest: bool = is_in_digest
        self.fields: list[tuple[str, bytes]] = []
        self.type: Parameters = Parameters("text/plain", {})
        self.disposition: Parameters = Parameters("", {})
        self.children: list[Part] = []

    @property
    def location(self) -> str:
        """The part as defects name it."""
        return f"part {self.number}" if self.number else "content"

    @property
    def is_multipart(self) -> bool:
        """Whether the declared type is a multipart."""
        return self.type.value.startswith("multipart/")

    @property
    def filenames(self) -> tuple[str, ...]:
        """The different names of the file, those of Content-Disposition first."""
        return tuple(dict.fromkeys((*self.disposition.get_all("filename"), *self.type.get_all("name"))))

    def get_content_id(self, note: DefectRecorder) -> str:
        """Return the Content-ID without angle brackets (RFC 2392); "" if absent."""
        return (self.get_field("content-id", note) or "").strip().removeprefix("<").removesuffix(">")

    def get_encoding(self, note: DefectRecorder) -> str:
        """Return the content transfer encoding (RFC 2045 6) in lower case; "" if absent."""
        value = self.get_field("content-transfer-encoding", note) or ""
        return value.partition(";")[0].partition("(")[0].strip().lower()

    def get_field(self, name: str, note: DefectRecorder) -> str | None:
        """Return the first field with a name (in lower case), unfolded; None if absent."""
        for found, raw in self.fields:
            if len(found) == len(name) and found.lower() == name:
                return unfold(decode_header_text(raw[: limits.MAX_HEADER_BLOCK_BYTES], note))
        return None

    def decode_body(self, content: bytes, note: DefectRecorder, *, max_encoded_bytes: int | None = None) -> bytes:
        """Return the bytes of the body, without their transfer encoding.

        Args:
            content: the bytes of the message.
            note: receives a reason for each defect.
            max_encoded_bytes: decode only this much of the beginning; None, the default, for all of it.
        """
        end = self.body_end
        if max_encoded_bytes is not None:
            end = min(end, self.body_start + max_encoded_bytes)
        body = content[self.body_start : end]
        encoding = self.get_encoding(note)
        if self.is_multipart:
            return body  # RFC 2045 6.4: a multipart is not encoded
        return decode_transfer_encoding(body, encoding, note)

    def walk(self) -> Iterator[Part]:
        """Yield the part and all parts within it, in the order of the content."""
        stack = [self]
        while stack:
            part = stack.pop()
            yield part
            stack.extend(reversed(part.children))


class _OpenMultipart:
    """A multipart whose closing delimiter has not been found yet."""

    __slots__ = ("boundaries", "is_found", "note", "part")

    def __init__(self, part: Part, boundaries: list[bytes], note: DefectRecorder) -> None:
        self.part = part
        self.boundaries = boundaries  # the possible ones, until one is found
        self.is_found = False
        self.note = note


class _Budget:
    """The rest of the limits that apply to all parts of a mail together."""

    __slots__ = ("candidates", "fields", "parts")

    def __init__(self) -> None:
        self.candidates = limits.MAX_DELIMITER_CANDIDATES
        self.fields = limits.MAX_MAIL_HEADER_FIELDS
        self.parts = limits.MAX_PARTS


def read_tree(
    content: bytes,
    defects: Defects,
    *,
    include_embedded: bool = False,
    embedded_types: frozenset[str] | None = None,
) -> Part:
    """Return the tree of the parts of a message.

    Args:
        content: the bytes of the message; untrusted input of any length.
        defects: receives the defects.
        include_embedded: whether to parse messages within the message, too.
        embedded_types: the types of these messages; None, the default, for all types of messages.
    """
    return _TreeReader(content, defects, include_embedded=include_embedded, embedded_types=embedded_types).read()


class _TreeReader:
    def __init__(
        self, content: bytes, defects: Defects, *, include_embedded: bool, embedded_types: frozenset[str] | None
    ) -> None:
        self._content = content
        self._defects = defects
        self._include_embedded = include_embedded
        self._embedded_types = embedded_types
        self._budget = _Budget()
        self._open_parts: list[Part] = []  # each is within the one before it
        self._multiparts: list[_OpenMultipart] = []
        # The place in `_multiparts` of the innermost one with a boundary.
        self._places: dict[bytes, int] = {}

    def read(self) -> Part:
        root = Part("", 0, 0, len(self._content), is_in_digest=False)
        at = self._open_part(root)
        while self._multiparts:
            found = self._find_delimiter(at, len(self._content))
            if found is None:
                break
            start, at, place, boundary, is_last = found
            if not self._read_delimiter(place, boundary, self._find_line_start(start), is_last=is_last):
                return root
            if not is_last:
                parent = self._multiparts[place].part
                child = Part(
                    _build_number(parent, len(parent.children) + 1),
                    parent.depth + 1,
                    at,
                    len(self._content),
                    is_in_digest=parent.type.value == "multipart/digest",
                )
                parent.children.append(child)
                at = self._open_part(child)
        if self._budget.candidates > 0:
            self._close_multiparts(0)
        return root

    def _open_part(self, part: Part) -> int:
        """Read the header of a part, and of a message in it; return the start of the body."""
        while True:
            self._open_parts.append(part)
            note = self._defects.build_recorder(part.location)
            end = self._find_header_end(part)
            max_fields = min(limits.MAX_HEADER_BLOCK_FIELDS, self._budget.fields)
            part.fields, part.body_start = read_block(self._content, part.header_start, end, max_fields, note)
            self._budget.fields -= len(part.fields)
            _read_type(part, note)
            if part.is_multipart:
                self._open_multipart(part, note)
            elif self._include_embedded and self._is_message(part.type.value):
                if part.depth < limits.MAX_MULTIPART_DEPTH:
                    number = _build_number(part, 1)
                    child = Part(number, part.depth + 1, part.body_start, part.body_end, is_in_digest=False)
                    part.children = [child]
                    part = child
                    continue
                note(f"messages nested deeper than {limits.MAX_MULTIPART_DEPTH}: truncated")
            return part.body_start

    def _is_message(self, content_type: str) -> bool:
        if self._embedded_types is not None:
            return content_type in self._embedded_types
        # A delivery status (RFC 3464 2.1) consists of header blocks.
        return content_type.startswith("message/") and content_type != "message/delivery-status"

    def _find_header_end(self, part: Part) -> int:
        """Return the position of a delimiter within the header block, or the end of the content."""
        content = self._content
        if not self._multiparts:
            return len(content)
        stop = part.header_start + limits.MAX_HEADER_BLOCK_BYTES
        blank_line = _BLOCK_END.search(content, max(part.header_start - 1, 0), stop)
        found = self._find_delimiter(part.header_start, min(blank_line.end() if blank_line else stop, len(content)))
        return len(content) if found is None else max(part.header_start, self._find_line_start(found[0]))

    def _find_line_start(self, delimiter: int) -> int:
        """Return the position of the line end before a delimiter.

        RFC 2046 5.1.1: it belongs to the delimiter.
        """
        return delimiter - 2 if self._content.startswith(b"\r", delimiter - 2) else delimiter - 1

    def _open_multipart(self, part: Part, note: DefectRecorder) -> None:
        boundaries = [boundary.rstrip().encode("utf-8") for boundary in part.type.get_all("boundary")]
        boundaries = [boundary for boundary in boundaries if boundary]
        if part.depth >= limits.MAX_MULTIPART_DEPTH:
            note(f"parts nested deeper than {limits.MAX_MULTIPART_DEPTH}: truncated")
        elif not boundaries:
            note("multipart without a boundary")
        elif max(map(len, boundaries)) > limits.MAX_BOUNDARY_BYTES:
            note("boundary too long: truncated")
        else:
            if len(boundaries[0]) > _MAX_VALID_BOUNDARY_BYTES:
                note(f"boundary of more than {_MAX_VALID_BOUNDARY_BYTES} bytes")
            if any(boundary in self._places for boundary in boundaries):
                note("boundary of a multipart around this one")
            self._multiparts.append(_OpenMultipart(part, boundaries, note))
            self._index_boundaries()

    def _index_boundaries(self) -> None:
        self._places = {
            boundary: place for place, multipart in enumerate(self._multiparts) for boundary in multipart.boundaries
        }

    def _find_delimiter(self, start: int, end: int) -> tuple[int, int, int, bytes, bool] | None:
        """Return the next delimiter that begins a line, or None.

        Returns:
            its position, the position after its line, the place of its multipart, its boundary, and whether it closes.
        """
        content = self._content
        at = max(start - 1, 0)
        while self._budget.candidates > 0:
            at = content.find(b"\n--", at, end)
            if at < 0:
                return None
            self._budget.candidates -= 1
            line_end = content.find(b"\n", at + 3)
            after = len(content) if line_end < 0 else line_end + 1
            line = content[at + 3 : after].rstrip(b" \t\r\n")
            opening = self._places.get(line, -1)
            closing = self._places.get(line[:-2], -1) if line.endswith(b"--") else -1
            if max(opening, closing) >= 0:
                is_last = closing > opening
                return at + 1, after, max(opening, closing), line[:-2] if is_last else line, is_last
            at = after - 1 if line_end >= 0 else after
        self._multiparts[-1].note(f"more than {limits.MAX_DELIMITER_CANDIDATES:,} lines begin with hyphens: truncated")
        return None

    def _read_delimiter(self, place: int, boundary: bytes, line_start: int, *, is_last: bool) -> bool:
        """End the parts before a delimiter; return whether the limit on parts allows another one."""
        self._close_multiparts(place + 1)
        multipart = self._multiparts[place]
        while self._open_parts[-1] is not multipart.part:
            part = self._open_parts.pop()
            # After an empty body, the line end before the delimiter is that of the header.
            part.body_end = line_start = max(part.body_start, line_start)
        if not multipart.is_found and len(multipart.boundaries) > 1:
            multipart.note("boundary without the quotes that it needs, or repeated")
            multipart.boundaries = [boundary]
        multipart.is_found = True
        if is_last:
            if not multipart.part.children:
                multipart.note("multipart without its delimiters")
                multipart.part.body_end = max(multipart.part.body_start, line_start)
            self._multiparts.pop()
        elif self._budget.parts <= 0:
            multipart.note(f"more than {limits.MAX_PARTS:,} parts: truncated")
            return False
        else:
            self._budget.parts -= 1
        self._index_boundaries()
        return True

    def _close_multiparts(self, place: int) -> None:
        """Remove the unterminated multiparts from a place on."""
        for multipart in self._multiparts[place:]:
            multipart.note("unterminated multipart" if multipart.is_found else "multipart without its delimiters")
        del self._multiparts[place:]


def _read_type(part: Part, note: DefectRecorder) -> None:
    default = "message/rfc822" if part.is_in_digest else "text/plain"  # RFC 2046 5.1.5
    text = part.get_field("content-type", note)
    if text is None:
        part.type = Parameters(default, {})
    else:
        part.type = read_parameters(text, note)
        if _CONTENT_TYPE.fullmatch(part.type.value) is None:
            note(f"{quote_untrusted(part.type.value)} is not a content type")
            part.type.value = "text/plain"  # RFC 2045 5.2
    text = part.get_field("content-disposition", note)
    if text is not None:
        part.disposition = read_parameters(text, note)


def _build_number(part: Part, index: int) -> str:
    return f"{part.number}.{index}" if part.number else str(index)
