"""`OutboundClient`: which URLs it requests, and how it limits an answer (threat W5)."""

import asyncio
import os
import socket
import ssl
import threading

import pytest
import trustme

from lazr.smtptest.web.outbound.errors import RequestFailed, UrlNotAllowed
from lazr.smtptest.web.outbound.http_client import OutboundClient
from tests.helpers.http_receiver import TIMEOUT, Receiver, respond

LOOPBACK = ["127.0.0.1/32"]


def request(url, method="GET", content=b"", headers=None, **settings):
    """Send a request with a new client, and return the answer."""
    client = OutboundClient(**{"allowed_networks": LOOPBACK} | settings)
    sending = client.request(method, url, headers=headers or {}, content=content)
    return asyncio.run(asyncio.wait_for(sending, TIMEOUT))


def make_resolver(**hosts):
    """Return a resolver of these hosts; a list of lists has the addresses for one call after the other."""
    queries = []

    async def resolve(host, port):
        queries.append(host)
        addresses = hosts[host.replace(".", "_")]
        if addresses and isinstance(addresses[0], list):
            addresses = addresses[min(len(queries), len(addresses)) - 1]
        return addresses

    resolve.queries = queries
    return resolve


def test_request_goes_to_the_resolved_address():
    resolver = make_resolver(hooks_example=["127.0.0.1"])
    with Receiver(respond(200, b"thanks", X_Kind="test")) as receiver:
        response = request(receiver.url("hooks.example"), "POST", b"{}", {"X-One": "1"}, resolver=resolver)
        received = receiver.get_request()

    assert (response.status, response.body, response.headers["x-kind"]) == (200, b"thanks", "test")
    assert (received.method, received.path, received.body, received.headers["x-one"]) == ("POST", "/hook", b"{}", "1")
    assert received.headers["host"] == f"hooks.example:{receiver.port}"
    assert resolver.queries == ["hooks.example"]


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:{}/", "http://localhost:{}/", "http://127.1:{}/", "http://2130706433:{}/"),
        *("http://0x7f000001:{}/", "http://0177.0.0.1:{}/", "http://0.0.0.0:{}/", "http://0:{}/"),
        *("http://[::ffff:127.0.0.1]:{}/", "http://[::ffff:7f00:1]:{}/", "http://LOCALHOST.:{}/"),
    ],
)
def test_no_spelling_of_a_loopback_address_is_allowed(url):
    with Receiver() as receiver:
        # Some systems resolve some of these as names; in no case there may be a connection.
        with pytest.raises((UrlNotAllowed, RequestFailed)):
            request(url.format(receiver.port), allowed_networks=[])
        assert receiver.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["127.0.0.2"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["no address"],
        ["10.0.0.1", "::1"],
    ],
)
def test_host_with_private_addresses_is_rejected(addresses):
    with pytest.raises(UrlNotAllowed, match=r"evil\.test has no allowed address, got .*; see --webhook-network"):
        request("http://evil.test/", resolver=make_resolver(evil_test=addresses))


def test_only_allowed_addresses_of_a_host_are_used():
    with Receiver() as receiver:
        response = request(receiver.url("two.test"), resolver=make_resolver(two_test=["::1", "10.0.0.1", "127.0.0.1"]))

    assert response.status == 204


def test_host_is_resolved_once_per_request():
    # A rebinding name server would give the second answer to a client that resolves again to connect.
    resolver = make_resolver(evil_test=[["127.0.0.1"], ["127.0.0.2"]])
    with Receiver() as receiver:
        assert request(receiver.url("evil.test"), resolver=resolver).status == 204
        with pytest.raises(UrlNotAllowed):
            request(receiver.url("evil.test"), resolver=resolver)
        assert receiver.connections == 1


def test_redirect_is_not_followed():
    with Receiver() as secret, Receiver(respond(302, Location=secret.url())) as receiver:
        response = request(receiver.url())

        assert (response.status, response.headers["location"]) == (302, secret.url())
        assert secret.connections == 0


