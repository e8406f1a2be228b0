"""Find the places of defects in the bytes of a message.

A defect has a location, such as "part 1.2", and a reason.  The location gives the part or the header field; the reason
often gives a byte in it.  The places are found on demand, after parsing, so that parsing does not get slower.
"""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.mime.header import read_block
from lazr.smtptest.mail.structure import find_header_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.mail.mime.defect import Defect
    from lazr.smtptest.mail.mime.tree import Part

    Range = tuple[int, int]

__all__ = ["DefectLocator", "list_field_places"]

_BARE_CR = re.compile(rb"\r(?!\n)")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_NUL = re.compile(rb"\0")
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\s]+")
_BROKEN_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[ \t]*\Z)")
_LINE_NUMBER = re.compile(r"line ([0-9,]+) has more than")
_REPEATED_FIELD = re.compile(r"[0-9]+ (?:(\S+) )?fields")

# Reasons of the header block as a whole.
_STRAY_LINE_REASONS = frozenset(
    {
        "a line of the header is not a field",
        "header field without a name",
        "the first line of the header is not a field",
    }
)
_NO_EMPTY_LINE_REASON = "no empty line between header and body"
# Words in the reason of a defect, and the first byte in the body that is meant.
_BODY_PATTERNS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("invalid characters in base64", _NOT_BASE64),
    ("invalid escape in quoted-printable", _BROKEN_ESCAPE),
    ("NUL in text", _NUL),
    ("bytes that are not", _NOT_ASCII),
    ("bytes above 127", _NOT_ASCII),
)
# Words in the reason of a defect of a part, and the header fields that it is about, the likeliest first.
_FIELDS_BY_WORD: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("transfer encoding", ("content-transfer-encoding",)),
    ("boundary", ("content-type",)),
    ("multipart", ("content-type",)),
    ("charset", ("content-type",)),
    ("content type", ("content-type",)),
    ("file name", ("content-disposition", "content-type")),
    ("parameter", ("content-type", "content-disposition")),
    ("unterminated", ("content-type", "content-disposition")),
)
_BODY_WORDS = ("base64", "quoted-printable", "uuencoded", "surrogate", "read as")


