"""Paths with more slashes than they need lead to those without, as in Go's web server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Slashes"]

_SEVERAL = re.compile(rb"//+")


class Slashes:
    """Middleware: `//view/latest.html`, which is what cypress-mailpit asks for, is at `/view/latest.html`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Show the way, or have the request answered."""
        app = self._app
        path: bytes = scope.get("raw_path") or b""
        if scope["type"] == "http" and b"//" in path:
            query = b"?" + scope["query_string"] if scope["query_string"] else b""
            # It begins with one slash, so it leads to this server and to no other.
            location = (_SEVERAL.sub(b"/", path) + query).decode("latin-1")
            app = Response(status_code=307, headers={"location": location})
        await app(scope, receive, send)
