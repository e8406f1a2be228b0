"""A message, written (RFC 5322, RFC 2045): header fields and bodies in, octets out.

Python's `email` could do it, if it did not in some versions turn an encoded word that somebody gave it into a header
field of its own (CVE-2024-6923, CVE-2026-1299).  What is written here has no line end in it but ours.
"""

from __future__ import annotations

import binascii
import re
import secrets
from dataclasses import dataclass
from email.charset import QP, Charset
from email.header import Header
from email.utils import formataddr
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["File", "address_field", "composed", "sniffed", "text_field"]

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # all but the tab
_NAME = re.compile(r"[!-9;-~]{1,100}")  # RFC 5322 2.2
_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:\s*;[\x20-\x7e]*)?")
_LONGEST = 998  # RFC 5322 2.1.1
_UTF8 = Charset("utf-8")
_UTF8.header_encoding = QP

# What a content is by its first octets, as far as it can be told; otherwise it is text, or octets.
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/x-gzip"),
)


@dataclass(frozen=True, slots=True)
class File:
    """Something to attach; with a `content_id`, to show in the HTML."""

    name: str
    content_type: str
    content: bytes
    content_id: str = ""


def composed(fields: Sequence[str], text: str, html: str, files: Sequence[File]) -> bytes:
    r"""The octets of a message: these header fields, which are lines, and these contents.

    Raises `ValueError` for a content type or an identifier that cannot be written.

    >>> print(composed([text_field("Subject", "Grüße")], "Hi\n", "", []).decode().replace("\r", ""))
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
    MIME-Version: 1.0
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: 7bit
    <BLANKLINE>
    Hi
    <BLANKLINE>
    """
    bodies = [_text("plain", text)] if text or not html else []
    if html:
        shown = [_text("html", html), *(_file(one) for one in files if one.content_id)]
        bodies.append(_together("related", shown))
    else:
        bodies += [_file(one) for one in files if one.content_id]
    attached = [_file(one) for one in files if not one.content_id]
    whole = _together("mixed", [_together("alternative" if html else "mixed", bodies), *attached])
    head = "".join(f"{field}\r\n" for field in (*fields, "MIME-Version: 1.0"))
    return head.encode("utf-8") + whole


def text_field(name: str, value: str) -> str:
    """A header field of free text, encoded where it must be; raises `ValueError` for a line end or the like in it."""
    if not _NAME.fullmatch(name):
        raise ValueError(f'no name of a header field: "{name}"')
    if _CONTROL.search(value):
        raise ValueError(f'header "{name}" has a control character in it')
    if value.isascii() and len(value) + len(name) + 2 <= _LONGEST:
        return f"{name}: {value}"
    return f"{name}: " + Header(value, _UTF8, header_name=name).encode(linesep="\r\n")


def address_field(name: str, addresses: Sequence[tuple[str, str]]) -> str:
    """A header field of addresses, each with a name; raises `ValueError` for what is no address."""
    return f"{name}: " + ",\r\n ".join(_mailbox(*one) for one in addresses)


def _mailbox(name: str, address: str) -> str:
    if _CONTROL.search(name) or not _is_address(address):
        raise ValueError(address)
    if address.isascii():
        return formataddr((name, address), _UTF8)
    return f"{formataddr((name, 'x'), _UTF8).removesuffix('<x>')}<{address}>" if name else address  # RFC 6532


def _is_address(address: str) -> bool:
    local, at, domain = address.rpartition("@")
    return bool(at and local and domain) and len(address) <= 320 and not re.search(r"[\s<>,;:()\x00-\x1f\x7f]", address)


def sniffed(content: bytes) -> str:
    """What a content seems to be.

    >>> sniffed(b"%PDF-1.7"), sniffed(b"Hello"), sniffed(bytes([0, 255]))
    ('application/pdf', 'text/plain; charset=utf-8', 'application/octet-stream')
    """
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "application/octet-stream" if b"\0" in content else "text/plain; charset=utf-8"


def _text(kind: str, text: str) -> bytes:
    octets = re.sub(r"\r\n|\r|\n", "\r\n", text).encode("utf-8", "replace")
    plain = octets.isascii() and b"\0" not in octets and max(map(len, octets.split(b"\r\n"))) <= _LONGEST
    how = b"7bit" if plain else b"quoted-printable"
    if not plain:
        octets = re.sub(rb"\r?\n", b"\r\n", binascii.b2a_qp(octets, istext=True))
    return b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n%s" % (
        kind.encode(),
        how,
        octets,
    )


def _file(file: File) -> bytes:
    if not _TYPE.fullmatch(file.content_type):
        raise ValueError(f'no content type: "{file.content_type}"')
    if not re.fullmatch(r"[!-;=?-~]{0,200}", file.content_id):
        raise ValueError(f'no content identifier: "{file.content_id}"')
    lines = [f"Content-Type: {file.content_type}", "Content-Transfer-Encoding: base64"]
    lines.append(f"Content-Disposition: {'inline' if file.content_id else 'attachment'}{_filename(file.name)}")
    if file.content_id:
        lines.append(f"Content-ID: <{file.content_id}>")
    encoded = binascii.b2a_base64(file.content, newline=False)
    rows = [encoded[at : at + 76] for at in range(0, len(encoded), 76)]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + b"\r\n".join(rows) + b"\r\n"


def _filename(name: str) -> str:
    if _CONTROL.search(name) or len(name) > 500:
        raise ValueError("a file name has a control character in it, or is too long")
    if not name:
        return ""
    if re.fullmatch(r"[ !#-.0-9A-Za-z:-\[\]-~]+", name) and len(name) < 60:
        return f';\r\n filename="{name}"'
    return f";\r\n filename*=utf-8''{quote(name, safe='', errors='replace')}"  # RFC 2231 4


def _together(kind: str, parts: Sequence[bytes]) -> bytes:
    """Several parts as one; a single one is itself."""
    if len(parts) == 1:
        return parts[0]
    boundary = secrets.token_hex(16).encode()
    inner = b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts)
    head = b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (kind.encode(), boundary)
    return head + inner + b"--%s--\r\n" % boundary
