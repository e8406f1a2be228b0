"""The REST API of another process, over HTTP."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from lazr.smtptest.api_client import ApiClient
from lazr.smtptest.mcp_server.rest_api import MAX_RESPONSE_BYTES, REQUEST_TIMEOUT_SECONDS, RestResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HttpRestApi"]

# A waiting request holds a thread.
_MAX_THREADS = 200
_ABORT_INTERVAL_SECONDS = 0.05
_MAX_ABORT_SECONDS = 2.0


class HttpRestApi:
    """Call the REST API at a URL; each request has a connection and a thread of its own.

    A cancelled request closes its connection, so that its thread and its wait on the server end.

    Args:
        url: The URL of the API; a user and a password in it are sent as basic authentication.
        token: The token of a mailbox, or None.

    Raises:
        ValueError: If the URL is invalid.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url: str = ApiClient(url, token).url
        self._url = url
        self._token = token
        self._limiter: anyio.CapacityLimiter | None = None

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
        """Send a request, and return the response; see `RestApi`."""
        client = ApiClient(self._url, self._token)
        ended = threading.Event()

        def send() -> bytes:
            try:
                with client:
                    return client.request(method, path, body, query=query, timeout=timeout, max_bytes=max_bytes + 1)
            finally:
                ended.set()

        if self._limiter is None:  # it belongs to an event loop
            self._limiter = anyio.CapacityLimiter(_MAX_THREADS)
        try:
            content = await to_thread.run_sync(send, abandon_on_cancel=True, limiter=self._limiter)
        except anyio.get_cancelled_exc_class():
            await _abort(client, ended)
            raise
        return RestResponse(content[:max_bytes], len(content) > max_bytes)


async def _abort(client: ApiClient, ended: threading.Event) -> None:
    """Close the connection of a request whose caller is cancelled, also if it is not open yet."""
    with anyio.move_on_after(_MAX_ABORT_SECONDS, shield=True):
        while not ended.is_set():
            client.abort()
            await anyio.sleep(_ABORT_INTERVAL_SECONDS)
