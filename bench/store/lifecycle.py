"""Measure one database from its start to its deletion.

The stages follow each other on one database: start, fill, look at the backlog, wait for new mail, index, search,
measure the disk, start again, delete all.
"""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from bench.store.clients import LoadProcess
from bench.store.mails import COMMON_WORD, HALF_WORD, TENTH_WORD
from bench.store.progress import Progress
from bench.store.server_process import ServerProcess
from bench.store.waits import measure_waits

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from bench.store.databases import Database
    from bench.store.report import Results
    from bench.store.server_process import Answer
    from bench.store.targets import Target

STAGES = ("start", "backlog", "wait", "index", "search", "disk", "delete")

_FILL_SESSIONS = 20
_SEARCH_ROUNDS = 5
_WAIT_SECONDS = 5  # the timeout of the wait that no mail ends
# Time that a request has before the next one starts beside it.
_STAGGER_SECONDS = 1.0
_SETTLE_SECONDS = 10
_INDEX_TIMEOUT_SECONDS = 3600
_INDEX_POLL_SECONDS = 0.2

_LIST = "/api/v1/messages?limit=50"
_COMMON_SEARCH = f"/api/v1/search?limit=50&query={COMMON_WORD}"
_CONCURRENT_SEARCHES = [
    _COMMON_SEARCH,
    f"/api/v1/search?limit=50&query=subject:{TENTH_WORD}",
    f"/api/v1/search?limit=50&query={quote('order -' + HALF_WORD)}",
    f"/api/v1/search?limit=50&query={quote('confirm subject:' + HALF_WORD)}",
]


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        stages: the stages.
        mails: how many mails fill the database.
        rounds: how often the server starts; the fastest start counts.
        minute_seconds: how long the file may take to shrink after all mails are deleted.
    """

    stages: set[str]
    mails: int
    rounds: int
    minute_seconds: float


class Lifecycle:
    """The measurements of one target with one database.

    Args:
        target: the program.
        database: an empty database.
        directory: an empty folder for the output of the server.
        plan: what to measure.
        results: where the measurements go.
    """

    def __init__(self, target: Target, database: Database, directory: Path, plan: Plan, results: Results) -> None:
        self._target = target
        self._database = database
        self._directory = directory
        self._plan = plan
        self._results = results
        self._progress = Progress(f"{target.name}, {database.name}")
        self._octets = 0
        self._fill_seconds = 0.0
        self._pending = 0

    def run(self) -> None:
        if "start" in self._plan.stages:
            self._measure_start("empty")
        if self._plan.stages != {"start"}:
            with self._start_server() as server:
                self._measure_full_database(server)
                stored = server.get("/api/v1/info").body["Messages"]
            if "disk" in self._plan.stages:
                self._measure_disk(stored)
        if "start" in self._plan.stages:
            self._measure_start("full")
        if "delete" in self._plan.stages:
            with self._start_server() as server:
                self._measure_deletion(server)
        self._progress.clear()

    def _measure_full_database(self, server: ServerProcess) -> None:
        message_id = self._fill(server)
        with ThreadPoolExecutor() as pool:
            indexing = pool.submit(self._wait_until_indexed, server)
            answers = self._look_at_backlog(server, message_id, pool)
            if "wait" in self._plan.stages and self._target.can_wait:
                self._measure_waits(server)
            self._record_answers(answers)
            self._record_indexing(server, indexing.result())
        if "search" in self._plan.stages:
            self._measure_searches(server)
        self._wait_until_indexed(server)

    def _start_server(self) -> ServerProcess:
        return ServerProcess(self._target, self._database, self._directory)

    def _record(self, name: str, value: float | None) -> None:
        self._results.add(f"{self._database.name} {name}", self._target.name, value)

    # -- stages ----------------------------------------------------------------------------------

    def _measure_start(self, state: str) -> None:
        """Start the server some times; measure the time until it accepts mail and requests, and its memory."""
        seconds = []
        memory = 0
        for _ in range(self._plan.rounds):
            self._progress.show(f"start, {state}")
            with self._start_server() as server:
                seconds.append(server.start_seconds)
                server.get(_LIST)
                memory = self._measure_settled(server.get_memory_bytes)
        self._record(f"start {state}", min(seconds))
        self._record(f"memory {state}", memory / 1e6)

    def _fill(self, server: ServerProcess) -> str:
        """Send all mails; return the ID of the last one."""
        results = LoadProcess(server.smtp_port, self._plan.mails, sessions=_FILL_SESSIONS).wait(self._progress)
        self._fill_seconds = results["mails"] / results["mails per second"]
        self._octets = results["octets"]
        self._pending = self._count_pending(server)
        self._record("receive", results["mails per second"])
        self._record("backlog", self._pending)
        return str(results["last id"])

    def _look_at_backlog(
        self, server: ServerProcess, message_id: str, pool: ThreadPoolExecutor
    ) -> dict[str, Future[Answer]]:
        """Look at the server as a user does after a burst; return the answers, which may not be there yet.

        A request starts after the end of the one before it, or after a second: otherwise the first one that waits for
        the whole index would leave nothing to measure for the others.
        """
        requests = {}
        if "backlog" in self._plan.stages:
            requests = {
                "list": _LIST,
                "latest": "/api/v1/message/latest",
                "message": f"/api/v1/message/{message_id}",
                "totals": "/api/v1/info",
            }
        if "wait" in self._plan.stages and self._target.can_wait:
            requests["wait timeout"] = f"/api/v1/wait?timeout={_WAIT_SECONDS}&query=subject:nothing"
        answers = {}
        for name, path in requests.items():
            self._progress.show(f"{name} with a backlog")
            answers[name] = pool.submit(server.request, "GET", path)
            wait([answers[name]], _STAGGER_SECONDS)
        return answers

    def _record_answers(self, answers: dict[str, Future[Answer]]) -> None:
        for name, future in answers.items():
            self._progress.show(f"{name} with a backlog: waiting for the answer")
            answer = future.result()
            expected = 404 if name == "wait timeout" else 200
            if answer.status != expected:
                raise SystemExit(f"expected status {expected} with a backlog, got {answer.status}: {name}")
            self._record(name, answer.seconds * (1 if name == "wait timeout" else 1000))

    def _measure_waits(self, server: ServerProcess) -> None:
        delays = measure_waits(server, self._progress)
        self._record("match", max(delays))
        self._record("match median", statistics.median(delays))

    def _record_indexing(self, server: ServerProcess, seconds: float) -> None:
        """Record the speed over the backlog, and over the time since the first mail."""
        if "index" in self._plan.stages and self._database.count_pending() is not None:
            # A small backlog is indexed before its speed can be measured.
            is_measurable = self._pending > self._plan.mails / 10
            self._record("index", self._pending / seconds if is_measurable else None)
            self._record("receive and index", self._plan.mails / (self._fill_seconds + seconds))
        if "start" in self._plan.stages:
            self._record("memory peak", server.get_peak_memory_bytes() / 1e6)

    def _measure_searches(self, server: ServerProcess) -> None:
        self._progress.show("searches")
        first, *others = (server.request("GET", _COMMON_SEARCH) for _ in range(_SEARCH_ROUNDS + 1))
        if {answer.status for answer in (first, *others)} == {200}:
            self._record("common word", statistics.median(answer.seconds for answer in others) * 1000)
        else:
            self._record("common word", None)
        slowest = []
        refused = 0
        with ThreadPoolExecutor(len(_CONCURRENT_SEARCHES)) as pool:
            for _ in range(_SEARCH_ROUNDS):
                answers = list(pool.map(lambda path: server.request("GET", path), _CONCURRENT_SEARCHES))
                slowest.append(max(answer.seconds for answer in answers))
                refused += sum(answer.status != 200 for answer in answers)
        self._record("concurrent searches", statistics.median(slowest) * 1000)
        self._record("refused searches", refused / _SEARCH_ROUNDS)

    def _measure_disk(self, stored: int) -> None:
        """Measure the size of the database, while no server runs.

        A running server has a write-ahead log besides, whose size does not depend on the number of mails.

        Args:
            stored: how many mails there are; the probes are as large as the others.
        """
        self._progress.show("size on disk")
        octets = self._octets * stored / self._plan.mails
        self._record("disk", self._database.get_size() / octets)
        sizes = {name: size / stored for name, size in self._database.get_sizes().items()}
        self._results.sizes.setdefault(self._database.name, {})[self._target.name] = sizes

    def _measure_deletion(self, server: ServerProcess) -> None:
        """Delete all mails while new ones arrive; measure the answer, the delays, and the file after a minute."""
        self._record("size before", self._database.get_size() / 1e6)
        slowest: list[float] = [0.0]
        stop = threading.Event()

        def send_probes() -> None:
            with server.connect_by_smtp() as client:
                while not stop.wait(0.25):
                    before, acknowledged_at = server.send_probe(client, "kept@example.net")
                    slowest[0] = max(slowest[0], acknowledged_at - before)

        sender = threading.Thread(target=send_probes)
        sender.start()
        try:
            answer = server.request("DELETE", "/api/v1/messages")
            deadline = time.monotonic() + self._plan.minute_seconds
            listed = server.get(_LIST).body["total"]
            while time.monotonic() < deadline:
                self._progress.show(f"after all are deleted: {self._database.get_size() / 1e6:,.0f} MB")
                server.get(_LIST)
                stop.wait(min(1, self._plan.minute_seconds / 2))
        finally:
            stop.set()
            sender.join()
        self._record("delete", answer.seconds)
        self._record("listed after", listed)
        self._record("mail meanwhile", slowest[0] * 1000)
        self._record("size after", self._database.get_size() / 1e6)

    # -- helpers ---------------------------------------------------------------------------------

    def _count_pending(self, server: ServerProcess) -> int:
        """Return the mails that are not indexed: from the tables, or else from the server."""
        count = self._database.count_pending()
        if count is None:
            count = server.get("/api/v1/messages?limit=1").body.get("pending", 0)
        return int(count)

    def _wait_until_indexed(self, server: ServerProcess) -> float:
        """Return the seconds until no mail waits for the index."""
        started = time.monotonic()
        while pending := self._count_pending(server):
            self._progress.show(f"{pending:,} mails to index")
            if time.monotonic() - started > _INDEX_TIMEOUT_SECONDS:
                raise SystemExit(f"expected that all mails are indexed in an hour, {pending} are left")
            time.sleep(_INDEX_POLL_SECONDS)
        return time.monotonic() - started

    def _measure_settled(self, measure: Callable[[], int]) -> int:
        """Return a size when it has not changed for a second, or after some seconds."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        size, unchanged_since = measure(), time.monotonic()
        while time.monotonic() < min(deadline, unchanged_since + 1):
            time.sleep(0.1)
            if (new := measure()) != size:
                size, unchanged_since = new, time.monotonic()
        return size
