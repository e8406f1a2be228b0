"""What TLS and AUTH cost a server, beside aiosmtpd with the same certificate: a connection each, round by round."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from bench.connect import connections
from bench.peers import start_secured
from lazr.smtptest.net.certificates import authority

# How many connections, and how many at a time.  Several of them keep the server busy, which is what a rate is of;
# one alone waits for nobody else, which is what a time is of.
BUSY, ALONE = (150, 4), (100, 1)
# Each row: the way in (see bench/connect.py), that, and the row without it.
ROWS: dict[str, tuple[str, tuple[int, int], str | None]] = {
    "in clear, 4 sessions": ("in clear", BUSY, None),
    "implicit TLS, 4 sessions": ("implicit TLS", BUSY, "in clear, 4 sessions"),
    "STARTTLS, 4 sessions": ("STARTTLS", BUSY, "in clear, 4 sessions"),
    "in clear": ("in clear", ALONE, None),
    "AUTH PLAIN": ("AUTH PLAIN", ALONE, "in clear"),
    "AUTH LOGIN": ("AUTH LOGIN", ALONE, "in clear"),
    "AUTH CRAM-MD5": ("AUTH CRAM-MD5", ALONE, "in clear"),
    "AUTH SCRAM-SHA-256": ("AUTH SCRAM-SHA-256", ALONE, "in clear"),
    "AUTH SCRAM-SHA-256, a new user each": ("AUTH SCRAM-SHA-256, a new user each", ALONE, "in clear"),
}
ONLY_OURS = ("AUTH CRAM-MD5", "AUTH SCRAM-SHA-256", "AUTH SCRAM-SHA-256, a new user each")

RATE, CPU, OVER, TOOK = (
    "connections per second",
    "CPU microseconds per connection",
    "CPU microseconds over one in clear",
    "microseconds from the client's first octet to the last reply",
)

Figures = dict[str, dict[str, dict[str, float]]]


def secure(rounds: int) -> Figures:
    """The figures of each row and server.  A ratio above 1 means faster than aiosmtpd, or cheaper."""
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "server.pem"
        pem.write_bytes(authority().server_certificate().pem)
        peers = start_secured(pem)
        try:
            for round_ in range(rounds + 1):
                for row, (way, (count, sessions), without) in ROWS.items():
                    for peer in peers:
                        if row in ONLY_OURS and peer.name == "aiosmtpd":
                            continue
                        port = peer.tls_port if way == "implicit TLS" else peer.port
                        cpu = peer.cpu_seconds()
                        seconds, took = connections(
                            port, way, count=count, sessions=sessions, first_user=round_ * count
                        )
                        cost = (peer.cpu_seconds() - cpu) / count * 1e6
                        if round_:
                            figures = found[row, peer.name]
                            figures[RATE].append(count / seconds)
                            figures[CPU].append(cost)
                            if without is not None:
                                figures[OVER].append(cost - found[without, peer.name][CPU][-1])
                                figures[TOOK].append(median(took) * 1e6)
        finally:
            for peer in peers:
                peer.stop()
    return _table(found, [peer.name for peer in peers])
