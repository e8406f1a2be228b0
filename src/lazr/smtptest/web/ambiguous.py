"""What two programs could read in two ways is refused, so that nobody in front of us understands something else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from lazr.smtptest.web.refusal import headers, refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Unambiguous", "ambiguity"]


class Unambiguous:
    """Middleware: a request that can be read in two ways is answered 400, and its connection is closed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the lifespan (ASGI 3)."""
        reason = None if scope["type"] == "lifespan" else ambiguity(scope)
        if reason is None:
            await self._app(scope, receive, send)
        else:
            await refuse(scope, receive, send, 400, reason, further=[(b"connection", b"close")])


def ambiguity(scope: Scope) -> str | None:
    """What is ambiguous; None where nothing is.

    >>> ambiguity({"headers": [], "raw_path": b"/view/%2e%2e/api"})
    'A path without . and .. is needed'
    """
    # RFC 9112 6.3: the sender may be smuggling; one that is not has no reason to send both.
    if headers(scope, b"transfer-encoding") and headers(scope, b"content-length"):
        return "Content-Length and Transfer-Encoding are not for one request (RFC 9112 6.1)"
    path = unquote_to_bytes(scope.get("raw_path") or scope["path"].encode())
    # `http://somewhere/path` is for proxies, and names a host that need not be the one in Host.
    if not path.startswith(b"/"):
        return "A path that begins with / is needed"
    if any(octet < 0x20 or octet == 0x7F for octet in path) or b"\\" in path:
        return "A path without control characters and backslashes is needed"
    if not {b".", b".."}.isdisjoint(path.split(b"/")):
        return "A path without . and .. is needed"
    try:
        path.decode()
    except UnicodeDecodeError:
        return "A path in UTF-8 is needed"
    return None
