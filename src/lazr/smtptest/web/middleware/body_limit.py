"""Limit the size of request bodies and the time that they take.

Bytes are counted when they arrive, so no client has to be trusted: `Content-Length` only allows an earlier rejection.
After a rejection the route receives `http.disconnect`, and its answer is dropped.  The connection reads and drops the
rest of the body (see `server/uvicorn_protocols.py`): a client that is disconnected while it sends may never read the
answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lazr.smtptest.web.middleware.byte_budget import ByteBudget
from lazr.smtptest.web.middleware.rejection import reject
from lazr.smtptest.web.middleware.request_headers import get_header
from lazr.smtptest.web.middleware.scope_types import for_scope_types

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MAX_BODY_BYTES_BY_PATH", "MAX_LOGIN_BODY_BYTES", "BodyLimitMiddleware"]

MIB = 1024 * 1024

MAX_LOGIN_BODY_BYTES = 16 * 1024
"""The largest body of a login, which is received before anyone is authenticated."""

MAX_BODY_BYTES_BY_PATH: Mapping[str, int] = {
    "/api/v1/send": 50 * MIB,
    "/api/v1/login": MAX_LOGIN_BODY_BYTES,
    "/login": MAX_LOGIN_BODY_BYTES,
}
"""The paths with another body limit."""

# Its rejections are JSON, as in Mailpit.
_JSON_PATH = "/api/v1/send"


class BodyLimitMiddleware:
    """Reject large bodies with 413, slow ones with 408, and too many at once with 503.

    Args:
        app: the next ASGI application, which receives the accepted requests.
        max_bytes: the largest body, 5 MiB by default.
        max_bytes_by_path: other limits, by path.
        timeout: seconds from the start of the request to the end of its body, 60 by default.
        max_total_bytes: the bytes of all bodies that are being received or processed, 256 MiB by default.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int = 5 * MIB,
        max_bytes_by_path: Mapping[str, int] = MAX_BODY_BYTES_BY_PATH,
        timeout: float = 60.0,
        max_total_bytes: int = 256 * MIB,
    ) -> None:
        self.app = app
        self._max_bytes = max_bytes
        self._max_bytes_by_path = max_bytes_by_path
        self._timeout = timeout
        self._budget = ByteBudget(max_total_bytes)

    @for_scope_types("http")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI 3)."""
        max_bytes = self._max_bytes_by_path.get(scope["path"], self._max_bytes)
        use_json = scope["path"] == _JSON_PATH
        too_large = f"A body must have at most {max_bytes:,} bytes"
        length = get_header(scope, b"content-length")
        if length is not None and _parse_content_length(length) > max_bytes:
            await reject(scope, receive, send, 413, too_large, use_json=use_json)
            return
        deadline = asyncio.get_running_loop().time() + self._timeout
        is_complete = is_started = is_rejected = False

        async def reject_and_disconnect(status: int, reason: str, *extra_headers: tuple[bytes, bytes]) -> Message:
            nonlocal is_rejected
            if not is_started:  # else the client has its answer already
                await reject(scope, receive, send, status, reason, extra_headers=extra_headers, use_json=use_json)
            is_rejected = True
            return {"type": "http.disconnect"}

        async def receive_limited() -> Message:
            nonlocal is_complete
            if is_rejected:
                return {"type": "http.disconnect"}
            if is_complete:  # the only message that can follow is http.disconnect
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                reason = f"A body must be sent within {self._timeout:g} s"
                return await reject_and_disconnect(408, reason, (b"connection", b"close"))
            is_within_budget = share.add(len(message.get("body", b"")))
            is_complete = not message.get("more_body", False)
            if share.size > max_bytes:
                return await reject_and_disconnect(413, too_large)
            if not is_within_budget:
                reason = "Too many large requests are being received; try again"
                return await reject_and_disconnect(503, reason, (b"retry-after", b"1"))
            return message

        async def send_unless_rejected(message: Message) -> None:
            nonlocal is_started
            if not is_rejected:
                is_started = True
                await send(message)

        with self._budget.open_share() as share:
            try:
                await self.app(scope, receive_limited, send_unless_rejected)
            except Exception:
                # After a rejection the route may raise because of `http.disconnect`; the client has its answer.
                if not is_rejected:
                    raise


def _parse_content_length(length: str) -> int:
    # h11 has checked that there are only digits.  Their number is limited here, because int() raises above 4,300.
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 1 << 63
