"""A part of a mail as a file: what a browser may show, what it may only save, and under which name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response

if TYPE_CHECKING:
    from lazr.smtptest.mail.attachment import Attachment

__all__ = ["SANDBOX", "SHOWN", "disposition", "file", "name_of", "shown"]

# Pictures that have nothing in them that runs; SVG has.
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"})

# What a browser would run, as a page, a script or a style, wherever it finds it; it is not called by its name.
_RUN = re.compile(
    r".*(?:html|xml|svg|javascript|ecmascript|jscript|livescript|wasm|css|xsl|mathml|multipart|shockwave).*"
)

# For whoever opens it as a page all the same: nobody's page, in which nothing is loaded and nothing runs.
SANDBOX = {
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}

_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\/]')


def file(part: Attachment) -> Response:
    """The octets of a part."""
    kind = "application/octet-stream" if _RUN.fullmatch(part.content_type) else part.content_type
    return shown(part.content, kind, name_of(part))


def name_of(part: Attachment) -> str:
    """What a part is called, whatever it is."""
    return part.filename or part.content_id or f"part-{part.number}"


def shown(octets: bytes, kind: str, name: str) -> Response:
    """A file: in the browser where it is a picture, else to be saved."""
    how = "inline" if kind in SHOWN else "attachment"
    return Response(octets, headers={"content-type": kind, "content-disposition": disposition(how, name), **SANDBOX})


def disposition(how: str, name: str) -> str:
    """A Content-Disposition with a file name (RFC 6266 4.3), whatever it is.

    >>> disposition("attachment", 'Grü"ße.pdf')
    "attachment; filename=Gr___e.pdf; filename*=UTF-8''Gr%C3%BC_%C3%9Fe.pdf"
    """
    name = _UNSAFE.sub("_", name)[:200]
    plain = re.sub(r"[^!#$&+.0-9A-Z^_`a-z|~-]", "_", name) or "_"
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
    return f"{how}; filename={plain}{extended}"
