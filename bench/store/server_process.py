"""A running server: its requests, processor time and memory."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import signal
import smtplib
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bench.servers import find_free_port
from bench.store.mails import MailBuilder

if TYPE_CHECKING:
    from bench.store.databases import Database
    from bench.store.targets import Target

START_TIMEOUT_SECONDS = 120
STOP_TIMEOUT_SECONDS = 300
REQUEST_TIMEOUT_SECONDS = 1800
_POLL_SECONDS = 0.005
# `Load` numbers its mails from 0.
_FIRST_PROBE_NUMBER = 90_000_000


@dataclass(frozen=True)
class Answer:
    """The answer to a request, and the seconds until all of it was there."""

    status: int
    body: Any
    seconds: float


class ServerProcess:
    """A server with its database; a context manager that stops it.

    Args:
        target: the program.
        database: its database.
        directory: working folder; the output goes to a file there.
        is_quiet: whether the server prints no mails.
    """

    def __init__(self, target: Target, database: Database, directory: Path, *, is_quiet: bool = True) -> None:
        self.smtp_port, self.http_port = find_free_port(), find_free_port()
        self._next_probe = _FIRST_PROBE_NUMBER
        command = target.build_command(self.smtp_port, self.http_port, database.url, is_quiet=is_quiet)
        self._output = (directory / "output.log").open("ab")
        started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            env=target.build_environment(directory),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self._wait_until_ready(started + START_TIMEOUT_SECONDS)
        self.start_seconds: float = time.perf_counter() - started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    def _wait_until_ready(self, deadline: float) -> None:
        """Wait until the server greets by SMTP and answers by HTTP."""
        is_greeting = False
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if not is_greeting:
                    with socket.create_connection(("127.0.0.1", self.smtp_port), 5) as client:
                        is_greeting = client.recv(3) == b"220"
                if is_greeting and self.request("GET", "/readyz", timeout=5).status == 200:
                    return
            if self._process.poll() is not None or time.perf_counter() > deadline:
                self._process.kill()
                output = Path(self._output.name).read_text(errors="replace")[-2000:]
                raise SystemExit(f"expected a server that starts, got status {self._process.wait()}:\n{output}")
            time.sleep(_POLL_SECONDS)

    def request(self, method: str, path: str, *, timeout: float = REQUEST_TIMEOUT_SECONDS) -> Answer:
        """Send a request on a new connection; return its answer, in which JSON is parsed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)
        with contextlib.closing(connection):
            before = time.perf_counter()
            connection.request(method, path)
            response = connection.getresponse()
            content = response.read()
            seconds = time.perf_counter() - before
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(response.status, json.loads(content) if is_json else content, seconds)

    def get(self, path: str) -> Answer:
        """Return the answer to GET; end the benchmark if it is an error."""
        answer = self.request("GET", path)
        if answer.status != 200:
            raise SystemExit(f"expected status 200 from {path}, got {answer.status}: {str(answer.body)[:500]}")
        return answer

    def send_probe(self, client: smtplib.SMTP, recipient: str) -> tuple[float, float]:
        """Send one mail on an open connection; return the time before, and at its 250 (`time.monotonic`)."""
        self._next_probe += 1
        _, content = _get_mail_builder().build(self._next_probe)
        content = content.replace(b"\r\nTo: ", f"\r\nTo: {recipient}, ".encode(), 1)
        before = time.monotonic()
        client.sendmail("probes@example.com", [recipient], content)
        return before, time.monotonic()

    def connect_by_smtp(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=REQUEST_TIMEOUT_SECONDS)

    # -- /proc -----------------------------------------------------------------------------------

    def get_cpu_seconds(self) -> float:
        """Return the processor time of the server and of its children, also of those that have ended."""
        total = 0
        for process in self._find_processes():
            with contextlib.suppress(OSError):
                total += sum(map(int, _read_stat(process)[11:15]))
        return total / os.sysconf("SC_CLK_TCK")

    def get_memory_bytes(self, *, with_children: bool = False) -> int:
        """Return the resident memory."""
        processes = self._find_processes() if with_children else [self._process.pid]
        return sum(_read_status_bytes(process, "VmRSS") for process in processes)

    def get_peak_memory_bytes(self) -> int:
        """Return the largest resident memory of the server so far, without its children."""
        return _read_status_bytes(self._process.pid, "VmHWM")

    def _find_processes(self) -> list[int]:
        """Return the server and its descendants."""
        parents = {}
        for path in Path("/proc").iterdir():
            if path.name.isdecimal():
                with contextlib.suppress(OSError):
                    parents[int(path.name)] = int(_read_stat(int(path.name))[1])
        found = [self._process.pid]
        for process in found:  # it grows
            found += [child for child, parent in parents.items() if parent == process]
        return found


@functools.cache
def _get_mail_builder() -> MailBuilder:
    return MailBuilder()


def _read_stat(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name: the state, the parent …"""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def _read_status_bytes(process: int, field: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return 0
