"""Serve an application below a path, for reverse proxies that share one host name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.web.middleware.rejection import reject
from lazr.smtptest.web.middleware.scope_types import for_scope_types

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["WebrootMiddleware", "get_webroot"]

_SCOPE_KEY = "smtptest.webroot"


def get_webroot(scope: Scope) -> str:
    """Return the webroot, such as "/mail", or "" without one.

    A route adds it to the paths that it writes into its answer.  `Location` needs none: the middleware adds it.

    >>> get_webroot({"smtptest.webroot": "/mail"}), get_webroot({})
    ('/mail', '')
    """
    webroot: str = scope.get(_SCOPE_KEY, "")
    return webroot


class WebrootMiddleware:
    """Remove the webroot from the path of requests, and add it to the `Location` of answers.

    The application and its other layers compare paths, so none of them may know the webroot.  A path outside of it is
    404.  `/mail` is redirected to `/mail/`, so that relative links of the first page work.

    Args:
        app: the ASGI application below the webroot.
        webroot: the path, such as "/mail", without a slash at the end.
    """

    def __init__(self, app: ASGIApp, webroot: str) -> None:
        self.app = app
        self._webroot = webroot
        self._prefix = webroot.encode("ascii")

    @for_scope_types("http", "websocket")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or websocket (ASGI 3)."""
        raw_path: bytes = scope["raw_path"]
        if raw_path == self._prefix and scope["type"] == "http":
            location = (b"location", self._prefix + b"/")
            await reject(scope, receive, send, 308, f"See {self._webroot}/", extra_headers=[location])
            return
        # The raw path: an encoded slash or letter must not lead around the prefix.
        if not raw_path.startswith(self._prefix + b"/"):
            await reject(scope, receive, send, 404, f"404 page not found; all pages are below {self._webroot}/")
            return
        inner_scope = {
            **scope,
            "path": scope["path"][len(self._webroot) :],
            "raw_path": raw_path[len(self._prefix) :],
            _SCOPE_KEY: self._webroot,
        }

        async def send_with_webroot(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, self._prefix + value if name.lower() == b"location" and value.startswith(b"/") else value)
                    for name, value in message.get("headers", ())
                ]
            await send(message)

        await self.app(inner_scope, receive, send_with_webroot)
