"""How many websockets there may be at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.web.refusal import refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Sockets"]


class Sockets:
    """Middleware: one websocket more than `most` is answered 503."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most
        self.open: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the lifespan (ASGI 3)."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
        elif self.open >= self._most:
            reason = f"There are {self._most:,} websockets already"
            await refuse(scope, receive, send, 503, reason, further=[(b"retry-after", b"5")])
        else:
            self.open += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self.open -= 1
