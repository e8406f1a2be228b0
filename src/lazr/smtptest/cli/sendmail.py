"""`smtptest sendmail`: what applications call as /usr/sbin/sendmail, sending to a server for tests."""

from __future__ import annotations

import getopt
import os
import re
import select
import socket
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from lazr.smtptest.cli.configuration import BadConfiguration, find
from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.place import DEFAULT, Place, place_of
from lazr.smtptest.cli.smtp import Access, Refusal, Unreachable, session, why
from lazr.smtptest.cli.submission import Submission, addresses_in
from lazr.smtptest.cli.sysexits import Exit, exit_of
from lazr.smtptest.delivery import deliver

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run"]

# Those of sendmail 8, Postfix and Exim.  A colon: it takes an argument, in the same word or the next.
_LETTERS = "A:B:b:C:cD:e:F:f:Gh:Iil:L:M:mN:nO:o:p:R:r:sTtUV:vX:"
# Their argument comes in the same word, or not at all; the queue that they are about is always empty here.
_QUEUE = re.compile(r"-[qd].*")
_LINE_END = re.compile(rb"(?<!\r)\n")
_TRUE = ("true", "yes", "1")

# -b: what it is to be.  What is not here makes no sense without a mail system.
_MODES = {"m": "deliver", "s": "smtp", "p": "queue", "i": "nothing"}


class _Order:
    """What the command line says."""

    def __init__(self, arguments: Sequence[str]) -> None:
        words = [word for word in arguments if not _QUEUE.fullmatch(word)]
        try:
            given, self.recipients = getopt.gnu_getopt(words, _LETTERS)
        except getopt.GetoptError as error:
            _end(Exit.USAGE, str(error))
        options = dict(given)
        self.flushes_queue = len(words) < len(arguments) and not self.recipients and "-t" not in options
        self.mode = _MODES.get(options.get("-b", "m"), "")
        if not self.mode:
            _end(Exit.USAGE, f"-b{options['-b']} is not possible; there are -bm, -bs, -bp and -bi")
        if "-I" in options:
            self.mode = "nothing"
        self.from_header = "-t" in options
        self.ignores_dots = "-i" in options
        self.verbose = "-v" in options
        self.full_name = options.get("-F", "")
        self.sender = options.get("-f", options.get("-r"))
        for name, value in given:
            if name == "-o":
                self.ignores_dots |= value.startswith("i")
            elif name == "-O":
                key, _, wanted = value.partition("=")
                self.ignores_dots |= key.lower() == "ignoredots" and wanted.lower() in _TRUE
        notify, ret, envid, body = (options.get(name, "") for name in ("-N", "-R", "-V", "-B"))
        # RFC 3461 4: the first goes with recipients, the next with the sender.
        self.notify = ["NOTIFY=" + notify.upper()] if notify else []
        self.dsn = ([f"RET={ret.upper()}"] if ret else []) + ([f"ENVID={_xtext(envid)}"] if envid else [])
        self.body = [f"BODY={body.upper()}"] if body.upper() in ("7BIT", "8BITMIME") else []


def run(arguments: Sequence[str], settings: str | None = None) -> int:
    """Do what sendmail would; the exit status, of sysexits.  `settings` is a file to take them from."""
    try:
        return int(_run(_Order(arguments), settings))
    except _Ended as ended:
        print(f"sendmail: {ended.said}", file=sys.stderr)  # noqa: T201
        return int(ended.status)


def _run(order: _Order, settings: str | None) -> Exit:
    if order.mode == "queue":
        print("Mail queue is empty")  # noqa: T201
        return Exit.OK
    if order.mode == "nothing" or order.flushes_queue:
        return Exit.OK
    place, access = _settings(settings)
    if order.mode == "smtp":
        return _relay(place)
    octets = sys.stdin.buffer.read()
    submission = Submission(octets) if order.ignores_dots else Submission.until_dot(octets)
    named = [address for argument in order.recipients for address in addresses_in(argument) or [argument]]
    recipients = list(dict.fromkeys(named + (submission.recipients if order.from_header else [])))
    if not recipients:
        _end(Exit.USAGE, "no recipients: name them, or have them read out of the header with -t")
    for address in (order.sender or "", *recipients):
        if re.search(r"[\x00-\x20\x7f<>]", address.strip("<>")):
            _end(Exit.USAGE, f"{address!r} is no address")
    recipients = [_whole(recipient.strip("<>")) for recipient in recipients]
    sender = _whole((submission.sender or _login()) if order.sender is None else order.sender.strip("<>"))
    if order.from_header:
        submission = submission.without_bcc()
    return _send((place, access), order, sender, recipients, submission.completed(sender, order.full_name).content)


