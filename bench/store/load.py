"""Send mails by SMTP: `python -m bench.store.load PORT --mails N`, a process of its own.

Each session waits for the 250 of a mail before it sends the next content.  The content goes out together with the
commands of the next mail (RFC 2920 3.1), so a mail costs one round trip.  The process prints the number of mails once a
second, and the results as JSON in the last line.
"""

from __future__ import annotations

import argparse
import array
import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.store.mails import MailBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_SECONDS = 120


class Load:
    """The mails that the sessions send together, and when they were acknowledged.

    Args:
        numbers: the numbers of the mails.
        max_seconds: no mail is begun after this time.
    """

    def __init__(self, numbers: range, max_seconds: float) -> None:
        self.builder = MailBuilder()
        self.acknowledged_at = array.array("d", bytes(8 * len(numbers)))
        self.seconds: list[float] = []
        self.octets = 0
        self.last_id = ""
        self._first = numbers.start
        self._numbers: Iterator[int] = iter(numbers)
        self.started = time.monotonic()
        self._deadline = self.started + max_seconds

    def take_number(self) -> int | None:
        return None if time.monotonic() > self._deadline else next(self._numbers, None)

    def record(self, number: int, octets: int, sent_at: float, reply: bytes) -> None:
        self.acknowledged_at[number - self._first] = now = time.monotonic()
        self.last_id = reply.decode().rpartition("queued as ")[2]
        self.seconds.append(now - sent_at)
        self.octets += octets


class _Connection(asyncio.Protocol):
    """An SMTP connection that collects the replies."""

    def __init__(self) -> None:
        self._replies: list[bytes] = []
        self._incomplete = b""
        self._error: Exception | None = None
        self._wakeup: asyncio.Future[None] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._error = exc or EOFError("the server closed the connection")
        self._wake()

    def data_received(self, data: bytes) -> None:
        *lines, self._incomplete = (self._incomplete + data).split(b"\r\n")
        self._replies += [line for line in lines if line[3:4] != b"-"]
        self._wake()

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    async def expect(self, *codes: bytes) -> bytes:
        """Wait for one reply for each of these codes; return the last."""
        while len(self._replies) < len(codes):
            if self._error is not None:
                raise self._error
            self._wakeup = asyncio.get_running_loop().create_future()
            await self._wakeup
        for code in codes:
            reply = self._replies.pop(0)
            if not reply.startswith(code):
                raise EOFError(f"expected {code.decode()}, got {reply.decode(errors='replace')}")
        return reply


async def _run_session(port: int, load: Load) -> None:
    transport, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", port)
    await connection.expect(b"220")
    transport.write(b"EHLO client.example\r\n")
    await connection.expect(b"250")
    number = load.take_number()
    content, commands = _build(load, number)
    transport.write(commands)
    while number is not None:
        await connection.expect(b"250", b"250", b"354")
        following = load.take_number()
        following_content, commands = _build(load, following)
        sent_at = time.monotonic()
        transport.write(content + b".\r\n" + commands)
        reply = await connection.expect(b"250")
        load.record(number, len(content), sent_at, reply)
        number, content = following, following_content
    await connection.expect(b"221")
    transport.close()


def _build(load: Load, number: int | None) -> tuple[bytes, bytes]:
    """Return the content of a mail and the commands before it; for None, the command that ends the session."""
    if number is None:
        return b"", b"QUIT\r\n"
    recipient, content = load.builder.build(number)
    return content, f"MAIL FROM:<bounces@example.com>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()


async def run_sessions(port: int, sessions: int, load: Load) -> None:
    """Send all mails of a load; print the number of acknowledged mails once a second."""
    running = asyncio.gather(*(_run_session(port, load) for _ in range(sessions)))
    silent_since, before = time.monotonic(), 0
    while not running.done():
        await asyncio.wait([running], timeout=1)
        print(len(load.seconds), flush=True)
        if len(load.seconds) > before:
            silent_since, before = time.monotonic(), len(load.seconds)
        elif time.monotonic() - silent_since > _TIMEOUT_SECONDS:
            raise TimeoutError(f"expected a reply within {_TIMEOUT_SECONDS} s, got none")
    await running


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.store.load", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--mails", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="number of the first mail")
    parser.add_argument("--max-seconds", type=float, default=float("inf"), help="begin no mail after this time")
    parser.add_argument("--times", type=Path, help="file for the time of each 250, as doubles")
    options = parser.parse_args()
    load = Load(range(options.first, options.first + options.mails), options.max_seconds)
    asyncio.run(run_sessions(options.port, min(options.sessions, options.mails), load))
    elapsed = max(load.acknowledged_at) - load.started
    if options.times is not None:
        options.times.write_bytes(load.acknowledged_at.tobytes())
    cuts = statistics.quantiles(load.seconds, n=100, method="inclusive") if len(load.seconds) > 1 else load.seconds * 99
    results = {
        "mails": len(load.seconds),
        "octets": load.octets,
        "last id": load.last_id,
        "mails per second": len(load.seconds) / elapsed,
        "p50 ms": cuts[49] * 1000,
        "p99 ms": cuts[98] * 1000,
        "max ms": max(load.seconds) * 1000,
    }
    print(json.dumps(results), flush=True)


if __name__ == "__main__":
    main()
