"""Methods that mean the same on every path: HEAD is GET without a body, OPTIONS tells nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.web.answers import text

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Methods"]


class Methods:
    """Middleware: for HEAD (RFC 9110 9.3.2) the routes see GET, and the web server leaves out the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        app = self._app
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        elif scope["type"] == "http" and scope["method"] == "OPTIONS" and scope["path"].startswith("/api/v1/"):
            app = text("")
        await app(scope, receive, send)
