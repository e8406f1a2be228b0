"""Reject a request before it reaches the routes, with a status and a reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send

__all__ = ["reject"]


async def reject(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    reason: str,
    *,
    extra_headers: Sequence[tuple[bytes, bytes]] = (),
    use_json: bool = False,
) -> None:
    """Answer a request, or the handshake of a websocket, with an error.

    Args:
        scope: the scope of the request; `receive` and `send` are its ASGI callables.
        receive: see `scope`.
        send: see `scope`.
        status: the HTTP status, such as 403.
        reason: one line of text for the client, without a line end.
        extra_headers: header fields besides Content-Type and Content-Length.
        use_json: send the reason as `{"Error": reason}`; the default is plain text.
    """
    body = (json.dumps({"Error": reason}) if use_json else reason).encode() + b"\n"
    headers = [
        (b"content-type", b"application/json" if use_json else b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *extra_headers,
    ]
    if scope["type"] == "websocket":
        await receive()  # the first message is always websocket.connect
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": reason})  # the client receives 403
            return
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})
    else:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
