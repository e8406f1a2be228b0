"""Bodies in another transfer encoding, as servers convert them (RFC 6152 3)."""

from __future__ import annotations

import base64
import binascii
import quopri

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.authentication.dkim.change import Change, Variant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.authentication.dkim.message import Message

__all__ = ["list_transfer_variants"]

MAX_DEPTH = 5
MAX_PARTS = 100

_BOUNDARY = compile_lazily(rb'(?is)boundary\s{0,10}=\s{0,10}"?([^"\r\n;]{1,70})')
_ENCODING = compile_lazily(rb"(?im)^(content-transfer-encoding[ \t]{0,10}:[ \t]{0,10})(quoted-printable|base64)")


def list_transfer_variants(message: Message) -> Iterator[Variant]:
    """Yield the body before a conversion from 8bit to an encoding, or back."""
    header = b"".join(b"%b:%b" % field for field in message.find_fields(b"content-type", b"content-transfer-encoding"))
    decoded = _decode_parts(header, message.body, MAX_DEPTH)
    if decoded != message.body:
        encoding = _ENCODING.search(header) or _ENCODING.search(message.body)
        name = encoding[2].decode("ascii").lower() if encoding else "quoted-printable"
        yield Variant(Change(f"it was signed as 8bit and converted to {name} later", "body"), decoded)
    is_encoded = _ENCODING.search(header) is not None
    if not is_encoded and _find_boundary(header) is None:
        lines = message.body.replace(b"\r\n", b"\n")
        encoded = quopri.encodestring(lines).replace(b"\n", b"\r\n")
        change = Change("it was signed as quoted-printable and converted to 8bit later", "body")
        yield Variant(change, encoded)
        change = Change("it was signed as base64 and converted to 8bit later", "body")
        yield Variant(change, base64.encodebytes(message.body).replace(b"\n", b"\r\n"))
        yield Variant(change, base64.encodebytes(lines).replace(b"\n", b"\r\n"))


def _find_boundary(header: bytes) -> bytes | None:
    match = _BOUNDARY.search(header) if b"multipart/" in header.lower() else None
    return match[1].strip() if match else None


def _decode_parts(header: bytes, body: bytes, depth: int) -> bytes:
    """Return a body whose parts are decoded; their fields say 8bit then."""
    boundary = _find_boundary(header)
    if boundary:
        pieces = body.split(b"--" + boundary)
        if depth == 0 or len(pieces) > MAX_PARTS:
            return body
        return (b"--" + boundary).join([pieces[0], *(_decode_piece(piece, depth) for piece in pieces[1:])])
    match = _ENCODING.search(header)
    if match is None:
        return body
    try:
        if match[2].lower() == b"base64":
            return binascii.a2b_base64(body)
        return binascii.a2b_qp(body)
    except binascii.Error:
        return body


def _decode_piece(piece: bytes, depth: int) -> bytes:
    header, separator, body = piece.partition(b"\r\n\r\n")
    if not separator:
        return piece
    decoded = _decode_parts(header, body, depth - 1)
    if decoded != body:
        header = _ENCODING.sub(rb"\g<1>8bit", header)
        if body.endswith(b"\r\n") and not decoded.endswith(b"\r\n"):
            decoded += b"\r\n"
    return header + separator + decoded
