"""Large answers go out in pieces, each when there is room for it, and not too many at once.

uvicorn copies what it is given into the connection's buffer, however much that is, and asks whether the client reads
only before the next.  And what a client does not read is kept until it is cut off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.web.refusal import refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Pieces"]

MIB = 1024 * 1024

_PIECE = 256 * 1024


class Pieces:
    """Middleware: no more than 256 KiB of an answer are passed on at once.

    - `together`: octets of all answers above that size that are on their way; beyond it, the answer is 503.
    """

    def __init__(self, app: ASGIApp, *, together: int = 256 * MIB) -> None:
        self._app = app
        self._together = together
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the lifespan (ASGI 3)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        size, refused = 0, False

        async def cut(message: Message) -> None:
            nonlocal size, refused
            if refused:
                return
            if message["type"] == "http.response.start":
                size = _large(message)
                self._held += size
                # One alone is answered however large it is.
                if size < self._held > self._together:
                    refused = True
                    reason = "Too many large answers at once; try again"
                    await refuse(scope, receive, send, 503, reason, further=[(b"retry-after", b"1")])
                    return
            elif message["type"] == "http.response.body" and len(message.get("body", b"")) > _PIECE:
                body = memoryview(message["body"])
                last = range(0, len(body), _PIECE)[-1]
                for start in range(0, last, _PIECE):
                    piece = bytes(body[start : start + _PIECE])
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                message = {**message, "body": bytes(body[last:])}
            await send(message)

        try:
            await self._app(scope, receive, cut)
        finally:
            self._held -= size


def _large(start: Message) -> int:
    """How large an answer says that it is; 0 where it is small, or comes bit by bit."""
    for name, value in start.get("headers", ()):
        if name.lower() == b"content-length" and int(value) > _PIECE:
            return int(value)
    return 0