def test_proxies_of_the_environment_are_ignored(monkeypatch):
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(path=""))
        request(receiver.url())

        assert (proxy.connections, receiver.connections) == (0, 1)
    assert "http_proxy" in os.environ


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "http or https"),
        ("gopher://127.0.0.1/", "http or https"),
        ("//127.0.0.1/", "http or https"),
        ("", "http or https"),
        ("http://", "must have a host"),
        ("http:///path", "must have a host"),
        ("http://127.0.0.1:0/", "must have a host"),
        ("http://127.0.0.1:99999/", "not a URL"),
        ("http://[::1/", "not a URL"),
        ("http://user:password@127.0.0.1/", "must not have a user"),
        ("http://127.0.0.1@evil.test/", "must not have a user"),
        ("http://exämple.test/", "must be ASCII"),
        ("http://127.0.0.1/\r\nX: y", "must be ASCII"),
        ("http://127.0.0.1/ HTTP/1.1", "must be ASCII"),
        ("http://127.0.0.1\t/", "must be ASCII"),
    ],
)
def test_invalid_url_is_rejected_before_a_connection(url, reason):
    with pytest.raises(UrlNotAllowed, match=reason) as error:
        request(url, resolver=make_resolver())
    assert "password" not in str(error.value)


def test_header_value_with_a_line_end_is_rejected():
    with Receiver() as receiver:
        with pytest.raises(RequestFailed):
            request(receiver.url(), headers={"X": "a\r\nY: b"})
        assert receiver.received.empty()


def test_body_is_read_up_to_the_limit():
    sent = []

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)
            sent.append(65536)

    with Receiver(endless) as receiver:
        response = request(receiver.url(), max_body_bytes=1000)

    assert response.body == b"x" * 1000
    assert sum(sent) < 50_000_000


def send_slowly(handler):
    never_set = threading.Event()
    handler.send_response(200)
    handler.end_headers()
    while not never_set.wait(0.01):
        handler.wfile.write(b"x")


def never_answer(handler):
    handler.rfile.read()


@pytest.mark.parametrize("answer", [send_slowly, never_answer])
def test_whole_request_has_a_deadline(answer):
    with Receiver(answer) as receiver, pytest.raises(RequestFailed, match=r"longer than 0\.3 s"):
        request(receiver.url(), timeout=0.3)


def test_deadline_includes_the_resolver():
    async def never_resolve(host, port):
        await asyncio.Event().wait()

    with pytest.raises(RequestFailed, match=r"longer than 0\.1 s"):
        request("http://slow.test/", timeout=0.1, resolver=never_resolve)


def send_garbage(handler):
    handler.wfile.write(b"220 smtp.example ESMTP\r\n")


def send_long_head(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000)


def send_half(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx")


@pytest.mark.parametrize("answer", [send_garbage, send_long_head, send_half, lambda handler: None])
def test_malformed_answer_raises_request_failed(answer):
    with Receiver(answer) as receiver, pytest.raises(RequestFailed):
        request(receiver.url())


def test_closed_port_raises_request_failed():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RequestFailed):
        request(f"http://127.0.0.1:{port}/")


def test_unknown_host_raises_request_failed():
    async def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(RequestFailed, match="not known"):
        request("http://nobody.test/", resolver=unknown)
    with pytest.raises(RequestFailed, match="no address"):
        request("http://nobody.test/", resolver=make_resolver(nobody_test=[]))


def test_certificate_must_match_the_host_name():
    authority = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example").configure_cert(server_context)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    resolver = make_resolver(hooks_example=["127.0.0.1"], evil_example=["127.0.0.1"])

    with Receiver(context=server_context) as receiver:
        url = receiver.url("hooks.example", scheme="https")
        assert request(url, resolver=resolver, ssl_context=client_context).status == 204
        for wrong, context in ((receiver.url("evil.example", scheme="https"), client_context), (url, None)):
            with pytest.raises(RequestFailed, match="certificate"):
                request(wrong, resolver=resolver, ssl_context=context)
