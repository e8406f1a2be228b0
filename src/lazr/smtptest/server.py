"""The API of 2009: servers to subclass, on top of `MailServer`.

`MailServer`, the current API, is in `mailserver/server.py`.

The historical behavior is only here: RSET clears caught mail, EXIT stops the server, and `process_message` gets LF line
ends.
"""

from __future__ import annotations

import logging
import re
import socket
from queue import Empty

from lazr.smtptest import __version__
from lazr.smtptest._util.host_port import split_host_port
from lazr.smtptest.mail import parse_compat32
from lazr.smtptest.mailserver import MailServer
from lazr.smtptest.protocol.smtp import EndOfData, Lenient, Limits, Reply, Rset, Unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message
    from typing import Any, ClassVar, Protocol

    from lazr.smtptest.protocol.smtp import Event, Extension

    class MessageQueue(Protocol):
        """The queue of a `QueueServer`, such as `queue.Queue`."""

        def put(self, message: Message, /) -> object:
            """Add a message."""

        def get_nowait(self) -> Message:
            """Remove and return a message, or raise `queue.Empty`."""


__all__ = ["QueueServer", "Server"]


def __getattr__(name: str) -> object:
    if name == "Channel":
        # An AttributeError would become "cannot import name", without this text.
        raise ImportError(
            "lazr.smtptest.server has no Channel since version 3; override `decide` of Server instead: "
            "docs/how-to/upgrading.md describes it"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


log: logging.Logger = logging.getLogger("lazr.smtptest")

_RESULT = re.compile(r"([2-5][0-5][0-9])[ -]?(?:([245]\.[0-9]{1,3}\.[0-9]{1,3}) )?(.*)", re.DOTALL)


class Server:
    """An SMTP server that passes each message to `handle_message`.

    Subclass it, and run it with a `Controller`.

    The server listens on `host` and `port` as soon as it is constructed.  Port 0 takes any free one, and `port` is then
    the actual one.  Raises `OSError` if the port is taken.

    Class attributes for subclasses:

    - `clear_on_rset`: Whether RSET of a client calls `reset()`; True by default.  smtplib sends RSET after a refused
      recipient, which then clears earlier mail.  With False, RSET only aborts the transaction (RFC 5321 4.1.1.5).
    - `stop_deadline`: The longest time that stopping may take before it raises `StopTimeout`, in seconds; 5 by default.
    - `limits`, `lenient`, `extensions`: As the parameters of `MailServer`; all leniencies are on by default.

    >>> class Printing(Server):
    ...     def handle_message(self, message):
    ...         print(message["Subject"], message["X-RcptTo"])
    >>> from smtplib import SMTP
    >>> from lazr.smtptest.controller import Controller
    >>> controller = Controller(Printing("localhost", 0))
    >>> controller.start()
    >>> with SMTP(controller.server.host, controller.server.port) as client:
    ...     _ = client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\\n\\nHello")
    Hi bob@example.com
    >>> controller.stop()
    """

    clear_on_rset: ClassVar[bool] = True
    stop_deadline: ClassVar[float] = 5.0
    limits: ClassVar[Limits | None] = Limits(errors=None, commands_without_mail=None)
    lenient: ClassVar[Lenient | None] = Lenient.all()
    extensions: ClassVar[Iterable[Extension | str] | None] = None

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        # gethostname() makes no DNS query.
        name = socket.gethostname() or "localhost"
        self._engine = MailServer(
            host,
            port,
            hostname=name,
            greeting=f"Python SMTP proxy version {__version__}",
            limits=self.limits,
            lenient=self.lenient,
            extensions=self.extensions,
            bare_line_ends="accept",
            decide=self._decide,
            keep_mails=False,
        )
        self._engine.bind()
        self.port: int = self._engine.port
        log.info("[SMTPServer] listening: %s:%s", host, self.port)

    # -- to override -------------------------------------------------------------------------

    def handle_message(self, message: Message) -> None:
        """Process a message; called in the server's thread, before the client gets 250.

        The message has the additional headers `X-Peer`, `X-MailFrom` and `X-RcptTo` (joined with `, `) at the end of
        its own.  An exception is answered with 451, and the controller raises it again.
        """

    def reset(self) -> None:
        """Clear the state of the server; called by RSET and by `Controller.reset`."""
        log.info("[SMTPServer] reset")

    def decide(self, event: Event, reply: Reply) -> Reply:
        """Return the reply to a command: `reply`, or another one.

        This replaces subclassing `Channel`.  `lazr.smtptest.protocol.smtp.events` lists the events.
        """
        return reply

    def process_message(
        self, peer: tuple[str, int], mailfrom: str, rcpttos: list[str], data: bytes, **kwargs: Any
    ) -> str | None:
        """Parse the content of a transaction and call `handle_message`.

        The parameters are those of `smtpd.SMTPServer.process_message`.

        Args:
            peer: Host and port of the client.
            mailfrom: The reverse-path; `"<>"` if it is null.
            rcpttos: The recipients.
            data: The content with LF line ends, without the last one.
            kwargs: `mail_options` and `rcpt_options`: the ESMTP parameters, as lists of strings.

        Returns None for 250, or a reply such as `"550 No"`.
        """
        log.info("[SMTPServer] processing: %s, %s, %s, size=%s", peer, mailfrom, rcpttos, len(data))
        message = parse_compat32(data)
        message["X-Peer"] = f"{peer[0]}:{peer[1]}"
        message["X-MailFrom"] = mailfrom
        message["X-RcptTo"] = ", ".join(rcpttos)
        self.handle_message(message)
        log.info("[SMTPServer] processed message: %s", message.get("message-id", "n/a"))
        return None

    # -- running -----------------------------------------------------------------------------

    def start(self) -> None:
        """Run the server in this thread until `stop`; a `Controller` calls this in a new thread."""
        log.info("[SMTPServer] starting")
        self._engine.run()

    def stop(self) -> None:
        """Stop the server, and close the port."""
        self._engine.stop(self.stop_deadline)

    # -- deciding ----------------------------------------------------------------------------

    def _decide(self, event: Event, reply: Reply) -> Reply:
        if isinstance(event, Unknown) and event.command == "EXIT":
            self._engine.stop()
            return Reply(250, "2.0.0", "Ok")
        if isinstance(event, Rset) and self.clear_on_rset:
            self.reset()
        elif isinstance(event, EndOfData):
            reply = self._process_content(event, reply)
        return self.decide(event, reply)

    def _process_content(self, event: EndOfData, reply: Reply) -> Reply:
        data = event.content.replace(b"\r\n", b"\n").removesuffix(b"\n")
        host, port = split_host_port(event.peer)
        result = self.process_message(
            (host, int(port or 0)),
            event.mail.path.mailbox or "<>",
            [rcpt.path.mailbox for rcpt in event.rcpts],
            data,
            mail_options=[_format_parameter(*item) for item in event.mail.parameters.items()],
            rcpt_options=[_format_parameter(*item) for item in event.rcpts[-1].parameters.items()],
        )
        if result is None:
            return reply
        match = _RESULT.fullmatch(result)
        if match is None:
            raise ValueError(f'process_message must return None or a reply such as "550 No", got {result!r}')
        code, enhanced, text = match.groups()
        return Reply(int(code), *([enhanced] if enhanced else []), *text.splitlines())


class QueueServer(Server):
    """A server that puts each message into a queue."""

    def __init__(self, host: str, port: int, queue: MessageQueue) -> None:
        super().__init__(host, port)
        self.queue = queue

    def handle_message(self, message: Message) -> None:
        """Put the message into the queue."""
        self.queue.put(message)

    def reset(self) -> None:
        """Empty the queue."""
        while True:
            try:
                self.queue.get_nowait()
            except Empty:
                break


def _format_parameter(keyword: str, value: str) -> str:
    return f"{keyword}={value}" if value else keyword
