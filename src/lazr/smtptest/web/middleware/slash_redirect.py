"""Redirect paths with repeated slashes to the path with single ones, as Go does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.responses import Response

from lazr.smtptest.web.middleware.scope_types import for_scope_types

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["SlashRedirectMiddleware"]

_REPEATED_SLASHES = re.compile(rb"//+")


class SlashRedirectMiddleware:
    """Redirect `//view/latest.html`, which cypress-mailpit requests, to `/view/latest.html`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    @for_scope_types("http")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI 3)."""
        app = self.app
        path: bytes = scope.get("raw_path") or b""
        if b"//" in path:
            query = b"?" + scope["query_string"] if scope["query_string"] else b""
            # The location begins with a single slash, so it cannot name another server.
            location = (_REPEATED_SLASHES.sub(b"/", path) + query).decode("latin-1")
            app = Response(status_code=307, headers={"location": location})
        await app(scope, receive, send)
