"""Modified UTF-7, the encoding of folder names in IMAP4rev1 (RFC 3501 5.1.3)."""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64

from lazr.smtptest._util.lazy_pattern import compile_lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

__all__ = ["decode_utf7", "encode_utf7"]

_ENCODED = compile_lazily(r"&([A-Za-z0-9+,]*)-")
_TO_ENCODE = compile_lazily(r"&|[^\x20-\x7e]+")


def encode_utf7(text: str) -> bytes:
    """Return a text in modified UTF-7.

    >>> encode_utf7("Entwürfe & Co")
    b'Entw&APw-rfe &- Co'
    """
    return _TO_ENCODE.sub(_encode_match, text).encode("ascii")


def _encode_match(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    octets = b2a_base64(match[0].encode("utf-16-be", "surrogatepass"), newline=False).rstrip(b"=")
    return f"&{octets.decode().replace('/', ',')}-"


def decode_utf7(octets: bytes) -> str:
    """Return the text of octets in modified UTF-7.

    Raises:
        ValueError: The octets are not the one encoding that each text has.

    >>> decode_utf7(b"Entw&APw-rfe &- Co")
    'Entwürfe & Co'
    """
    text = _ENCODED.sub(_decode_match, octets.decode("ascii"))
    # "&" without "-", base64 of printable ASCII, two encoded parts in a row, and bits that are left over are all
    # against RFC 3501 5.1.3.  None of them can be the result of `encode_utf7`.
    if encode_utf7(text) != octets:
        raise ValueError(f"expected modified UTF-7 (RFC 3501 5.1.3), got {octets[:100]!r}")
    return text


def _decode_match(match: re.Match[str]) -> str:
    if not match[1]:
        return "&"
    encoded = match[1].replace(",", "/")
    try:
        return a2b_base64(encoded + "=" * (-len(encoded) % 4)).decode("utf-16-be")
    except Error as error:
        raise ValueError(f"expected base64 between & and -, got {match[1][:100]!r}") from error
