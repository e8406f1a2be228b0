"""Reject requests that a proxy could parse differently (request smuggling)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from lazr.smtptest.web.middleware.rejection import reject
from lazr.smtptest.web.middleware.request_headers import get_headers
from lazr.smtptest.web.middleware.scope_types import for_scope_types

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["StrictRequestsMiddleware", "find_ambiguity"]


class StrictRequestsMiddleware:
    """Reject an ambiguous request with 400, and close its connection."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    @for_scope_types("http", "websocket")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or websocket (ASGI 3)."""
        reason = find_ambiguity(scope)
        if reason is None:
            await self.app(scope, receive, send)
        else:
            await reject(scope, receive, send, 400, reason, extra_headers=[(b"connection", b"close")])


def find_ambiguity(scope: Scope) -> str | None:
    """Return the ambiguity of a request, as text; None for a clear request.

    >>> find_ambiguity({"headers": [], "raw_path": b"/view/%2e%2e/api"})
    'A path must not have the segments . and ..'
    """
    # RFC 9112 6.3: a request with both may be an attempt to smuggle another one; honest clients send one of them.
    if get_headers(scope, b"transfer-encoding") and get_headers(scope, b"content-length"):
        return "A request must not have both Content-Length and Transfer-Encoding (RFC 9112 6.1)"
    path = unquote_to_bytes(scope.get("raw_path") or scope["path"].encode())
    # `http://host/path` is the form for proxies; its host may differ from the one in `Host`.
    if not path.startswith(b"/"):
        return "A path must begin with /"
    if any(octet < 0x20 or octet == 0x7F for octet in path) or b"\\" in path:
        return "A path must not have control characters and backslashes"
    if not {b".", b".."}.isdisjoint(path.split(b"/")):
        return "A path must not have the segments . and .."
    try:
        path.decode()
    except UnicodeDecodeError:
        return "A path must be UTF-8"
    return None
