"""`WebSocketLimitMiddleware`: the number of open websockets (threat W13)."""

import contextlib

import pytest

from lazr.smtptest.web.middleware.websocket_limit import WebSocketLimitMiddleware
from tests.helpers.guarded_app import wait_for_status
from tests.helpers.raw_http import (
    connect,
    open_websocket,
    send_request,
)


def test_websocket_above_the_limit_is_rejected(guarded):
    address = guarded(max_websockets=2)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(connect(address))
            client.sendall(build_handshake())
            assert client.recv(12) == b"HTTP/1.1 101"
        refused = open_websocket(address, "/api/events")
        assert (refused.status, refused.body) == (503, "At most 2 websockets may be open; try again later\n")
        assert send_request(address, "/api/v1/messages").status == 200  # requests are not limited
    wait_for_status(101, lambda: open_websocket(address, "/api/events"))  # the others are closing


def build_handshake():
    """Return the bytes of a websocket's handshake."""
    return (
        b"GET /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )


def test_websocket_is_not_counted_after_an_exception():
    async def broken(scope, receive, send):
        raise RuntimeError

    middleware = WebSocketLimitMiddleware(broken, limit=1)
    for _ in range(2):
        coroutine = middleware({"type": "websocket"}, None, None)
        with pytest.raises(RuntimeError):
            coroutine.send(None)
    assert middleware.open_count == 0
