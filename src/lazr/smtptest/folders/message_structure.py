"""The tree of MIME parts as IMAP's BODYSTRUCTURE and ENVELOPE show it (RFC 9051 7.5.2).

The parts are those that `Mail` finds.  Ranges and sizes are those of the bytes on the wire, also in a malformed mail,
and each structure can be written in IMAP's grammar: a multipart has parts, and a message/rfc822 has its message.
"""

from __future__ import annotations

from functools import cached_property

from lazr.smtptest.folders.message_envelope import find_raw_field, read_envelope
from lazr.smtptest.mail import Defects, Part, read_raw_parameters, read_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.folder_access import BodyPart, MessageEnvelope, Parameters

__all__ = ["MimePart", "read_structure"]

_MESSAGE_TYPES = frozenset({"message/rfc822", "message/global"})
_DEFAULT_PARAMETERS = ((b"CHARSET", b"US-ASCII"),)  # RFC 2045 5.2


def read_structure(content: bytes) -> BodyPart:
    r"""Return the structure of a message.

    Args:
        content: the bytes of the message; untrusted input of any length.

    >>> part = read_structure(b"Content-Type: text/html\r\n\r\n<p>Hi\r\n")
    >>> part.type, part.subtype, part.header_range, part.body_range, part.line_count
    (b'TEXT', b'HTML', (0, 27), (27, 34), 1)
    """
    if b"\n" not in content and b"\r" in content:
        content = content.replace(b"\r", b"\n")  # as `Mail` reads it; no position changes
    root = read_tree(content, Defects(), include_embedded=True, embedded_types=_MESSAGE_TYPES)
    return MimePart(root, _Source(content, root), is_message=True)


class _Source:
    """The content of a message, and the number of lines before the positions in it."""

    def __init__(self, content: bytes, root: Part) -> None:
        self.content = content
        self._root = root

    @cached_property
    def _lines_before(self) -> dict[int, int]:
        """Count each line once, however many messages are around it."""
        positions = {position for part in self._root.walk() for position in (part.body_start, part.body_end)}
        counts: dict[int, int] = {}
        count = at = 0
        for position in sorted(positions):
            count += self.content.count(b"\n", at, position)
            counts[position] = count
            at = position
        return counts

    def count_lines(self, part: Part) -> int:
        """Return the number of line ends in the body of a part."""
        return self._lines_before[part.body_end] - self._lines_before[part.body_start]


class MimePart:
    """One MIME part, or a whole message; implements `BodyPart`.

    Args:
        part: the part as the reader found it.
        source: the message that it is in.
        is_message: whether the part is a message, with an envelope.
    """

    def __init__(self, part: Part, source: _Source, *, is_message: bool = False) -> None:
        self._part = part
        self._source = source
        self._is_message = is_message
        self.header_range: tuple[int, int] = (part.header_start, part.body_start)
        self.body_range: tuple[int, int] = (part.body_start, part.body_end)
        content_type = part.type.value
        if content_type in _MESSAGE_TYPES and not part.children:
            content_type = "application/octet-stream"  # the reader's limit on nested messages
        kind, _, subtype = content_type.upper().partition("/")
        self.type: bytes = kind.encode()
        self.subtype: bytes = subtype.encode()

    # -- fields of the header ------------------------------------------------------------------

    @cached_property
    def parameters(self) -> Parameters:
        """The parameters of Content-Type, with the default charset of a text."""
        raw = self._get_field("content-type")
        found: Parameters = ()
        if raw is not None:
            value, parameters = read_raw_parameters(raw)
            # A malformed type is replaced by text/plain, without its parameters.
            found = tuple(parameters) if value.lower() == self._part.type.value.encode() else ()
        if self.type == b"TEXT" and not any(name.lower().rstrip(b"*") == b"charset" for name, _ in found):
            found = (*found, *_DEFAULT_PARAMETERS)
        return found

    @property
    def content_id(self) -> bytes | None:
        """The field Content-ID."""
        return self._get_field("content-id")

    @property
    def description(self) -> bytes | None:
        """The field Content-Description."""
        return self._get_field("content-description")

    @cached_property
    def encoding(self) -> bytes:
        """The content transfer encoding in upper case; `7BIT` without one."""
        return self._part.get_encoding(_ignore).upper().encode("utf-8", "replace") or b"7BIT"

    @property
    def md5(self) -> bytes | None:
        """The field Content-MD5."""
        return self._get_field("content-md5")

    @cached_property
    def disposition(self) -> tuple[bytes, Parameters] | None:
        """The field Content-Disposition: its value and parameters."""
        raw = self._get_field("content-disposition")
        value, parameters = read_raw_parameters(raw or b"")
        return (value, tuple(parameters)) if value else None

    @cached_property
    def languages(self) -> tuple[bytes, ...]:
        """The values of Content-Language (RFC 3282)."""
        values = (self._get_field("content-language") or b"").split(b",")
        return tuple(tag for value in values if (tag := value.partition(b"(")[0].strip()))

    @property
    def location(self) -> bytes | None:
        """The field Content-Location."""
        return self._get_field("content-location")

    def _get_field(self, name: str) -> bytes | None:
        return find_raw_field(self._part.fields, name)

    # -- body ----------------------------------------------------------------------------------

    @property
    def line_count(self) -> int:
        """The number of line ends in the body."""
        return self._source.count_lines(self._part)

    @cached_property
    def parts(self) -> tuple[BodyPart, ...]:
        """The parts of a multipart, at least one: without delimiters, the body as text."""
        if not self._part.is_multipart:
            return ()
        return tuple(MimePart(child, self._source) for child in self._part.children or (self._build_text_part(),))

    def _build_text_part(self) -> Part:
        part = Part("", self._part.depth + 1, self._part.body_start, self._part.body_end, is_in_digest=False)
        part.body_start = self._part.body_start
        return part

    @cached_property
    def message(self) -> BodyPart | None:
        """The message within a message/rfc822 or message/global part."""
        if self.type != b"MESSAGE" or self._part.type.value not in _MESSAGE_TYPES:
            return None
        return MimePart(self._part.children[0], self._source, is_message=True)

    @cached_property
    def envelope(self) -> MessageEnvelope | None:
        """The envelope, if this is a whole message."""
        return read_envelope(self._part.fields) if self._is_message else None

    def decode(self) -> bytes:
        """Return the body without its transfer encoding."""
        return self._part.decode_body(self._source.content, _ignore)

    def __repr__(self) -> str:
        return f"<MimePart {self._part.number or 'root'} {(self.type + b'/' + self.subtype).decode()}>"


def _ignore(reason: str) -> None:
    """Ignore a defect; `mail.defects` has it."""
