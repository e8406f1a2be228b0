"""The command line: `smtptest serve` catches mail and prints it."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import queue
import signal
import sys
import textwrap
import threading

from lazr.smtptest import __version__
from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.mailserver import MailServer, mail_of
from lazr.smtptest.protocol.smtp.auth import Auth
from lazr.smtptest.protocol.smtp.event import EndOfData
from lazr.smtptest.protocol.smtp.leniency import Lenient
from lazr.smtptest.protocol.smtp.limits import Limits
from lazr.smtptest.protocol.smtp.reply import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType
    from typing import Literal, TextIO

    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.protocol.smtp.event import Event

__all__ = ["main"]

_HEADERS = ("From", "To", "Cc", "Reply-To", "Date", "Message-ID", "Subject")
_BUSY = Reply(452, "4.3.1", "Printing is behind, try later")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the process's exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _serve(options.host, options.smtp_port, options.tls, sys.stdout)
    except MissingExtra as error:
        print(f"smtptest: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:
        hint = "; --smtp-port 0 takes any free one" if error.errno == errno.EADDRINUSE else ""
        print(f"smtptest: {error.strerror or error}{hint}", file=sys.stderr)  # noqa: T201
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smtptest", description="A real SMTP server for tests.")
    parser.add_argument("--version", action="version", version=f"smtptest {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="catch mail and print it as it arrives",
        description="Catch mail and print it as it arrives; nothing is delivered anywhere.  Ctrl-C stops.",
        epilog="example: smtptest serve --smtp-port 2525",
    )
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    serve.add_argument(
        "--smtp-port", type=_port, default=1025, help="the port to listen on, 0 for any free one (default: %(default)s)"
    )
    serve.add_argument(
        "--tls",
        choices=("starttls", "implicit", "both"),
        help='offer TLS, with a certificate made for this run (needs pip install "lazr.smtptest[tls]")',
    )
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; a port is a number from 0 to 65535")
    return int(text)


def _serve(host: str, port: int, tls: Literal["starttls", "implicit", "both"] | None, out: TextIO) -> int:
    # The server's thread never waits for the terminal.  What cannot be printed soon enough is not
    # accepted, so nothing that was acknowledged is missing from the output.
    happened: queue.Queue[EndOfData | str | None] = queue.Queue(maxsize=1000)

    def decide(event: Event, reply: Reply) -> Reply:
        try:
            if isinstance(event, EndOfData) and reply.positive:
                happened.put_nowait(event)
            elif not reply.positive:
                happened.put_nowait(f"refused {event.said()}: {' / '.join(str(reply).splitlines())}")
        except queue.Full:
            return _BUSY if isinstance(event, EndOfData) else reply
        return reply

    def terminate(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # A catcher is to catch: whatever an application under development sends, as far as it can be read.
    server = MailServer(
        host,
        port,
        decide=decide,
        keep_mails=False,
        limits=Limits(session_memory=1024 * 1024),
        lenient=Lenient.all(),
        bare_line_ends="accept",
        auth=Auth("any", in_clear=True),
        tls=tls,
    )
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")  # nothing that a mail holds may end the printing
    printer = _Printer(happened, out)
    earlier = signal.signal(signal.SIGTERM, terminate)
    printer.start()
    try:
        with contextlib.suppress(KeyboardInterrupt), server:
            places = [server.url]
            if tls == "both":
                places.append("smtps://{}:{}".format(*server.tls_address))
            trust = f"; clients are to trust {server.ca_file}" if tls else ""
            print(f"listening on {' and '.join(places)}{trust}; Ctrl-C stops", file=out, flush=True)
            printer.ended.wait()
    finally:
        signal.signal(signal.SIGTERM, earlier)
    return printer.finish()


class _Printer(threading.Thread):
    """Prints what happened, in a thread that no signal interrupts: what it took, it prints."""

    def __init__(self, happened: queue.Queue[EndOfData | str | None], out: TextIO) -> None:
        super().__init__(name="smtptest printer", daemon=True)
        self.ended = threading.Event()
        self._status = 0
        self._happened = happened
        self._out = out
        self._paint = _Paint(colours=out.isatty() and "NO_COLOR" not in os.environ)

    def run(self) -> None:
        try:
            self._print_all()
        except BrokenPipeError:  # whoever read our output has gone; nobody is left to tell
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the interpreter's last flush
        except OSError as error:
            self._status = 1
            print(f"smtptest: cannot print any more: {error}", file=sys.stderr)  # noqa: T201
        finally:
            self.ended.set()

    def finish(self) -> int:
        """Print what is left, and end; the exit status."""
        while not self.ended.is_set():
            with contextlib.suppress(queue.Full):
                self._happened.put(None, timeout=0.1)
                break
        self.join()
        return self._status

    def _print_all(self) -> None:
        count = 0
        while (thing := self._happened.get()) is not None:
            if isinstance(thing, str):
                text = self._paint.refusal(thing)
            else:
                count += 1
                text = self._paint.mail(mail_of(thing, str(count)))
            print(text, file=self._out, flush=True)
        print(f"stopped; {count} mail{'' if count == 1 else 's'} received", file=self._out, flush=True)


class _Paint:
    """Mails and refusals as text for a terminal, or plain for a pipe."""

    def __init__(self, *, colours: bool) -> None:
        self._bold, self._dim, self._red, self._end = (
            ("\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m") if colours else ("", "", "", "")
        )

    def refusal(self, text: str) -> str:
        return f"{self._red}{text}{self._end}"

    def mail(self, mail: Mail) -> str:
        envelope = mail.envelope
        facts = (
            f"── mail {mail.id}",
            f"{mail.received_at:%H:%M:%S} UTC",
            f"{mail.size:,} octets",
            f"from {envelope.peer} ({_visible(envelope.helo)})",
        )
        lines = [
            f"{self._bold}{' ── '.join(facts)}{self._end}",
            f"{self._dim}MAIL FROM{self._end} <{_visible(envelope.mail_from)}>{_parameters(envelope.mail_parameters)}",
        ]
        for recipient, parameters in zip(envelope.rcpt_tos, envelope.rcpt_parameters, strict=True):
            lines.append(f"{self._dim}RCPT TO{self._end}   <{_visible(recipient)}>{_parameters(parameters)}")
        lines.append("")
        lines += self._message(mail)
        return "\n".join(lines) + "\n"

    def _message(self, mail: Mail) -> list[str]:
        lines = []
        for name in _HEADERS:
            value = mail.header(name)
            if value:
                lines.append(f"{self._dim}{name}:{self._end} {_visible(value, keep_lines=False)}")
        text = mail.text
        if text:
            said = [f"  {self._dim}(text of the HTML){self._end}"] if mail.text_is_derived else []
            lines += ["", *said, textwrap.indent(_visible(text.rstrip("\n")), "  ")]
        others = [f"  also: (text/html, {len(mail.html):,} characters)"] if mail.html else []
        for part in mail.attachments:
            name = _visible(part.filename, keep_lines=False)
            kind = "shown in the HTML" if part.inline else "attached"
            others.append(
                f"  {kind}: {f'{name} ' if name else ''}({_visible(part.content_type)}, {len(part.content):,} octets)"
            )
        defects = [f"  {self._red}{_visible(str(defect), keep_lines=False)}{self._end}" for defect in mail.defects[:5]]
        if others or defects:
            lines.append("")
        return lines + others + defects


def _parameters(parameters: Mapping[str, str]) -> str:
    return "".join(f" {key}={value}" if value else f" {key}" for key, value in parameters.items())


def _visible(text: str, *, keep_lines: bool = True) -> str:
    """Text from a stranger, for a terminal: what could steer one is shown as an escape."""
    return "".join(
        character
        if character.isprintable() or (character in "\n\t" and keep_lines)
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
