"""The wire under the routes: uvicorn, with the deadlines and limits that it leaves open.

uvicorn waits for ever for the head of a request, for the rest of a body that nobody reads, and for a client that does
not read its answer; and it takes any number of connections.  Each has an end here.  Requests are read by h11, the
strict one among uvicorn's readers.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["Http", "Websocket", "configured", "most_connections"]

KIB = 1024

_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_CROWDED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n"


def configured(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 8025, **options: Any) -> Config:
    """The settings of a `uvicorn.Server` for that application; `options` are uvicorn's, and go before ours.

    >>> configured(lambda scope, receive, send: None, port=0).host
    '127.0.0.1'
    """
    ours: dict[str, Any] = {
        "http": Http,
        "ws": Websocket,
        # What comes from a loopback address is not thereby a proxy: `X-Forwarded-For` would let whoever tries
        # passwords be somebody else each time.
        "proxy_headers": False,
        "h11_max_incomplete_event_size": 32 * KIB,  # the head of a request
        "ws_max_size": 64 * KIB,  # clients have nothing to say there
        "ws_per_message_deflate": False,  # costs each idle one more memory than all the rest
        # Longer than anybody's interval of polling: else a request meets the closing of its connection.
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": 5,
        "server_header": False,
        # uvicorn would take the handlers of its logger off, which are whose process this is.
        "access_log": True,
        "log_config": None,
    }
    return Config(app, host=host, port=port, **(ours | options))


def most_connections() -> int:
    """How many connections of HTTP there may be: 10,000, or 15 % of the files that the process may open.

    SMTP has 80 %, less a few (`Limits.connections`).
    """
    try:
        import resource
    except ImportError:  # not on Windows
        return 10_000
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 10_000 if soft == resource.RLIM_INFINITY else max(10, min(10_000, soft * 15 // 100))


class _Drained(asyncio.Protocol):
    """A connection that is cut off when its client reads nothing of what waits for it.

    Closing does not help against such a client, as it first waits until all is written.
    """

    WRITE_SECONDS = 30.0

    transport: asyncio.Transport
    _left = 0
    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to look."""
        super().connection_made(transport)
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        self._stop_looking()
        super().connection_lost(exc)

    def _look_later(self) -> None:
        self._look = asyncio.get_running_loop().call_later(self.WRITE_SECONDS, self._look_now)

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()

    def _look_now(self) -> None:
        left = self.transport.get_write_buffer_size()
        if 0 < self._left <= left:
            self.transport.abort()
            return
        self._left = left
        self._look_later()


class _Reader(h11.Connection):
    """h11, which does not read on when a body comes in crumbs.

    A chunk takes some 30 microseconds, with one octet as with many: a client that sends five million of them would
    have the server to itself.
    """

    MANY, SMALL = 1_000, 64

    chunks = octets = 0

    def next_event(self) -> type[h11.NEED_DATA | h11.PAUSED] | h11.Event:
        """What comes next, as in h11."""
        event = super().next_event()
        if isinstance(event, h11.Data):
            if event.chunk_start:
                if self.chunks >= self.MANY and self.octets < self.SMALL * self.chunks:
                    raise h11.RemoteProtocolError(f"more than {self.MANY} chunks of less than {self.SMALL} octets")
                self.chunks += 1
            self.octets += len(event.data)
        elif isinstance(event, h11.Request):
            self.chunks = self.octets = 0
        return event


class Http(_Drained, H11Protocol):
    """A connection of HTTP/1.1.

    - `HEAD_SECONDS`: from the connection, or from its first octet where it is not the first, to a whole head.
    - `LINGER_SECONDS`: so long what is left of a body is read and dropped, when it has been answered already.
    - `WRITE_SECONDS`: how long a client may read nothing, at least; at most twice that.
    - `MOST`: one connection more is answered 503; None is `most_connections()`.
    """

    HEAD_SECONDS = 10.0
    LINGER_SECONDS = 5.0
    MOST: int | None = None

    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # which it is, until there is a request
    _awaited: str | None = None
    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, config: Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self.conn: h11.Connection = _Reader(h11.SERVER, config.h11_max_incomplete_event_size or 32 * KIB)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or have no room for it."""
        super().connection_made(transport)
        if len(self.connections) > (most_connections() if self.MOST is None else self.MOST):
            self.transport.write(_CROWDED)
            self.transport.close()
        self._await()

    def data_received(self, data: bytes) -> None:
        """Go on, and see what is due then."""
        super().data_received(data)
        self._await()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; where another answer is out already, close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Go on with the next request, or with what is left of this one."""
        super().on_response_complete()
        self._await()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection to another protocol, which has it from now on."""
        super().handle_websocket_upgrade(event)
        self._stop_waiting()
        self._stop_looking()
        self._awaited = "nothing"

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await(self) -> None:
        """Have a deadline for what is due now; further octets of the same do not move it."""
        if self._awaited == "nothing":
            return
        awaited = self._due()
        if awaited != self._awaited:
            self._stop_waiting()
            self._awaited = awaited
            if awaited is not None:
                seconds = self.HEAD_SECONDS if awaited == "head" else self.LINGER_SECONDS
                self._deadline = self.loop.call_later(seconds, self._too_late)

    def _due(self) -> str | None:
        if self.transport.is_closing():
            return None
        if self.cycle is not None and not self.cycle.response_complete:
            return None  # the body has its deadline in `Bodies`, and the answer takes as long as it takes
        if self.conn.their_state is h11.SEND_BODY:
            return "rest"
        return "head" if self.cycle is None or self.conn.trailing_data[0] else None

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        # A browser may have opened the connection in advance, and would take this for the answer to what it sends next.
        if self._awaited == "head" and self.conn.trailing_data[0]:
            self.transport.write(_TOO_LATE)
        self.transport.close()


class Websocket(_Drained, WebSocketsSansIOProtocol):
    """A websocket; `WRITE_SECONDS` is that of `Http`."""
