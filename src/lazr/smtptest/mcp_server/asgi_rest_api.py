"""The REST API of the application that serves the MCP request itself."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlencode

import anyio

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.api_client import ApiError
from lazr.smtptest.mcp_server.rest_api import MAX_RESPONSE_BYTES, REQUEST_TIMEOUT_SECONDS, RestResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Scope

__all__ = ["AsgiRestApi"]

_log = logging.getLogger("lazr.smtptest.mcp_server")

_MAX_SHOWN_BODY_BYTES = 500
_MAX_SMALL_RESPONSE_BYTES = 256 * 1024
# How often the content of a response is in memory until the result is sent: as objects, as texts and as bytes.
_CONTENT_COPIES = 4
# What a request has apart from its method, path and content.
_KEPT_SCOPE_KEYS = ("app", "asgi", "http_version", "scheme", "server", "client", "extensions", "smtptest.webroot")


class AsgiRestApi:
    """Call the routes of an ASGI application with the identity of the request it is handling.

    The routes check the access of each call, because it has the state of that request: the user or the mailbox that
    the middleware has found.

    Args:
        app: The routes of `make_app`, below all middleware.
        scope: The ASGI scope of the request that is being handled.
    """

    def __init__(self, app: ASGIApp, scope: Scope) -> None:
        self._app = app
        self._outer_scope = scope
        self._reserved_bytes = 0

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        timeout: float = REQUEST_TIMEOUT_SECONDS,  # noqa: ASYNC109 - for the connection, not for the coroutine
        max_bytes: int = MAX_RESPONSE_BYTES,
    ) -> RestResponse:
        """Send a request, and return the response; see `RestApi`.

        `timeout` has no effect, because there is no connection.
        """
        content = b"" if body is None else json.dumps(body).encode()
        pending = [{"type": "http.request", "body": content, "more_body": False}]
        status, reply, size = 0, bytearray(), 0

        async def receive() -> Message:
            if pending:
                return pending.pop()
            await anyio.sleep_forever()  # the client stays; a cancelled call cancels the route
            raise AssertionError  # pragma: no cover - not reached

        async def send(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                part = message.get("body", b"")
                size += len(part)
                reply.extend(part[: max_bytes - len(reply)])

        try:
            await self._app(self._build_scope(method, path, query, content), receive, send)
        except Exception:  # noqa: BLE001 - any fault of a route is a failure of the tool, as it is a 500 elsewhere
            _log.exception("a tool of the MCP server failed: %s %s", method, escape_unprintable(path))
            raise _build_error(b"Internal Server Error", 500) from None
        if status >= 300:
            raise _build_error(bytes(reply), status)
        self._reserve(len(reply))
        return RestResponse(bytes(reply), size > max_bytes)

    def _reserve(self, size: int) -> None:
        """Reserve memory for a result that has what a large response has.

        Raises:
            ApiError: 503 if the answers that are being sent take all memory that answers may have.
        """
        # `ResponseBackpressureMiddleware` put the share there; an app without `Guard` has none.
        share = (self._outer_scope.get("state") or {}).get("answer_share")
        if share is None or size <= _MAX_SMALL_RESPONSE_BYTES:
            return
        self._reserved_bytes += size * _CONTENT_COPIES
        if not share.resize(self._reserved_bytes) and not share.is_only_one:
            share.resize(0)
            raise _build_error(b"Too many large answers are being sent; try again", 503)

    def _build_scope(self, method: str, path: str, query: Mapping[str, object] | None, content: bytes) -> Scope:
        outer = self._outer_scope
        headers = [(b"host", b"localhost"), (b"accept", b"application/json, */*")]
        headers.append((b"content-length", str(len(content)).encode()))
        if content:
            headers.append((b"content-type", b"application/json"))
        return {
            **{key: outer[key] for key in _KEPT_SCOPE_KEYS if key in outer},
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": quote(path, safe="/%").encode(),
            "root_path": "",
            "query_string": urlencode(query or {}).encode(),
            "headers": headers,
            "state": dict(outer.get("state") or {}),
        }


def _build_error(body: bytes, status: int) -> ApiError:
    text = escape_unprintable(body[:_MAX_SHOWN_BODY_BYTES].decode("utf-8", "replace").strip())
    return ApiError(f"{text} ({status})", status, body)
