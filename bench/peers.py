"""The servers that are measured side by side, each in a process of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "bench"


def postfix_tools() -> Path | None:
    """Fetch `smtp-sink` and `smtp-source` out of the Debian package, without installing a mail system."""
    folder = CACHE / "postfix"
    if not (folder / "usr/sbin/smtp-source").exists():
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as downloads:
            subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
            subprocess.run(["apt-get", "download", "-qq", "postfix"], cwd=downloads, check=True, capture_output=True)
            package = next(Path(downloads).glob("postfix_*.deb"))
            subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
    (folder / "etc-empty").mkdir(exist_ok=True)
    (folder / "etc-empty" / "main.cf").touch()
    return folder


def postfix_environment(folder: Path) -> dict[str, str]:
    """What the tools need to run where they lie."""
    return os.environ | {
        "LD_LIBRARY_PATH": str(folder / "usr/lib/postfix"),
        "MAIL_CONFIG": str(folder / "etc-empty"),
    }


def node_modules() -> Path | None:
    """Fetch nodemailer's smtp-server, where there is npm."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return None
    folder = CACHE / "node"
    if not (folder / "node_modules/smtp-server").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "smtp-server"]
        subprocess.run(command, check=True, capture_output=True)
    return folder / "node_modules"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Peer:
    """One server process."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.name = name
        self.port = free_port()
        self.tls_port = free_port()  # of implicit TLS, where the server has that
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
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def clear(self) -> None:
        """Tell a server of ours to forget its mails, between two rounds."""
        if self._process.stdin is not None:
            self._process.stdin.write(b"clear\n")
            self._process.stdin.flush()

    def cpu_seconds(self) -> float:
        """What the process has used so far, where that can be known."""
        try:
            # So Linux makes the clock of a process (clock_getcpuclockid); /proc counts in steps of 10 ms.
            return time.clock_gettime(~self._process.pid << 3 | 2)
        except OSError:
            return float("nan")

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


def start_all(tools: Path) -> list[Peer]:
    """Everybody, the one that the ratios refer to first."""
    ours = [sys.executable, str(HERE / "serve_ours.py"), "PORT"]
    peers = [
        _sink(tools),
        Peer("ours, asyncio", [*ours, "asyncio", "keep"]),
        Peer("ours, uvloop", [*ours, "uvloop", "keep"]),
        Peer("ours, asyncio, not kept", [*ours, "asyncio", "drop"]),
        Peer("ours, uvloop, not kept", [*ours, "uvloop", "drop"]),
        _aiosmtpd(),
    ]
    modules = node_modules()
    if modules is not None:
        node = ["node", str(HERE / "serve_nodemailer.cjs"), "PORT"]
        peers.append(Peer("nodemailer", node, os.environ | {"NODE_PATH": str(modules)}))
    return peers


def start_durable(tools: Path) -> list[Peer]:
    """Ours with a store that keeps mails on disk, beside ours without, and peers that keep nothing."""
    ours = [sys.executable, str(HERE / "serve_ours.py"), "PORT"]
    return [
        _sink(tools),
        Peer("ours in memory, uvloop", [*ours, "uvloop", "keep"]),
        Peer("ours in SQLite, asyncio", [*ours, "asyncio", "sqlite"]),
        Peer("ours in SQLite, uvloop", [*ours, "uvloop", "sqlite"]),
        _aiosmtpd(),
    ]


def _sink(tools: Path) -> Peer:
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    return Peer(
        "smtp-sink", [str(tools / "usr/sbin/smtp-sink"), *user, "127.0.0.1:PORT", "1000"], postfix_environment(tools)
    )


def _aiosmtpd() -> Peer:
    return Peer("aiosmtpd", [sys.executable, str(HERE / "serve_aiosmtpd.py"), "PORT"])


def start_secured(pem: Path) -> list[Peer]:
    """Those with TLS and AUTH, with this certificate."""
    secured = ["SECURE", str(pem)]
    ours = [sys.executable, str(HERE / "serve_ours.py"), "PORT"]
    return [
        Peer("ours, asyncio", [*ours, "asyncio", "keep", *secured]),
        Peer("ours, uvloop", [*ours, "uvloop", "keep", *secured]),
        Peer("aiosmtpd", [sys.executable, str(HERE / "serve_aiosmtpd.py"), "PORT", *secured]),
    ]
