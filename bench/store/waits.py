"""Measure how soon `/api/v1/wait` ends after a mail has arrived."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.store.progress import Progress
    from bench.store.server_process import ServerProcess

PROBES = 10

_TIMEOUT_SECONDS = 60
# Time in which a new wait reaches the server, before its mail is sent.
_REGISTRATION_SECONDS = 0.2


def measure_waits(
    server: ServerProcess, progress: Progress, should_continue: Callable[[], bool] = lambda: True
) -> list[float]:
    """Return the milliseconds from the 250 of a mail to the end of the wait for its recipient, at most ten times."""
    delays: list[float] = []
    with server.connect_by_smtp() as client, ThreadPoolExecutor(1) as pool:
        while len(delays) < PROBES and should_continue():
            progress.show(f"wait {len(delays) + 1} of {PROBES}")
            recipient = f"waiting{len(delays)}@example.net"
            path = f"/api/v1/wait?timeout={_TIMEOUT_SECONDS}&query={quote('to:' + recipient)}"
            answered_at = pool.submit(_wait_for_answer, server, path)
            wait([answered_at], _REGISTRATION_SECONDS)
            _, acknowledged_at = server.send_probe(client, recipient)
            delays.append(max(answered_at.result() - acknowledged_at, 0) * 1000)
    return delays


def _wait_for_answer(server: ServerProcess, path: str) -> float:
    """Return when the answer is there (`time.monotonic`)."""
    server.request("GET", path)
    return time.monotonic()
