"""Write a multipart/report: a text, a part for programs, and the original (RFC 6522)."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from html import escape
from itertools import count

from lazr.smtptest.bounces.header_field import build_fields, expand_template
from lazr.smtptest.bounces.returned_message import read_header_block, repair_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lazr.smtptest.bounces.styles import Style

__all__ = ["Returned", "build_report", "encode_text"]

_MAX_BOUNDARY_CHARACTERS = 70  # RFC 2046 5.1.1
_NO_BOUNDARY_CHARACTER = re.compile(r"[^0-9A-Za-z'+_,./:=?-]")
_MAX_TEXT_LINE_BYTES = 900
_LINE_END = re.compile(r"\r\n|\r|\n")
# An icon of one pixel, as the related part of Gmail's notifications.
_ICON = b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC\r\n"


@dataclass(frozen=True, slots=True)
class Returned:
    """The original message in a report.

    Args:
        content: the bytes of the original.
        is_complete: whether the report returns all of it, or only its header.
        is_global: whether its header may have UTF-8, so that it needs the types of RFC 6533.
        added: header fields that the server adds to a header.
    """

    content: bytes
    is_complete: bool
    is_global: bool = False
    added: bytes = b""

    @property
    def content_type(self) -> str:
        """The content type of the part (RFC 6522 3 and 4, RFC 6533 4 and 5)."""
        if self.is_complete:
            return "message/global" if self.is_global else "message/rfc822"
        return "message/global-headers" if self.is_global else "text/rfc822-headers"


def build_report(
    style: Style,
    header: Sequence[tuple[str, str]],
    values: Mapping[str, str],
    *,
    text: str,
    status_type: str,
    status: bytes,
    returned: Returned,
) -> bytes:
    """Return the bytes of a report.

    Args:
        style: the shape of the report.
        header: the templates of its header fields.
        values: the values of all templates, without those that this function adds.
        text: the text for persons.
        status_type: the content type of the part for programs.
        status: that part: its fields, ending with a line end.
        returned: the original message.
    """
    original = (
        repair_lines(returned.content) if returned.is_complete else read_header_block(returned.content) + returned.added
    )
    values = {**values, "report_type": status_type.partition("/")[2]}
    boundary = _choose_boundary(expand_template(style.boundary, values), original)
    parts = [
        _build_text(style, text, values, boundary),
        build_fields(style.status_fields, values) + _build_content_type(status_type, status) + status,
        build_fields(style.returned_fields, values) + _build_content_type(returned.content_type, original) + original,
    ]
    body = _join_parts(boundary, parts)
    if style.preamble:
        body = style.preamble.encode() + b"\r\n\r\n" + body
    values["eight_bit"] = "" if body.isascii() else "8bit"
    values["boundary"] = boundary
    return build_fields(header, values) + b"\r\n" + body


def _choose_boundary(wished: str, original: bytes) -> str:
    """Return a boundary that is not in the original."""
    wished = _NO_BOUNDARY_CHARACTER.sub("", wished)
    for number in count():
        boundary = f"{number or ''}{wished}"[:_MAX_BOUNDARY_CHARACTERS]
        if boundary.encode() not in original:
            return boundary
    raise AssertionError("unreachable")


def _join_parts(boundary: str, parts: Sequence[bytes]) -> bytes:
    delimiter = b"--" + boundary.encode()
    return b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + delimiter + b"--\r\n"


def _build_content_type(content_type: str, body: bytes) -> bytes:
    encoding = b"" if body.isascii() else b"Content-Transfer-Encoding: 8bit\r\n"
    return b"Content-Type: %s\r\n%s\r\n" % (content_type.encode(), encoding)


def _build_text(style: Style, text: str, values: Mapping[str, str], boundary: str) -> bytes:
    plain = build_fields(style.text_fields, values) + encode_text(text, "plain", style.text_encoding)
    if style.layout == "plain":
        return plain
    rows = "".join(f"<p>{escape(row)}</p>\n" for row in text.split("\n") if row)
    icon = '<img src="cid:icon.png" alt="">\n' if style.layout == "related" else ""
    html = f"<html><head><title>{escape(values['plain_title'])}</title></head><body>\n{icon}{rows}</body></html>\n"
    # The boundaries begin differently, because some programs compare only the beginning of a delimiter.
    inner = f"1{boundary}"[:_MAX_BOUNDARY_CHARACTERS]
    bodies = [plain, encode_text(html, "html", style.text_encoding)]
    alternative = b'Content-Type: multipart/alternative; boundary="%s"\r\n\r\n' % inner.encode()
    alternative += _join_parts(inner, bodies)
    if style.layout == "alternative":
        return alternative
    outer = f"2{boundary}"[:_MAX_BOUNDARY_CHARACTERS]
    image = (
        b'Content-Type: image/png; name="icon.png"\r\nContent-Disposition: attachment; filename="icon.png"\r\n'
        b"Content-Transfer-Encoding: base64\r\nContent-ID: <icon.png>\r\n\r\n" + _ICON
    )
    return b'Content-Type: multipart/related; boundary="%s"\r\n\r\n' % outer.encode() + _join_parts(
        outer, [alternative, image]
    )


def encode_text(text: str, subtype: str, encoding: str) -> bytes:
    r"""Return a text part with its header.

    Args:
        text: the text, with LF line ends.
        subtype: "plain" or "html".
        encoding: "quoted-printable" or "base64"; "auto" is 7bit where that is possible.

    >>> encode_text("Hi\n", "plain", "auto")
    b'Content-Type: text/plain; charset=us-ascii\r\n\r\nHi\r\n'
    """
    body = _LINE_END.sub("\r\n", text.replace("\0", "")).encode("utf-8", "replace")
    charset = b"us-ascii" if body.isascii() else b"utf-8"
    head = b"Content-Type: text/%s; charset=%s\r\n" % (subtype.encode(), charset)
    if encoding == "auto":
        if body.isascii() and max(map(len, body.split(b"\r\n"))) <= _MAX_TEXT_LINE_BYTES:
            return head + b"\r\n" + body
        encoding = "quoted-printable"
    if encoding == "base64":
        encoded = binascii.b2a_base64(body, newline=False)
        body = b"".join(encoded[at : at + 76] + b"\r\n" for at in range(0, len(encoded), 76))
    else:
        body = re.sub(rb"\r?\n", b"\r\n", binascii.b2a_qp(body, istext=True))
    return head + b"Content-Transfer-Encoding: %s\r\n\r\n" % encoding.encode() + body
