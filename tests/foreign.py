"""Clients that we did not write, each told in its own words where the server is, whom to trust, and who it is.

A client that the machine lacks is skipped, visibly; with SMTPTEST_ALL_CLIENTS set, as on CI, it fails.
"""

import asyncio
import functools
import json
import os
import shutil
import smtplib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import aiosmtplib
import pytest

HERE = Path(__file__).parent
NODE_MODULES = HERE.parent / ".cache" / "node" / "node_modules"

ANN, BOB, CAROL = "ann@example.com", "bob@example.com", "carol@example.com"
TEXT = f"From: {ANN}\r\nTo: {BOB}\r\nSubject: by hand\r\n\r\nHello\r\n.\r\n..dots\r\nend\r\n"
# By its name, for a client asks for no other server's certificate by an IP address (RFC 6066 3).
HOST = "localhost"


class Failed(Exception):
    """The client says that it could not do it."""


def need(condition, what):
    if not condition:
        assert "SMTPTEST_ALL_CLIENTS" not in os.environ, f"{what} is not here"
        pytest.skip(f"{what} is not on this machine")


def run(*command, text="", **environment):
    """What the command said.  Raises `Failed` where it ended with an error."""
    need(shutil.which(command[0]), command[0])
    environment = os.environ | {"LC_ALL": "C"} | environment  # some of them speak many languages
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False, env=environment)
    if done.returncode:
        raise Failed(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Way:
    """How a client is to come, and as whom."""

    tls: str = "none"  # "none", "starttls", "implicit"
    mechanism: str = ""  # "" is no AUTH; "any" leaves the choice to the client
    user: str = ANN
    secret: str = "secret"  # a password, or a token
    certificate: str = ""  # the path of the client's own, with its key; "" for none
    lmtp: bool = False
    path: str = ""  # of a Unix socket; "" is TCP

    @property
    def named(self):
        """The mechanism that the client is told to use; "" where it is not told."""
        return "" if self.mechanism == "any" else self.mechanism

    def port(self, server):
        return (server.tls_address if self.tls == "implicit" else server.address)[1]

    def context(self, server):
        """For clients in Python."""
        context = server.client_context()
        if self.certificate:
            context.load_cert_chain(self.certificate)
        return context


def by_smtplib(server, way):
    try:
        _by_smtplib(server, way)
    except OSError as error:  # its own exceptions, and those of ssl
        raise Failed(str(error)) from error


def _by_smtplib(server, way):
    if way.lmtp:
        client = smtplib.LMTP(way.path or HOST, way.port(server))
    elif way.tls == "implicit":
        client = smtplib.SMTP_SSL(HOST, way.port(server), context=way.context(server))
    else:
        client = smtplib.SMTP(HOST, way.port(server))
    with client:
        if way.tls == "starttls":
            client.starttls(context=way.context(server))
        if way.named:
            client.ehlo_or_helo_if_needed()
            client.user, client.password = way.user, way.secret
            client.auth(way.named, getattr(client, f"auth_{way.named.lower().replace('-', '_')}"))
        elif way.mechanism:
            client.login(way.user, way.secret)
        # Its LMTP reads one reply to the content, so one recipient is all that it can serve.
        client.sendmail(ANN, [BOB] if way.lmtp else [BOB, CAROL], TEXT)


def by_aiosmtplib(server, way):
    try:
        asyncio.run(_by_aiosmtplib(server, way))
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Failed(str(error)) from error


async def _by_aiosmtplib(server, way):
    login = {"username": way.user, "password": way.secret} if way.mechanism == "any" else {}
    context = None if way.tls == "none" else way.context(server)
    client = aiosmtplib.SMTP(
        hostname=HOST, port=way.port(server), use_tls=way.tls == "implicit", start_tls=way.tls == "starttls",
        tls_context=context, **login,
    )  # fmt: skip
    async with client:
        if way.named:
            await client.ehlo()
            await getattr(client, f"auth_{way.named.lower().replace('-', '')}")(way.user, way.secret)
        await client.sendmail(ANN, [BOB, CAROL], TEXT)


@functools.cache
def _perl_has(module):
    return subprocess.run(["perl", f"-M{module}", "-e1"], capture_output=True, check=False).returncode == 0


def by_swaks(server, way):
    command = ["swaks", "--from", ANN, "--to", f"{BOB},{CAROL}", "--helo", "swaks.example"]
    command += ["--socket", way.path] if way.path else ["--server", HOST, "--port", str(way.port(server))]
    command += ["--protocol", "LMTP"] if way.lmtp else []
    if way.tls != "none":
        need(shutil.which("swaks") is None or _perl_has("Net::SSLeay"), "Net::SSLeay, by which swaks speaks TLS,")
        command += ["--tls" if way.tls == "starttls" else "--tls-on-connect", "--tls-sni", HOST]
        command += ["--tls-verify", "--tls-ca-path", server.ca_file]
    command += ["--tls-cert", way.certificate, "--tls-key", way.certificate] if way.certificate else []
    if way.mechanism:
        command += ["--auth", *filter(None, [way.named]), "--auth-user", way.user, "--auth-password", way.secret]
    run(*command)


def by_curl(server, way):
    scheme = "smtps" if way.tls == "implicit" else "smtp"
    command = ["curl", "--silent", "--show-error", "--url", f"{scheme}://{HOST}:{way.port(server)}/curl.example"]
    command += ["--mail-from", ANN, "--mail-rcpt", BOB, "--mail-rcpt", CAROL, "--upload-file", "-"]
    command += ["--ssl-reqd", "--cacert", server.ca_file] if way.tls != "none" else []
    command += ["--cert", way.certificate] if way.certificate else []
    if way.named in {"XOAUTH2", "OAUTHBEARER"}:
        command += ["--user", f"{way.user}:", "--oauth2-bearer", way.secret]
    elif way.named == "EXTERNAL":
        command += ["--user", f"{way.user}:"]
    elif way.mechanism:
        command += ["--user", f"{way.user}:{way.secret}"]
    command += ["--login-options", f"AUTH={way.named}"] if way.named else []
    run(*command, text=TEXT)


@functools.cache
def _methods_of_msmtp():
    return run("msmtp", "--version").partition("authentication methods:\n")[2].partition("\n")[0].upper().split()


def by_msmtp(server, way):
    command = ["msmtp", f"--host={HOST}", f"--port={way.port(server)}", f"--from={ANN}"]
    command += [f"--socket={way.path}"] if way.path else []
    command += ["--protocol=lmtp"] if way.lmtp else []
    if way.tls == "none":
        command += ["--tls=off"]
    else:
        command += ["--tls=on", f"--tls-starttls={'on' if way.tls == 'starttls' else 'off'}"]
        command += [f"--tls-trust-file={server.ca_file}"]
    command += [f"--tls-{what}-file={way.certificate}" for what in ("cert", "key") if way.certificate]
    if way.named and way.named not in _methods_of_msmtp():
        pytest.skip(f"this build of msmtp has no {way.named}")
    if way.mechanism:
        command += [f"--auth={way.named.lower() or 'on'}", f"--user={way.user}", f"--passwordeval=echo {way.secret}"]
    else:
        command += ["--auth=off"]
    run(*command, BOB, CAROL, text=TEXT.replace("\r\n", "\n"))


def by_nodemailer(server, way):
    need((NODE_MODULES / "nodemailer").exists(), "nodemailer")
    settings = {"secure": way.tls == "implicit", "requireTLS": way.tls == "starttls", "lmtp": way.lmtp}
    if way.tls != "none":
        settings["tls"] = {"ca": Path(server.ca_file).read_text("ascii")}
    if way.certificate:
        settings["tls"] |= dict.fromkeys(("cert", "key"), Path(way.certificate).read_text("ascii"))
    if way.named == "XOAUTH2":
        settings["auth"] = {"type": "OAuth2", "user": way.user, "accessToken": way.secret}
    elif way.mechanism:
        settings["auth"] = {"user": way.user, "pass": way.secret}
        settings["authMethod"] = way.named
    script = str(HERE / "clients" / "nodemailer.cjs")
    run("node", script, HOST, str(way.port(server)), json.dumps(settings), NODE_PATH=str(NODE_MODULES))


def by_openssl(server, way):
    command = ["openssl", "s_client", "-quiet", "-connect", f"{HOST}:{way.port(server)}", "-servername", HOST]
    command += ["-CAfile", server.ca_file, "-verify_hostname", HOST, "-verify_return_error"]
    command += ["-starttls", "lmtp" if way.lmtp else "smtp"] if way.tls == "starttls" else []
    command += ["-cert", way.certificate, "-key", way.certificate] if way.certificate else []
    # What it says is ours, and said in one go, for a pipe does not wait; nor has BDAT to, where DATA would.
    greeting = "LHLO" if way.lmtp else "EHLO"
    commands = f"{greeting} openssl.example\r\nMAIL FROM:<{ANN}>\r\nRCPT TO:<{BOB}>\r\nRCPT TO:<{CAROL}>\r\n"
    run(*command, text=f"{commands}BDAT {len(TEXT)} LAST\r\n{TEXT}QUIT\r\n")


def by_gsasl(server, way):
    """It authenticates, and that is all: it sends no mail."""
    command = ["gsasl", "--smtp", f"--connect={HOST}:{way.port(server)}", f"--authentication-id={way.user}"]
    command += [f"--password={way.secret}", f"--anonymous-token={way.user}"]
    command += [f"--mechanism={way.named}"] if way.named else []
    # Told of a channel that it could bind to, it does not do without.
    command += [] if way.mechanism == "any" or way.named.endswith("-PLUS") else ["--no-cb"]
    command += ["--no-starttls"] if way.tls == "none" else [f"--x509-ca-file={server.ca_file}"]
    command += [f"--x509-{what}-file={way.certificate}" for what in ("cert", "key") if way.certificate]
    run(*command)
