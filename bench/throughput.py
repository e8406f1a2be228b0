"""Messages per second and CPU time per message, of all servers in turn.

Each round runs every server once; ratios are medians over the rounds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.peers import HERE, build_postfix_environment
from bench.servers import (
    AIOSMTPD,
    ASYNC_WITH,
    BEFORE,
    BEFORE_IN_SQLITE,
    IN_SQLITE,
    NOT_KEPT,
    OURS,
    PEERS,
    SINK,
    UVLOOP,
    UVLOOP_IN_SQLITE,
)

if TYPE_CHECKING:
    from pathlib import Path

    from bench.servers import Catalog, Server

    Table = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Load:
    """What a client sends.

    Attributes:
        sessions: concurrent sessions.
        warm_up: messages of the first round, whose rate decides the messages of the measured rounds.
        size: bytes of each message.
        keep_alive: whether a session sends many messages; otherwise each message has a connection of its own.
        is_pipelined: whether pipelining_client.py sends the messages; otherwise `smtp-source` does.
        is_durable: whether the servers are those that write each mail to disk before its 250, and two others.
    """

    sessions: int
    warm_up: int
    size: int
    keep_alive: bool = True
    is_pipelined: bool = False
    is_durable: bool = False


KEEP_ALIVE, KEEP_ALIVE_100 = "1 KB, keep-alive, 10 sessions", "1 KB, keep-alive, 100 sessions"
CONNECTION_EACH = "1 KB, new connection per message, 10 sessions"
MEDIUM, LARGE = "50 KB, keep-alive, 10 sessions", "10 MB, keep-alive, 1 session"
PIPELINED = "1 KB, pipelined, 1 session"
DURABLE, DURABLE_100 = "2 KB, keep-alive, 10 sessions, durable", "2 KB, keep-alive, 100 sessions, durable"

ROWS = {
    KEEP_ALIVE: Load(10, 400, 1024),
    KEEP_ALIVE_100: Load(100, 400, 1024),
    CONNECTION_EACH: Load(10, 60, 1024, keep_alive=False),
    MEDIUM: Load(10, 100, 51_200),
    LARGE: Load(1, 1, 10_485_760),
    PIPELINED: Load(1, 300, 1024, is_pipelined=True),
    DURABLE: Load(10, 200, 2048, is_durable=True),
    DURABLE_100: Load(100, 400, 2048, is_durable=True),
}
_SERVERS = (SINK, OURS, BEFORE, UVLOOP, ASYNC_WITH, NOT_KEPT, *PEERS)
_DURABLE_SERVERS = (SINK, IN_SQLITE, BEFORE_IN_SQLITE, UVLOOP_IN_SQLITE, OURS, AIOSMTPD)

RATE, CPU = "messages per second", "CPU microseconds per message"
TIMES_SINK, TIMES_AIOSMTPD, CPU_TIMES_SINK = "ratio to smtp-sink", "ratio to aiosmtpd", "CPU, ratio to smtp-sink"
COLUMNS = (RATE, TIMES_SINK, TIMES_AIOSMTPD, CPU, CPU_TIMES_SINK)


def print_header() -> None:
    print(
        f"{'':<38} {'messages/s':>10} {'x smtp-sink':>12} {'x aiosmtpd':>11} {'CPU µs/message':>15} {'x smtp-sink':>12}"
    )


def measure_row(catalog: Catalog, row: str, rounds: int, seconds: float) -> Table:
    """Measure one row with all servers, print it, and return the values of each server.

    Args:
        catalog: the servers.
        row: a name in `ROWS`.
        rounds: measured rounds.
        seconds: how long each server works in a round.
    """
    load = ROWS[row]
    rates: dict[str, list[float]] = defaultdict(list)
    costs: dict[str, list[float]] = defaultdict(list)
    servers = catalog.start(_DURABLE_SERVERS if load.is_durable else _SERVERS)
    client = Client(catalog.postfix, load)
    try:
        counts = {}
        for server in servers:
            rate = load.warm_up / client.send(server, load.warm_up)
            counts[server.name] = max(int(rate * seconds), load.sessions, 2)
            server.clear()
        for _ in range(rounds):
            for server in servers:
                count = counts[server.name]
                before = server.get_cpu_seconds()
                rates[server.name].append(count / client.send(server, count))
                costs[server.name].append((server.get_cpu_seconds() - before) / count * 1e6)
                server.clear()
    finally:
        for server in servers:
            server.stop()
    table = {name: _summarize(name, rates, costs) for name in rates}
    print(row)
    for name, entry in table.items():
        print(f"  {name:<36} {'{:10.0f} {:12.2f} {:11.2f} {:15.0f} {:12.2f}'.format(*entry.values())}", flush=True)
    return table


def _summarize(name: str, rates: dict[str, list[float]], costs: dict[str, list[float]]) -> dict[str, float]:
    values = (
        median(rates[name]),
        _compute_ratio(rates[name], rates.get(SINK)),
        _compute_ratio(rates[name], rates.get(AIOSMTPD)),
        median(costs[name]),
        _compute_ratio(costs[name], costs.get(SINK)),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _compute_ratio(values: list[float], base: list[float] | None) -> float:
    if base is None:
        return float("nan")
    return median(value / other for value, other in zip(values, base, strict=True))


class Client:
    """The client of one row, in a process of its own."""

    def __init__(self, postfix: Path | None, load: Load) -> None:
        self._load = load
        if load.is_pipelined:
            self._command = [sys.executable, str(HERE / "pipelining_client.py")]
            return
        assert postfix is not None
        self._command = [str(postfix / "usr/sbin/smtp-source"), "-s", str(load.sessions), "-l", str(load.size)]
        self._command += ["-d"] * load.keep_alive
        self._environment = build_postfix_environment(postfix)

    def send(self, server: Server, messages: int) -> float:
        """Send messages to a server; return the seconds that it took."""
        if self._load.is_pipelined:
            command = [*self._command, str(server.port), str(messages)]
            done = subprocess.run(command, check=True, capture_output=True, timeout=300)
            return float(done.stdout)
        command = [*self._command, "-m", str(messages), f"127.0.0.1:{server.port}"]
        before = time.perf_counter()
        subprocess.run(command, env=self._environment, check=True, capture_output=True, timeout=300)
        return time.perf_counter() - before
