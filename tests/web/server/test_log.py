"""Clients that break off or are refused write at most one line into the log (threat W18)."""

import contextlib
import logging
import socket
import struct
import threading

import pytest

from lazr.smtptest import Envelope, MailServer
from lazr.smtptest.store import Arrival, MemoryStore
from lazr.smtptest.web import AppContext, Guard, Mailbox, Users, WebServer, make_app
from tests.helpers.raw_http import connect, read_to_end

HOST = b"Host: localhost\r\n"
HANDSHAKE = (
    b"GET /api/events HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
MAILBOX = Mailbox.of_user("x", "token-of-mailbox-x", "x")
GUARDS = {
    "open": Guard,
    "users": lambda app: Guard(app, users=Users.parse("ann:{PLAIN}secret")),
    "mailboxes": lambda app: Guard(app, mailboxes=[MAILBOX]),
}


@contextlib.contextmanager
def serve(guard, caplog):
    store = MemoryStore()
    envelope = Envelope("", (), mail_parameters={}, rcpt_parameters=())
    store.add([Arrival("large", 0, envelope, [b"Subject: x\r\n\r\n" + b"x" * 4_000_000])])
    app = make_app(AppContext(store, MailServer(store=store)))
    caplog.set_level(logging.WARNING)
    with WebServer(app, guard=GUARDS[guard]) as web:
        yield ("127.0.0.1", web.port)


def reset(client):
    """Close the connection with RST, as a client that crashes."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def wait_until_handled(address):
    """Return when the server has handled what the clients before have done."""
    for _ in range(3):
        with connect(address) as client:
            client.sendall(b"GET /livez HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
            assert read_to_end(client).startswith(b"HTTP/1.1 200")


def check_log(caplog, most):
    records = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(records) <= most, [record.getMessage() for record in records]
    assert not any(record.exc_info for record in records)
    assert all(len(record.getMessage()) < 500 and "\n" not in record.getMessage().strip() for record in records)


CUT_REQUESTS = {
    "body": b"POST /api/v1/send HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\nabc",
    "no body": b"PUT /api/v1/messages HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n",
    "chunk": b"PUT /api/v1/tags HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "chunks": b"DELETE /api/v1/messages HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    "path": b"POST /api/v1/presets/" + b"%0a" * 1000 + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n",
    "head": b"GET /api/v1/messages HTTP/1.1\r\nHost: loc",
    "line": b"GET /api",
    "nothing": b"",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "answer": b"GET /api/v1/message/large/raw HTTP/1.1\r\n" + HOST + b"\r\n",
    "wait": b"GET /api/v1/wait?query=none&timeout=1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "handshake": HANDSHAKE + b"\r\n",
    "half a handshake": HANDSHAKE,
    "large head": b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("close", [reset, socket.socket.close], ids=["reset", "close"])
@pytest.mark.parametrize("data", CUT_REQUESTS.values(), ids=CUT_REQUESTS)
def test_cut_request_writes_at_most_one_line(caplog, close, data):
    with serve("open", caplog) as address:
        client = connect(address)
        with contextlib.suppress(ConnectionError):
            client.sendall(data)
        if b"large/raw" in data:
            client.recv(1)
        wait_until_handled(address)
        close(client)
        wait_until_handled(address)

    check_log(caplog, 1)


REFUSED_HANDSHAKES = {
    "wrong origin": ("open", HANDSHAKE + b"Origin: http://evil.test\r\n\r\n", 403),
    "wrong host": ("open", HANDSHAKE.replace(b"localhost", b"evil.test") + b"\r\n", 421),
    "no login": ("users", HANDSHAKE + b"\r\n", 401),
    "no token": ("mailboxes", HANDSHAKE + b"\r\n", 401),
    "wrong token": ("mailboxes", HANDSHAKE + b"Authorization: Bearer x\r\n\r\n", 401),
    "unknown path": ("open", HANDSHAKE.replace(b"/api/events", b"/x") + b"\r\n", 403),
    "path of a page": ("open", HANDSHAKE.replace(b"/api/events", b"/api/v1/info") + b"\r\n", 403),
    "ambiguous path": ("open", HANDSHAKE.replace(b"/api/events", b"/x/../api/events") + b"\r\n", 400),
    "old version": ("open", HANDSHAKE.replace(b"Version: 13", b"Version: 8") + b"\r\n", 400),
    "malformed key": ("open", HANDSHAKE.replace(b"AAAA", b"A") + b"\r\n", 400),
}


@pytest.mark.parametrize(("guard", "data", "status"), REFUSED_HANDSHAKES.values(), ids=REFUSED_HANDSHAKES)
def test_refused_websocket_writes_at_most_one_line(caplog, guard, data, status):
    with serve(guard, caplog) as address, connect(address) as client:
        client.sendall(data)
        assert read_to_end(client).startswith(b"HTTP/1.1 %d " % status)

    check_log(caplog, 1)


INVALID_FRAMES = {
    "opcode": b"\xff\xff\xff\xff",
    "unmasked": b"\x81\x01a",
    "text that is not UTF-8": b"\x81\x82\0\0\0\0\xff\xff",
    "text in two frames": b"\x01\x81\0\0\0\0\xc3\x80\x81\0\0\0\0\x28",
    "too long": b"\x81\xff\0\0\0\0\x7f\0\0\0\0\0\0\0",
    "large control frame": b"\x89\xfe\x01\x00\0\0\0\0" + bytes(256),
    "continuation of nothing": b"\x80\x80\0\0\0\0",
    "reserved bits": b"\xf1\x80\0\0\0\0",
    "close code": b"\x88\x82\0\0\0\0\0\x01",
    "close with a text that is not UTF-8": b"\x88\x84\0\0\0\0\x03\xe8\xff\xff",
}


@pytest.mark.parametrize("data", INVALID_FRAMES.values(), ids=INVALID_FRAMES)
def test_invalid_frame_closes_the_websocket_with_at_most_one_line(caplog, data):
    with serve("open", caplog) as address, connect(address) as client:
        client.sendall(HANDSHAKE + b"\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 101 ")
        client.sendall(data)
        assert b"\x88" in read_to_end(client)

    check_log(caplog, 1)


def test_many_cut_requests_at_once_write_one_line_each(caplog):
    with serve("open", caplog) as address:
        threads = [threading.Thread(target=cut_upload, args=[address]) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until_handled(address)

    check_log(caplog, 20)


def cut_upload(address):
    client = connect(address)
    client.sendall(CUT_REQUESTS["body"])
    reset(client)
