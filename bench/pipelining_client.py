"""Send messages with one round trip each: pipelining_client.py PORT MESSAGES.

The client sends the content of one message together with the commands of the next, and reads four replies.  It prints
the seconds that the messages took.
"""

from __future__ import annotations

import socket
import sys
import time

CONTENT = b"Subject: pipelined\r\n\r\n" + (b"x" * 76 + b"\r\n") * 13 + b".\r\n"
NEXT = b"MAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n"


def main() -> None:
    port, messages = map(int, sys.argv[1:])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        replies = client.makefile("rb")
        replies.readline()
        client.sendall(b"EHLO client.example\r\n")
        while replies.readline()[3:4] == b"-":
            pass
        client.sendall(NEXT)
        for _ in range(3):
            replies.readline()
        before = time.perf_counter()
        for _ in range(messages):
            client.sendall(CONTENT + NEXT)
            for expected in (b"250", b"250", b"250", b"354"):
                line = replies.readline()
                if not line.startswith(expected):
                    raise SystemExit(f"expected {expected!r}, got {line!r}")
        print(time.perf_counter() - before)


if __name__ == "__main__":
    main()
