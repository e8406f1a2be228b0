"""Deadlines and limits of HTTP connections (threats W12 and W13)."""

import contextlib
import inspect
import threading

import h11
import pytest

from lazr.smtptest.web.middleware.stack import Guard
from lazr.smtptest.web.server.uvicorn_protocols import (
    HttpProtocol,
    WebSocketProtocol,
    _LimitedConnection,
)
from tests.helpers.guarded_app import HastyHttpProtocol, build_chunked_request, wait_for_status
from tests.helpers.raw_http import (
    TIMEOUT,
    connect,
    parse_response,
    read_to_end,
    send_bytes,
    send_request,
)


def test_default_deadlines():
    assert (
        HttpProtocol.HEAD_TIMEOUT_SECONDS,
        HttpProtocol.LINGER_TIMEOUT_SECONDS,
        HttpProtocol.WRITE_TIMEOUT_SECONDS,
        WebSocketProtocol.WRITE_TIMEOUT_SECONDS,
    ) == (10, 5, 30, 30)
    assert inspect.signature(Guard).parameters["body_timeout"].default == 60


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 0),  # a browser may have connected in advance
        (b"G", 408),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", 408),
        (b"GET /api/v1/messages HTTP/1.1\r\nHost: localhost\r\n\r\nGET", 200),  # a 408 follows
    ],
)
def test_request_head_has_a_deadline(guarded, data, status):
    with connect(guarded(http=HastyHttpProtocol)) as client:
        client.sendall(data)
        answers = read_to_end(client)

    assert parse_response(answers).status == status
    if status == 200:
        assert answers.endswith(b"Connection: close\r\n\r\n") and b"HTTP/1.1 408 " in answers


def test_single_bytes_do_not_move_the_deadline(guarded):
    with connect(guarded(http=HastyHttpProtocol)) as client, contextlib.suppress(ConnectionError):
        client.sendall(b"GET / HTTP/1.1\r\nX: ")
        client.settimeout(0.02)
        for _ in range(10_000):
            client.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                assert client.recv(65536).startswith(b"HTTP/1.1 408 ")
                break
        else:
            pytest.fail("the server waits without a deadline")


def test_rest_of_an_answered_body_has_a_deadline(guarded):
    with connect(guarded(http=HastyHttpProtocol)) as client:
        client.sendall(b"POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx")
        answer = parse_response(read_to_end(client))

    assert answer.status == 200


def test_connection_continues_after_the_rest_of_a_body(guarded):
    with connect(guarded(http=HastyHttpProtocol)) as client:
        client.sendall(b"POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx")
        answer = b""
        while not answer.endswith(b"not read"):
            answer += client.recv(65536)
        client.sendall(b"x" * 9 + b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert parse_response(read_to_end(client)).status == 404


def test_client_that_reads_nothing_is_disconnected(guarded):
    is_lost = threading.Event()

    class Recording(HastyHttpProtocol):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            is_lost.set()

    with connect(guarded(http=Recording)) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert is_lost.wait(TIMEOUT)
        assert len(read_to_end(client)) < 20_000_000


def test_slow_client_gets_the_whole_answer(guarded):
    with connect(guarded(http=HastyHttpProtocol)) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert read_to_end(client).endswith(b"x" * 20_000_000)


def test_connection_above_the_limit_is_rejected(guarded):
    class TwoConnections(HttpProtocol):
        MAX_CONNECTIONS = 2

    address = guarded(http=TwoConnections)
    with connect(address) as first, connect(address) as second:
        for client in (first, second):
            client.sendall(b"GET /api/v1/messages HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        refused = send_request(address, "/api/v1/messages")
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    wait_for_status(200, lambda: send_request(address, "/api/v1/messages"))


def test_request_head_has_a_largest_size(guarded):
    address = guarded()
    fields = {f"x{number}": "y" * 9 for number in range(40_000)}

    assert send_request(address, "/api/v1/messages", x="y" * 30_000).status == 200
    for size in (33_000, 60_000, 600_000):
        assert send_request(address, "/api/v1/messages", x="y" * size).status == 400
        assert send_request(address, "/" + "y" * size).status == 400
        assert send_request(address, "/", "Y" * size).status == 400
        assert send_request(address, "/api/v1/messages", **dict(list(fields.items())[: size // 12])).status == 400


# The bytes come in one call, as a fast connection delivers them; h11 itself limits only what is incomplete.
@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
        b"GET /" + b"y" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X:\r\n" * 8_000 + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "
        + b"y" * 40_000
        + b"\r\n\r\n",
    ],
    ids=["field", "target", "fields", "trailer"],
)
def test_head_that_comes_in_one_read_is_limited(data):
    connection = _LimitedConnection(h11.SERVER)
    connection.receive_data(data)

    with pytest.raises(h11.RemoteProtocolError, match="at most 32,768 bytes"):
        while connection.next_event() is not h11.NEED_DATA:
            pass


def test_body_of_tiny_chunks_is_rejected(guarded):
    changes = []
    address = guarded(changes)

    assert send_bytes(address, build_chunked_request(*[b"x"] * 1000)).status == 200
    assert send_bytes(address, build_chunked_request(*[b"x"] * 1001)).status == 400
    assert send_bytes(address, build_chunked_request(*[b"x" * 64] * 10_000)).status == 200
    assert changes == [1000, 640_000]


def test_malformed_body_after_the_answer_closes_the_connection(guarded, caplog):
    with connect(guarded(http=HastyHttpProtocol)) as client:
        client.sendall(b"POST /unread HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        answer = b""
        while not answer.endswith(b"not read"):
            answer += client.recv(65536)
        client.sendall(b"nonsense\r\n")
        assert read_to_end(client) == b""
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
