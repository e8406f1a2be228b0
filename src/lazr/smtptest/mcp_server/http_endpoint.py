"""The MCP server over HTTP: the transport "Streamable HTTP", without sessions."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.responses import Response

from lazr.smtptest.mcp_server.asgi_rest_api import AsgiRestApi
from lazr.smtptest.mcp_server.protocol_server import build_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp.server import ServerRequestContext
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lazr.smtptest.mcp_server.rest_api import RestApi

__all__ = ["McpEndpoint"]

MAX_BODY_BYTES = 4 * 1024 * 1024
"""The largest message of a client."""

_TEXT_HEADERS = {"content-type": "text/plain"}


class McpEndpoint:
    """An ASGI endpoint for POST requests of MCP clients.

    Each request stands for itself: it is authenticated like any other request, and its tools act with its identity.
    The middleware before it checks `Host`, `Origin` and the credentials.
    """

    def __init__(self) -> None:
        self._manager: StreamableHTTPSessionManager | None = None
        self._routes: ASGIApp | None = None

    def keep_routes(self, app: ASGIApp) -> ASGIApp:
        """Call this application for the tools, and return it.

        As the last middleware it gets the routes without the other middleware.  That has handled the request of the
        client, and could refuse the requests of the tools, which do not have all of its header fields.
        """
        self._routes = app
        return app

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[None]:
        """Run the endpoint; a web server that is started again runs it again."""
        manager = StreamableHTTPSessionManager(build_server(self._get_api), stateless=True)
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI 3).

        Raises:
            ClientDisconnect: If the client disconnects before the end of its body.
        """
        if self._manager is None:  # the server has no lifespan, or is stopping
            response = Response("the MCP server does not run\n", 503, _TEXT_HEADERS)
            await response(scope, receive, send)
            return
        # The SDK would log a traceback for a client that disconnects before the end of its body.
        body = bytearray()
        async for chunk in Request(scope, receive).stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                response = Response(f"A message must have at most {MAX_BODY_BYTES:,} bytes\n", 413, _TEXT_HEADERS)
                await response(scope, receive, send)
                return
        await self._manager.handle_request(scope, _replay(bytes(body), receive), send)

    def _get_api(self, context: ServerRequestContext[Any, Any]) -> RestApi:
        assert context.request is not None and self._routes is not None  # noqa: S101 - a request is handled
        return AsgiRestApi(self._routes, context.request.scope)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that has the body as one message, and then what follows it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_body_first() -> Message:
        return messages.pop() if messages else await receive()

    return receive_body_first
