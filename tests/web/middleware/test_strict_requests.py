"""`StrictRequestsMiddleware`: paths and lengths that two programs could parse differently."""

import pytest

from tests.helpers.raw_http import connect, parse_response, read_to_end, send_request


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/tags/%ff",
        "/api/v1/tags/%c3",
        "/api/v1/tags/%ed%a0%80",  # a lone surrogate
        "/api/v1/tags/%00",
        "/api/v1/tags/a%0d%0ab",
        "/api/v1/tags/..%5cx",
        "/api/v1/tags/%2e%2e",
        "/..%2f..%2fetc/passwd",
        "http://evil.test/api/v1/messages",
        "*",
        "api/v1/messages",
    ],
)
def test_ambiguous_path_is_rejected(guarded, target):
    answer = send_request(guarded(), target)

    assert answer.status == 400
    assert answer.body.startswith("A path ")


def test_path_with_escaped_utf8_is_accepted(guarded):
    assert send_request(guarded(), "/api/v1/tags/%E6%97%A5%20%25").status == 200


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"X: a\rTransfer-Encoding: chunked\r\n",
        b"X: a\0b\r\n",
    ],
)
def test_request_with_ambiguous_length_is_rejected(guarded, fields):
    changes = []
    head = b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n"
    hidden = b"0\r\n\r\nDELETE /api/v1/messages HTTP/1.1\r\nHost: localhost\r\n\r\n"

    with connect(guarded(changes)) as client:
        client.sendall(head + hidden)
        answers = read_to_end(client)

    assert parse_response(answers).status == 400
    assert answers.count(b"HTTP/1.1 ") == 1
    assert changes == []
