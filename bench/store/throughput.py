"""Compare mails per second: with and without WebSockets and printing, and their cost with PostgreSQL.

Rounds alternate between what is compared, and the results are medians over the rounds.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from bench.store.clients import ListenerProcess, LoadProcess
from bench.store.progress import Progress
from bench.store.server_process import ServerProcess
from bench.store.waits import measure_waits

if TYPE_CHECKING:
    from pathlib import Path

    from bench.store.databases import Database
    from bench.store.report import Results
    from bench.store.targets import Target

WEBSOCKETS = 100

_ROUND_SECONDS = 15.0
# Events that a slow server may still send after the last 250.
_LATE_EVENT_SECONDS = 2.0


class Throughput:
    """The measurements of one target.

    Args:
        target: the program.
        mails: the mails of each round, at most; a round ends after 15 seconds.
        rounds: how often each state is measured.
        results: where the measurements go.
    """

    def __init__(self, target: Target, mails: int, rounds: int, results: Results) -> None:
        self._target = target
        self._mails = mails
        self._rounds = rounds
        self._results = results
        self._progress = Progress(target.name)
        self._next_number = 0

    def measure_websockets(self, database: Database, directory: Path) -> None:
        """Measure throughput with 0 and with 100 WebSockets, and the delay from the 250 to the event."""
        ratios: list[float] = []
        delays: list[float] = []
        missing = closed = expected = 0
        with ServerProcess(self._target, database, directory) as server:
            self._send(server)  # a warm-up
            for _ in range(self._rounds):
                without, _ = self._send(server)
                with ListenerProcess(server.http_port, WEBSOCKETS) as listeners:
                    rate, acknowledged_at = self._send(server)
                    time.sleep(_LATE_EVENT_SECONDS)
                    closed_now, announced = listeners.stop()
                ratios.append(rate / without)
                closed += closed_now
                for times in announced:
                    expected += len(acknowledged_at)
                    missing += len(acknowledged_at.keys() - times.keys())
                    delays += [max(times[number] - at, 0) for number, at in acknowledged_at.items() if number in times]
        self._record("websocket loss", (1 - statistics.median(ratios)) * 100)
        self._record("event p99", _compute_p99(delays) * 1000 if delays else None)
        self._record("missing events", missing / expected * 100)
        self._record("closed websockets", closed / self._rounds)
        self._progress.clear()

    def measure_waits(self, database: Database, directory: Path) -> None:
        """Measure how soon a wait ends after its mail, while ten sessions send."""
        with ServerProcess(self._target, database, directory) as server:
            load = LoadProcess(server.smtp_port, self._mails * self._rounds, max_seconds=self._rounds * _ROUND_SECONDS)
            delays = measure_waits(server, self._progress, load.is_running)
            load.wait(self._progress)
        self._record("match under load", max(delays, default=None))
        self._record("match under load median", statistics.median(delays) if delays else None)
        self._progress.clear()

    def measure_printing(self, databases: tuple[Database, Database], directories: tuple[Path, Path]) -> None:
        """Measure throughput of a server that prints to a file, and of one that is quiet."""
        ratios = []
        with (
            ServerProcess(self._target, databases[0], directories[0], is_quiet=True) as quiet,
            ServerProcess(self._target, databases[1], directories[1], is_quiet=False) as printing,
        ):
            for round_ in range(self._rounds + 1):
                without, _ = self._send(quiet)
                rate, _ = self._send(printing)
                if round_:  # the first round is a warm-up
                    ratios.append(rate / without)
        self._record("printing loss", (1 - statistics.median(ratios)) * 100)
        self._progress.clear()

    def measure_cpu(self, database: Database, directory: Path) -> None:
        """Measure the processor time of the server for each mail from ten sessions."""
        costs = []
        rates = []
        with ServerProcess(self._target, database, directory) as server:
            for round_ in range(self._rounds + 1):
                before = server.get_cpu_seconds()
                rate, acknowledged_at = self._send(server)
                if round_:
                    costs.append((server.get_cpu_seconds() - before) / len(acknowledged_at) * 1000)
                    rates.append(rate)
        self._record(f"{database.name} cpu", statistics.median(costs))
        self._record(f"{database.name} rate", statistics.median(rates))
        self._progress.clear()

    def _send(self, server: ServerProcess) -> tuple[float, dict[int, float]]:
        """Send the mails of a round; return mails per second, and when each was acknowledged."""
        load = LoadProcess(server.smtp_port, self._mails, first=self._next_number, max_seconds=_ROUND_SECONDS)
        self._next_number += self._mails
        results = load.wait(self._progress)
        return results["mails per second"], load.read_times()

    def _record(self, name: str, value: float | None) -> None:
        self._results.add(name, self._target.name, value)


def _compute_p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else values[0]
