"""`smtptest bench`: measure how many mails per second a server accepts."""

import asyncio
import ipaddress
import socket
import time
from statistics import quantiles
from typing import Annotated

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.cli.client.server_url import DEFAULT_SERVER_URL, ServerUrl, parse_server_url
from lazr.smtptest.cli.config.shared_options import JsonOption
from lazr.smtptest.cli.config.typer_options import flag, option
from lazr.smtptest.cli.config.value_parsers import parse_server, parse_size
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import print_json, print_text

__all__ = ["EXAMPLES", "bench", "build_content", "run_sessions"]

EXAMPLES = (
    "smtptest bench",
    "smtptest bench --sessions 100 --mails 5000 --size 50K",
    "smtptest bench --server 127.0.0.1:2525 --json | jq .mails_per_second",
)

_PERCENTILES = (50, 90, 99)
_TIMEOUT_SECONDS = 60.0
_DEFAULT_SERVER = parse_server_url(DEFAULT_SERVER_URL)


def bench(
    *,
    server: Annotated[
        ServerUrl,
        option(
            "--server",
            envvar="SMTPTEST_SERVER",
            help="SMTP server: host:port; bench uses no TLS.",
            parser=parse_server,
            metavar="SERVER",
            show_default=DEFAULT_SERVER_URL,
        ),
    ] = _DEFAULT_SERVER,
    sessions: Annotated[int, option("--sessions", help="Number of sessions at the same time.", min=1, max=1000)] = 10,
    mails: Annotated[int, option("--mails", help="Number of mails in all sessions together.", min=1)] = 1000,
    size: Annotated[
        int,
        option(
            "--size",
            help="Size of each mail: bytes, or a number with K, M or G.",
            parser=parse_size,
            metavar="SIZE",
            show_default="2K",
        ),
    ] = 2048,
    anywhere: Annotated[
        bool, flag("--anywhere", help="Allow a server on another machine; use it only for your own server.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Load a server and print its speed.

    The time of a mail is from MAIL to the reply to its content.
    """
    addresses = _resolve_addresses(server)
    if not anywhere and not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise CommandError(f"{server} is not on this machine; add --anywhere if you may load that server", 2)
    content = build_content(size)
    shares = [mails // sessions + (number < mails % sessions) for number in range(sessions)]
    began = time.perf_counter()
    try:
        times = asyncio.run(run_sessions(addresses[0], server.port, [share for share in shares if share], content))
    except (OSError, TimeoutError, EOFError) as error:
        raise CommandError(f"{server}: {str(error) or 'no reply in time'}") from None
    seconds = time.perf_counter() - began
    results = {
        "mails": mails,
        "sessions": min(sessions, mails),
        "size": len(content),
        "seconds": round(seconds, 3),
        "mails_per_second": round(mails / seconds, 1),
        "milliseconds": _compute_percentiles(times),
    }
    if as_json:
        print_json(results)
    else:
        latencies = ", ".join(f"{name} {value:g} ms" for name, value in _compute_percentiles(times).items())
        print_text(
            f"{mails} mails of {len(content):,} bytes in {results['sessions']} sessions: "
            f"{results['mails_per_second']:,} a second; {latencies}"
        )
    return 0


def _resolve_addresses(server: ServerUrl) -> list[str]:
    try:
        results = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise CommandError(f"{server}: {error.strerror or error}") from None
    return [str(one[4][0]).partition("%")[0] for one in results]


def build_content(size: int) -> bytes:
    """Return a mail of `size` bytes."""
    head = b"From: bench@example.com\r\nTo: bench@example.com\r\nSubject: bench\r\n\r\n"
    line = b"x" * 76 + b"\r\n"
    return head + (line * (max(size - len(head), 2) // len(line) + 1))[-max(size - len(head), 2) :]


async def run_sessions(host: str, port: int, mails_per_session: list[int], content: bytes) -> list[float]:
    """Run concurrent sessions, one for each number; return the seconds of each mail."""
    loads = [_run_session(host, port, share, content) for share in mails_per_session]
    return [seconds for times in await asyncio.gather(*loads) for seconds in times]


async def _run_session(host: str, port: int, mails: int, content: bytes) -> list[float]:
    """Send the mails one after the other in a session; return the seconds of each mail."""
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
    times = []
    try:
        await _read_reply(reader, b"220")
        writer.write(b"EHLO localhost\r\n")
        await _read_reply(reader, b"250")
        for _ in range(mails):
            began = time.perf_counter()
            # RFC 2920: three commands in one write; a server without PIPELINING still reads them one by one.
            writer.write(b"MAIL FROM:<bench@example.com>\r\nRCPT TO:<bench@example.com>\r\nDATA\r\n")
            for code in (b"250", b"250", b"354"):
                await _read_reply(reader, code)
            writer.write(content + b".\r\n")
            await writer.drain()
            await _read_reply(reader, b"250")
            times.append(time.perf_counter() - began)
        writer.write(b"QUIT\r\n")
        await _read_reply(reader, b"221")
    finally:
        writer.close()
    return times


async def _read_reply(reader: asyncio.StreamReader, expected_code: bytes) -> None:
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        while True:
            line = await reader.readline()
            if not line.startswith(expected_code):
                reply = line.decode("utf-8", "replace").strip() or "the server closed the connection"
                raise EOFError(escape_unprintable(reply))
            if line[3:4] != b"-":
                return


def _compute_percentiles(times: list[float]) -> dict[str, float]:
    """Return the percentiles and the maximum, in milliseconds, by name."""
    cuts = quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
    return {f"p{number}": round(cuts[number - 1] * 1000, 2) for number in _PERCENTILES} | {
        "max": round(max(times) * 1000, 2)
    }
