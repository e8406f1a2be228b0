"""Send large answers in chunks as fast as clients read them, and limit their total size.

uvicorn copies each body message into the connection's write buffer whatever its size.  It pauses only before the next
message, and the buffer stays until the client has read it or is disconnected.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lazr.smtptest.web.middleware.byte_budget import ByteBudget
from lazr.smtptest.web.middleware.rejection import reject
from lazr.smtptest.web.middleware.scope_types import for_scope_types

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["ResponseBackpressureMiddleware"]

MIB = 1024 * 1024

_CHUNK_BYTES = 256 * 1024

# How often a message of a stream is in memory: as bytes, and as the objects and texts it was made of.
_STREAM_COPIES = 4


class ResponseBackpressureMiddleware:
    """Send answers in chunks of at most 256 KiB, as fast as the client reads them.

    The state of the ASGI scope has the request's share of the budget as `answer_share`.  A route that needs much memory
    reserves it there before it makes the answer.  The size of the answer replaces what the route reserved.

    The size of an answer without Content-Length is that of the message that is being sent, for all copies of it.

    - `max_total_bytes`: the size of all answers above 256 KiB that are being sent; an answer beyond it becomes
      503, or ends without its last chunk if it has begun.  A large answer that is the only one is sent whatever its
      size.
    """

    def __init__(self, app: ASGIApp, *, max_total_bytes: int = 256 * MIB) -> None:
        self.app = app
        self._budget = ByteBudget(max_total_bytes)

    @for_scope_types("http")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI 3)."""
        is_rejected = has_length = False

        async def send_in_chunks(message: Message) -> None:
            nonlocal is_rejected, has_length
            if is_rejected:
                return
            if message["type"] == "http.response.start":
                length = _get_content_length(message)
                has_length = length is not None
                size = length if length is not None and length > _CHUNK_BYTES else 0
                # The maker of a stream may still need what it reserved.
                if has_length and not share.resize(size) and size and not share.is_only_one:
                    is_rejected = True
                    reason = "Too many large answers are being sent; try again"
                    await reject(scope, receive, send, 503, reason, extra_headers=[(b"retry-after", b"1")])
                    return
            elif message["type"] == "http.response.body" and not has_length:
                size = len(message.get("body", b""))
                held = size * _STREAM_COPIES if size > _CHUNK_BYTES else 0
                if not share.resize(held) and held and not share.is_only_one:
                    share.resize(0)
                    is_rejected = True  # the web server closes the connection: the client sees that the end is missing
                    return
            if message["type"] == "http.response.body" and len(message.get("body", b"")) > _CHUNK_BYTES:
                body = memoryview(message["body"])
                last = range(0, len(body), _CHUNK_BYTES)[-1]
                for start in range(0, last, _CHUNK_BYTES):
                    chunk = bytes(body[start : start + _CHUNK_BYTES])
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    # asyncio logs a warning for each write to a connection that is lost.  The loop has to run once, or
                    # uvicorn does not learn of the loss and writes all other chunks.
                    await asyncio.sleep(0)
                message = {**message, "body": bytes(body[last:])}
            await send(message)

        with self._budget.open_share() as share:
            state = {**(scope.get("state") or {}), "answer_share": share}
            await self.app({**scope, "state": state}, receive, send_in_chunks)


def _get_content_length(start: Message) -> int | None:
    """Return the Content-Length of an answer; None if it has none."""
    for name, value in start.get("headers", ()):
        if name.lower() == b"content-length":
            return int(value)
    return None
