"""Detect the media type of a file by its first bytes (WHATWG MIME Sniffing).

`find_signature` knows files by their magic numbers.  `detect_content_type` also knows text, and the types whose files
have the form of another type: a word processor's document is a ZIP archive.
"""

from __future__ import annotations

import re

__all__ = ["detect_content_type", "find_signature"]

# The start of a file, and its type.
_MAGIC_NUMBERS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\x01\0", "image/vnd.microsoft.icon"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"%PDF-", "application/pdf"),
    (b"%!PS-", "application/postscript"),
    (b"{\\rtf", "application/rtf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-elf"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"OggS\0", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
)
_TEXTUAL_FORMATS = frozenset({"application/pdf", "application/postscript", "application/rtf", "image/gif"})
# The start of a file, four bytes of any value, and its type.
_CONTAINER_TYPES = {
    (b"RIFF", b"WEBP"): "image/webp",
    (b"RIFF", b"WAVE"): "audio/wav",
    (b"RIFF", b"AVI "): "video/x-msvideo",
}
_BRAND_TYPES = {b"avif": "image/avif", b"heic": "image/heic", b"mif1": "image/heif", b"qt  ": "video/quicktime"}
_HTML_START = re.compile(
    rb"\s*+(?:<!--.{0,500}?-->\s*+)*+<(?:!doctype\s++html|html|head|body|script|iframe)\b", re.IGNORECASE | re.DOTALL
)
_XML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*+<\?xml\s")
_SVG_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<\?xml.{0,200}?\?>|<!--.{0,500}?-->|<!doctype\s++svg[^>]*+>|\s++)*+<svg\b",
    re.IGNORECASE | re.DOTALL,
)
_MAX_SNIFFED_BYTES = 1445  # WHATWG MIME Sniffing 5
# WHATWG MIME Sniffing 3: a byte that no text has.
_BINARY_BYTE = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_BYTE_ORDER_MARKS = (b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf")

# The declared types whose files have another signature, as patterns.
_DECLARED_TYPES_BY_SIGNATURE = {
    "application/zip": re.compile(
        r"application/(?:vnd\.(?:openxmlformats-officedocument|oasis\.opendocument|ms-\w+|android\.package-archive"
        r"|apple)\b.*|java-archive|epub\+zip|x-zip(?:-compressed)?|.*\+zip)"
    ),
    "application/x-ole-storage": re.compile(r"application/(?:msword|vnd\.ms-.*|x-msi|vnd\.visio)"),
    "application/gzip": re.compile(r"application/(?:x-gzip|x-gunzip|gzip-compressed|x-tgz|x-compressed-tar|x-gtar)"),
    "application/rtf": re.compile(r"text/(?:rtf|richtext)"),
    "application/vnd.rar": re.compile(r"application/x-rar(?:-compressed)?"),
    "application/vnd.microsoft.portable-executable": re.compile(
        r"application/(?:x-ms(?:dos-program|download)|x-dosexec|x-exe|exe)"
    ),
    "application/ogg": re.compile(r"(?:audio|video)/ogg"),
    "application/vnd.sqlite3": re.compile(r"application/x-sqlite3"),
    "audio/mpeg": re.compile(r"audio/(?:mp3|x-mp3|x-mpeg)"),
    "audio/wav": re.compile(r"audio/(?:x-wav|wave|vnd\.wave)"),
    "image/jpeg": re.compile(r"image/(?:jpg|pjpeg)"),
    "image/png": re.compile(r"image/(?:x-png|apng)"),
    "image/bmp": re.compile(r"image/x-(?:ms-)?bmp"),
    "image/vnd.microsoft.icon": re.compile(r"image/(?:x-icon|ico)"),
    "text/html": re.compile(r"application/xhtml\+xml"),
    "text/xml": re.compile(r"application/xml|.*\+xml|text/xsl"),
    "video/mp4": re.compile(r"(?:audio|video)/(?:mp4|x-m4[av]|3gpp2?)"),
    "video/webm": re.compile(r"(?:audio|video)/(?:webm|x-matroska)"),
}
_TEXT_TYPES = re.compile(
    r"(?:text|message)/.*|.*\+(?:json|xml)|application/(?:json|xml|javascript|ecmascript|sql|yaml|toml|x-\w+script"
    r"|x-sh|x-www-form-urlencoded|pgp-(?:signature|encrypted|keys)|ics|mbox|x-pem-file|x-x509-.*|pem-certificate-chain)"
)


def find_signature(data: bytes) -> str:
    r"""Return the media type by the signature in the first bytes of a file; "" if unknown.

    >>> find_signature(b"%PDF-1.7"), find_signature(b"Hello")
    ('application/pdf', '')
    """
    data = data[:_MAX_SNIFFED_BYTES]
    for magic, content_type in _MAGIC_NUMBERS:
        # A text may begin with the letters of a binary file: "MZ", "ID3".
        if data.startswith(magic) and (
            content_type in _TEXTUAL_FORMATS or not magic.isascii() or _BINARY_BYTE.search(data)
        ):
            return content_type
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        return "image/bmp"
    if data[4:8] == b"ftyp":
        return _BRAND_TYPES.get(data[8:12], "video/mp4")
    return _CONTAINER_TYPES.get((data[:4], data[8:12]), "")


def detect_content_type(data: bytes, declared: str = "") -> str:
    r"""Return the media type of a file by its content; "" if unknown.

    Args:
        data: the decoded content; untrusted input of any length.
        declared: the type that the sender declares, in lower case.  It is returned if the content agrees with it: if
            it is a kind of text or of archive, which the first bytes do not distinguish.  "" by default.

    >>> detect_content_type(b"a;b\r\n", "text/csv"), detect_content_type(b"MZ\x90\0", "application/pdf")
    ('text/csv', 'application/vnd.microsoft.portable-executable')
    """
    start = data[:_MAX_SNIFFED_BYTES]
    found = find_signature(start) or _find_markup(start)
    if found:
        pattern = _DECLARED_TYPES_BY_SIGNATURE.get(found)
        return declared if pattern is not None and pattern.fullmatch(declared) else found
    if not start:
        return ""
    if start.startswith(_BYTE_ORDER_MARKS) or _BINARY_BYTE.search(start) is None:
        return declared if _TEXT_TYPES.fullmatch(declared) else "text/plain"
    # The charsets of some texts have bytes of any value, such as UTF-16 without a mark.
    return "application/octet-stream" if declared.startswith("text/") else ""


def _find_markup(start: bytes) -> str:
    if _HTML_START.match(start):
        return "text/html"
    if _SVG_START.match(start):
        return "image/svg+xml"
    return "text/xml" if _XML_START.match(start) else ""
