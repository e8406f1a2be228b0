"""Limit the number of open websockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.web.middleware.rejection import reject
from lazr.smtptest.web.middleware.scope_types import for_scope_types

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["WebSocketLimitMiddleware"]


class WebSocketLimitMiddleware:
    """Reject a websocket with 503 while `limit` others are open."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self.app = app
        self._limit = limit
        self.open_count: int = 0

    @for_scope_types("websocket")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one websocket (ASGI 3)."""
        if self.open_count >= self._limit:
            reason = f"At most {self._limit:,} websockets may be open; try again later"
            await reject(scope, receive, send, 503, reason, extra_headers=[(b"retry-after", b"5")])
            return
        self.open_count += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.open_count -= 1
