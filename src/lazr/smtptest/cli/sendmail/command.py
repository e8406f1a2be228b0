"""`smtptest sendmail`: replace /usr/sbin/sendmail, and send to a test server.

It imports neither typer nor rich, because applications start it for each mail.
"""

from __future__ import annotations

import getopt
import os
import re
import select
import socket
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from lazr.smtptest.cli.client.mbox import remove_separators
from lazr.smtptest.cli.client.server_url import DEFAULT_SERVER_URL, ServerUrl, parse_server_url
from lazr.smtptest.cli.client.smtp import (
    ConnectionSettings,
    ServerUnreachableError,
    SmtpReplyError,
    describe_refusals,
    open_session,
)
from lazr.smtptest.cli.config.file import ConfigurationError, load_configuration
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.sendmail.exit_codes import ExitCode, choose_exit_code
from lazr.smtptest.cli.sendmail.message import SubmittedMessage, parse_address_list
from lazr.smtptest.smtp_client import deliver

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run"]

# The options of sendmail 8, Postfix and Exim; a colon marks an option with an argument (getopt's syntax).
_SHORT_OPTIONS = "A:B:b:C:cD:e:F:f:Gh:Iil:L:M:mN:nO:o:p:R:r:sTtUV:vX:"
# -q and -d take an optional argument, in the same word only, which getopt cannot parse.
_QUEUE_OPTION = re.compile(r"-[qd].*")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_TRUE_VALUES = ("true", "yes", "1")
_CHUNK_BYTES = 65_536
_CONNECT_TIMEOUT_SECONDS = 60

# The modes of -b; all other modes need a mail queue or a daemon.
_MODES = {"m": "deliver", "s": "smtp", "p": "queue", "i": "nothing"}


class _CommandLine:
    """The options and recipients of the command line."""

    def __init__(self, arguments: Sequence[str]) -> None:
        words = [word for word in arguments if not _QUEUE_OPTION.fullmatch(word)]
        try:
            pairs, self.recipients = getopt.gnu_getopt(words, _SHORT_OPTIONS)
        except getopt.GetoptError as error:
            _exit_with(ExitCode.USAGE, str(error))
        options = dict(pairs)
        self.flush_queue = len(words) < len(arguments) and not self.recipients and "-t" not in options
        self.mode = _MODES.get(options.get("-b", "m"), "")
        if not self.mode:
            _exit_with(ExitCode.USAGE, f"-b{options['-b']} is not supported; use -bm, -bs, -bp or -bi")
        if "-I" in options:
            self.mode = "nothing"
        self.use_header_recipients = "-t" in options
        self.ignore_dots = "-i" in options
        self.verbose = "-v" in options
        self.full_name = options.get("-F", "")
        self.sender = options.get("-f", options.get("-r"))
        for name, value in pairs:
            if name == "-o":
                self.ignore_dots |= value.startswith("i")
            elif name == "-O":
                key, _, setting = value.partition("=")
                self.ignore_dots |= key.lower() == "ignoredots" and setting.lower() in _TRUE_VALUES
        notify, ret, envid, body = (options.get(name, "") for name in ("-N", "-R", "-V", "-B"))
        # RFC 3461 section 4: NOTIFY is a parameter of RCPT, RET and ENVID are parameters of MAIL.
        self.notify_parameters = ["NOTIFY=" + notify.upper()] if notify else []
        self.dsn_parameters = ([f"RET={ret.upper()}"] if ret else []) + (
            [f"ENVID={_encode_xtext(envid)}"] if envid else []
        )
        self.body_parameters = [f"BODY={body.upper()}"] if body.upper() in ("7BIT", "8BITMIME") else []


def run(arguments: Sequence[str], config_file: str | None = None) -> int:
    """Send a message as sendmail does, and return an exit status of sysexits.

    Args:
        arguments: The words after `sendmail` on the command line.
        config_file: The configuration file; found as for the other commands by default.
    """
    try:
        return int(_run(_CommandLine(arguments), config_file))
    except _ExitError as error:
        print(f"sendmail: {error.message}", file=sys.stderr)  # noqa: T201
        return int(error.exit_code)


def _run(command_line: _CommandLine, config_file: str | None) -> ExitCode:
    if command_line.mode == "queue":
        print("Mail queue is empty")  # noqa: T201
        return ExitCode.OK
    if command_line.mode == "nothing" or command_line.flush_queue:
        return ExitCode.OK
    server, settings = _load_connection_settings(config_file)
    if command_line.mode == "smtp":
        return _bridge_standard_streams(server)
    # procmail and mutt pass the separator of an mbox on.
    content = remove_separators(sys.stdin.buffer.read())
    message = SubmittedMessage(content) if command_line.ignore_dots else SubmittedMessage.read_until_dot(content)
    named = [address for argument in command_line.recipients for address in parse_address_list(argument) or [argument]]
    recipients = list(dict.fromkeys(named + (message.recipients if command_line.use_header_recipients else [])))
    if not recipients:
        _exit_with(
            ExitCode.USAGE, "no recipients; add addresses to the command line, or -t to read them from the header"
        )
    for address in (command_line.sender or "", *recipients):
        if re.search(r"[\x00-\x20\x7f<>]", address.strip("<>")):
            _exit_with(
                ExitCode.USAGE, f"invalid address {address!r}: spaces, control characters, < and > are not allowed"
            )
    recipients = [_add_missing_domain(recipient.strip("<>")) for recipient in recipients]
    sender = _add_missing_domain(
        (message.sender or _get_login_name()) if command_line.sender is None else command_line.sender.strip("<>")
    )
    if command_line.use_header_recipients:
        message = message.remove_bcc()
    return _send_message(
        (server, settings),
        command_line,
        sender,
        recipients,
        message.add_missing_fields(sender, command_line.full_name).content,
    )


