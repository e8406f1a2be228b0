"""Open COUNT sessions that greet by EHLO and then do nothing: idle_client.py PORT COUNT.

It prints a line when all are open, and closes them at the end of its standard input.
"""

from __future__ import annotations

import resource
import socket
import sys

# Opened at the same time, because a server may wait before it greets, as nodemailer's does.  Each listener has room
# for them.
_BATCH = 100


def open_sessions(port: int, count: int) -> list[socket.socket]:
    clients = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(count)]
    for client in clients:
        _read_reply(client)
        client.sendall(b"EHLO client.example\r\n")
    for client in clients:
        _read_reply(client)
    return clients


def _read_reply(client: socket.socket) -> None:
    reply = b""
    while not (reply.endswith(b"\r\n") and reply[reply.rfind(b"\n", 0, -1) + 1 :][3:4] == b" "):
        piece = client.recv(4096)
        if not piece or not (reply + piece).startswith(b"2"):
            raise SystemExit(f"expected 220 or 250, got {reply + piece!r}")
        reply += piece


def main() -> None:
    port, count = map(int, sys.argv[1:])
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
    clients: list[socket.socket] = []
    while len(clients) < count:
        clients += open_sessions(port, min(count - len(clients), _BATCH))
    print(f"{len(clients)} sessions are open", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
