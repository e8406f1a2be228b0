"""Undoing a content transfer encoding (RFC 2045 6), whatever was made of it."""

from __future__ import annotations

import binascii
import re

from lazr.smtptest.mail.mime.defect import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["decoded", "from_base64", "from_quoted_printable"]

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_NOT_BASE64_OR_SPACE = bytes(set(_NOT_BASE64) - set(b" \t\r\n"))
_BROKEN_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[ \t]*\Z)")
_LOOKED_AT = 4 * 1024 * 1024  # octets; what is wrong with a text is wrong with its beginning
_NOTHING_TO_UNDO = frozenset({"", "7bit", "8bit", "binary"})


def from_base64(octets: bytes, note: Note) -> bytes:
    """Decoded (RFC 2045 6.8): what is not of the alphabet is left out, missing padding put in."""
    data = octets.translate(None, _NOT_BASE64)
    if len(octets.translate(None, _NOT_BASE64_OR_SPACE)) != len(octets):
        note("characters in base64 that are not of it")
    data, padding, rest = data.partition(b"=")
    if rest.strip(b"="):
        note("octets behind the end of base64")
    if len(data) % 4 == 1:
        note("base64 that breaks off")
        data = data[:-1]
    elif (len(data) + len(padding) + len(rest) - len(rest.lstrip(b"="))) % 4:
        note("base64 without its padding")
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))


def from_quoted_printable(octets: bytes, note: Note) -> bytes:
    """Decoded (RFC 2045 6.7): an equals sign that escapes nothing stays."""
    if _BROKEN_ESCAPE.search(octets, 0, _LOOKED_AT):
        note("an equals sign in quoted-printable that escapes nothing")
    return binascii.a2b_qp(octets)


def decoded(octets: bytes, encoding: str, note: Note) -> bytes:
    """What the octets were before they were encoded so."""
    if encoding == "base64":
        return from_base64(octets, note)
    if encoding == "quoted-printable":
        return from_quoted_printable(octets, note)
    if encoding not in _NOTHING_TO_UNDO:
        note(f"{shown(encoding)} is not a transfer encoding that is known")
    return octets
