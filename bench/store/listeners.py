"""Listen to `/api/events` with many WebSockets: `python -m bench.store.listeners PORT COUNT`, a process of its own.

A few of the clients parse their frames and note when each mail was announced.  The others only read: a client that
parsed all frames of all connections would need more processor time than the server.  The process prints `ready`,
listens until its input ends, and prints the results as JSON.
"""

from __future__ import annotations

import base64
import json
import os
import re
import select
import socket
import sys
import time

_PARSING_CLIENTS = 5
_READ_INTERVAL_SECONDS = 0.02  # how often the clients read that do not parse
_SUBJECT = re.compile(rb'"Type":\s*"new".*?"Subject":\s*"\w+ (\d+):', re.DOTALL)


class _Client:
    """One WebSocket connection (RFC 6455)."""

    def __init__(self, port: int) -> None:
        self.is_open = True
        self.announced_at: dict[int, float] = {}
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.socket.recv(65536) or b"\r\n\r\n"
        status = received.partition(b"\r\n")[0].decode()
        if " 101 " not in status:
            raise SystemExit(f"expected status 101 from /api/events, got {status!r}")
        self._frames = bytearray(received.partition(b"\r\n\r\n")[2])
        self.socket.setblocking(False)

    def drain(self, buffer: bytearray) -> None:
        """Read all that arrived."""
        try:
            while self.is_open and (length := self.socket.recv_into(buffer)) == len(buffer):
                pass
            self.is_open = self.is_open and length > 0
        except BlockingIOError:
            pass
        except OSError:
            self.is_open = False

    def parse(self) -> None:
        """Read what arrived, and note the mails that its complete frames announce."""
        try:
            data = self.socket.recv(1 << 20)
        except OSError:
            data = b""
        now = time.monotonic()
        self.is_open = bool(data)
        self._frames += data
        position = 0
        while (end := self._find_frame_end(position)) is not None:
            if match := _SUBJECT.search(self._frames, position, end):
                self.announced_at.setdefault(int(match[1]), now)
            position = end
        del self._frames[:position]

    def _find_frame_end(self, start: int) -> int | None:
        """Return the position after the frame that starts here; None if it is incomplete.

        Frames of a server are not masked (RFC 6455 5.1, 5.2).
        """
        frames = self._frames
        if len(frames) < start + 2:
            return None
        length, header = frames[start + 1] & 127, 2
        if length >= 126:
            header = 4 if length == 126 else 10
            length = int.from_bytes(frames[start + 2 : start + header], "big")
        end = start + header + length
        return end if len(frames) >= max(end, start + header) else None


def main() -> None:
    port, count = map(int, sys.argv[1:3])
    clients = [_Client(port) for _ in range(count)]
    parsing, draining = clients[:_PARSING_CLIENTS], clients[_PARSING_CLIENTS:]
    print("ready", flush=True)
    buffer = bytearray(1 << 20)
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    by_descriptor = {client.socket.fileno(): client for client in parsing}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    next_read = time.monotonic()
    while True:
        events = poll.poll(max(next_read - time.monotonic(), 0) * 1000)
        for descriptor, _ in events:
            client = by_descriptor.get(descriptor)
            if client is None:
                _print_results(clients, parsing)
                return
            client.parse()
            if not client.is_open:
                poll.unregister(descriptor)
        if time.monotonic() >= next_read:
            next_read = time.monotonic() + _READ_INTERVAL_SECONDS
            for client in draining:
                if client.is_open:
                    client.drain(buffer)


def _print_results(clients: list[_Client], parsing: list[_Client]) -> None:
    results = {
        "closed": sum(not client.is_open for client in clients),
        "announced at": [client.announced_at for client in parsing],
    }
    print(json.dumps(results), flush=True)


if __name__ == "__main__":
    main()
