"""Compress JSON responses for clients that accept gzip.

Starlette's `GZipMiddleware` compresses in the event loop, and also mails and attachments, whose bytes clients compare.
This one compresses JSON only, and large JSON in a thread.

Compression tells an observer of the encrypted connection how much of a response repeats (BREACH): an attacker who can
put texts into a response, and have a browser request it again and again, can guess secrets in it.  So responses to
requests of other sites are not compressed, even if `allowed_origins` lets these sites in.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders

from lazr.smtptest.web.middleware.request_headers import get_headers, is_from_other_site
from lazr.smtptest.web.middleware.scope_types import for_scope_types

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["GzipJsonMiddleware", "accepts_gzip"]

_MIN_BYTES = 1024
_MAX_BYTES_IN_EVENT_LOOP = 64 * 1024
# Higher levels take several times longer, and save a few percent.
_COMPRESSION_LEVEL = 4


class GzipJsonMiddleware:
    """Compress responses of the type `application/json` that have 1 KiB or more."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    @for_scope_types("http")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI 3)."""
        may_compress = accepts_gzip(get_headers(scope, b"accept-encoding")) and not is_from_other_site(scope)
        start: Message | None = None

        async def send_compressed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if headers.get("content-type") == "application/json" and "content-encoding" not in headers:
                    headers.add_vary_header("Accept-Encoding")
                    if may_compress:
                        start = message
                        return
            elif start is not None:
                message = await _compress(start, message)
                await send(start)
                start = None
            await send(message)

        await self.app(scope, receive, send_compressed)


async def _compress(start: Message, message: Message) -> Message:
    """Compress a body of one message, and change the header fields in `start` to match."""
    body = message.get("body", b"")
    if message.get("more_body", False) or len(body) < _MIN_BYTES:
        return message
    if len(body) <= _MAX_BYTES_IN_EVENT_LOOP:
        compressed = gzip.compress(body, _COMPRESSION_LEVEL, mtime=0)
    else:
        compressed = await run_in_threadpool(gzip.compress, body, _COMPRESSION_LEVEL, mtime=0)
    headers = MutableHeaders(raw=start["headers"])
    headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(compressed))
    return {**message, "body": compressed}


def accepts_gzip(values: list[str]) -> bool:
    """Return whether the values of Accept-Encoding allow gzip (RFC 9110 12.5.3).

    >>> accepts_gzip(["br, gzip;q=0.5"]), accepts_gzip(["gzip;q=0, *"]), accepts_gzip([])
    (True, False, False)
    """
    allowed: dict[str, bool] = {}
    for item in ",".join(values).lower().split(","):
        coding, *parameters = (piece.strip() for piece in item.split(";"))
        weights = [piece[2:] for piece in parameters if piece.startswith("q=")]
        # A weight of 0 forbids the coding.
        allowed.setdefault(coding, not weights or bool(weights[0].strip(" 0.")))
    return allowed.get("gzip", allowed.get("*", False))
