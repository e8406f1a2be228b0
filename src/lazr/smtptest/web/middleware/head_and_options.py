"""Answer HEAD on every path as GET without a body, and OPTIONS with an empty text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.web.middleware.scope_types import for_scope_types
from lazr.smtptest.web.responses import text_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["HeadAndOptionsMiddleware"]


class HeadAndOptionsMiddleware:
    """Turn HEAD into GET for the routes (RFC 9110 9.3.2); the web server leaves out the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    @for_scope_types("http")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI 3)."""
        app = self.app
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        elif scope["method"] == "OPTIONS" and scope["path"].startswith(("/api/v1/", "/api/v2/")):
            app = text_response("")
        await app(scope, receive, send)
