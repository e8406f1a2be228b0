"""The measured programs: this checkout, another checkout, and Mailpit."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PROJECT = Path(__file__).parents[2]


class Target(Protocol):
    """A program that receives mail by SMTP and shows it by Mailpit's REST API."""

    @property
    def name(self) -> str:
        """The name in the table."""

    @property
    def can_wait(self) -> bool:
        """Whether it has /api/v1/wait."""

    @property
    def can_use_postgres(self) -> bool:
        """Whether it can store mails in PostgreSQL."""

    def build_command(self, smtp_port: int, http_port: int, database: str, *, is_quiet: bool) -> list[str]:
        """Return the command of a server with this database: the URL of our stores, in which a file is sqlite:///PATH."""

    def build_environment(self, directory: Path) -> dict[str, str]:
        """Return the environment variables, without the settings of the user."""

    def describe(self) -> dict[str, str]:
        """Return what identifies the measured version."""


@dataclass(frozen=True)
class Checkout:
    """`smtptest serve` of a checkout of this project."""

    name: str
    path: Path
    python: Path
    can_wait: bool = True
    can_use_postgres: bool = True

    def build_command(self, smtp_port: int, http_port: int, database: str, *, is_quiet: bool) -> list[str]:
        command = [str(self.python), "-m", "lazr.smtptest", "serve", "--database", database]
        command += ["--smtp-port", str(smtp_port), "--http-port", str(http_port)]
        return [*command, "--quiet"] if is_quiet else command

    def build_environment(self, directory: Path) -> dict[str, str]:
        # Servers that run side by side cannot share the default ports of IMAP and POP3, which are not measured.
        variables = {"SMTPTEST_SERVE_NO_IMAP": "1", "SMTPTEST_SERVE_NO_POP3": "1"}
        return _build_clean_environment(directory) | variables | {"PYTHONPATH": str(self.path / "src")}

    def describe(self) -> dict[str, str]:
        code = "import lazr.smtptest, platform; print(lazr.smtptest.__file__, platform.python_version())"
        found, version = _run([str(self.python), "-c", code], self.build_environment(self.path)).rsplit(" ", 1)
        if not Path(found).resolve().is_relative_to(self.path.resolve()):
            raise SystemExit(f"expected the package of {self.path}, got {found}; check --against-python")
        return {
            "python": version,
            "commit": _run(["git", "-C", str(self.path), "describe", "--always", "--dirty"], dict(os.environ)),
        }


@dataclass(frozen=True)
class Mailpit:
    """Mailpit's own binary, with a limit on mails switched off and otherwise its defaults."""

    name: str
    binary: Path
    can_wait: bool = False
    can_use_postgres: bool = False

    def build_command(self, smtp_port: int, http_port: int, database: str, *, is_quiet: bool) -> list[str]:
        command = [str(self.binary), "--database", database.removeprefix("sqlite:///"), "--max", "0"]
        command += ["--smtp", f"127.0.0.1:{smtp_port}", "--listen", f"127.0.0.1:{http_port}"]
        return [*command, "--quiet"] if is_quiet else command

    def build_environment(self, directory: Path) -> dict[str, str]:
        return _build_clean_environment(directory)

    def describe(self) -> dict[str, str]:
        return {"version": _run([str(self.binary), "version", "--no-release-check"], dict(os.environ))}


def find_targets(against: Path | None, against_python: Path | None, mailpit: Path | None) -> list[Target]:
    """Return the targets that the options name; the first is this checkout.

    Args:
        against: another checkout, or None.
        against_python: its interpreter; by default that of its `.venv`, or else the current one.
        mailpit: Mailpit's binary, or None.
    """
    targets: list[Target] = [Checkout("this checkout", PROJECT, Path(sys.executable))]
    if against is not None:
        python = against_python or against / ".venv/bin/python"
        targets.append(Checkout("against", against, python if python.exists() else Path(sys.executable)))
    if mailpit is not None:
        targets.append(Mailpit("Mailpit", mailpit))
    return targets


def _build_clean_environment(directory: Path) -> dict[str, str]:
    """Return the environment without settings of either program; configuration files are looked for in `directory`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SMTPTEST_", "MP_", "PYTHON"))}
    return kept | {"XDG_CONFIG_HOME": str(directory), "XDG_DATA_HOME": str(directory)}


def _run(command: list[str], environment: dict[str, str]) -> str:
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return process.stdout.strip() or "unknown"
