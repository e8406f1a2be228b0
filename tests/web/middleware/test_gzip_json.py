"""JSON is compressed for clients that accept gzip, and nothing else is."""

import asyncio
import gzip
import json

import pytest

from lazr.smtptest.web.middleware import GzipJsonMiddleware, accepts_gzip


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], False),
        ([""], False),
        (["gzip"], True),
        (["GZip"], True),
        (["deflate, gzip;q=1.0, *;q=0.5"], True),
        (["gzip; q=0.001"], True),
        (["gzip;q=0"], False),
        (["gzip;q=0.000"], False),
        (["gzip;q="], False),
        (["gzip;q=0, *"], False),
        (["*"], True),
        (["*;q=0"], False),
        (["br", "gzip"], True),
        (["identity"], False),
        (["x-gzip-like, gzipped"], False),
        ([",;,;q=1,"], False),
    ],
)
def test_accept_encoding(values, expected):
    assert accepts_gzip(values) is expected


@pytest.mark.parametrize(
    ("path", "fields", "compressed"),
    [
        ("/api/v1/messages", {}, True),
        ("/api/v1/search?query=hi", {}, True),
        ("/api/v1/messages", {"accept-encoding": "identity"}, False),
        ("/api/v1/messages?limit=1", {}, False),  # too short to become shorter
        ("/api/v1/message/{id}/raw", {}, False),  # no JSON
        ("/view/{id}.html", {}, False),
        ("/view/{id}.txt", {}, False),
        ("/metrics", {}, False),
        # A page of another site that opens the list again and again could guess what is in it (BREACH).
        ("/api/v1/messages", {"sec-fetch-site": "cross-site"}, False),
        ("/api/v1/messages", {"sec-fetch-site": "same-site"}, False),
        ("/api/v1/messages", {"sec-fetch-site": "same-origin"}, True),
        ("/api/v1/messages", {"sec-fetch-site": "none"}, True),
    ],
)
def test_only_json_of_some_length_is_compressed(rest_api, path, fields, compressed):
    for _ in range(10):
        mail_id = rest_api.add_mail("Content-Type: text/html\r\n\r\n<p>Hi " + 2000 * "x")
    with rest_api.http.stream("GET", path.format(id=mail_id), headers=fields) as response:
        body = b"".join(response.iter_raw())

    assert response.headers.get("content-encoding") == ("gzip" if compressed else None)
    assert response.headers["content-length"] == str(len(body))
    is_json = response.headers["content-type"] == "application/json"
    assert ("Accept-Encoding" in response.headers.get("vary", "")) is is_json
    if compressed:
        plain = rest_api.http.get(path, headers={"accept-encoding": "identity"}).content
        assert gzip.decompress(body) == plain and len(body) < len(plain)


def test_head_has_the_length_of_get(rest_api):
    for _ in range(10):
        rest_api.add_mail()
    head = rest_api.http.head("/api/v1/messages")
    with rest_api.http.stream("GET", "/api/v1/messages", headers={"accept-encoding": "gzip"}) as get:
        size = len(b"".join(get.iter_raw()))

    assert head.headers["content-encoding"] == "gzip" and head.headers["content-length"] == str(size)


def send_through(*messages, headers=((b"accept-encoding", b"gzip"),)):
    """Return what the middleware sends when the app sends these messages."""
    sent = []

    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "headers": list(headers)}
    asyncio.run(GzipJsonMiddleware(app)(scope, None, send))
    return sent


def build_start(*headers):
    return {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json"), *headers]}


def build_body(body, *, more_body=False):
    return {"type": "http.response.body", "body": body, "more_body": more_body}


@pytest.mark.parametrize("size", [1024, 64 * 1024, 64 * 1024 + 1, 3_000_000])
def test_body_of_any_size_is_compressed(size):
    body = json.dumps("x" * (size - 2)).encode()
    start, message = send_through(build_start((b"content-length", str(size).encode())), build_body(body))

    assert gzip.decompress(message["body"]) == body
    assert dict(start["headers"])[b"content-length"] == str(len(message["body"])).encode()


@pytest.mark.parametrize(
    "messages",
    [
        (build_start(), build_body(b"x" * 2000, more_body=True), build_body(b"x" * 2000)),
        (build_start(), build_body(b"x" * 1023)),
        (build_start(), build_body(b"")),
        (build_start((b"content-encoding", b"br")), build_body(b"x" * 2000)),
    ],
)
def test_streams_short_and_encoded_bodies_are_unchanged(messages):
    sent = send_through(*messages)

    assert [message.get("body") for message in sent] == [message.get("body") for message in messages]
    assert all(name != b"content-encoding" or value == b"br" for name, value in sent[0]["headers"])


def test_websocket_is_unchanged():
    scopes = []

    async def app(scope, receive, send):
        scopes.append((scope, send))

    scope = {"type": "websocket", "headers": []}
    asyncio.run(GzipJsonMiddleware(app)(scope, None, print))
    assert scopes == [(scope, print)]
