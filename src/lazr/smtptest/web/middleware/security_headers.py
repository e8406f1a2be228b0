"""Add the header fields that restrict what a browser does with an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.web.middleware.cors import SANDBOXED_PART_PATH
from lazr.smtptest.web.middleware.scope_types import for_scope_types

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SECURITY_HEADERS", "SecurityHeadersMiddleware"]

SECURITY_HEADERS = (
    (b"cache-control", b"no-store"),  # mails do not stay in the cache of a browser or a proxy (RFC 9111 5.2.2.5)
    # Most answers are data: they must not run scripts, load anything, or be shown in a frame.  A route that serves
    # a page sets its own policy.
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),  # a page that opened it in a window cannot control that window
    (b"cross-origin-resource-policy", b"same-origin"),  # other sites cannot use it as an image or a script
    (b"referrer-policy", b"no-referrer"),  # a link in a message does not reveal where the message was read
    (b"x-content-type-options", b"nosniff"),  # text/plain stays text, even if it looks like HTML
)
"""The header fields of every answer that the route has not set itself."""

_RESPONSE_STARTS = ("http.response.start", "websocket.http.response.start")
_RESOURCE_POLICY = b"cross-origin-resource-policy"


class SecurityHeadersMiddleware:
    """Add `SECURITY_HEADERS` to all answers, without replacing fields that are set already."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    @for_scope_types("http", "websocket")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or websocket (ASGI 3)."""

        async def send_with_security_headers(message: Message) -> None:
            if message["type"] in _RESPONSE_STARTS:
                headers = list(message.get("headers", ()))
                names = {name.lower() for name, _ in headers}
                if SANDBOXED_PART_PATH.fullmatch(scope["path"]) and _RESOURCE_POLICY not in names:
                    headers.append((_RESOURCE_POLICY, b"cross-origin"))
                    names.add(_RESOURCE_POLICY)
                headers += [field for field in SECURITY_HEADERS if field[0] not in names]
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, send_with_security_headers)
