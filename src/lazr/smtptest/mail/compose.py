"""Compose a message from header fields, texts and attachments (RFC 5322, RFC 2045).

With `bounces/report.py`, this is the only writer of MIME in the package.
Some versions of Python's `email` turn an encoded word in their input
into a header field of its own (CVE-2024-6923, CVE-2026-1299).  Here every value is checked for control characters, and
the only line ends are those that this module writes.
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

from lazr.smtptest.mail.content_signature import find_signature

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AttachmentFile", "build_address_field", "build_text_field", "compose_message", "sniff_content_type"]

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # a tab is allowed
_HEADER_NAME_PATTERN = re.compile(r"[!-9;-~]{1,100}")  # RFC 5322 2.2
_CONTENT_TYPE_PATTERN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:\s*;[\x20-\x7e]*)?")
_MAX_LINE_CHARACTERS = 998  # RFC 5322 2.1.1
_UTF8_CHARSET = Charset("utf-8")
_UTF8_CHARSET.header_encoding = QP


@dataclass(frozen=True, slots=True)
class AttachmentFile:
    """A file to attach.

    Args:
        name: the file name; the empty string for none.
        content_type: the media type, with parameters if there are any.
        content: the bytes of the file.
        content_id: the identifier of a file that the HTML shows, without angle brackets; the empty string for others.
    """

    name: str
    content_type: str
    content: bytes
    content_id: str = ""


def compose_message(header_fields: Sequence[str], text: str, html: str, attachments: Sequence[AttachmentFile]) -> bytes:
    r"""Return the bytes of a message.

    Args:
        header_fields: complete header fields, from `build_text_field` and `build_address_field`.
        text: the plain text; the empty string for none, if there is HTML.
        html: the HTML; the empty string for none.
        attachments: the files, in order.

    Raises:
        ValueError: for a malformed content type, content identifier or file name.

    >>> print(compose_message([build_text_field("Subject", "Grüße")], "Hi\n", "", []).decode().replace("\r", ""))
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
    MIME-Version: 1.0
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: 7bit
    <BLANKLINE>
    Hi
    <BLANKLINE>
    """
    bodies = [_build_text_part("plain", text)] if text or not html else []
    inline = [_build_file_part(file) for file in attachments if file.content_id]
    if html:
        related = [_build_text_part("html", html), *inline]
        bodies.append(_build_multipart("related", related))
    else:
        bodies += inline
    attached = [_build_file_part(file) for file in attachments if not file.content_id]
    body = _build_multipart("mixed", [_build_multipart("alternative" if html else "mixed", bodies), *attached])
    head = "".join(f"{field}\r\n" for field in (*header_fields, "MIME-Version: 1.0"))
    return head.encode("utf-8") + body


def build_text_field(name: str, value: str) -> str:
    """Return a header field of free text, with encoded words (RFC 2047) if necessary.

    Raises:
        ValueError: for a malformed name, or a control character in the value.

    >>> build_text_field("Subject", "Hi"), build_text_field("Subject", "Grüße")
    ('Subject: Hi', 'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=')
    """
    if not _HEADER_NAME_PATTERN.fullmatch(name):
        raise ValueError(f"header name must be printable ASCII without spaces and colons, got {name!r}")
    if _CONTROL_CHARACTERS.search(value):
        raise ValueError(f'header "{name}" must not contain control characters')
    if value.isascii() and len(value) + len(name) + 2 <= _MAX_LINE_CHARACTERS:
        return f"{name}: {value}"
    return f"{name}: " + Header(value, _UTF8_CHARSET, header_name=name).encode(linesep="\r\n")


def build_address_field(name: str, addresses: Sequence[tuple[str, str]]) -> str:
    """Return a header field of addresses, each as a pair of display name and address.

    Raises:
        ValueError: for a malformed address; its text is the address.

    >>> build_address_field("To", [("Ann", "ann@example.com"), ("", "bob@example.com")])
    'To: Ann <ann@example.com>,\\r\\n bob@example.com'
    """
    return f"{name}: " + ",\r\n ".join(_format_mailbox(*mailbox) for mailbox in addresses)


def _format_mailbox(name: str, address: str) -> str:
    if _CONTROL_CHARACTERS.search(name) or not _is_address(address):
        raise ValueError(address)
    if address.isascii():
        return formataddr((name, address), _UTF8_CHARSET)
    return f"{formataddr((name, 'x'), _UTF8_CHARSET).removesuffix('<x>')}<{address}>" if name else address  # RFC 6532


def _is_address(address: str) -> bool:
    local, at, domain = address.rpartition("@")
    return bool(at and local and domain) and len(address) <= 320 and not re.search(r"[\s<>,;:()\x00-\x1f\x7f]", address)


def sniff_content_type(content: bytes) -> str:
    """Return the content type that the first bytes of a file suggest.

    >>> sniff_content_type(b"%PDF-1.7"), sniff_content_type(b"Hello"), sniff_content_type(bytes([0, 255]))
    ('application/pdf', 'text/plain; charset=utf-8', 'application/octet-stream')
    """
    if found := find_signature(content):
        return found
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "application/octet-stream" if b"\0" in content else "text/plain; charset=utf-8"


def _build_text_part(subtype: str, text: str) -> bytes:
    body = re.sub(r"\r\n|\r|\n", "\r\n", text).encode("utf-8", "replace")
    is_plain = body.isascii() and b"\0" not in body and max(map(len, body.split(b"\r\n"))) <= _MAX_LINE_CHARACTERS
    encoding = b"7bit" if is_plain else b"quoted-printable"
    if not is_plain:
        body = re.sub(rb"\r?\n", b"\r\n", binascii.b2a_qp(body, istext=True))
    return b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n%s" % (
        subtype.encode(),
        encoding,
        body,
    )


def _build_file_part(file: AttachmentFile) -> bytes:
    if not _CONTENT_TYPE_PATTERN.fullmatch(file.content_type):
        raise ValueError(f"content type must be type/subtype, got {file.content_type!r}")
    if not re.fullmatch(r"[!-;=?-~]{0,200}", file.content_id):
        raise ValueError(f"content identifier must be printable ASCII without < > and spaces, got {file.content_id!r}")
    lines = [f"Content-Type: {file.content_type}", "Content-Transfer-Encoding: base64"]
    lines.append(
        f"Content-Disposition: {'inline' if file.content_id else 'attachment'}{_build_filename_parameter(file.name)}"
    )
    if file.content_id:
        lines.append(f"Content-ID: <{file.content_id}>")
    encoded = binascii.b2a_base64(file.content, newline=False)
    rows = [encoded[at : at + 76] for at in range(0, len(encoded), 76)]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + b"\r\n".join(rows) + b"\r\n"


def _build_filename_parameter(name: str) -> str:
    if _CONTROL_CHARACTERS.search(name) or len(name) > 500:
        raise ValueError("file name must have at most 500 characters and no control characters")
    if not name:
        return ""
    if re.fullmatch(r"[ !#-.0-9A-Za-z:-\[\]-~]+", name) and len(name) < 60:
        return f';\r\n filename="{name}"'
    return f";\r\n filename*=utf-8''{quote(name, safe='', errors='replace')}"  # RFC 2231 4


def _build_multipart(subtype: str, parts: Sequence[bytes]) -> bytes:
    """Return several parts as a multipart; a single part is returned unchanged."""
    if len(parts) == 1:
        return parts[0]
    boundary = secrets.token_hex(16).encode()
    inner = b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts)
    head = b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (subtype.encode(), boundary)
    return head + inner + b"--%s--\r\n" % boundary
