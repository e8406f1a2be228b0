"""Store binary messages of APPEND so that each client can read them (RFC 3516 4.4)."""

from __future__ import annotations

import re
from base64 import encodebytes

from lazr.smtptest.folders.message_structure import read_structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.protocol.folder_access import BodyPart

__all__ = ["encode_binary_parts"]

_IDENTITY_ENCODINGS = frozenset({b"7BIT", b"8BIT", b"BINARY"})
_ENCODING_FIELD = re.compile(rb"(?im)^content-transfer-encoding[ \t]*+:[^\n]*+\n(?:[ \t][^\n]*+\n)*+")


def encode_binary_parts(content: bytes) -> bytes:
    r"""Return a message whose parts with NUL are in base64 (RFC 9051 4.3: BODY has no NUL).

    >>> encode_binary_parts(b"Content-Transfer-Encoding: binary\r\n\r\na\0")
    b'Content-Transfer-Encoding: base64\r\n\r\nYQA=\r\n'
    """
    if b"\0" not in content:
        return content
    pieces: list[bytes] = []
    end = 0
    for part in _iterate_leaves(read_structure(content)):
        start, body_end = part.body_range
        body = content[start:body_end]
        if b"\0" in body and part.encoding in _IDENTITY_ENCODINGS and content[end:start].endswith(b"\n"):
            header_start = max(end, part.header_range[0])
            header = _ENCODING_FIELD.sub(b"", content[header_start:start])
            blank = header.rfind(b"\n", 0, -1) + 1  # where the empty line begins
            field = b"Content-Transfer-Encoding: base64\r\n"
            pieces += [content[end:header_start], header[:blank], field, header[blank:]]
            pieces.append(encodebytes(body).replace(b"\n", b"\r\n"))
            end = body_end
    return b"".join((*pieces, content[end:]))


def _iterate_leaves(root: BodyPart) -> Iterator[BodyPart]:
    """Yield the parts without parts, in the order of the content."""
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if part.message is not None:
            waiting.append(part.message)
        elif part.parts:
            waiting.extend(reversed(part.parts))
        else:
            yield part
