"""`make bench`: run everything, print the table, write the figures as JSON."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.peers import HERE, Peer, postfix_environment, postfix_tools, start_all, start_durable
from bench.secure import secure

# What `smtp-source` does: sessions, messages, octets of each, and whether a connection is kept.
ROWS: dict[str, tuple[int, int, int, bool]] = {
    "1 KB, keep-alive, 10 sessions": (10, 4000, 1024, True),
    "1 KB, keep-alive, 100 sessions": (100, 4000, 1024, True),
    "1 KB, a connection each, 10 sessions": (10, 1500, 1024, False),
    "50 KB, keep-alive, 10 sessions": (10, 800, 51_200, True),
    "10 MB, keep-alive, 1 session": (1, 8, 10_485_760, True),
}
# The same, of mails that are on disk before the 250.
DURABLE: dict[str, tuple[int, int, int, bool]] = {
    "2 KB, keep-alive, 10 sessions, durable": (10, 3000, 2048, True),
    "2 KB, keep-alive, 100 sessions, durable": (100, 4000, 2048, True),
}
PIPELINED = ("1 KB, pipelined, 1 session", 3000)
IN_TESTS = ("waiting", "many_mails", "fixtures")
INSIDE = ("start_stop", "sendmail", "rules", "imports", "memory", "gil", "tls_start", "handshake", "scram_start")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds of each row, after one for warming up")
    options = parser.parse_args()
    tools = postfix_tools()
    figures: dict[str, object] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    if tools is None:
        print("smtp-sink cannot be had here (it needs apt-get and dpkg-deb): no throughput")
    else:
        figures["throughput"] = throughput(tools, options.rounds)
    figures["secure"] = secure(options.rounds)
    for name in (*INSIDE, *IN_TESTS):
        command = [sys.executable, str(HERE / ("inside.py" if name in INSIDE else "intests.py")), name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parent)
        figures[name] = found = json.loads(done.stdout)
        print(f"\n{name}")
        for what, value in found.items():
            print(f"  {what:<48} {value:10.3f}")
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-py{platform.python_version()}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"\nwritten to {path.relative_to(Path.cwd())}")


def throughput(tools: Path, rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Messages a second, each server in turn, round by round; ratios are medians of a round's ratios."""
    print(f"{'':<38} {'messages/s':>10} {'x smtp-sink':>12} {'x aiosmtpd':>11} {'CPU µs/mail':>12}")
    table: dict[str, dict[str, dict[str, float]]] = {}
    for row in (*ROWS, PIPELINED[0], *DURABLE):
        peers = start_durable(tools) if row in DURABLE else start_all(tools)
        rates: dict[str, list[float]] = {peer.name: [] for peer in peers}
        costs: dict[str, list[float]] = {peer.name: [] for peer in peers}
        try:
            for round_ in range(rounds + 1):
                for peer in peers:
                    cpu = peer.cpu_seconds()
                    seconds, messages = once(tools, row, peer)
                    if round_:
                        rates[peer.name].append(messages / seconds)
                        costs[peer.name].append((peer.cpu_seconds() - cpu) / messages * 1e6)
                    peer.clear()
        finally:
            for peer in peers:
                peer.stop()
        print(row)
        table[row] = {}
        for name, found in rates.items():
            entry = {
                "messages per second": median(found),
                "ratio to smtp-sink": ratio(found, rates["smtp-sink"]),
                "ratio to aiosmtpd": ratio(found, rates["aiosmtpd"]),
                "CPU microseconds per message": median(costs[name]),
            }
            table[row][name] = entry
            print(f"  {name:<36} {'{:10.0f} {:12.2f} {:11.2f} {:12.0f}'.format(*entry.values())}", flush=True)
    return table


def ratio(ours: list[float], theirs: list[float]) -> float:
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def once(tools: Path, row: str, peer: Peer) -> tuple[float, int]:
    """Seconds, and messages."""
    if row == PIPELINED[0]:
        messages = PIPELINED[1]
        command = [sys.executable, str(HERE / "pipelined.py"), str(peer.port), str(messages)]
    else:
        sessions, messages, octets, keep = (ROWS | DURABLE)[row]
        command = [str(tools / "usr/sbin/smtp-source"), "-s", str(sessions), "-m", str(messages), "-l", str(octets)]
        command += ["-d"] * keep + [f"127.0.0.1:{peer.port}"]
    before = time.perf_counter()
    subprocess.run(command, env=postfix_environment(tools), check=True, capture_output=True, timeout=300)
    return time.perf_counter() - before, messages


if __name__ == "__main__":
    main()
