"""Measure the cost of TLS and AUTH per connection.

The comparison is with aiosmtpd, with the same certificate.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from bench.servers import AIOSMTPD, BEFORE, OURS, UVLOOP, Catalog, Server
from bench.tls_and_auth_client import NEW_USERS, run_sessions
from lazr.smtptest.net.certificates import get_authority

# The connections of a round, and the number of concurrent ones.  Concurrent connections keep the server busy, which
# gives a rate.  A single connection gives the latency that a test notices.
CONCURRENT, SINGLE = (48, 4), (40, 1)
# Many short rounds: the difference of two rows is accurate only if they are measured at almost the same time.
ROUNDS = 2
# Each row: the method (see tls_and_auth_client.py), the connections, and the row with the same without the method.
ROWS: dict[str, tuple[str, tuple[int, int], str | None]] = {
    "in clear, 4 sessions": ("in clear", CONCURRENT, None),
    "implicit TLS, 4 sessions": ("implicit TLS", CONCURRENT, "in clear, 4 sessions"),
    "STARTTLS, 4 sessions": ("STARTTLS", CONCURRENT, "in clear, 4 sessions"),
    "in clear": ("in clear", SINGLE, None),
    "AUTH PLAIN": ("AUTH PLAIN", SINGLE, "in clear"),
    "AUTH LOGIN": ("AUTH LOGIN", SINGLE, "in clear"),
    "AUTH CRAM-MD5": ("AUTH CRAM-MD5", SINGLE, "in clear"),
    "AUTH SCRAM-SHA-256": ("AUTH SCRAM-SHA-256", SINGLE, "in clear"),
    NEW_USERS: (NEW_USERS, SINGLE, "in clear"),
}
ROWS_WITHOUT_AIOSMTPD = {row for row in ROWS if row.startswith(("AUTH CRAM", "AUTH SCRAM"))}

RATE, CPU = "connections per second", "CPU µs per connection"
METHOD_CPU, METHOD_LATENCY = "CPU µs of TLS or AUTH", "latency of TLS or AUTH, µs"
Samples = dict[str, list[float]]


def measure_tls_and_auth(catalog: Catalog, rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Measure each row with each server, print a table, and return the results."""
    samples: dict[tuple[str, str], Samples] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "server.pem"
        pem.write_bytes(get_authority().server_certificate().pem)
        servers = catalog.start((OURS, BEFORE, UVLOOP, AIOSMTPD), "SECURE", str(pem))
        try:
            for round_ in range(ROUNDS * rounds + 1):
                for row in ROWS:
                    for server in servers:
                        if not (row in ROWS_WITHOUT_AIOSMTPD and server.name == AIOSMTPD):
                            _measure_row(server, row, round_, samples)
        finally:
            for server in servers:
                server.stop()
    return _print_table(samples, [server.name for server in servers])


def _measure_row(server: Server, row: str, round_: int, all_samples: dict[tuple[str, str], Samples]) -> None:
    method, (count, sessions), baseline = ROWS[row]
    port = server.tls_port if method == "implicit TLS" else server.port
    before = server.get_cpu_seconds()
    seconds, latencies = run_sessions(port, method, count=count, sessions=sessions, first_user=round_ * count)
    cost = (server.get_cpu_seconds() - before) / count * 1e6
    if not round_:
        return  # warm-up round
    samples = all_samples[row, server.name]
    samples[RATE].append(count / seconds)
    samples[CPU].append(cost)
    if baseline is not None:
        samples[METHOD_CPU].append(cost - all_samples[baseline, server.name][CPU][-1])
    if baseline is not None and sessions == 1:
        samples[METHOD_LATENCY].append(median(latencies) * 1e6)


def _print_table(
    all_samples: dict[tuple[str, str], Samples], names: list[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """Print and return medians, and their ratios to aiosmtpd.

    Above 1, the server is better than aiosmtpd (rates and times).
    """
    print(
        f"\n{'TLS and AUTH (ratio to aiosmtpd)':<38} {'conn./s':>14} {'CPU µs/conn.':>14}"
        f" {'method CPU µs':>14} {'method µs':>14}"
    )
    table: dict[str, dict[str, dict[str, float]]] = {}
    for row in ROWS:
        print(row)
        table[row] = {}
        for name in names:
            samples, baseline = all_samples.get((row, name)), all_samples.get((row, AIOSMTPD))
            if samples is None:
                continue
            table[row][name] = entry = {}
            cells = ""
            for label, values in samples.items():
                entry[label] = median(values)
                cells += f" {entry[label]:8.0f}"
                if baseline is not None:
                    entry[f"{label}, ratio to aiosmtpd"] = ratio = _compute_ratio(label, values, baseline[label])
                    cells += f" {ratio:5.2f}"
                else:
                    cells += "      "
            print(f"  {name:<36}{cells}")
    return table


def _compute_ratio(label: str, values: list[float], baseline: list[float]) -> float:
    if label == RATE:
        return median(value / base for value, base in zip(values, baseline, strict=True))
    if label == CPU:
        return median(base / value for value, base in zip(values, baseline, strict=True))
    return median(baseline) / median(values)  # differences of two rows, which may be 0 in a single round
