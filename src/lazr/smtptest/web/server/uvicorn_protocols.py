"""Add the deadlines and limits that uvicorn lacks.

uvicorn has no deadline for the head of a request, for the rest of a body that no route reads, and for a client that
does not read its answer.  It also accepts any number of connections.  The classes here add those limits.  Requests are
parsed by h11, the strict one of uvicorn's parsers.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from lazr.smtptest._util.fd_limit import compute_max_http_connections
from lazr.smtptest.web.websocket_frames import FRAME_WRITER_EXTENSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp
    from uvicorn._types import ASGISendEvent
    from websockets.http11 import Request

__all__ = ["HttpProtocol", "WebSocketProtocol", "make_uvicorn_config"]

KIB = 1024

_REQUEST_TIMEOUT_RESPONSE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_UNAVAILABLE_RESPONSE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n"
)


def make_uvicorn_config(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 8025, **options: Any) -> Config:
    """Return the settings of a `uvicorn.Server` for an application.

    Args:
        app: the application.
        host: the address or name to listen on.
        port: the port to listen on.
        options: settings of uvicorn that replace the defaults of this function.

    >>> make_uvicorn_config(lambda scope, receive, send: None, port=0).host
    '127.0.0.1'
    """
    defaults: dict[str, Any] = {
        "interface": "asgi3",  # uvicorn would guess it: is `__call__` a coroutine function?
        "http": HttpProtocol,
        "ws": WebSocketProtocol,
        # A client on a loopback address is not a proxy.  If `X-Forwarded-For` were trusted, a client that tries
        # passwords could use a new address for each attempt.
        "proxy_headers": False,
        "h11_max_incomplete_event_size": 32 * KIB,  # the head of a request
        "ws_max_size": 64 * KIB,  # clients have nothing large to send over a websocket
        "ws_per_message_deflate": False,  # its buffers are most of the memory of an idle websocket
        # Longer than common polling intervals: else a client sends a request on a connection that is being closed.
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": 5,
        "server_header": False,
        # uvicorn would replace the handlers of its loggers, which belong to the application.
        "access_log": True,
        "log_config": None,
    }
    return Config(app, host=host, port=port, **(defaults | options))


class _WriteTimeoutMixin(asyncio.Protocol):
    """Abort a connection whose client does not read the bytes that wait for it.

    Closing the transport would not help: it first waits until all bytes are written.
    """

    WRITE_TIMEOUT_SECONDS = 30.0

    transport: asyncio.Transport
    _unsent_bytes = 0
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to check the progress of writes."""
        super().connection_made(transport)
        self._schedule_write_check()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the checks."""
        self._cancel_write_check()
        super().connection_lost(exc)

    def _schedule_write_check(self) -> None:
        self._write_timer = asyncio.get_running_loop().call_later(
            self.WRITE_TIMEOUT_SECONDS, self._check_write_progress
        )

    def _cancel_write_check(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()

    def _check_write_progress(self) -> None:
        unsent_bytes = self.transport.get_write_buffer_size()
        if 0 < self._unsent_bytes <= unsent_bytes:
            self.transport.abort()
            return
        self._unsent_bytes = unsent_bytes
        self._schedule_write_check()


class _LimitedConnection(h11.Connection):
    """An h11 connection that rejects large heads and trailers, and bodies of tiny chunks.

    h11 limits a head only while it is incomplete: one that comes in a single read may be as large as that read.

    A chunk takes about 30 µs, whatever its size: five million chunks of one byte would keep the server busy.
    """

    MAX_HEAD_BYTES = 32 * KIB

    CHUNKS_BEFORE_CHECK, MIN_AVERAGE_CHUNK_BYTES = 1_000, 64

    chunk_count = body_bytes = 0

    def next_event(self) -> type[h11.NEED_DATA | h11.PAUSED] | h11.Event:
        """Return the next event, as in h11; raise `RemoteProtocolError` for too many tiny chunks."""
        event = super().next_event()
        if isinstance(event, h11.Data):
            if event.chunk_start:
                if (
                    self.chunk_count >= self.CHUNKS_BEFORE_CHECK
                    and self.body_bytes < self.MIN_AVERAGE_CHUNK_BYTES * self.chunk_count
                ):
                    raise h11.RemoteProtocolError(
                        f"after {self.CHUNKS_BEFORE_CHECK} chunks, their average size must be at least "
                        f"{self.MIN_AVERAGE_CHUNK_BYTES} bytes"
                    )
                self.chunk_count += 1
            self.body_bytes += len(event.data)
        elif isinstance(event, h11.Request):
            self.chunk_count = self.body_bytes = 0
            self._check_head_size(len(event.method) + len(event.target), event.headers)
        elif isinstance(event, h11.EndOfMessage):
            self._check_head_size(0, event.headers)
        return event

    def _check_head_size(self, start_bytes: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        size = start_bytes + sum(len(name) + len(value) + 4 for name, value in headers)  # 4: the colon, a space, CRLF
        if size > self.MAX_HEAD_BYTES:
            raise h11.RemoteProtocolError(
                f"the head of a request must have at most {self.MAX_HEAD_BYTES:,} bytes", error_status_hint=431
            )


class HttpProtocol(_WriteTimeoutMixin, H11Protocol):
    """An HTTP/1.1 connection with deadlines.

    - `HEAD_TIMEOUT_SECONDS`: until the head of a request is complete.  It starts with the connection, and with the
      first byte of a further request.
    - `LINGER_TIMEOUT_SECONDS`: how long the rest of a body is read and dropped after the answer.
    - `WRITE_TIMEOUT_SECONDS`: the connection is aborted after one to two times this time without progress.
    - `MAX_CONNECTIONS`: a further connection is answered 503; None for `compute_max_http_connections()`.
    """

    HEAD_TIMEOUT_SECONDS = 10.0
    LINGER_TIMEOUT_SECONDS = 5.0
    MAX_CONNECTIONS: int | None = None

    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # None until there is a request
    _pending_input: str | None = None
    _deadline_timer: asyncio.TimerHandle | None = None

    def __init__(self, config: Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self.conn: h11.Connection = _LimitedConnection(h11.SERVER, config.h11_max_incomplete_event_size or 32 * KIB)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the deadline of the first request; answer 503 if there are too many connections."""
        super().connection_made(transport)
        limit = compute_max_http_connections() if self.MAX_CONNECTIONS is None else self.MAX_CONNECTIONS
        if len(self.connections) > limit:
            self.transport.write(_UNAVAILABLE_RESPONSE)
            self.transport.close()
        self._update_deadline()

    def data_received(self, data: bytes) -> None:
        """Parse bytes of the client, and update the deadline."""
        super().data_received(data)
        self._update_deadline()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 to malformed input; close the connection if an answer has been sent already."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Continue with the next request, or with the rest of this one's body."""
        super().on_response_complete()
        self._update_deadline()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over to the websocket protocol, which has deadlines of its own."""
        super().handle_websocket_upgrade(event)
        self._cancel_deadline()
        self._cancel_write_check()
        self._pending_input = "nothing"

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        self._cancel_deadline()
        super().connection_lost(exc)

    def _update_deadline(self) -> None:
        """Set the deadline of the pending input; more bytes of that input do not move it."""
        if self._pending_input == "nothing":
            return
        pending = self._find_pending_input()
        if pending != self._pending_input:
            self._cancel_deadline()
            self._pending_input = pending
            if pending is not None:
                seconds = self.HEAD_TIMEOUT_SECONDS if pending == "head" else self.LINGER_TIMEOUT_SECONDS
                self._deadline_timer = self.loop.call_later(seconds, self._on_deadline)

    def _find_pending_input(self) -> str | None:
        if self.transport.is_closing():
            return None
        if self.cycle is not None and not self.cycle.response_complete:
            return None  # `BodyLimitMiddleware` has the deadline of the body; the route has none
        if self.conn.their_state is h11.SEND_BODY:
            return "rest"
        return "head" if self.cycle is None or self.conn.trailing_data[0] else None

    def _cancel_deadline(self) -> None:
        if self._deadline_timer is not None:
            self._deadline_timer.cancel()
            self._deadline_timer = None

    def _on_deadline(self) -> None:
        # A browser may open a connection in advance.  Without a byte of a request there is no 408, because the browser
        # would take it for the answer to its first request.
        if self._pending_input == "head" and self.conn.trailing_data[0]:
            self.transport.write(_REQUEST_TIMEOUT_RESPONSE)
        self.transport.close()


class WebSocketProtocol(_WriteTimeoutMixin, WebSocketsSansIOProtocol):
    """A websocket with the write timeout of `HttpProtocol`, whose clients cannot fill the log.

    uvicorn logs an error after each refused handshake, and a traceback for a text that is not UTF-8.

    The protocol is also the `FrameWriter` of its websocket.
    """

    def handle_connect(self, event: Request) -> None:
        """Start the application, with this object among the extensions of its scope."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            extensions: dict[str, object] = self.scope["extensions"]  # type: ignore[assignment]
            extensions[FRAME_WRITER_EXTENSION] = self

    @property
    def unsent_bytes(self) -> int:
        """How many bytes the client has not read yet."""
        return self.transport.get_write_buffer_size()

    def write(self, frames: bytes) -> None:
        """Write whole frames; do nothing if the websocket is closed."""
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.transport.write(frames)

    async def wait_until_writable(self) -> None:
        """Wait until the client has read most of what was written."""
        await self.writable.wait()

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message of the application; note that a refused handshake is complete."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def send_receive_event_to_app(self) -> None:
        """Pass a message on; close with 1007 if a text is not UTF-8 (RFC 6455 8.1)."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.logger.warning("%s:%s sent a text that is not UTF-8 over a websocket", *self.client or ("", ""))
                self.conn.fail(1007)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()
