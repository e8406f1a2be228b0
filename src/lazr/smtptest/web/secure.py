"""What a browser is told not to do with what comes from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.web.origins import SHOWN_IN_THE_SANDBOX

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SECURE", "Secure"]

SECURE = (
    # An answer is no page: nothing in it runs, loads, or is shown inside of another.  A page says otherwise for itself.
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),  # who opened it in a window has no hold on it
    (b"cross-origin-resource-policy", b"same-origin"),  # nor can it be an image or a script in somebody's page
    (b"referrer-policy", b"no-referrer"),  # a link in a mail does not tell where the mail was read
    (b"x-content-type-options", b"nosniff"),  # text/plain is not HTML, whatever is in it
)
"""Header fields of every answer, where a route says nothing else."""


class Secure:
    """Middleware: answers have the header fields of `SECURE`; those that a route sets itself are left alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the lifespan (ASGI 3)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                said = list(message.get("headers", ()))
                names = {name.lower() for name, _ in said}
                if SHOWN_IN_THE_SANDBOX.fullmatch(scope["path"]) and b"cross-origin-resource-policy" not in names:
                    said.append((b"cross-origin-resource-policy", b"cross-origin"))
                    names.add(b"cross-origin-resource-policy")
                said += [field for field in SECURE if field[0] not in names]
                message = {**message, "headers": said}
            await send(message)

        await self._app(scope, receive, tell)
