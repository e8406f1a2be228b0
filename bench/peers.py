"""The other servers: fetched into `.cache/bench`, without installing them.

A peer that cannot be fetched or built here is left out, and a printed line gives the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "bench"


class PeerMissing(Exception):
    """A peer is not available on this machine; the text is the reason."""


def fetch_postfix_tools() -> Path:
    """Fetch `smtp-sink` and `smtp-source` from the Debian package, without installing Postfix."""
    folder = CACHE / "postfix"
    if not (folder / "usr/sbin/smtp-source").exists():
        _extract_debian_packages(folder, "postfix")
    (folder / "etc-empty").mkdir(exist_ok=True)
    (folder / "etc-empty" / "main.cf").touch()
    return folder


def build_postfix_environment(folder: Path) -> dict[str, str]:
    """Return the environment variables that the tools need in this folder."""
    return os.environ | {
        "LD_LIBRARY_PATH": str(folder / "usr/lib/postfix"),
        "MAIL_CONFIG": str(folder / "etc-empty"),
    }


def fetch_node_modules() -> Path:
    """Fetch nodemailer's smtp-server with npm; return the folder of its modules."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise PeerMissing("npm and node are not installed")
    folder = CACHE / "node"
    if not (folder / "node_modules/smtp-server").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "smtp-server")
    return folder / "node_modules"


def build_go_smtp() -> Path:
    """Build `serve_go_smtp.go` with the library from its Debian packages; return the program."""
    if shutil.which("go") is None:
        raise PeerMissing("go is not installed (Debian: golang-go)")
    folder = CACHE / "go"
    library = folder / "usr/share/gocode"
    if not (library / "src/github.com/emersion/go-smtp").exists():
        _extract_debian_packages(folder, "golang-github-emersion-go-smtp-dev", "golang-github-emersion-go-sasl-dev")
    source, program = HERE / "serve_go_smtp.go", folder / "serve_go_smtp"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        environment = {"GO111MODULE": "off", "GOPATH": str(library), "GOCACHE": str(folder / "build"), "GOFLAGS": ""}
        _run("go", "build", "-o", str(program), str(source), environment=os.environ | environment)
    return program


def _extract_debian_packages(folder: Path, *packages: str) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise PeerMissing("its Debian package needs apt-get and dpkg-deb")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as downloads:
        subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
        _run("apt-get", "download", "-qq", *packages, cwd=downloads)
        for file in Path(downloads).glob("*.deb"):
            _run("dpkg-deb", "-x", str(file), str(folder))


def _run(*command: str, cwd: str | None = None, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise PeerMissing(f"`{' '.join(command[:2])}` failed: {done.stderr.strip()[-300:]}")
