"""An HTTP server on loopback for tests, and clients that say exactly what they are told."""

import asyncio
import contextlib
import socket
import threading
from typing import NamedTuple

import uvicorn

from lazr.smtptest.web.wire import configured

TIMEOUT = 20

# A guard that went by the path could be passed by with one of these.
SPELLINGS = [
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


@contextlib.contextmanager
def serving(app, **options):
    """The address of a server of that application; `options` are uvicorn's."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    address = listening.getsockname()
    server = uvicorn.Server(configured(app, **{"lifespan": "off", "timeout_graceful_shutdown": 1} | options))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(TIMEOUT)
        assert not thread.is_alive()


class Answer(NamedTuple):
    """What came back: status, header fields in lower case, and body; status 0 where nothing came."""

    status: int
    headers: dict[str, str]
    body: str


def dial(address):
    """A connection."""
    client = socket.create_connection(address, timeout=TIMEOUT)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def rest(client):
    """All that comes until the end."""
    pieces = []
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def parsed(octets):
    """The first answer among what came."""
    head, _, body = octets.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if not lines[0]:
        return Answer(0, {}, "")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    return Answer(int(lines[0].split(" ")[1]), fields, body.decode("utf-8", "replace"))


def say(address, octets):
    """Send these octets in a connection of their own, and read to its end."""
    with dial(address) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(octets)
        return parsed(rest(client))


def ask(address, target, method="GET", *, body=b"", host="localhost", **headers):
    """A request as it is told; a header of None is left out, one that is a list comes several times."""
    fields = {"host": host, "connection": "close"} | ({"content-length": str(len(body))} if body else {})
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            lines += [] if one is None else [f"{name}: {one}"]
    return say(address, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


SHAKE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec_websocket_version": "13",
    "sec_websocket_key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def knock(address, target, **headers):
    """The answer to a websocket's handshake; the socket is closed then."""
    fields = {"host": "localhost"} | SHAKE | headers
    lines = [f"GET {target} HTTP/1.1", *(f"{n.replace('_', '-')}: {v}" for n, v in fields.items() if v is not None)]
    with dial(address) as client:
        client.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        came = b""
        while b"\r\n\r\n" not in came and (piece := client.recv(65536)):
            came += piece
        answer = parsed(came)
        return answer if answer.status == 101 else parsed(came + rest(client))
