"""Run the client processes of the benchmark."""

from __future__ import annotations

import array
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bench.store.targets import PROJECT

if TYPE_CHECKING:
    from bench.store.progress import Progress


class LoadProcess:
    """A process of `bench.store.load` that sends mails.

    Args:
        port: the SMTP port.
        mails: how many mails to send.
        sessions: how many connections send at the same time.
        first: number of the first mail.
        max_seconds: no mail is begun after this time; by default there is no limit.
    """

    def __init__(
        self, port: int, mails: int, *, sessions: int = 10, first: int = 0, max_seconds: float = float("inf")
    ) -> None:
        self._mails = mails
        self._first = first
        self._directory = tempfile.TemporaryDirectory(prefix="smtptest-bench-load-")
        self._times = Path(self._directory.name) / "times"
        command = [sys.executable, "-m", "bench.store.load", str(port), "--mails", str(mails), "--first", str(first)]
        command += ["--sessions", str(sessions), "--max-seconds", str(max_seconds), "--times", str(self._times)]
        self._process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)

    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait(self, progress: Progress) -> dict[str, Any]:
        """Return the results when all mails are sent."""
        assert self._process.stdout is not None
        line = ""
        for line in self._process.stdout:
            if line.strip().isdecimal():
                progress.show(f"{int(line):,} of {self._mails:,} mails sent")
        if self._process.wait() != 0:
            raise SystemExit("expected that all mails are accepted; the load ended with the error above")
        results: dict[str, Any] = json.loads(line)
        return results

    def read_times(self) -> dict[int, float]:
        """Return when each mail was acknowledged (`time.monotonic`), by its number."""
        times = array.array("d")
        times.frombytes(self._times.read_bytes())
        return {self._first + place: at for place, at in enumerate(times) if at}


class ListenerProcess:
    """A process of `bench.store.listeners`; a context manager.

    Args:
        port: the HTTP port.
        count: how many WebSockets it opens.
    """

    def __init__(self, port: int, count: int) -> None:
        command = [sys.executable, "-m", "bench.store.listeners", str(port), str(count)]
        self._process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise SystemExit("expected that all WebSockets are accepted; the listeners ended with the error above")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def stop(self) -> tuple[int, list[dict[int, float]]]:
        """Close the WebSockets.

        Return how many the server had closed, and for each that parsed its frames, when it got the event of each mail.
        """
        output, _ = self._process.communicate("")
        results = json.loads(output)
        return results["closed"], [
            {int(number): at for number, at in times.items()} for times in results["announced at"]
        ]
