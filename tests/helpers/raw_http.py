"""An ASGI server on loopback, and an HTTP client that sends exactly the bytes of a test."""

import asyncio
import contextlib
import socket
import threading
from typing import NamedTuple

import uvicorn

from lazr.smtptest.web import make_uvicorn_config

TIMEOUT = 20

# Spellings of one protected path, and protected paths that resemble a public one.
PATH_SPELLINGS = [
    "/api/events",
    "/%61pi/events",
    "/api/event%73",
    "//api/events",
    "/api//events",
    "/./api/events",
    "/x/../api/events",
    "/x/%2e%2e/api/events",
    "/%2561pi/events",
    "/api/events/",
    "/api/events?/livez",
    "/api/events;/livez",
    "/livez/../api/events",
    "/livez/%2e%2e/api/events",
    "/livez%2f..%2fapi/events",
    "/API/EVENTS",
]

WEBSOCKET_HEADERS = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec_websocket_version": "13",
    "sec_websocket_key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


class RawResponse(NamedTuple):
    """A response; header fields are in lower case, and the status is 0 if the server sent nothing."""

    status: int
    headers: dict[str, str]
    body: str


@contextlib.contextmanager
def serve_app(app, **options):
    """Serve an ASGI app in a thread, and return its address; `options` are options of uvicorn."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    address = listener.getsockname()
    server = uvicorn.Server(make_uvicorn_config(app, **{"lifespan": "off", "timeout_graceful_shutdown": 1} | options))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(TIMEOUT)
        assert not thread.is_alive()


def connect(address):
    """Return a connected socket."""
    client = socket.create_connection(address, timeout=TIMEOUT)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def read_to_end(client):
    """Return all bytes until the server closes the connection."""
    chunks = []
    with contextlib.suppress(ConnectionError):
        while chunk := client.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks)


def parse_response(data):
    """Return the first response in the bytes."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if not lines[0]:
        return RawResponse(0, {}, "")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    return RawResponse(int(lines[0].split(" ")[1]), fields, body.decode("utf-8", "replace"))


def send_bytes(address, data):
    """Send the bytes over a new connection, read until it is closed, and return the first response."""
    with connect(address) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(data)
        return parse_response(read_to_end(client))


def send_request(address, target, method="GET", *, body=b"", host="localhost", **headers):
    """Send a request and return the response; a header of None is omitted, one with a list is repeated."""
    fields = {"host": host, "connection": "close"} | ({"content-length": str(len(body))} if body else {})
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {target} HTTP/1.1"]
    for name, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            lines += [] if value is None else [f"{name}: {value}"]
    return send_bytes(address, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def open_websocket(address, target, **headers):
    """Return the response to a websocket handshake, and close the connection."""
    fields = {"host": "localhost"} | WEBSOCKET_HEADERS | headers
    lines = [f"GET {target} HTTP/1.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value is not None]
    with connect(address) as client:
        client.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        data = b""
        while b"\r\n\r\n" not in data and (chunk := client.recv(65536)):
            data += chunk
        response = parse_response(data)
        return response if response.status == 101 else parse_response(data + read_to_end(client))
