"""The structure of a message: the tree of its MIME parts, with their places in the bytes."""

from __future__ import annotations

from functools import cached_property

from lazr.smtptest.mail.content_signature import detect_content_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.mime.tree import Part

__all__ = ["MessagePart", "find_header_end"]

_MAX_SNIFFED_BYTES = 8 * 1024  # encoded; the signature is in the first kilobytes


class MessagePart:
    """One MIME part, or the whole message; `mail.structure` is the root.

    Ranges are pairs of positions in `mail.content`, the second one after the last byte.

    - `number`: the part number, as in IMAP (RFC 9051 6.4.5): "2" or "1.2".  The whole message has "", and "1" if it
      has no parts.
    - `content_type`, `charset`, `disposition`: the declared ones, in lower case; "" if absent.  Without a declared
      type, `content_type` is the default, "text/plain" (RFC 2045 5.2).
    - `encoding`: the content transfer encoding in lower case; "" if absent.
    - `filename`, `content_id`: as in `Attachment`.
    - `header_range`: the header fields with their line ends, without the empty line after them.
    - `body_range`: the body.  The line end before a delimiter belongs to the delimiter (RFC 2046 5.1.1).
    - `parts`: the parts within it, in order; empty for a leaf.

    >>> from lazr.smtptest import Mail
    >>> mail = Mail.from_bytes(b"Content-Type: text/html\\n\\n<p>Hi")
    >>> part = mail.structure
    >>> part.content_type, part.header_range, part.body_range
    ('text/html', (0, 25), (27, 32))
    """

    def __init__(self, part: Part, content: bytes) -> None:
        self._part = part
        self._content = content
        self.number: str = part.number or ("" if part.children else "1")
        self.content_type: str = part.type.value
        self.charset: str = part.type.get("charset")
        self.disposition: str = part.disposition.value
        self.encoding: str = part.get_encoding(_ignore)
        self.filename: str = next(iter(part.filenames), "")
        self.content_id: str = part.get_content_id(_ignore)
        self.header_range: tuple[int, int] = (part.header_start, find_header_end(part, content))
        self.body_range: tuple[int, int] = (part.body_start, part.body_end)
        self.parts: tuple[MessagePart, ...] = tuple(MessagePart(child, content) for child in part.children)

    def decode(self) -> bytes:
        """Return the bytes of the body without their transfer encoding; each call decodes them."""
        return self._part.decode_body(self._content, _ignore)

    @cached_property
    def detected_type(self) -> str:
        """The media type by the content; "" for a multipart, and if it is unknown."""
        if self.parts or self._part.is_multipart:
            return ""
        start = self._part.decode_body(self._content, _ignore, max_encoded_bytes=_MAX_SNIFFED_BYTES)
        return detect_content_type(start, self.content_type)

    def walk(self) -> Iterator[MessagePart]:
        """Yield the part and all parts within it, in the order of the content."""
        stack = [self]
        while stack:
            part = stack.pop()
            yield part
            stack.extend(reversed(part.parts))

    def __repr__(self) -> str:
        return f"<MessagePart {self.number or 'root'} {self.content_type}>"


def find_header_end(part: Part, content: bytes) -> int:
    """Return the position after the last header field of a part, before the empty line."""
    start, end = part.header_start, part.body_start
    without_line = end - 2 if content.endswith(b"\r\n", start, end) else end - 1
    is_empty_line = content.endswith(b"\n", start, end) and (
        without_line == start or content.endswith(b"\n", start, without_line)
    )
    return without_line if is_empty_line else end


def _ignore(reason: str) -> None:
    """Ignore a defect; `mail.defects` has it."""