def _send_message(
    server: tuple[ServerUrl, ConnectionSettings],
    command_line: _CommandLine,
    sender: str,
    recipients: list[str],
    content: bytes,
) -> ExitCode:
    server_url, settings = server
    try:
        with open_session(server_url, settings) as client:
            if command_line.verbose:
                client.set_debuglevel(1)
            dsn = client.has_extn("dsn")
            _, refused = deliver(
                client,
                sender,
                recipients,
                content,
                mail_options=(command_line.dsn_parameters if dsn else [])
                + (command_line.body_parameters if client.has_extn("8bitmime") else []),
                rcpt_options=command_line.notify_parameters if dsn else [],
            )
    except SmtpReplyError as error:
        _exit_with(choose_exit_code(error.reply_code, error.reply_text), str(error))
    except ServerUnreachableError as error:
        _exit_with(ExitCode.NOHOST if error.is_host_unknown else ExitCode.TEMPFAIL, str(error))
    except CommandError as error:
        _exit_with(ExitCode.CONFIG, str(error))
    for line in describe_refusals(refused):
        print(f"sendmail: {server_url}: {line}", file=sys.stderr)  # noqa: T201
    if not refused:
        return ExitCode.OK
    # A permanent refusal decides the exit status.
    code, text = min(refused.values(), key=lambda reply: reply[0] < 500)
    return choose_exit_code(code, text.decode("utf-8", "replace"))


def _bridge_standard_streams(server_url: ServerUrl) -> ExitCode:
    """Connect standard input and output to the server (-bs), so that the caller speaks SMTP."""
    out = sys.stdout.buffer
    try:
        server = socket.create_connection((server_url.host, server_url.port), timeout=_CONNECT_TIMEOUT_SECONDS)
    except OSError as error:
        out.write(f"421 4.3.0 cannot connect to {server_url}: {error.strerror or error}\r\n".encode("ascii", "replace"))
        out.flush()
        return ExitCode.NOHOST if isinstance(error, socket.gaierror) else ExitCode.TEMPFAIL
    client = sys.stdin.fileno()
    last_byte = b""  # shows whether a LF at the start of the next chunk follows a CR
    with server:
        server.settimeout(None)
        watched: list[Any] = [server, client]
        while True:
            readable, _, _ = select.select(watched, [], [])
            if client in readable:
                commands = os.read(client, _CHUNK_BYTES)
                if commands:
                    server.sendall(_BARE_LF.sub(b"\r\n", last_byte + commands)[len(last_byte) :])
                    last_byte = commands[-1:]
                else:
                    watched.remove(client)
                    server.shutdown(socket.SHUT_WR)
            if server in readable:
                replies = server.recv(_CHUNK_BYTES)
                if not replies:
                    return ExitCode.OK
                out.write(replies)
                out.flush()


def _load_connection_settings(config_file: str | None) -> tuple[ServerUrl, ConnectionSettings]:
    """Return server and credentials from the environment, or else from the file."""
    try:
        file = load_configuration(config_file)
        values = {
            name: os.environ.get(f"SMTPTEST_{name.upper().replace('-', '_')}", file.values.get(name))
            for name in ("server", "tls", "starttls", "ca-file", "any-certificate", "user", "password")
        }
        server = parse_server_url(str(values["server"] or DEFAULT_SERVER_URL))
    except (ConfigurationError, ValueError) as error:
        _exit_with(ExitCode.CONFIG, str(error))
    flags = {name: str(values[name] or "").lower() in _TRUE_VALUES for name in ("tls", "starttls", "any-certificate")}
    return server, ConnectionSettings(
        tls=flags["tls"],
        starttls=flags["starttls"],
        ca_file=None if values["ca-file"] is None else str(values["ca-file"]),
        any_certificate=flags["any-certificate"],
        user=None if values["user"] is None else str(values["user"]),
        password=str(values["password"] or ""),
    )


def _get_login_name() -> str:
    """Return the user of this process, which is the sender of a mail that names none."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # in a container, a user ID may have no name
        return "nobody"


def _add_missing_domain(address: str) -> str:
    """Add `@localhost` to an address without a domain, such as cron's `root`.

    The name of the machine would need DNS.
    """
    return address if "@" in address or not address else f"{address}@localhost"


def _encode_xtext(text: str) -> str:
    """Encode text for a parameter (xtext, RFC 3461 section 4)."""
    return "".join(letter if "!" <= letter <= "~" and letter not in "+=" else f"+{ord(letter):02X}" for letter in text)


class _ExitError(Exception):
    def __init__(self, exit_code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message


def _exit_with(exit_code: ExitCode, message: str) -> NoReturn:
    raise _ExitError(exit_code, message)
