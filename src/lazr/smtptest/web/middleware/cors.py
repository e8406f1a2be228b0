"""Reject requests of other sites' web pages, except those of allowed origins (CORS).

A browser states which page makes a request, and the page cannot change that statement.  `Origin` comes with all
requests that change something, with websockets, and with requests whose answer a script of another site will
read.  `Sec-Fetch-Site` comes with all requests, but only over TLS or on a local connection.  Programs send neither,
and are let in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.web.middleware.authority import split_authority
from lazr.smtptest.web.middleware.rejection import reject
from lazr.smtptest.web.middleware.request_headers import get_header, get_headers
from lazr.smtptest.web.middleware.scope_types import for_scope_types

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SANDBOXED_PART_PATH", "CORSMiddleware"]

_ORIGIN_PATTERN = re.compile(r"(https?)://([^/?#@\s]+)")
_DEFAULT_PORTS = {"http": 80, "https": 443}

# The images and styles of a message's HTML.  The HTML is shown in a sandbox with an opaque origin, so the browser
# treats our own address as another site.  The path must have a message ID: with `latest`, which needs no knowledge
# of an ID, any page could show them.
SANDBOXED_PART_PATH = re.compile(r"/api/v1/message/(?!latest/)[0-9A-Za-z]+/part/[^/]+")

# An allowed origin may use the whole API.
_PREFLIGHT_HEADERS = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        # Those of MCP are in the requests of each client of the endpoint /mcp.
        b"Authorization, Content-Type, Mcp-Method, Mcp-Name, MCP-Protocol-Version, Mcp-Session-Id",
    ),
    (b"access-control-max-age", b"600"),
    (b"content-length", b"0"),
]


class CORSMiddleware:
    """Reject requests of other sites' pages with 403, and support CORS.

    Pages of `allowed_origins` may use the whole API.

    Raises:
        ValueError: an allowed origin is not `https://host` or `http://host:port`.
    """

    def __init__(self, app: ASGIApp, *, allowed_origins: Collection[str] = ()) -> None:
        for origin in allowed_origins:
            matched = _ORIGIN_PATTERN.fullmatch(origin)
            if matched is None or not split_authority(matched[2])[0]:
                raise ValueError(f"an allowed origin must be like http://localhost:3000, got {origin!r}")
        self.app = app
        self._allowed_origins = {_normalize_origin(origin) for origin in allowed_origins}

    @for_scope_types("http", "websocket")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or websocket (ASGI 3)."""
        origin = get_header(scope, b"origin")
        if origin is not None and _normalize_origin(origin) in self._allowed_origins:
            send = _add_cors_headers(send, origin)
            if scope.get("method") == "OPTIONS" and get_header(scope, b"access-control-request-method"):
                await send({"type": "http.response.start", "status": 204, "headers": list(_PREFLIGHT_HEADERS)})
                await send({"type": "http.response.body", "body": b""})
                return
        else:
            reason = _find_rejection_reason(scope)
            if reason:
                await reject(scope, receive, send, 403, reason)
                return
        await self.app(scope, receive, send)


def _find_rejection_reason(scope: Scope) -> str | None:
    """Return why the request is rejected; None if it is allowed."""
    if _is_picture_of_sandbox(scope):
        return None
    origins = get_headers(scope, b"origin")
    host = get_header(scope, b"host") or ""
    if origins and (len(origins) > 1 or not _is_same_origin(origins[0], host)):
        return f"Origin {escape_unprintable(', '.join(origins))[:255]} is not allowed; see --allowed-origin"
    # Browsers call another port of this machine `same-site`; the server there is not trusted.
    if get_header(scope, b"sec-fetch-site") not in ("cross-site", "same-site"):
        return None
    # A user may follow a link to a page of this server, except to one that makes this server connect to others.  All
    # other cross-site requests are made by a page, without the user.
    if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
        fetch = get_header(scope, b"sec-fetch-mode"), get_header(scope, b"sec-fetch-dest")
        if fetch == ("navigate", "document") and not scope["path"].rstrip("/").endswith("/link-check"):
            return None
    return "Requests of other sites' pages are not allowed"


def _is_picture_of_sandbox(scope: Scope) -> bool:
    """Return whether a browser loads a picture into the HTML of a message.

    Browsers that ask for access to cookies, by `Sec-Fetch-Storage-Access`, also send the opaque origin, `null`.
    """
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and get_headers(scope, b"origin") in ([], ["null"])
        and get_header(scope, b"sec-fetch-site") == "cross-site"
        and get_header(scope, b"sec-fetch-mode") == "no-cors"
        and get_header(scope, b"sec-fetch-dest") == "image"
        and SANDBOXED_PART_PATH.fullmatch(scope["path"]) is not None
    )


def _is_same_origin(origin: str, host: str) -> bool:
    """Return whether an origin is the one that the request was sent to.

    Ports must be equal: a server on another port of this machine is not trusted.  Schemes may differ, because a
    proxy may speak TLS in front of this server.
    """
    matched = _ORIGIN_PATTERN.fullmatch(origin)
    if matched is None:
        return False  # also `null`, the opaque origin of a sandboxed page, such as a message's HTML
    default_port = _DEFAULT_PORTS[matched[1]]
    (origin_host, origin_port), (own_host, own_port) = split_authority(matched[2]), split_authority(host)
    return bool(own_host) and (origin_host, origin_port or default_port) == (own_host, own_port or default_port)


def _normalize_origin(origin: str) -> str:
    """Return an origin as browsers write it: in lower case, without the scheme's default port."""
    matched = _ORIGIN_PATTERN.fullmatch(origin)
    if matched is None:
        return ""
    host, port = split_authority(matched[2])
    return f"{matched[1]}://{host}" if port in (None, _DEFAULT_PORTS[matched[1]]) else f"{matched[1]}://{host}:{port}"


def _add_cors_headers(send: Send, origin: str) -> Send:
    """Return a `send` whose answers that origin may read."""

    async def send_with_cors_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                (name, value)
                for name, value in message.get("headers", ())
                if name.lower() != b"access-control-allow-origin"
            ]
            headers += [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
            headers += [(b"access-control-expose-headers", b"Link")]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_cors_headers
