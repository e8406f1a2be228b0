"""How large a request's body may be, and how long it may take.

A body is counted as it comes, so that nothing has to be believed: `Content-Length` only lets us say no sooner.  When
we have said no, the route hears that the client is gone, and whatever it says then is not sent.  What is still to come
of the body is read and dropped by the connection (see `wire.py`), as a client that is cut off while it sends may never
read why.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lazr.smtptest.web.refusal import header, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["LARGER", "Bodies"]

MIB = 1024 * 1024

LARGER: Mapping[str, int] = {"/api/v1/send": 50 * MIB}
"""The routes whose bodies may be larger than others.  They are told in JSON when one is not taken, as by Mailpit."""


class Bodies:
    """Middleware: bodies above `most` octets are answered 413, those that take longer than `seconds` 408.

    - `larger`: other limits, by path.
    - `together`: octets of all bodies that are being received or worked on; beyond it, the answer is 503.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        most: int = 5 * MIB,
        larger: Mapping[str, int] = LARGER,
        seconds: float = 60.0,
        together: int = 256 * MIB,
    ) -> None:
        self._app = app
        self._most = most
        self._larger = larger
        self._seconds = seconds
        self._together = together
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the lifespan (ASGI 3)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], self._most)
        in_json = scope["path"] in self._larger
        too_large = f"A body of at most {most:,} octets is taken here"
        length = header(scope, b"content-length")
        if length is not None and _number(length) > most:
            await refuse(scope, receive, send, 413, too_large, in_json=in_json)
            return
        deadline = asyncio.get_running_loop().time() + self._seconds
        size, complete, started, refused = 0, False, False, False

        async def no(status: int, reason: str, *further: tuple[bytes, bytes]) -> Message:
            nonlocal refused
            if not started:  # else the client has its answer, and did not wait for ours
                await refuse(scope, receive, send, status, reason, further=further, in_json=in_json)
            refused = True
            return {"type": "http.disconnect"}

        async def counted() -> Message:
            nonlocal size, complete
            if refused:
                return {"type": "http.disconnect"}
            if complete:  # what comes now is that the client goes away
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                return await no(408, f"A body within {self._seconds:g} s is needed", (b"connection", b"close"))
            octets = len(message.get("body", b""))
            size += octets
            self._held += octets
            complete = not message.get("more_body", False)
            if size > most:
                return await no(413, too_large)
            if self._held > self._together:
                return await no(503, "Too many large requests at once; try again", (b"retry-after", b"1"))
            return message

        async def unless_refused(message: Message) -> None:
            nonlocal started
            if not refused:
                started = True
                await send(message)

        try:
            await self._app(scope, counted, unless_refused)
        except Exception:
            # The route learnt from us that the client is gone, and may well say so; the answer is out.
            if not refused:
                raise
        finally:
            self._held -= size


def _number(length: str) -> int:
    # Digits only, as h11 saw to; their number is bounded here, as Python's int() has a limit of its own and raises.
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 1 << 63
