"""The measured servers, each in a separate process."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers import (
    HERE,
    PeerMissing,
    build_go_smtp,
    build_postfix_environment,
    fetch_node_modules,
    fetch_postfix_tools,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PROJECT = HERE.parent

# The names of the servers, which are the columns of all tables.
SINK, AIOSMTPD, NODEMAILER, GO_SMTP = "smtp-sink", "aiosmtpd", "nodemailer", "go-smtp"
PEERS = (AIOSMTPD, NODEMAILER, GO_SMTP)
OURS, UVLOOP, ASYNC_WITH, NOT_KEPT = "ours", "ours, uvloop", "ours, async with", "ours, not kept"
IN_SQLITE, UVLOOP_IN_SQLITE = "ours in SQLite", "ours in SQLite, uvloop"
BEFORE, BEFORE_IN_SQLITE = "ours before", "ours before, in SQLite"

# The arguments of serve_ours.py for each of our servers.
_MODES = {
    OURS: ("thread", "keep"),
    UVLOOP: ("uvloop", "keep"),
    ASYNC_WITH: ("async", "keep"),
    NOT_KEPT: ("thread", "drop"),
    IN_SQLITE: ("thread", "sqlite"),
    UVLOOP_IN_SQLITE: ("uvloop", "sqlite"),
    BEFORE: ("thread", "keep"),
    BEFORE_IN_SQLITE: ("thread", "sqlite"),
}

# The sessions that each server must accept at the same time.
MAX_SESSIONS = 15_000

_ALL = re.compile("")


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server process."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.name = name
        self.port = find_free_port()
        self.tls_port = find_free_port()  # for implicit TLS, if the server supports it
        self._process = subprocess.Popen(
            [word.replace("PORT", str(self.port)).replace("SECURE", str(self.tls_port)) for word in command],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.stop()
                    raise
                time.sleep(0.05)

    def clear(self) -> None:
        """Make the server discard its mails between two rounds."""
        if self._process.stdin is not None:
            self._process.stdin.write(b"clear\n")
            self._process.stdin.flush()

    def get_cpu_seconds(self) -> float:
        """Return the CPU time of the process so far, or nan if the system does not provide it."""
        try:
            # The clock id of a process, as clock_getcpuclockid computes it on Linux; /proc has a resolution of 10 ms.
            return time.clock_gettime(~self._process.pid << 3 | 2)
        except OSError:
            return float("nan")

    def get_resident_bytes(self) -> int:
        """Return the resident memory of the process (Linux)."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


class Catalog:
    """The commands of all servers that can run on this machine.

    Args:
        baseline: another checkout of this project, whose server is measured as "ours before"; None for none.
        selection: the names of the servers to measure have a match of this.
    """

    def __init__(self, baseline: Path | None = None, selection: re.Pattern[str] = _ALL) -> None:
        self.postfix: Path | None = None  # the folder of smtp-sink and smtp-source
        self._commands: dict[str, tuple[list[str], dict[str, str] | None]] = {}
        for name, add in (
            (SINK, self._add_sink),
            (AIOSMTPD, self._add_aiosmtpd),
            (NODEMAILER, self._add_nodemailer),
            (GO_SMTP, self._add_go_smtp),
        ):
            if selection.search(name) or name == SINK:  # its package has the client, too
                _add_or_explain(name, add)
        for name, mode in _MODES.items():
            is_before = name in (BEFORE, BEFORE_IN_SQLITE)
            if selection.search(name) and (baseline is not None or not is_before):
                environment = build_environment(baseline if is_before else None)
                self._commands[name] = ([sys.executable, str(HERE / "serve_ours.py"), "PORT", *mode], environment)

    def start(self, names: Iterable[str], *arguments: str) -> list[Server]:
        """Start the servers with these names that are available, with these further arguments."""
        servers: list[Server] = []
        try:
            for name in names:
                if name in self._commands:
                    command, environment = self._commands[name]
                    servers.append(Server(name, [*command, *arguments], environment))
        except BaseException:
            for server in servers:
                server.stop()
            raise
        return servers

    def _add_sink(self) -> None:
        self.postfix = tools = fetch_postfix_tools()
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        command = [str(tools / "usr/sbin/smtp-sink"), *user, "-m", str(MAX_SESSIONS), "127.0.0.1:PORT", "1000"]
        self._commands[SINK] = (command, build_postfix_environment(tools))

    def _add_aiosmtpd(self) -> None:
        if importlib.util.find_spec("aiosmtpd") is None:
            raise PeerMissing("it is not installed: `pip install --group bench`")
        self._commands[AIOSMTPD] = ([sys.executable, str(HERE / "serve_aiosmtpd.py"), "PORT"], None)

    def _add_nodemailer(self) -> None:
        environment = os.environ | {"NODE_PATH": str(fetch_node_modules())}
        self._commands[NODEMAILER] = (["node", str(HERE / "serve_nodemailer.cjs"), "PORT"], environment)

    def _add_go_smtp(self) -> None:
        self._commands[GO_SMTP] = ([str(build_go_smtp()), "PORT"], None)


def _add_or_explain(name: str, add: Callable[[], None]) -> None:
    try:
        add()
    except PeerMissing as missing:
        print(f"skipped {name}: {missing}", flush=True)


def build_environment(checkout: Path | None) -> dict[str, str]:
    """Return the environment in which Python imports `lazr.smtptest` of a checkout; None is this one."""
    return os.environ | {"PYTHONPATH": str((checkout or PROJECT) / "src")}
