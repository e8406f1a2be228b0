"""Build responses with attachments that are safe to open in a browser.

The content is untrusted input.  Browsers show pictures, save everything else, and never run it as a page or script.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response

if TYPE_CHECKING:
    from lazr.smtptest.mail import Attachment

__all__ = [
    "INLINE_CONTENT_TYPES",
    "SANDBOX_HEADERS",
    "build_file_response",
    "build_part_response",
    "format_content_disposition",
    "get_filename",
]

# Pictures without active content.  SVG can have scripts.
INLINE_CONTENT_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"})

# Types that a browser would run as a page, a script or a style.  They are sent as application/octet-stream.
_ACTIVE_CONTENT_PATTERN = re.compile(
    r".*(?:html|xml|svg|javascript|ecmascript|jscript|livescript|wasm|css|xsl|mathml|multipart|shockwave).*"
)

# If a browser opens the content as a page nevertheless, it has no origin, loads nothing and runs nothing.
SANDBOX_HEADERS = {
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}

_UNSAFE_FILENAME_CHARACTERS = re.compile(r'[\x00-\x1f\x7f"\\/]')


def build_part_response(part: Attachment) -> Response:
    """Return the decoded content of a part, under its own type unless that is active content."""
    is_active = _ACTIVE_CONTENT_PATTERN.fullmatch(part.content_type)
    content_type = "application/octet-stream" if is_active else part.content_type
    return build_file_response(part.content, content_type, get_filename(part))


def get_filename(part: Attachment) -> str:
    """Return a file name for a part: its own, or one from its Content-ID or its number."""
    return part.filename or part.content_id or f"part-{part.number}"


def build_file_response(content: bytes, content_type: str, filename: str) -> Response:
    """Return a file that browsers show if it is a picture, and save otherwise."""
    disposition_type = "inline" if content_type in INLINE_CONTENT_TYPES else "attachment"
    return Response(
        content,
        headers={
            "content-type": content_type,
            "content-disposition": format_content_disposition(disposition_type, filename),
            **SANDBOX_HEADERS,
        },
    )


def format_content_disposition(disposition_type: str, filename: str) -> str:
    """Return a Content-Disposition with any file name (RFC 6266 4.3).

    >>> format_content_disposition("attachment", 'Grü"ße.pdf')
    "attachment; filename=Gr___e.pdf; filename*=UTF-8''Gr%C3%BC_%C3%9Fe.pdf"
    """
    filename = _UNSAFE_FILENAME_CHARACTERS.sub("_", filename)[:200]
    plain = re.sub(r"[^!#$&+.0-9A-Z^_`a-z|~-]", "_", filename) or "_"
    extended = "" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='', errors='replace')}"
    return f"{disposition_type}; filename={plain}{extended}"
