"""What TLS and AUTH cost a server, beside aiosmtpd with the same certificate: connection by connection."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from bench.connect import NEW_USERS, connections
from bench.peers import Peer, start_secured
from lazr.smtptest.net.certificates import authority

# How many connections of a round, and how many at a time.  Several keep the server busy, and a rate is a
# busy server's; one alone waits for nobody else, and how long that takes is what a test notices.
BUSY, ALONE = (48, 4), (40, 1)
# Rounds are short, and many: a difference of two rows is to be had of moments that lie close together.
ROUNDS = 3
# Each row: the way in (see bench/connect.py), that, and the row that has all but this way in.
ROWS: dict[str, tuple[str, tuple[int, int], str | None]] = {
    "in clear, 4 sessions": ("in clear", BUSY, None),
    "implicit TLS, 4 sessions": ("implicit TLS", BUSY, "in clear, 4 sessions"),
    "STARTTLS, 4 sessions": ("STARTTLS", BUSY, "in clear, 4 sessions"),
    "in clear": ("in clear", ALONE, None),
    "AUTH PLAIN": ("AUTH PLAIN", ALONE, "in clear"),
    "AUTH LOGIN": ("AUTH LOGIN", ALONE, "in clear"),
    "AUTH CRAM-MD5": ("AUTH CRAM-MD5", ALONE, "in clear"),
    "AUTH SCRAM-SHA-256": ("AUTH SCRAM-SHA-256", ALONE, "in clear"),
    NEW_USERS: (NEW_USERS, ALONE, "in clear"),
}
AIOSMTPD_CANNOT = {row for row in ROWS if row.startswith(("AUTH CRAM", "AUTH SCRAM"))}

RATE, CPU, EXTRA, TOOK = "connections per second", "CPU µs", "CPU µs of the way in", "µs of the way in, alone"
Samples = dict[str, list[float]]


def secure(rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """The figures of each row and server."""
    found: dict[tuple[str, str], Samples] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "server.pem"
        pem.write_bytes(authority().server_certificate().pem)
        peers = start_secured(pem)
        try:
            for round_ in range(ROUNDS * rounds + 1):
                for row in ROWS:
                    for peer in peers:
                        if not (row in AIOSMTPD_CANNOT and peer.name == "aiosmtpd"):
                            _once(peer, row, round_, found)
        finally:
            for peer in peers:
                peer.stop()
    return _table(found, [peer.name for peer in peers])


def _once(peer: Peer, row: str, round_: int, found: dict[tuple[str, str], Samples]) -> None:
    way, (count, sessions), without = ROWS[row]
    port = peer.tls_port if way == "implicit TLS" else peer.port
    before = peer.cpu_seconds()
    seconds, took = connections(port, way, count=count, sessions=sessions, first_user=round_ * count)
    cost = (peer.cpu_seconds() - before) / count * 1e6
    if not round_:
        return  # that was for warming up
    samples = found[row, peer.name]
    samples[RATE].append(count / seconds)
    samples[CPU].append(cost)
    if without is not None:
        samples[EXTRA].append(cost - found[without, peer.name][CPU][-1])
    if without is not None and sessions == 1:
        samples[TOOK].append(median(took) * 1e6)


def _table(found: dict[tuple[str, str], Samples], names: list[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Medians, and their ratios to aiosmtpd's: above 1 we are better, be it a rate or a time."""
    print(f"\n{'beside each, x aiosmtpd':<38} {'a second':>14} {'CPU µs':>14} {'of way in':>14} {'µs of way in':>14}")
    table: dict[str, dict[str, dict[str, float]]] = {}
    for row in ROWS:
        print(row)
        table[row] = {}
        for name in names:
            samples, theirs = found.get((row, name)), found.get((row, "aiosmtpd"))
            if samples is None:
                continue
            table[row][name] = entry = {}
            cells = ""
            for what, values in samples.items():
                entry[what] = median(values)
                cells += f" {entry[what]:8.0f}"
                if theirs is not None:
                    ratio = entry[what] / median(theirs[what])
                    entry[f"{what}, ratio to aiosmtpd"] = ratio = ratio if what == RATE else 1 / ratio
                    cells += f" {ratio:5.2f}"
                else:
                    cells += "      "
            print(f"  {name:<36}{cells}")
    return table
