"""A message as DKIM sees it: header fields in order, and a body (RFC 6376 3.4, 5.4.2)."""

from __future__ import annotations

from lazr.smtptest.authentication.dkim.canonicalization import canonicalize_body
from lazr.smtptest.authentication.dkim.field import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_HEADER_OCTETS", "Message", "parse_message"]

# A field takes more memory than its text; longer headers are not checked.
MAX_HEADER_OCTETS = 1_000_000


class Message:
    """Header fields and body, with CRLF line ends.

    Args:
        fields: The header fields, from the top.
        body: The body, without the empty line before it.
        long_header: The header, if it is too long to be checked; `fields` is empty then.
        has_bare_lf: The content has line ends of a single LF.  They count as CRLF, as mail servers convert them.
    """

    def __init__(
        self, fields: list[Field], body: bytes = b"", *, long_header: bytes = b"", has_bare_lf: bool = False
    ) -> None:
        self.fields = fields
        self.body = body
        self.long_header = long_header
        self.has_bare_lf = has_bare_lf
        self._bodies: dict[str, bytes] = {}
        # A header may have 250,000 fields, and each signature looks up many names.
        self._positions: dict[bytes, list[int]] = {}
        for position, field in enumerate(fields):
            self._positions.setdefault(field.key, []).append(position)

    def canonicalize_body(self, algorithm: str) -> bytes:
        """Return the canonical body, which is computed once for all signatures."""
        if algorithm not in self._bodies:
            self._bodies[algorithm] = canonicalize_body(self.body, algorithm)
        return self._bodies[algorithm]

    def find_fields(self, *keys: bytes) -> list[Field]:
        """Return the fields of these names, from the top."""
        positions = sorted(position for key in keys for position in self._positions.get(key, ()))
        return [self.fields[position] for position in positions]

    def select_fields(self, names: Iterable[str]) -> list[Field | None]:
        """Return the field of each signed name, or None, from the bottom (RFC 6376 5.4.2).

        >>> message = Message([Field(b"A", b"1"), Field(b"a", b"2")])
        >>> [field and field.value for field in message.select_fields(["a", "a", "a"])]
        [b'2', b'1', None]
        """
        counts: dict[bytes, int] = {}
        selected: list[Field | None] = []
        for name in names:
            key = name.encode("ascii", "replace")
            counts[key] = count = counts.get(key, 0) + 1
            positions = self._positions.get(key, ())
            selected.append(self.fields[positions[-count]] if count <= len(positions) else None)
        return selected


def parse_message(content: bytes) -> Message:
    """Return header fields and body; any content is accepted.

    Lines of the header that are no field belong to no name, so they are never signed.

    >>> message = parse_message(b"Subject: a\\r\\n b\\r\\nTo: c\\r\\n\\r\\nbody\\r\\n")
    >>> message.fields, message.body
    ([Field(name=b'Subject', value=b' a\\r\\n b\\r\\n'), Field(name=b'To', value=b' c\\r\\n')], b'body\\r\\n')
    """
    has_bare_lf = content.count(b"\n") != content.count(b"\r\n")
    if has_bare_lf:
        content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if content.startswith(b"\r\n"):
        header, body = b"", content[2:]
    else:
        header, _, body = content.partition(b"\r\n\r\n")
    if len(header) > MAX_HEADER_OCTETS:
        return Message([], body, long_header=header, has_bare_lf=has_bare_lf)
    return Message(_parse_fields(header), body, has_bare_lf=has_bare_lf)


def _parse_fields(header: bytes) -> list[Field]:
    chunks: list[list[bytes]] = []
    for line in header.split(b"\r\n") if header else ():
        if chunks and line.startswith((b" ", b"\t")):
            chunks[-1].append(line)
        else:
            chunks.append([line])
    fields = []
    for lines in chunks:
        name, colon, value = lines[0].partition(b":")
        text = b"\r\n".join([value if colon else lines[0], *lines[1:]]) + b"\r\n"
        fields.append(Field(name if colon else b"", text))
    return fields
