"""The table of one run: for each kind of work one line, with a column for each server.

`docs/explanation/speed.md` has this table (`--markdown`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bench import throughput
from bench.servers import (
    AIOSMTPD,
    ASYNC_WITH,
    BEFORE,
    BEFORE_IN_SQLITE,
    GO_SMTP,
    IN_SQLITE,
    NODEMAILER,
    NOT_KEPT,
    OURS,
    SINK,
    UVLOOP,
    UVLOOP_IN_SQLITE,
)
from bench.tls_and_auth import CPU as TLS_CPU
from bench.tls_and_auth import RATE as TLS_RATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    # The values of a line, by column.
    Line = dict[str, float]

COLUMNS = (OURS, BEFORE, NOT_KEPT, UVLOOP, ASYNC_WITH, SINK, AIOSMTPD, NODEMAILER, GO_SMTP)

_TIMES_SINK = {
    throughput.KEEP_ALIVE: "1 KB, keep-alive, 10 sessions, × smtp-sink",
    throughput.KEEP_ALIVE_100: "1 KB, keep-alive, 100 sessions, × smtp-sink",
    throughput.CONNECTION_EACH: "1 KB, a connection each, 10 sessions, × smtp-sink",
    throughput.MEDIUM: "50 KB, 10 sessions, × smtp-sink",
    throughput.LARGE: "10 MB, 1 session, × smtp-sink",
    throughput.PIPELINED: "pipelined, one round trip a mail, × smtp-sink",
    throughput.DURABLE: "2 KB in SQLite, 10 sessions, × smtp-sink",
    throughput.DURABLE_100: "2 KB in SQLite, 100 sessions, × smtp-sink",
}
_TIMES_AIOSMTPD = {
    throughput.KEEP_ALIVE: "1 KB, keep-alive, 10 sessions, × aiosmtpd",
    throughput.CONNECTION_EACH: "1 KB, a connection each, × aiosmtpd",
}
_CPU_TIMES_SINK = {
    throughput.KEEP_ALIVE: "CPU time of a mail, keep-alive, 10 sessions, × smtp-sink",
    throughput.CONNECTION_EACH: "CPU time of a mail, a connection each, × smtp-sink",
    throughput.DURABLE: "CPU time of a mail in SQLite, 10 sessions, × smtp-sink",
}
# Servers that store on disk are in the columns of those that do not.
_COLUMN_OF_STORE = {IN_SQLITE: OURS, UVLOOP_IN_SQLITE: UVLOOP, BEFORE_IN_SQLITE: BEFORE}
_TLS_ROWS = ("implicit TLS, 4 sessions", "STARTTLS, 4 sessions")

# Lines from `bench.in_process` and `bench.inbox_and_fixtures`: the function, the title, and the labels by column.
_IN_PROCESS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("start_stop", "start and stop, ms", {OURS: "ours", AIOSMTPD: "aiosmtpd"}),
    ("start_stop", "start and stop of a bare thread, ms", {OURS: "thread"}),
    ("start_stop", "start and stop of a bare event loop in a thread, ms", {OURS: "event loop in a thread"}),
    (
        "first_server",
        "first server in a process: import and start, ms",
        {OURS: "ours: import and start", AIOSMTPD: "aiosmtpd: import and start"},
    ),
    ("first_server", "first server in a process: import, ms", {OURS: "ours: import", AIOSMTPD: "aiosmtpd: import"}),
    ("first_server", "first server in a process: start, ms", {OURS: "ours: start", AIOSMTPD: "aiosmtpd: start"}),
    (
        "first_server",
        "first server in a process: import and start, CPU ms",
        {OURS: "ours: import and start, CPU time", AIOSMTPD: "aiosmtpd: import and start, CPU time"},
    ),
    (
        "fixtures",
        "fixture `smtptest`, × the cheaper of two other plugins",
        {OURS: "smtptest, times the fastest alternative"},
    ),
    ("fixtures", "fixture `smtptest`, ms", {OURS: "smtptest, ms"}),
    (
        "sendmail",
        "one smtplib `sendmail`, open connection, × aiosmtpd's time",
        {OURS: "ours, times aiosmtpd", UVLOOP: "ours, uvloop, times aiosmtpd"},
    ),
    (
        "sendmail",
        "one smtplib `sendmail`, open connection, ms",
        {OURS: "ours", UVLOOP: "ours, uvloop", AIOSMTPD: "aiosmtpd"},
    ),
    ("memory", "10,000 kept mails of 2 KB, MB", {OURS: "memory of 10,000 kept messages of 2 KB, MB"}),
)


def build_summary(figures: dict[str, Any]) -> dict[str, Line]:
    """Return the lines that were measured; a ratio to a server that is missing was not."""
    lines = {
        title: {server: value for server, value in line.items() if not math.isnan(value)}
        for title, line in _build_lines(figures)
    }
    return {title: line for title, line in lines.items() if line}


def _build_lines(figures: dict[str, Any]) -> Iterator[tuple[str, Line]]:
    rows = figures.get("throughput", {})
    for titles, label in (
        (_TIMES_SINK, throughput.TIMES_SINK),
        (_TIMES_AIOSMTPD, throughput.TIMES_AIOSMTPD),
        (_CPU_TIMES_SINK, throughput.CPU_TIMES_SINK),
    ):
        for row, title in titles.items():
            yield title, _read_throughput(row, rows.get(row, {}), label)
    for row in _TLS_ROWS:
        servers = figures.get("TLS and AUTH", {}).get(row, {})
        for name, label in (("connections a second", TLS_RATE), ("1 / CPU time", TLS_CPU)):
            yield (
                f"{row}: {name}, × aiosmtpd",
                {server: entry.get(f"{label}, ratio to aiosmtpd", math.nan) for server, entry in servers.items()},
            )
    for function, title, labels in _IN_PROCESS:
        line = _read_labels(figures.get(function, {}), labels)
        before = _read_labels(figures.get(f"{function}, before", {}), labels)
        yield title, line | ({BEFORE: before[OURS]} if OURS in before else {})
    yield "10,000 idle sessions, KiB each", figures.get("idle sessions", {})


def _read_throughput(row: str, servers: dict[str, dict[str, float]], label: str) -> Line:
    if not throughput.ROWS[row].is_durable:
        return {server: entry[label] for server, entry in servers.items()}
    line = {column: servers[server][label] for server, column in _COLUMN_OF_STORE.items() if server in servers}
    return line | {server: servers[server][label] for server in (SINK, AIOSMTPD) if server in servers}


def _read_labels(values: dict[str, float], labels: dict[str, str]) -> Line:
    return {column: values[label] for column, label in labels.items() if label in values}


def render_markdown(summary: dict[str, Line], *, is_aligned: bool = False) -> str:
    """Render the table; aligned for a terminal, otherwise as the pages have it."""
    columns = [column for column in COLUMNS if any(column in line for line in summary.values())]
    table = [["", *columns]]
    table += [
        [title, *(_format(line[column]) if column in line else "–" for column in columns)]
        for title, line in summary.items()
    ]
    widths = [max(len(cells[place]) for cells in table) if is_aligned else 0 for place in range(len(columns) + 1)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
        for cells in table
    ]
    lines.insert(1, "|" + "|".join("-" * max(width + 2, 3) for width in widths) + "|")
    return "\n".join(lines)


def _format(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
