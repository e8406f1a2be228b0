"""Measure the store behind `smtptest serve`, at any size (`make bench-store`).

Each row is measured with all targets in turn: this checkout, another one (--against), and Mailpit (--mailpit).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.store import mailpit_tables
from bench.store.databases import open_postgres, open_sqlite, start_postgres
from bench.store.lifecycle import STAGES, Lifecycle, Plan
from bench.store.mailpit_tables import MailpitTables
from bench.store.report import Results
from bench.store.targets import PROJECT, Target, find_targets
from bench.store.throughput import Throughput

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.store.databases import Database

ROWS = (*STAGES, "cpu", "websockets", "printing")
DATABASES = ("sqlite", "postgresql")


def main() -> None:
    options = _parse_options()
    targets = find_targets(options.against, options.against_python, options.mailpit)
    mails = {"SQLite": options.mails, "PostgreSQL": max(options.mails // 4, 1)}
    columns = [target.name for target in targets] + [mailpit_tables.NAME] * (options.mailpit_source is not None)
    results = Results(columns, mails)
    versions = {target.name: target.describe() for target in targets}
    for name, version in versions.items():
        print(f"{name}: {', '.join(version.values())}")
    with contextlib.ExitStack() as stack:
        url = start_postgres(stack) if "postgresql" in options.databases else None
        Benchmark(options, results, url).run(targets)
    if options.mailpit_source is not None:
        with tempfile.TemporaryDirectory(prefix="smtptest-bench-", dir=options.directory) as directory:
            MailpitTables(options.mailpit_source, Path(directory) / "mailpit.db", results).run(options.mails)
    print()
    print("\n".join(results.build_markdown() if options.markdown else results.build_table()))
    _write_results(options, versions, results)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.store", description=__doc__)
    parser.add_argument(
        "--mails",
        type=int,
        default=200_000,
        help="mails in the SQLite file; PostgreSQL gets a quarter of them, and rounds of throughput a fortieth"
        " (default: %(default)s)",
    )
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, help="rows to measure (default: all)")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES, help="default: both")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds of starts and of throughput (default: %(default)s)"
    )
    parser.add_argument("--against", type=Path, metavar="PATH", help="another checkout of this project")
    parser.add_argument(
        "--against-python", type=Path, metavar="FILE", help="its interpreter (default: PATH/.venv/bin/python)"
    )
    parser.add_argument("--mailpit", type=Path, metavar="FILE", help="Mailpit's binary")
    parser.add_argument(
        "--mailpit-source",
        type=Path,
        metavar="PATH",
        help="a clone of Mailpit's repository: measure its tables and statements without its program",
    )
    parser.add_argument("--directory", type=Path, help="folder for the databases (default: that of temporary files)")
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    parser.add_argument("--minute", type=float, default=60, help="seconds to shrink after deleting (default: 60)")
    parser.add_argument(
        "--output", type=Path, default=PROJECT / "bench/results", help="folder for the results (default: %(default)s)"
    )
    return parser.parse_args()


class Benchmark:
    """The selected rows.

    Args:
        options: the options of the command.
        results: where the measurements go.
        postgres_url: URL of a PostgreSQL server; None to measure SQLite only.
    """

    def __init__(self, options: argparse.Namespace, results: Results, postgres_url: str | None) -> None:
        self._options = options
        self._results = results
        self._postgres_url = postgres_url
        self._stages = set(options.rows) & set(STAGES)
        self._round_mails = max(options.mails // 40, 1)

    def run(self, targets: list[Target]) -> None:
        for target in targets:
            if "sqlite" in self._options.databases:
                self._run_in_sqlite(target, self._run_lifecycle)
        for target in targets:
            if self._postgres_url is not None and target.can_use_postgres:
                self._run_in_postgres(target, self._run_lifecycle)
        for target in targets:
            self._run_throughput(target)

    def _run_lifecycle(self, target: Target, database: Database, directory: Path) -> None:
        if self._stages:
            options = self._options
            plan = Plan(self._stages, self._results.mails[database.name], options.rounds, options.minute)
            Lifecycle(target, database, directory, plan, self._results).run()

    def _run_throughput(self, target: Target) -> None:
        throughput = Throughput(target, self._round_mails, self._options.rounds, self._results)
        rows = self._options.rows
        if "cpu" in rows and self._postgres_url is not None and target.can_use_postgres:
            self._run_in_postgres(target, lambda _, *place: throughput.measure_cpu(*place))
        if "sqlite" not in self._options.databases:
            return
        if "wait" in rows and target.can_wait:
            self._run_in_sqlite(target, lambda _, *place: throughput.measure_waits(*place))
        if "websockets" in rows:
            self._run_in_sqlite(target, lambda _, *place: throughput.measure_websockets(*place))
        if "printing" in rows:
            with (
                self._make_directory() as first,
                self._make_directory() as second,
                open_sqlite(first) as quiet,
                open_sqlite(second) as printing,
            ):
                throughput.measure_printing((quiet, printing), (first, second))

    def _run_in_sqlite(self, target: Target, measure: Callable[[Target, Database, Path], None]) -> None:
        with self._make_directory() as directory, open_sqlite(directory) as database:
            measure(target, database, directory)

    def _run_in_postgres(self, target: Target, measure: Callable[[Target, Database, Path], None]) -> None:
        assert self._postgres_url is not None
        with self._make_directory() as directory, open_postgres(self._postgres_url) as database:
            measure(target, database, directory)

    @contextlib.contextmanager
    def _make_directory(self) -> Any:
        with tempfile.TemporaryDirectory(prefix="smtptest-bench-", dir=self._options.directory) as directory:
            yield Path(directory)


def _write_results(options: argparse.Namespace, versions: dict[str, dict[str, str]], results: Results) -> None:
    now = datetime.now(UTC)
    figures = {
        "when": now.isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "command": sys.argv[1:],
        "versions": versions,
        "mails": results.mails,
        "rows": results.build_json(),
        "bytes per mail": results.sizes,
    }
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"store-{now:%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    print(f"\nresults written to {path}")


if __name__ == "__main__":
    main()
