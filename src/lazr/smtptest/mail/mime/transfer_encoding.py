"""Decode a content transfer encoding (RFC 2045 6), well-formed or not."""

from __future__ import annotations

import binascii
import re

from lazr.smtptest.mail.mime.defect import quote_untrusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["decode_base64", "decode_quoted_printable", "decode_transfer_encoding", "decode_uuencode"]

_BASE64_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64_ALPHABET))
_NOT_BASE64_OR_SPACE = bytes(set(_NOT_BASE64) - set(b" \t\r\n"))
_BROKEN_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[ \t]*\Z)")
_SPACE_AFTER_SOFT_BREAK = re.compile(rb"=[ \t]++(?=\r?\n|\Z)")
_SPACE_AT_LINE_END = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")
_MAX_CHECKED_BYTES = 4 * 1024 * 1024  # a malformed encoding is malformed from the beginning
_IDENTITY_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})
_UUENCODE_NAMES = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})  # as in Python's `email`
_UUENCODE_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\r\n]+\r?\n", re.MULTILINE)
_UUENCODE_LINE = re.compile(rb"([ -`])([ -`]*+)[ \t]*+")


def decode_base64(encoded: bytes, note: DefectRecorder) -> bytes:
    """Decode base64 (RFC 2045 6.8): ignore other characters, and add missing padding."""
    data = encoded.translate(None, _NOT_BASE64)
    if len(encoded.translate(None, _NOT_BASE64_OR_SPACE)) != len(encoded):
        note("invalid characters in base64")
    data, padding, rest = data.partition(b"=")
    if rest.strip(b"="):
        note("text after the end of base64")
    if len(data) % 4 == 1:
        note("incomplete base64")
        data = data[:-1]
    elif (len(data) + len(padding) + len(rest) - len(rest.lstrip(b"="))) % 4:
        note("base64 without padding")
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))


def decode_quoted_printable(encoded: bytes, note: DefectRecorder) -> bytes:
    """Decode quoted-printable (RFC 2045 6.7): keep an equals sign outside of an escape."""
    if (
        _BROKEN_ESCAPE.search(encoded, 0, _MAX_CHECKED_BYTES)
        or b"==" in encoded
        or encoded.count(b"=\r") != encoded.count(b"=\r\n")
    ):
        note("invalid escape in quoted-printable")
        # `binascii` would drop such an equals sign, and after it all text up to the next LF.
        encoded = _BROKEN_ESCAPE.sub(b"=3D", encoded)
    if _SPACE_AFTER_SOFT_BREAK.search(encoded, 0, _MAX_CHECKED_BYTES):
        # RFC 2045 6.7: white space at the end of a line was added on the way.
        encoded = _SPACE_AFTER_SOFT_BREAK.sub(b"=", encoded)
    if not encoded.isascii():
        note("bytes that are not US-ASCII in quoted-printable")
    return binascii.a2b_qp(encoded)


def decode_uuencode(encoded: bytes, note: DefectRecorder) -> bytes:
    """Decode the data between `begin` and `end`; without `begin`, leave the bytes unchanged.

    The format is that of POSIX uuencode.  A line begins with a character for the number of its bytes.
    """
    begin = _UUENCODE_BEGIN.search(encoded)
    if begin is None:
        note("uuencoded data without a begin line")
        return encoded
    decoded = []
    for raw_line in encoded[begin.end() :].split(b"\n"):
        line = raw_line.removesuffix(b"\r")
        if line == b"end":
            break
        match = _UUENCODE_LINE.fullmatch(line)
        if match is None:
            if line:
                note("invalid line in uuencoded data")
            continue
        count = (match[1][0] - 32) % 64
        # Spaces at the end of a line can be lost on the way.  Some programs add a character for a checksum.
        characters = match[2].ljust((count + 2) // 3 * 4)[: (count + 2) // 3 * 4]
        decoded.append(binascii.a2b_uu(match[1] + characters))
    else:
        note("uuencoded data without an end line")
    return b"".join(decoded)


def decode_transfer_encoding(encoded: bytes, encoding: str, note: DefectRecorder) -> bytes:
    """Decode a content transfer encoding; an unknown one leaves the bytes unchanged."""
    if encoding == "base64":
        return decode_base64(encoded, note)
    if encoding == "quoted-printable":
        # RFC 2045 6.7 (3): white space at the end of a line was added on the way.
        return decode_quoted_printable(_SPACE_AT_LINE_END.sub(b"", encoded), note)
    if encoding in _UUENCODE_NAMES:
        note(f"{quote_untrusted(encoding)} is not a standard transfer encoding")  # RFC 2045 6.3
        return decode_uuencode(encoded, note)
    if encoding not in _IDENTITY_ENCODINGS:
        note(f"{quote_untrusted(encoding)} is not a known transfer encoding")
    return encoded
