"""`ResponseBackpressureMiddleware`: large answers that wait for slow clients (threat W13)."""

from tests.helpers.raw_http import connect, read_to_end, send_request


def test_large_answers_together_have_a_limit(guarded):
    address = guarded(max_total_bytes=30_000_000)
    request = b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    with connect(address) as slow:
        slow.sendall(request)
        assert slow.recv(12) == b"HTTP/1.1 200"  # the rest stays unread for now
        refused = send_request(address, "/large")
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert send_request(address, "/api/v1/messages").status == 200
        assert read_to_end(slow).endswith(b"x" * 20_000_000)
    assert send_request(address, "/large").body == "x" * 20_000_000


def test_single_answer_above_the_limit_blocks_large_answers_only(guarded):
    address = guarded(max_total_bytes=1_000_000)

    with connect(address) as slow:
        slow.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 200"
        assert send_request(address, "/large").status == 503
        assert send_request(address, "/api/v1/messages").status == 200


def test_answers_without_a_length_are_limited_too(guarded):
    # A message of a stream counts four times.
    address = guarded(max_total_bytes=90_000_000)
    request = b"GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    with connect(address) as slow:
        slow.sendall(request)
        received = b""
        while b"xxxx" not in received:  # the rest stays unread for now
            received += slow.recv(100)
        assert send_request(address, "/large").status == 503
        with connect(address) as other:
            other.sendall(request)
            cut = read_to_end(other)
        assert cut.startswith(b"HTTP/1.1 200") and len(cut) < 1_000 and not cut.endswith(b"0\r\n\r\n")
        assert send_request(address, "/api/v1/messages").status == 200
        assert read_to_end(slow).endswith(b"0\r\n\r\n")
    assert send_request(address, "/large").status == 200
    assert len(send_request(address, "/stream").body) >= 20_000_000
