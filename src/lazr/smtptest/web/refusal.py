"""How a request is refused before any route has seen it: a status, and a reason that people can read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send

__all__ = ["header", "headers", "refuse"]


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    reason: str,
    *,
    further: Sequence[tuple[bytes, bytes]] = (),
    in_json: bool = False,
) -> None:
    """Answer with that status and reason; a websocket is refused by an answer to its handshake.

    `in_json`: as `{"Error": …}`, not as text.
    """
    body = (json.dumps({"Error": reason}) if in_json else reason).encode() + b"\n"
    told = [
        (b"content-type", b"application/json" if in_json else b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *further,
    ]
    if scope["type"] == "websocket":
        await receive()  # websocket.connect, always
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": reason})  # which is 403 to the client
            return
        await send({"type": "websocket.http.response.start", "status": status, "headers": told})
        await send({"type": "websocket.http.response.body", "body": body})
    else:
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": body})


def headers(scope: Scope, name: bytes) -> list[str]:
    """All values of a header field of the request, in their order."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def header(scope: Scope, name: bytes) -> str | None:
    """The value of a header field of the request; None where there is none, or where there are several.

    >>> header({"headers": [(b"host", b"localhost")]}, b"host")
    'localhost'
    """
    found = headers(scope, name)
    return found[0] if len(found) == 1 else None
