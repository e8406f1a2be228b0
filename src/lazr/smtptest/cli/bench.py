"""`smtptest bench`: how many mails a second a server takes, and how long each takes it."""

import asyncio
import ipaddress
import socket
import time
from statistics import quantiles
from typing import Annotated

from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.options import Json, place
from lazr.smtptest.cli.place import DEFAULT, Place, place_of
from lazr.smtptest.cli.rows import flag, option
from lazr.smtptest.cli.settings import octets
from lazr.smtptest.cli.terminal import say, say_json

__all__ = ["EXAMPLES", "bench", "content_of", "load"]

EXAMPLES = (
    "smtptest bench",
    "smtptest bench --sessions 100 --mails 5000 --size 50K",
    "smtptest bench --server 127.0.0.1:2525 --json | jq .mails_per_second",
)

_PERCENTILES = (50, 90, 99)
_SECONDS = 60.0
_HERE = place_of(DEFAULT)


def bench(
    *,
    server: Annotated[
        Place,
        option(
            "--server",
            variable="SMTPTEST_SERVER",
            help="host:port; without TLS.",
            parser=place,
            metavar="SERVER",
            show_default=DEFAULT,
        ),
    ] = _HERE,
    sessions: Annotated[int, option("--sessions", help="So many at the same time.", min=1, max=1000)] = 10,
    mails: Annotated[int, option("--mails", help="So many together.", min=1)] = 1000,
    size: Annotated[
        int,
        option(
            "--size", help="Octets of each, or with K or M behind.", parser=octets, metavar="SIZE", show_default="2K"
        ),
    ] = 2048,
    anywhere: Annotated[bool, flag("--anywhere", help="Another machine's server, which is yours to load.")] = False,
    as_json: Json = False,
) -> int:
    """Load a server, and say how it took it. A mail's time is from MAIL to the reply to its content."""
    addresses = _addresses(server)
    if not anywhere and not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise Failure(f"{server} is another machine; --anywhere says that you may load it", 2)
    content = content_of(size)
    shares = [mails // sessions + (number < mails % sessions) for number in range(sessions)]
    began = time.perf_counter()
    try:
        times = asyncio.run(load(addresses[0], server.port, [share for share in shares if share], content))
    except (OSError, TimeoutError, EOFError) as error:
        raise Failure(f"{server}: {str(error) or 'no answer in time'}") from None
    seconds = time.perf_counter() - began
    found = {
        "mails": mails,
        "sessions": min(sessions, mails),
        "size": len(content),
        "seconds": round(seconds, 3),
        "mails_per_second": round(mails / seconds, 1),
        "milliseconds": _percentiles(times),
    }
    if as_json:
        say_json(found)
    else:
        said = ", ".join(f"{name} {value:g} ms" for name, value in _percentiles(times).items())
        say(
            f"{mails} mails of {len(content):,} octets in {found['sessions']} sessions: "
            f"{found['mails_per_second']:,} a second; {said}"
        )
    return 0


def _addresses(server: Place) -> list[str]:
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Failure(f"{server}: {error.strerror or error}") from None
    return [str(one[4][0]).partition("%")[0] for one in found]


def content_of(size: int) -> bytes:
    """A mail of so many octets."""
    head = b"From: bench@example.com\r\nTo: bench@example.com\r\nSubject: bench\r\n\r\n"
    line = b"x" * 76 + b"\r\n"
    return head + (line * (max(size - len(head), 2) // len(line) + 1))[-max(size - len(head), 2) :]


async def load(host: str, port: int, shares: list[int], content: bytes) -> list[float]:
    """In a session for each share, send so many mails; the seconds that each took."""
    loads = [_session(host, port, share, content) for share in shares]
    return [seconds for found in await asyncio.gather(*loads) for seconds in found]


async def _session(host: str, port: int, mails: int, content: bytes) -> list[float]:
    """Send so many, one after the other; the seconds that each took."""
    async with asyncio.timeout(_SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
    times = []
    try:
        await _reply(reader, b"220")
        writer.write(b"EHLO localhost\r\n")
        await _reply(reader, b"250")
        for _ in range(mails):
            began = time.perf_counter()
            # RFC 2920: the three in one go; a server without PIPELINING reads them one by one all the same.
            writer.write(b"MAIL FROM:<bench@example.com>\r\nRCPT TO:<bench@example.com>\r\nDATA\r\n")
            for code in (b"250", b"250", b"354"):
                await _reply(reader, code)
            writer.write(content + b".\r\n")
            await writer.drain()
            await _reply(reader, b"250")
            times.append(time.perf_counter() - began)
        writer.write(b"QUIT\r\n")
        await _reply(reader, b"221")
    finally:
        writer.close()
    return times


async def _reply(reader: asyncio.StreamReader, code: bytes) -> None:
    async with asyncio.timeout(_SECONDS):
        while True:
            line = await reader.readline()
            if not line.startswith(code):
                said = line.decode("utf-8", "replace").strip() or "the server hung up"
                raise EOFError(f"{ascii(said)[1:-1]}")
            if line[3:4] != b"-":
                return


def _percentiles(times: list[float]) -> dict[str, float]:
    """Milliseconds by name."""
    cuts = quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
    return {f"p{number}": round(cuts[number - 1] * 1000, 2) for number in _PERCENTILES} | {
        "max": round(max(times) * 1000, 2)
    }
