"""Send mail with other programs and libraries, such as curl, swaks and nodemailer.

A test of a client that is not installed is skipped; with the environment variable SMTPTEST_ALL_CLIENTS, as on CI,
it fails.
"""

import asyncio
import functools
import json
import os
import re
import shutil
import smtplib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import aiosmtplib
import pytest

TESTS = Path(__file__).parents[1]
NODE_MODULES = TESTS.parent / ".cache" / "node" / "node_modules"
# An environment of its own for clients whose dependencies differ from ours: the dependency group `clients`.
CLIENTS_PYTHON = TESTS.parent / ".cache" / "clients" / "bin" / "python"
# Clients that do not work since a version of Python: their tests are skipped there, also on CI.
FIRST_BROKEN_PYTHON = {"mailhog": (3, 13)}
# What builds, checks and installs a release: the dependency group `release`; `make release-env` creates it.
RELEASE_BIN = TESTS.parent / ".cache" / "release" / "bin"

ANN, BOB, CAROL = "ann@example.com", "bob@example.com", "carol@example.com"
TEXT = f"From: {ANN}\r\nTo: {BOB}\r\nSubject: by hand\r\n\r\nHello\r\n.\r\n..dots\r\nend\r\n"
# A name, because a client must not send an IP address as the server name of TLS (RFC 6066 section 3).
HOST = "localhost"


class ClientFailed(Exception):
    """The client reported a failure."""


def require_installed(condition, what):
    """Skip the test, or fail on CI, if the condition is false; `what` names the missing program or library."""
    if not condition:
        assert "SMTPTEST_ALL_CLIENTS" not in os.environ, f"{what} is not installed, and SMTPTEST_ALL_CLIENTS is set"
        pytest.skip(f"{what} is not installed")


