"""Open COUNT sessions of IMAP that log in, select INBOX and wait in IDLE: imap_idle_client.py PORT COUNT.

It prints a line when all are open, and closes them at the end of its standard input.
"""

from __future__ import annotations

import resource
import socket
import sys

_BATCH = 100  # opened at the same time: the listener has room for them
_COMMANDS = ((b'a LOGIN "ann" "secret"\r\n', b"a OK"), (b"b SELECT INBOX\r\n", b"b OK"), (b"c IDLE\r\n", b"+ "))


def open_sessions(port: int, count: int) -> list[socket.socket]:
    clients = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(count)]
    for client in clients:
        _read_until(client, b"* OK")
    for command, end in _COMMANDS:
        for client in clients:
            client.sendall(command)
        for client in clients:
            _read_until(client, end)
    return clients


def _read_until(client: socket.socket, start: bytes) -> None:
    """Read until a line begins with these bytes."""
    received = b"\n"
    while b"\n" + start not in received or not received.endswith(b"\n"):
        piece = client.recv(4096)
        if not piece:
            raise SystemExit(f"expected {start!r}, got {received!r} and the end of the connection")
        received += piece


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