def _send(server: tuple[Place, Access], order: _Order, sender: str, recipients: list[str], content: bytes) -> Exit:
    place, access = server
    try:
        with session(place, access) as client:
            if order.verbose:
                client.set_debuglevel(1)
            dsn = client.has_extn("dsn")
            _, refused = deliver(
                client,
                sender,
                recipients,
                content,
                mail_options=(order.dsn if dsn else []) + (order.body if client.has_extn("8bitmime") else []),
                rcpt_options=order.notify if dsn else [],
            )
    except Refusal as error:
        _end(exit_of(error.code, error.text), str(error))
    except Unreachable as error:
        _end(Exit.NOHOST if error.unknown else Exit.TEMPFAIL, str(error))
    except Failure as error:
        _end(Exit.CONFIG, str(error))
    for line in why(refused):
        print(f"sendmail: {place}: {line}", file=sys.stderr)  # noqa: T201
    # Who sent to several learns of the one that cannot be helped.
    code, said = min(refused.values(), key=lambda reply: reply[0] < 500, default=(250, b""))
    return exit_of(code, said.decode("utf-8", "replace")) if refused else Exit.OK


def _relay(place: Place) -> Exit:
    """-bs: standard input and output speak SMTP with the server, as if they were connected to it."""
    out = sys.stdout.buffer
    try:
        server = socket.create_connection((place.host, place.port), timeout=60)
    except OSError as error:
        out.write(f"421 4.3.0 {place} cannot be reached: {error.strerror or error}\r\n".encode("ascii", "replace"))
        out.flush()
        return Exit.NOHOST if isinstance(error, socket.gaierror) else Exit.TEMPFAIL
    client = sys.stdin.fileno()
    last = b""
    with server:
        server.settimeout(None)
        watched: list[Any] = [server, client]
        while True:
            readable, _, _ = select.select(watched, [], [])
            if client in readable:
                octets = os.read(client, 65536)
                if octets:
                    server.sendall(_LINE_END.sub(b"\r\n", last + octets)[len(last) :])
                    last = octets[-1:]
                else:
                    watched.remove(client)
                    server.shutdown(socket.SHUT_WR)
            if server in readable:
                said = server.recv(65536)
                if not said:
                    return Exit.OK
                out.write(said)
                out.flush()


def _settings(named: str | None) -> tuple[Place, Access]:
    """The server and how to come in: from the environment, else from the file of settings."""
    try:
        file = find(named)
        values = {
            name: os.environ.get(f"SMTPTEST_{name.upper().replace('-', '_')}", file.values.get(name))
            for name in ("server", "tls", "starttls", "ca-file", "any-certificate", "user", "password")
        }
        place = place_of(str(values["server"] or DEFAULT))
    except (BadConfiguration, ValueError) as error:
        _end(Exit.CONFIG, str(error))
    on = {name: str(values[name] or "").lower() in _TRUE for name in ("tls", "starttls", "any-certificate")}
    return place, Access(
        tls=on["tls"],
        starttls=on["starttls"],
        ca_file=None if values["ca-file"] is None else str(values["ca-file"]),
        any_certificate=on["any-certificate"],
        user=None if values["user"] is None else str(values["user"]),
        password=str(values["password"] or ""),
    )


def _login() -> str:
    """Who calls: sendmail takes its name where nobody says whom a mail is from."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # in a container, a user may have no name
        return "nobody"


def _whole(address: str) -> str:
    """With a domain, if it has none, as of cron's `root`; not this machine's, whose name DNS would have."""
    return address if "@" in address or not address else f"{address}@localhost"


def _xtext(text: str) -> str:
    """RFC 3461 4: what may stand in a parameter."""
    return "".join(letter if "!" <= letter <= "~" and letter not in "+=" else f"+{ord(letter):02X}" for letter in text)


class _Ended(Exception):
    def __init__(self, status: Exit, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


def _end(status: Exit, said: str) -> NoReturn:
    raise _Ended(status, said)
