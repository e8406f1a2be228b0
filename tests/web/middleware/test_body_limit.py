"""`BodyLimitMiddleware`: the size and the duration of request bodies (threats W12 and W13)."""

import json

import pytest

from tests.helpers.guarded_app import build_chunked_request, wait_for_status
from tests.helpers.raw_http import connect, parse_response, read_to_end, send_bytes, send_request


@pytest.mark.parametrize(
    ("target", "size", "status"),
    [
        ("/api/v1/messages", 1000, 200),
        ("/api/v1/messages", 1001, 413),
        ("/api/v1/send", 5000, 200),
        ("/api/v1/send", 5001, 413),
        ("/api/v1/%73end", 5001, 413),
    ],
)
def test_body_limit_holds_for_any_transfer(guarded, target, size, status):
    changes = []
    address = guarded(changes, max_body_bytes=1000, max_body_bytes_by_path={"/api/v1/send": 5000})

    unchunked = send_request(address, target, "POST", body=b"x" * size)
    two_chunks = send_bytes(address, build_chunked_request(b"x" * 700, b"y" * (size - 700), target=target))
    many_chunks = send_bytes(
        address, build_chunked_request(*[b"x" * 100] * (size // 100), b"x" * (size % 100), target=target)
    )

    assert [answer.status for answer in (unchunked, two_chunks, many_chunks)] == [status] * 3
    assert changes == ([size] * 3 if status == 200 else [])
    if status == 413:
        limit = f"A body must have at most {size - 1:,} bytes"
        assert limit in unchunked.body and limit in two_chunks.body


def test_default_body_limits(guarded):
    address = guarded()
    six_mib = b"x" * (6 * 1024 * 1024)

    assert send_request(address, "/api/v1/messages", "POST", body=six_mib).status == 413
    assert send_request(address, "/api/v1/send", "POST", body=six_mib).status == 200
    refused = send_request(address, "/api/v1/send", "POST", body=b"", content_length=str(50 * 1024 * 1024 + 1))
    assert (refused.status, refused.headers["content-type"]) == (413, "application/json")
    assert json.loads(refused.body) == {"Error": "A body must have at most 52,428,800 bytes"}


@pytest.mark.parametrize("length", ["9" * 19, "9" * 20, "9" * 5000])
def test_content_length_of_many_digits_is_rejected(guarded, length):
    assert send_request(guarded(), "/api/v1/messages", "POST", content_length=length).status in (400, 413)


def test_bodies_together_have_a_limit(guarded):
    address = guarded(max_total_bytes=1000)

    with connect(address) as first:
        first.sendall(b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n" + b"x" * 899)
        # The server may read the bytes of the first body a little later.
        answer = wait_for_status(503, lambda: send_request(address, "/api/v1/messages", "POST", body=b"x" * 200))
        assert answer.headers["retry-after"] == "1"
        first.sendall(b"x")
        assert first.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert send_request(address, "/api/v1/messages", "POST", body=b"x" * 200).status == 200


def test_client_that_keeps_sending_reads_the_rejection(guarded):
    # The limit is exceeded early in 20 MB.  If the connection were reset then, the answer would be lost.
    answer = send_bytes(guarded(max_body_bytes=1000), build_chunked_request(*[b"x" * 1_000_000] * 20))

    assert answer.status == 413


@pytest.mark.parametrize(
    "data",
    [
        b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx",
        b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx",
        b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n",
    ],
)
def test_body_has_a_deadline(guarded, data):
    changes = []
    with connect(guarded(changes, body_timeout=0.2)) as client:
        client.sendall(data)
        answers = read_to_end(client)

    assert parse_response(answers.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")).status == 408
    assert changes == []
