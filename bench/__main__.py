"""Run all benchmarks except `bench.nodes`, `bench.store` and `bench.ui` (`make bench`).

This prints tables, and writes the results as JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import throughput
from bench.idle_sessions import measure_idle_sessions
from bench.scale import scale, set_scale
from bench.servers import PROJECT, Catalog, build_environment
from bench.summary import build_summary, render_markdown
from bench.tls_and_auth import measure_tls_and_auth

TLS_AND_AUTH, IDLE_SESSIONS = "TLS and AUTH", "idle sessions"

# Functions of `bench.in_process`, `bench.inbox_and_fixtures` and `bench.reading`, each in new processes: the module,
# the rounds of processes, and whether another checkout is measured too (--baseline).
IN_PROCESS: dict[str, tuple[str, int, bool]] = {
    "start_stop": ("in_process", 3, True),
    "first_server": ("in_process", 3, True),
    "sendmail": ("in_process", 3, True),
    "memory": ("in_process", 2, True),
    "fixtures": ("inbox_and_fixtures", 5, True),
    "imports": ("in_process", 1, False),
    "rules": ("in_process", 1, False),
    "gil": ("in_process", 1, False),
    "tls_start": ("in_process", 1, False),
    "handshake": ("in_process", 1, False),
    "scram_start": ("in_process", 1, False),
    "waiting": ("inbox_and_fixtures", 1, False),
    "many_mails": ("inbox_and_fixtures", 1, False),
    "imap_newest": ("reading", 1, False),
    "imap_fetch_all": ("reading", 1, False),
    "imap_idle": ("reading", 1, False),
    "imap_sessions": ("reading", 1, False),
}

TITLES = {
    "start_stop": "Start and stop a server, ms",
    "first_server": "The first server in a process, ms",
    "sendmail": "One `sendmail` on an open connection, ms",
    "rules": "One `sendmail` on an open connection, with rules, ms",
    "imports": "Imports in a new interpreter, ms",
    "memory": "Memory",
    "gil": "Time per mail while the main thread computes, ms",
    "tls_start": "Start a server with TLS, ms",
    "handshake": "Server CPU time of a TLS handshake without sockets, ms",
    "scram_start": "AUTH SCRAM-SHA-256 in one process, ms",
    "waiting": "From reading the 250 to the return of `wait`, ms",
    "many_mails": "An inbox with 100,000 mails",
    "fixtures": "Cost of a fixture per test",
    "imap_newest": "IMAP: log in, and fetch the newest of 1,000 mails, ms",
    "imap_fetch_all": "IMAP: fetch 1,000 mails of 2 KB",
    "imap_idle": "IMAP: from reading the 250 to EXISTS in IDLE, ms",
    "imap_sessions": "IMAP: memory of 1,000 sessions in IDLE",
}
ROWS = (*throughput.ROWS, TLS_AND_AUTH, IDLE_SESSIONS, *IN_PROCESS)


def main() -> None:
    options = _parse_options()
    set_scale(options.scale)
    rows = [row for row in ROWS if options.rows.search(row)]
    if not rows:
        sys.exit("no row matches --rows; the rows are:\n  " + "\n  ".join(ROWS))
    figures: dict[str, object] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    catalog = Catalog(options.baseline, options.servers)
    figures["throughput"] = _measure_throughput(catalog, rows, options)
    if TLS_AND_AUTH in rows:
        figures[TLS_AND_AUTH] = measure_tls_and_auth(catalog, options.rounds)
    if IDLE_SESSIONS in rows:
        figures[IDLE_SESSIONS] = measure_idle_sessions(catalog)
    for name in IN_PROCESS:
        if name in rows:
            figures |= _measure_in_process(name, options.baseline)
    summary = build_summary(figures)
    figures["summary"] = summary
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-py{platform.python_version()}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print("\n" + render_markdown(summary, is_aligned=not options.markdown))
    print(f"\nresults written to {path}")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--rounds",
        type=int,
        default=7,
        help="measured rounds of each row; a warm-up round comes first (default: %(default)s)",
    )
    parser.add_argument(
        "--rows",
        type=re.compile,
        default=re.compile(""),
        metavar="REGEX",
        help="measure only the rows with a match; `--rows list` prints them all",
    )
    parser.add_argument(
        "--servers",
        type=re.compile,
        default=re.compile(""),
        metavar="REGEX",
        help="measure only the server processes with a match, and smtp-sink",
    )
    parser.add_argument(
        "--baseline", type=Path, metavar="DIR", help="another checkout of this project, measured as `ours before`"
    )
    parser.add_argument(
        "--seconds", type=float, default=0.3, help="how long each server works in a round (default: %(default)s)"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, metavar="FACTOR", help="multiply all counts; 0.01 is a trial run"
    )
    parser.add_argument("--markdown", action="store_true", help="print the summary as docs/explanation/speed.md has it")
    parser.add_argument(
        "--output", type=Path, default=PROJECT / "bench/results", help="folder for the results (default: %(default)s)"
    )
    options = parser.parse_args()
    if options.baseline is not None:
        options.baseline = options.baseline.resolve()
        if not (options.baseline / "src/lazr/smtptest").is_dir():
            parser.error(f"--baseline must be a checkout of this project, got {options.baseline}")
    return options


def _measure_throughput(
    catalog: Catalog, rows: list[str], options: argparse.Namespace
) -> dict[str, dict[str, dict[str, float]]]:
    selected = [row for row in throughput.ROWS if row in rows]
    if catalog.postfix is None:
        print("skipped throughput: it needs smtp-source")
        return {}
    if selected:
        throughput.print_header()
    return {row: throughput.measure_row(catalog, row, options.rounds, options.seconds) for row in selected}


def _measure_in_process(name: str, baseline: Path | None) -> dict[str, dict[str, float]]:
    """Run a function in new processes, in turn with the other checkout; return the medians of each."""
    module, rounds, is_compared = IN_PROCESS[name]
    checkouts = {name: None} | ({f"{name}, before": baseline} if is_compared and baseline is not None else {})
    values: dict[str, dict[str, list[float]]] = {label: defaultdict(list) for label in checkouts}
    for _ in range(scale(rounds)):
        for label, checkout in checkouts.items():
            for key, value in _run_function(module, name, checkout).items():
                values[label][key].append(value)
    results = {label: {key: median(samples) for key, samples in of.items()} for label, of in values.items()}
    for label, figures in results.items():
        print(f"\n{TITLES[name]}{label.removeprefix(name)}")
        for key, value in figures.items():
            print(f"  {key:<52} {value:10.3f}", flush=True)
    return results


def _run_function(module: str, name: str, checkout: Path | None) -> dict[str, float]:
    command = [sys.executable, "-m", f"bench.{module}", name]
    process = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=PROJECT, env=build_environment(checkout)
    )
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{process.stderr}")
    figures: dict[str, float] = json.loads(process.stdout)
    return figures


if __name__ == "__main__":
    main()
