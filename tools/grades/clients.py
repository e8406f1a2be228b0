"""The clients to grade: how to run each, how to find its version, and how to install it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CLIENTS", "NOT_GRADED", "ROOT", "Client", "ClientMissing"]

ROOT = Path(__file__).resolve().parents[2]
WRAPPERS = Path(__file__).parent / "wrappers"
CACHE = ROOT / ".cache" / "grades"
NODE_MODULES = ROOT / ".cache" / "node" / "node_modules"
JAVA_PATH = f"{CACHE}:/usr/share/java/jakarta-mail.jar:/usr/share/java/jakarta-activation.jar"
EXIM = CACHE / "exim"
NULLMAILER = CACHE / "nullmailer"

MAIL_SERVER_LIMIT = 25.0

NPM_INSTALL = "npm install --prefix .cache/node --ignore-scripts"


def _unpack(folder: str, *packages: str) -> str:
    """Return a command that unpacks packages of Debian that conflict with other mail servers."""
    return (
        f"mkdir -p .cache/grades/{folder} && cd .cache/grades/{folder} && apt-get download {' '.join(packages)}"
        " && for package in *.deb; do dpkg -x $package .; done"
    )


class ClientMissing(Exception):
    """The client is not installed; the text says what is missing."""


@dataclass(frozen=True)
class Client:
    """A client, and its wrapper.

    - `name`: what `--client` calls it.
    - `title`: its name in the table.
    - `kind`: "library", "program" or "mail server".
    - `use`: how the wrapper uses it, as a sentence.
    - `command`: the command of the wrapper.
    - `version_command`: a command that prints the version.
    - `version_pattern`: a regular expression; its group is the version.
    - `install`: how to install it.
    - `build`: a command that builds the wrapper; if empty, the wrapper needs none.
    - `needs`: files and programs without which the client is not installed.
    - `environment`: more variables for the commands.
    - `limit`: the seconds after which it is stopped; a mail server needs time for several attempts.
    """

    name: str
    title: str
    kind: str
    use: str
    command: tuple[str, ...]
    version_command: tuple[str, ...]
    install: str
    version_pattern: str = r"(\d[\w.+~-]*)"
    build: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    limit: float = 15.0

    def prepare(self) -> str:
        """Build the wrapper if needed, and return the version of the client.

        Raises:
            ClientMissing: The client is not installed.
        """
        for program in (self.command[0], *self.needs):
            if shutil.which(program) is None and not Path(program).exists() and program not in self.build:
                raise ClientMissing(f"{program} is missing")
        version = re.search(self.version_pattern, self._run(self.version_command))
        if version is None:
            raise ClientMissing(f"{' '.join(self.version_command)} printed no version")
        if self.build:
            CACHE.mkdir(parents=True, exist_ok=True)
            self._run(self.build)
        return version[1]

    def _run(self, command: tuple[str, ...]) -> str:
        try:
            done = subprocess.run(
                command, capture_output=True, check=False, encoding="utf-8", errors="replace",
                env=os.environ | self.environment,
            )  # fmt: skip
        except OSError as error:
            raise ClientMissing(str(error)) from error
        if done.returncode:
            last_line = done.stderr.strip().splitlines()[-1:]
            raise ClientMissing(f"{command[0]} ended with {done.returncode}: {''.join(last_line)}")
        return done.stdout + done.stderr


def _wrapper(interpreter: str, name: str) -> tuple[str, ...]:
    return interpreter, str(WRAPPERS / name)


def _npm_version(package: str) -> tuple[str, ...]:
    return "node", "-p", f"require({str(NODE_MODULES / package / 'package.json')!r}).version"


def _debian_version(package: str) -> tuple[str, ...]:
    return "dpkg-query", "--show", "--showformat=${Version}", package


def _python_version(package: str) -> tuple[str, ...]:
    return sys.executable, "-c", f"import importlib.metadata as m; print(m.version({package!r}))"


CLIENTS: tuple[Client, ...] = (
    Client(
        name="smtplib",
        title="smtplib",
        kind="library",
        use="`send_message` with an `EmailMessage`. Its result, the refused recipients, is checked.",
        command=_wrapper(sys.executable, "send_smtplib.py"),
        version_command=(sys.executable, "--version"),
        version_pattern=r"(Python [\d.]+)",
        install="apt-get install python3",
    ),
    Client(
        name="aiosmtplib",
        title="aiosmtplib",
        kind="library",
        use="`send_message` with an `EmailMessage`. Its result, the refused recipients, is checked.",
        command=_wrapper(sys.executable, "send_aiosmtplib.py"),
        version_command=_python_version("aiosmtplib"),
        install="pip install aiosmtplib",
    ),
    Client(
        name="nodemailer",
        title="nodemailer",
        kind="library",
        use="`sendMail` with `text`; several messages use the pool. `info.rejected` is checked. It sends no QUIT.",
        command=_wrapper("node", "send_nodemailer.cjs"),
        version_command=_npm_version("nodemailer"),
        install=f"{NPM_INSTALL} nodemailer",
        environment={"NODE_PATH": str(NODE_MODULES)},
    ),
    Client(
        name="phpmailer",
        title="PHPMailer",
        kind="library",
        use="`send` with exceptions, `SMTPKeepAlive`, `Timeout` and `Timelimit`.",
        command=_wrapper("php", "send_phpmailer.php"),
        version_command=(
            "php",
            "-r",
            'require "libphp-phpmailer/autoload.php"; echo PHPMailer\\PHPMailer\\PHPMailer::VERSION;',
        ),
        install="apt-get install php-cli libphp-phpmailer",
    ),
    Client(
        name="symfony-mailer",
        title="Symfony Mailer",
        kind="library",
        use="`$mailer->send($email)`. This version cannot demand STARTTLS.",
        command=_wrapper("php", "send_symfony_mailer.php"),
        version_command=_debian_version("php-symfony-mailer"),
        version_pattern=r"([\d.]+)",
        install="apt-get install php-cli php-symfony-mailer",
    ),
    Client(
        name="jakarta-mail",
        title="Jakarta Mail",
        kind="library",
        use="`Transport.sendMessage` with `setText`, `starttls.required`, `checkserveridentity` and timeouts.",
        command=("java", "-cp", JAVA_PATH, "SendJakartaMail"),
        version_command=_debian_version("libjakarta-mail-java"),
        version_pattern=r"([\d.]+)",
        install="apt-get install default-jdk-headless libjakarta-mail-java",
        build=("javac", "-d", str(CACHE), "-cp", JAVA_PATH, str(WRAPPERS / "SendJakartaMail.java")),
    ),
    Client(
        name="perl",
        title="Net::SMTP (Perl)",
        kind="library",
        use="`mail`, `recipient`, `data` and `quit`.",
        command=_wrapper("perl", "send_net_smtp.pl"),
        version_command=(
            "perl",
            "-MNet::SMTP",
            "-MIO::Socket::SSL",
            "-MAuthen::SASL",
            "-e",
            "print Net::SMTP->VERSION",
        ),
        install="apt-get install perl libio-socket-ssl-perl libauthen-sasl-perl",
    ),
    Client(
        name="ruby",
        title="Net::SMTP (Ruby)",
        kind="library",
        use="`start` with a block, and `send_message`.",
        command=_wrapper("ruby", "send_net_smtp.rb"),
        version_command=("ruby", "-rnet/smtp", "-e", "print Net::SMTP::VERSION"),
        install="apt-get install ruby",
    ),
    Client(
        name="go",
        title="net/smtp (Go)",
        kind="library",
        use="the methods of `smtp.Client` as in its example, with a deadline for the connection.",
        command=(str(CACHE / "send_net_smtp"),),
        version_command=("go", "version"),
        version_pattern=r"(go[\d.]+)",
        install="apt-get install golang-go",
        build=("go", "build", "-o", str(CACHE / "send_net_smtp"), str(WRAPPERS / "send_net_smtp.go")),
        environment={"GOFLAGS": "-mod=mod", "GO111MODULE": "off"},
    ),
    Client(
        name="swaks",
        title="swaks",
        kind="program",
        use="one run for each message.",
        command=_wrapper("sh", "send_swaks.sh"),
        version_command=("swaks", "--version"),
        install="apt-get install swaks libnet-ssleay-perl",
    ),
    Client(
        name="curl",
        title="curl",
        kind="program",
        use="one process for all messages, with `--ssl-reqd` where TLS is demanded.",
        command=_wrapper("sh", "send_curl.sh"),
        version_command=("curl", "--version"),
        install="apt-get install curl",
    ),
    Client(
        name="msmtp",
        title="msmtp",
        kind="program",
        use="one run for each message, in place of sendmail.",
        command=_wrapper("sh", "send_msmtp.sh"),
        version_command=("msmtp", "--version"),
        install="apt-get install msmtp",
    ),
    Client(
        name="nullmailer",
        title="nullmailer",
        kind="program",
        use="its program `smtp`, one run for each message, as its queue manager runs it, with its `sendtimeout`.",
        command=_wrapper(sys.executable, "send_nullmailer.py"),
        version_command=("sh", "-c", f"dpkg-deb --field {NULLMAILER}/nullmailer_*.deb Version"),
        version_pattern=r":([\d.]+)",
        install=_unpack("nullmailer", "nullmailer"),
        needs=(str(NULLMAILER / "usr/lib/nullmailer/smtp"),),
        environment={"NULLMAILER_ROOT": str(NULLMAILER)},
    ),
    Client(
        name="postfix",
        title="Postfix",
        kind="mail server",
        use="a null client whose `relayhost` is the server; the queue runs each second. Needs root.",
        command=_wrapper(sys.executable, "send_postfix.py"),
        version_command=("postconf", "-dh", "mail_version"),
        install="apt-get install postfix libsasl2-modules",
        needs=("/usr/lib/postfix/sbin/master",),
        limit=MAIL_SERVER_LIMIT,
    ),
    Client(
        name="exim",
        title="Exim",
        kind="mail server",
        use="a smart host configuration; the queue runs twice a second.",
        command=_wrapper(sys.executable, "send_exim.py"),
        version_command=("sh", "-c", f"dpkg-deb --field {EXIM}/exim4-daemon-light_*.deb Version"),
        version_pattern=r"([\d.]+)",
        install=_unpack("exim", "exim4-daemon-light", "libnss-wrapper"),
        needs=(str(EXIM / "usr/sbin/exim4"),),
        environment={"EXIM_ROOT": str(EXIM)},
        limit=MAIL_SERVER_LIMIT,
    ),
)

# Clients that people use, too, and why they have no grades.
NOT_GRADED: tuple[tuple[str, str], ...] = (
    ("lettre (Rust)", "Debian has no package of it that a program can be built with."),
)