def run_client(*command, text="", timeout=60, **environment):
    """Run a command with this text as its input, and return its output; raise `ClientFailed` if it fails."""
    require_installed(shutil.which(command[0]), command[0])
    environment = os.environ | {"LC_ALL": "C"} | environment  # some clients translate their messages
    result = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=timeout, check=False, env=environment
    )
    if result.returncode:
        raise ClientFailed(f"{command[0]} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result.stdout


def run_node_client(package, script, *arguments, text="", timeout=60):
    """Run a script of tests/clients that uses a package of npm, and return its output."""
    require_installed((NODE_MODULES / package).exists(), f"{package} (npm)")
    path = str(TESTS / "clients" / script)
    return run_client("node", path, *arguments, text=text, timeout=timeout, NODE_PATH=str(NODE_MODULES))


def run_python_client(package, script, *arguments, **options):
    """Run a script of tests/clients that uses a package of the group `clients`, and return its output."""
    return run_client(find_python_of_clients(package), str(TESTS / "clients" / script), *arguments, **options)


def find_python_of_clients(package):
    """Return the Python of the environment of the clients; skip the test if a package is not installed there."""
    settings = CLIENTS_PYTHON.parents[1] / "pyvenv.cfg"
    if package in FIRST_BROKEN_PYTHON and settings.exists():
        version = re.search(r"^version = (\d+)\.(\d+)", settings.read_text("utf-8"), re.MULTILINE)
        if (int(version[1]), int(version[2])) >= FIRST_BROKEN_PYTHON[package]:
            pytest.skip(f"{package} does not work on Python {version[1]}.{version[2]}")
    is_installed = CLIENTS_PYTHON.exists() and any(
        CLIENTS_PYTHON.parents[1].glob(f"lib/python*/site-packages/{package}")
    )
    require_installed(is_installed, f"{package} (dependency group `clients`)")
    return str(CLIENTS_PYTHON)


def find_release_program(name):
    """Return the path of a program of the group `release`; skip the test if it is not installed."""
    path = RELEASE_BIN / name
    require_installed(path.exists(), f"{name} (`make release-env`)")
    return str(path)


@dataclass(frozen=True)
class ConnectionSettings:
    """How a client connects and authenticates."""

    tls: str = "none"  # "none", "starttls", "implicit"
    mechanism: str = ""  # "" is no AUTH; "any" leaves the choice to the client
    user: str = ANN
    secret: str = "secret"  # a password, or a token
    certificate: str = ""  # path of the client certificate and its key; "" for none
    lmtp: bool = False
    path: str = ""  # path of a Unix socket; "" is TCP

    @property
    def forced_mechanism(self):
        """The mechanism that the client must use; "" leaves the choice to the client."""
        return "" if self.mechanism == "any" else self.mechanism

    def get_port(self, server):
        """Return the port of the server for this TLS mode."""
        return (server.tls_address if self.tls == "implicit" else server.address)[1]

    def make_context(self, server):
        """Return an `SSLContext` that trusts the server, for clients in Python."""
        context = server.client_context()
        if self.certificate:
            context.load_cert_chain(self.certificate)
        return context


def send_with_smtplib(server, settings):
    """Send a message with smtplib."""
    try:
        _send_with_smtplib(server, settings)
    except OSError as error:  # the base of the exceptions of smtplib and ssl
        raise ClientFailed(str(error)) from error


def _send_with_smtplib(server, settings):
    if settings.lmtp:
        client = smtplib.LMTP(settings.path or HOST, settings.get_port(server))
    elif settings.tls == "implicit":
        client = smtplib.SMTP_SSL(HOST, settings.get_port(server), context=settings.make_context(server))
    else:
        client = smtplib.SMTP(HOST, settings.get_port(server))
    with client:
        if settings.tls == "starttls":
            client.starttls(context=settings.make_context(server))
        if settings.forced_mechanism:
            client.ehlo_or_helo_if_needed()
            client.user, client.password = settings.user, settings.secret
            client.auth(
                settings.forced_mechanism,
                getattr(client, f"auth_{settings.forced_mechanism.lower().replace('-', '_')}"),
            )
        elif settings.mechanism:
            client.login(settings.user, settings.secret)
        # smtplib.LMTP reads only one reply to the content, so it supports only one recipient.
        client.sendmail(ANN, [BOB] if settings.lmtp else [BOB, CAROL], TEXT)


def send_with_aiosmtplib(server, settings):
    """Send a message with aiosmtplib."""
    try:
        asyncio.run(_send_with_aiosmtplib(server, settings))
    except (aiosmtplib.SMTPException, OSError) as error:
        raise ClientFailed(str(error)) from error


async def _send_with_aiosmtplib(server, settings):
    login = {"username": settings.user, "password": settings.secret} if settings.mechanism == "any" else {}
    context = None if settings.tls == "none" else settings.make_context(server)
    client = aiosmtplib.SMTP(
        hostname=HOST, port=settings.get_port(server), use_tls=settings.tls == "implicit",
        start_tls=settings.tls == "starttls", tls_context=context, **login,
    )  # fmt: skip
    async with client:
        if settings.forced_mechanism:
            await client.ehlo()
            await getattr(client, f"auth_{settings.forced_mechanism.lower().replace('-', '')}")(
                settings.user, settings.secret
            )
        await client.sendmail(ANN, [BOB, CAROL], TEXT)


@functools.cache
def _perl_has(module):
    return subprocess.run(["perl", f"-M{module}", "-e1"], capture_output=True, check=False).returncode == 0


def send_with_swaks(server, settings):
    """Send a message with swaks."""
    command = ["swaks", "--from", ANN, "--to", f"{BOB},{CAROL}", "--helo", "swaks.example"]
    command += (
        ["--socket", settings.path] if settings.path else ["--server", HOST, "--port", str(settings.get_port(server))]
    )
    command += ["--protocol", "LMTP"] if settings.lmtp else []
    if settings.tls != "none":
        require_installed(
            shutil.which("swaks") is None or _perl_has("Net::SSLeay"), "Net::SSLeay, which swaks needs for TLS,"
        )
        command += ["--tls" if settings.tls == "starttls" else "--tls-on-connect", "--tls-sni", HOST]
        command += ["--tls-verify", "--tls-ca-path", server.ca_file]
    command += ["--tls-cert", settings.certificate, "--tls-key", settings.certificate] if settings.certificate else []
    if settings.mechanism:
        command += [
            "--auth",
            *filter(None, [settings.forced_mechanism]),
            "--auth-user",
            settings.user,
            "--auth-password",
            settings.secret,
        ]
    run_client(*command)


def send_with_curl(server, settings):
    """Send a message with curl."""
    scheme = "smtps" if settings.tls == "implicit" else "smtp"
    command = [
        "curl",
        "--silent",
        "--show-error",
        "--url",
        f"{scheme}://{HOST}:{settings.get_port(server)}/curl.example",
    ]
    command += ["--mail-from", ANN, "--mail-rcpt", BOB, "--mail-rcpt", CAROL, "--upload-file", "-"]
    command += ["--ssl-reqd", "--cacert", server.ca_file] if settings.tls != "none" else []
    command += ["--cert", settings.certificate] if settings.certificate else []
    if settings.forced_mechanism in {"XOAUTH2", "OAUTHBEARER"}:
        command += ["--user", f"{settings.user}:", "--oauth2-bearer", settings.secret]
    elif settings.forced_mechanism == "EXTERNAL":
        command += ["--user", f"{settings.user}:"]
    elif settings.mechanism:
        command += ["--user", f"{settings.user}:{settings.secret}"]
    command += ["--login-options", f"AUTH={settings.forced_mechanism}"] if settings.forced_mechanism else []
    run_client(*command, text=TEXT)


@functools.cache
def _read_msmtp_methods():
    return run_client("msmtp", "--version").partition("authentication methods:\n")[2].partition("\n")[0].upper().split()


def send_with_msmtp(server, settings):
    """Send a message with msmtp."""
    command = ["msmtp", f"--host={HOST}", f"--port={settings.get_port(server)}", f"--from={ANN}"]
    command += [f"--socket={settings.path}"] if settings.path else []
    command += ["--protocol=lmtp"] if settings.lmtp else []
    if settings.tls == "none":
        command += ["--tls=off"]
    else:
        command += ["--tls=on", f"--tls-starttls={'on' if settings.tls == 'starttls' else 'off'}"]
        command += [f"--tls-trust-file={server.ca_file}"]
    command += [f"--tls-{what}-file={settings.certificate}" for what in ("cert", "key") if settings.certificate]
    if settings.forced_mechanism and settings.forced_mechanism not in _read_msmtp_methods():
        pytest.skip(f"this build of msmtp does not support {settings.forced_mechanism}")
    if settings.mechanism:
        command += [
            f"--auth={settings.forced_mechanism.lower() or 'on'}",
            f"--user={settings.user}",
            f"--passwordeval=echo {settings.secret}",
        ]
    else:
        command += ["--auth=off"]
    run_client(*command, BOB, CAROL, text=TEXT.replace("\r\n", "\n"))


def send_with_nodemailer(server, settings):
    """Send a message with nodemailer."""
    require_installed((NODE_MODULES / "nodemailer").exists(), "nodemailer")
    options = {"secure": settings.tls == "implicit", "requireTLS": settings.tls == "starttls", "lmtp": settings.lmtp}
    if settings.tls != "none":
        options["tls"] = {"ca": Path(server.ca_file).read_text("ascii")}
    if settings.certificate:
        options["tls"] |= dict.fromkeys(("cert", "key"), Path(settings.certificate).read_text("ascii"))
    if settings.forced_mechanism == "XOAUTH2":
        options["auth"] = {"type": "OAuth2", "user": settings.user, "accessToken": settings.secret}
    elif settings.mechanism:
        options["auth"] = {"user": settings.user, "pass": settings.secret}
        options["authMethod"] = settings.forced_mechanism
    script = str(TESTS / "clients" / "nodemailer.cjs")
    run_client("node", script, HOST, str(settings.get_port(server)), json.dumps(options), NODE_PATH=str(NODE_MODULES))


def send_with_openssl(server, settings):
    """Send a message with `openssl s_client`."""
    command = ["openssl", "s_client", "-quiet", "-connect", f"{HOST}:{settings.get_port(server)}", "-servername", HOST]
    command += ["-CAfile", server.ca_file, "-verify_hostname", HOST, "-verify_return_error"]
    command += ["-starttls", "lmtp" if settings.lmtp else "smtp"] if settings.tls == "starttls" else []
    command += ["-cert", settings.certificate, "-key", settings.certificate] if settings.certificate else []
    # The input is a pipe, so all commands are sent at once.  BDAT allows that; DATA must wait for a reply (RFC 3030).
    greeting = "LHLO" if settings.lmtp else "EHLO"
    commands = f"{greeting} openssl.example\r\nMAIL FROM:<{ANN}>\r\nRCPT TO:<{BOB}>\r\nRCPT TO:<{CAROL}>\r\n"
    run_client(*command, text=f"{commands}BDAT {len(TEXT)} LAST\r\n{TEXT}QUIT\r\n")


def log_in_with_gsasl(server, settings):
    """Authenticate with gsasl, which sends no mail."""
    command = [
        "gsasl",
        "--smtp",
        f"--connect={HOST}:{settings.get_port(server)}",
        f"--authentication-id={settings.user}",
    ]
    command += [f"--password={settings.secret}", f"--anonymous-token={settings.user}"]
    command += [f"--mechanism={settings.forced_mechanism}"] if settings.forced_mechanism else []
    # With a TLS channel to bind to, gsasl accepts only the -PLUS mechanisms.
    command += [] if settings.mechanism == "any" or settings.forced_mechanism.endswith("-PLUS") else ["--no-cb"]
    command += ["--no-starttls"] if settings.tls == "none" else [f"--x509-ca-file={server.ca_file}"]
    command += [f"--x509-{what}-file={settings.certificate}" for what in ("cert", "key") if settings.certificate]
    run_client(*command)
