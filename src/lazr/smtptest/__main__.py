"""Print received mails: `python -m lazr.smtptest`, which needs no other package.

It is the successor of `python -m smtpd -n -c DebuggingServer localhost:1025`, which Python 3.12 removed.  With
`--check HOST:PORT`, it is a health check of an SMTP server instead.  With a command, such as `serve`, it is the program
`smtptest`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import signal
import socket
import sys

from lazr.smtptest import __version__
from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest._util.host_port import format_host_port, split_host_port
from lazr.smtptest.mailserver import MailServer, ServerObserver
from lazr.smtptest.protocol.smtp import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal, TextIO

    from lazr.smtptest.mail import Mail

__all__ = ["main"]

_CHECK_TIMEOUT_SECONDS = 5.0
_MAX_GREETING_BYTES = 512  # RFC 5321 4.5.3.1.5

# Mails that are received and not printed yet; the next one is refused with 452.
_MAX_QUEUED_MAILS = 100
_BUSY_REPLY = Reply(452, "4.3.1", "Printing is behind, try later")

# Ctrl-C does not interrupt a wait for a queue on Windows, so the wait is short.
_POLL_SECONDS = 0.5

_START = "---------- MESSAGE FOLLOWS ----------"
_DECODED = "---------- TEXT, DECODED ----------"
_END = "------------ END MESSAGE ------------"

# Options of the program `smtptest` that stand before its command.
_SMTPTEST_OPTIONS = ("--config", "--install-completion", "--show-completion")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit status of the process.

    Args:
        arguments: The words after `python -m lazr.smtptest`; those of `sys.argv` by default.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and (_is_command(words[0]) or words[0].partition("=")[0] in _SMTPTEST_OPTIONS):
        from lazr.smtptest.cli import main as run_smtptest

        return run_smtptest(arguments)
    parser = _build_parser()
    options = parser.parse_args(words)
    if options.check is not None:
        return _check(parser, options.check)
    host, port = (options.host.strip("[]"), options.port)
    if options.address is not None:
        host, port = _parse_address(parser, options.address)
    return _print_mails(host, port, options.protocol, is_quiet=options.quiet)


def _is_command(word: str) -> bool:
    return not word.startswith("-") and ":" not in word


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lazr.smtptest",
        description="Receive mails by SMTP and print them, until Ctrl-C. Nothing is stored or sent on.",
        epilog="With a command, such as `serve`, this is the program `smtptest`; see `smtptest --help`.",
        allow_abbrev=False,
    )
    parser.add_argument("address", nargs="?", metavar="HOST:PORT", help="address to listen on, as for smtpd")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_parse_port, default=1025, help="port to listen on, 0 for any free one (default: %(default)s)"
    )
    parser.add_argument("--protocol", choices=("smtp", "lmtp"), default="smtp", help="default: %(default)s")
    parser.add_argument("-q", "--quiet", action="store_true", help="print the envelopes, not the contents")
    parser.add_argument(
        "--check",
        metavar="HOST:PORT",
        help="exit with status 0 if an SMTP server greets with 220 there within 5 seconds, otherwise with 1",
    )
    parser.add_argument("-n", "--nosetuid", action="store_true", help="ignored, as is -c; for scripts that ran smtpd")
    parser.add_argument(
        "-c",
        "--class",
        dest="smtpd_class",
        choices=("DebuggingServer", "smtpd.DebuggingServer"),
        default=None,
        help=argparse.SUPPRESS,
    )
    parser.add_argument("--version", action="version", version=f"smtptest {__version__}")
    return parser


def _parse_port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"port must be 0-65535, got {text!r}")
    return int(text)


def _parse_address(parser: argparse.ArgumentParser, text: str) -> tuple[str, int]:
    host, port = split_host_port(text)
    if not host or not port:
        parser.error(f"expected HOST:PORT, such as 127.0.0.1:1025 or [::1]:1025, got {text!r}")
    try:
        return host, _parse_port(port)
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))


# -- the printing server ------------------------------------------------------------------------


class _QueueObserver(ServerObserver):
    """Queue mails for the main thread, which prints them; None ends the printing."""

    def __init__(self, max_mails: int = _MAX_QUEUED_MAILS) -> None:
        # A signal handler may put into a `SimpleQueue` while the same thread waits for it.
        self.mails: queue.SimpleQueue[Mail | None] = queue.SimpleQueue()
        self._max_mails = max_mails

    def on_mail_received(self, mail: Mail) -> Reply | None:
        """Queue the mail; refuse it with 452 if the output is too slow."""
        if self.mails.qsize() >= self._max_mails:
            return _BUSY_REPLY
        self.mails.put(mail)
        return None


def _print_mails(host: str, port: int, protocol: Literal["smtp", "lmtp"], *, is_quiet: bool) -> int:
    observer = _QueueObserver()
    status = 0
    try:
        with (
            _stopping_at_signals(observer.mails),
            MailServer(host, port, protocol=protocol, keep_mails=False, observer=observer) as server,
        ):
            _write(sys.stderr, f"Listening on {protocol}://{format_host_port(*server.address)}, Ctrl-C stops.")
            while status == 0 and (mail := _wait_for_mail(observer.mails)) is not None:
                status = _print_mail(mail, is_quiet=is_quiet)
    except OSError as error:
        return _fail(f"cannot listen on {format_host_port(host, port)}: {_describe(error)}; --port 0 takes a free port")
    while status == 0 and not observer.mails.empty():
        mail = observer.mails.get_nowait()
        status = 0 if mail is None else _print_mail(mail, is_quiet=is_quiet)
    return status


@contextlib.contextmanager
def _stopping_at_signals(mails: queue.SimpleQueue[Mail | None]) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM end the printing, and the second one the process."""

    def handle(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        mails.put(None)

    # SIGINT, too: some shells ignore it for background jobs.
    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _wait_for_mail(mails: queue.SimpleQueue[Mail | None]) -> Mail | None:
    while True:
        with contextlib.suppress(queue.Empty):
            return mails.get(timeout=_POLL_SECONDS)


def _print_mail(mail: Mail, *, is_quiet: bool) -> int:
    """Print a mail; return 1 if the output is closed, otherwise 0."""
    try:
        _write(sys.stdout, _render_mail(mail, is_quiet=is_quiet))
    except BrokenPipeError:
        # Python would report the error again when it flushes the stream at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _render_mail(mail: Mail, *, is_quiet: bool) -> str:
    """Return the envelope and the content, without characters that could steer a terminal."""
    envelope = mail.envelope
    lines = [f"MAIL FROM:<{envelope.mail_from}>", *(f"RCPT TO:<{address}>" for address in envelope.rcpt_tos)]
    if not is_quiet:
        content = _decode(mail.content)
        lines += ["", content.rstrip("\n")]
        text = mail.text.strip()
        if text and text not in content:  # base64 or quoted-printable
            lines += [_DECODED, text]
    return "\n".join([_START, *(escape_unprintable(line, multiline=True) for line in lines), _END])


def _decode(content: bytes) -> str:
    return content.decode("utf-8", "replace").replace("\r\n", "\n")


# -- the health check ---------------------------------------------------------------------------


def _check(parser: argparse.ArgumentParser, address: str) -> int:
    """Return 0 if a server greets with 220 at this address, otherwise 1."""
    host, port = _parse_address(parser, address)
    try:
        greeting = _read_greeting(host, port)
    except OSError as error:
        return _fail(f"no SMTP server at {address}: {_describe(error)}")
    if not greeting.startswith(b"220"):
        came = escape_unprintable(_decode(greeting).strip()) if greeting else "nothing"
        return _fail(f"no SMTP server at {address}: expected a greeting with 220, got {came}")
    return 0


def _read_greeting(host: str, port: int) -> bytes:
    deadline = monotonic() + _CHECK_TIMEOUT_SECONDS
    greeting = b""
    with socket.create_connection((host, port), _CHECK_TIMEOUT_SECONDS) as connected:
        while b"\n" not in greeting and len(greeting) < _MAX_GREETING_BYTES:
            connected.settimeout(max(deadline - monotonic(), 0.001))
            received = connected.recv(_MAX_GREETING_BYTES)
            if not received:
                break
            greeting += received
        with contextlib.suppress(OSError):
            connected.sendall(b"QUIT\r\n")
    return greeting.partition(b"\n")[0]


# -- output -------------------------------------------------------------------------------------


def _describe(error: OSError) -> str:
    return str(error.strerror or error).partition(": cannot listen on ")[0]


def _fail(message: str) -> int:
    _write(sys.stderr, f"python -m lazr.smtptest: {message}")
    return 1


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