class DefectLocator:
    """Finds the places of the defects of one message.

    Args:
        raw_content: the bytes of the message.
        content: the same, as the tree was read from them: with LF in the place of CR if there is no LF.
        tree: the parts of the message.
        text: the part that is the text; None for a mail without text.
        html: the part that is the HTML; None for a mail without HTML.
    """

    def __init__(self, raw_content: bytes, content: bytes, tree: Part, *, text: Part | None, html: Part | None) -> None:
        self._raw_content = raw_content
        self._content = content
        self._parts: Mapping[str, Part] = {part.location: part for part in tree.walk()}
        self._tree = tree
        self._bodies = {"text": text or html, "html": html}
        self._fields_by_part: dict[int, list[tuple[str, Range]]] = {}

    def locate(self, defect: Defect) -> Range | None:
        """Return the positions of the first byte and after the last byte of a defect.

        None if it is nowhere, such as a missing field, or if the place is not known.
        """
        kind, _, name = defect.where.partition(" ")
        if kind == "header":
            return self._locate_field(self._tree, name.lower(), defect.reason)
        if kind in self._bodies:
            part = self._bodies[kind]
            return None if part is None else self._locate_in_body(part, defect.reason)
        if defect.where == "content":
            found = self._locate_in_message(defect.reason)
            if found is not None:
                return found
        part = self._parts.get(defect.where)
        return None if part is None else self._locate_in_part(part, defect.reason)

    def _locate_in_message(self, reason: str) -> Range | None:
        line = _LINE_NUMBER.match(reason)
        if line is not None:
            return self._find_line(int(line[1].replace(",", "")))
        for words, pattern in (("CR without LF", _BARE_CR), ("LF without CR", _BARE_LF), ("NUL", _NUL)):
            if reason.endswith(words):
                return _search(pattern, self._raw_content, 0, len(self._raw_content))
        if reason == "line ends are bare CR":
            return _search(_BARE_CR, self._raw_content, 0, len(self._raw_content))
        return None

    def _find_line(self, number: int) -> Range | None:
        at = 0
        for _ in range(number - 1):
            at = self._content.find(b"\n", at) + 1
            if not at:
                return None
        end = self._content.find(b"\n", at)
        end = len(self._content) if end < 0 else end
        return at, end - self._content.startswith(b"\r", max(end - 1, at))

    def _locate_in_part(self, part: Part, reason: str) -> Range:
        repeated = _REPEATED_FIELD.match(reason)
        if repeated is not None and repeated[1]:
            found = self._locate_field(part, repeated[1].lower(), reason)
            if found is not None:
                return found
        if reason in _STRAY_LINE_REASONS:
            return self._find_stray_line(part)
        if reason == _NO_EMPTY_LINE_REASON:
            return self._find_line_at(part.body_start)
        for word, names in _FIELDS_BY_WORD:
            if word in reason:
                for name in names:
                    found = self._locate_field(part, name, "")
                    if found is not None:
                        return found
        if any(words in reason for words, _ in _BODY_PATTERNS) or any(word in reason for word in _BODY_WORDS):
            return self._locate_in_body(part, reason)
        header_end = find_header_end(part, self._content)
        return (part.header_start, header_end) if header_end > part.header_start else (part.body_start, part.body_end)

    def _locate_in_body(self, part: Part, reason: str) -> Range:
        before, _, rest = reason.partition("HTML refers to ")
        if not before and rest:
            wanted = rest.removesuffix(", which no part has").encode()
            at = self._content.find(wanted, part.body_start, part.body_end)
            if at >= 0:
                return at, at + len(wanted)
        for words, pattern in _BODY_PATTERNS:
            if words in reason:
                found = _search(pattern, self._content, part.body_start, part.body_end)
                if found is not None:
                    return found
        return part.body_start, part.body_end

    def _locate_field(self, part: Part, name: str, reason: str) -> Range | None:
        """Return the place of a field; the second of repeated ones."""
        found = [place for known, place in self._list_fields(part) if known == name]
        if not found:
            return None
        return found[1] if len(found) > 1 and _REPEATED_FIELD.match(reason) else found[0]

    def _list_fields(self, part: Part) -> list[tuple[str, Range]]:
        """Return the names of the fields of a part, in lower case, with their places."""
        fields = self._fields_by_part.get(id(part))
        if fields is None:
            fields = list_field_places(part, self._content)
            self._fields_by_part[id(part)] = fields
        return fields

    def _find_stray_line(self, part: Part) -> Range:
        """Return the first line of the header block that belongs to no field."""
        at = part.header_start
        for _, (start, end) in self._list_fields(part):
            if start > at:
                break
            line_end = self._content.find(b"\n", end)
            at = len(self._content) if line_end < 0 else line_end + 1
        return self._find_line_at(at)

    def _find_line_at(self, at: int) -> Range:
        end = self._content.find(b"\n", at)
        end = len(self._content) if end < 0 else end
        return at, max(at, end - self._content.startswith(b"\r", max(end - 1, at)))


def list_field_places(part: Part, content: bytes) -> list[tuple[str, Range]]:
    """Return the names of the fields of a part, in lower case, with their places."""
    places: list[Range] = []
    # The same reader over the same bytes as in `tree`, so that it finds the same fields.
    start, end = part.header_start, max(part.body_start, part.header_start)
    read_block(content, start, end, limits.MAX_HEADER_BLOCK_FIELDS, lambda _: None, places=places)
    names = [name.lower() for name, _ in part.fields]
    return [
        (name, (at, at + len(content[at:after].rstrip(b"\r\n"))))
        for name, (at, after) in zip(names, places, strict=False)
    ]


def _search(pattern: re.Pattern[bytes], content: bytes, start: int, end: int) -> Range | None:
    found = pattern.search(content, start, end)
    return None if found is None else found.span()
