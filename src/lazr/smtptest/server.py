"""The 2009 API: servers to subclass.  What is odd about them is kept here, and nowhere else."""

from __future__ import annotations

import logging
import re
import socket
from queue import Empty

from lazr.smtptest import __version__
from lazr.smtptest.mail.parsed import parse
from lazr.smtptest.mailserver import MailServer
from lazr.smtptest.protocol.smtp.event import EndOfData, Rset, Unknown
from lazr.smtptest.protocol.smtp.leniency import Lenient
from lazr.smtptest.protocol.smtp.limits import Limits
from lazr.smtptest.protocol.smtp.reply import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message
    from typing import Any, ClassVar, Protocol

    from lazr.smtptest.protocol.smtp.event import Event
    from lazr.smtptest.protocol.smtp.extension import Extension

    class MessageQueue(Protocol):
        """What `QueueServer` needs of a queue; `queue.Queue` has it."""

        def put(self, message: Message, /) -> object:
            """Take a message."""

        def get_nowait(self) -> Message:
            """Give one back, or raise `queue.Empty`."""


__all__ = ["QueueServer", "Server"]

log: logging.Logger = logging.getLogger("lazr.smtptest")

_RESULT = re.compile(r"([2-5][0-5][0-9])[ -]?(?:([245]\.[0-9]{1,3}\.[0-9]{1,3}) )?(.*)", re.DOTALL)


class Server:
    """An SMTP server that hands each message to `handle_message`; subclass it, and give it a `Controller`.

    `host` and `port` are where it listens, from the moment it is constructed; port 0 is any free
    one, and `port` is then the real one.  Raises `OSError` if the port is taken.

    - `clear_on_rset`: whether a client's RSET calls `reset()`, as it always did.  smtplib sends one
      by itself after a refused recipient, and so clears what was caught before; set this to False in
      your subclass to make RSET abort the transaction only (RFC 5321 4.1.1.5).
    - `stop_deadline`: so many seconds may stopping take, before it raises `StopTimeout`.
    - `limits`, `lenient`, `extensions`: what the server puts up with and offers; see `MailServer`.

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
        # The machine's own name for itself; nothing is looked up.
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
            decide=self._answer,
            keep_mails=False,
        )
        self._engine.bind()
        self.port: int = self._engine.port
        log.info("[SMTPServer] listening: %s:%s", host, self.port)

    # -- to override -------------------------------------------------------------------------

    def handle_message(self, message: Message) -> None:
        """Do with a message what you want; called in the server's thread, before the client's 250.

        The message has, behind its own headers, `X-Peer`, `X-MailFrom` and `X-RcptTo` (joined with
        `, `).  What this raises is answered 451, and raised again by the controller.
        """

    def reset(self) -> None:
        """Do whatever you need to do on a reset; called by RSET and by `Controller.reset`."""
        log.info("[SMTPServer] reset")

    def decide(self, event: Event, reply: Reply) -> Reply:
        """Answer a command in your own way: return another `Reply`, or the one that you are given.

        This takes the place of subclassing `Channel`.  See `lazr.smtptest.protocol.smtp.event`.
        """
        return reply

    def process_message(
        self, peer: tuple[str, int], mailfrom: str, rcpttos: list[str], data: bytes, **kwargs: Any
    ) -> str | None:
        """Turn a transaction into a message for `handle_message`; what `smtpd.SMTPServer` called so.

        `data` has LF line ends, and none at its end.  A string that is returned is the reply, such
        as "550 No"; None is 250.
        """
        log.info("[SMTPServer] processing: %s, %s, %s, size=%s", peer, mailfrom, rcpttos, len(data))
        message = parse(data)
        message["X-Peer"] = f"{peer[0]}:{peer[1]}"
        message["X-MailFrom"] = mailfrom
        message["X-RcptTo"] = ", ".join(rcpttos)
        self.handle_message(message)
        log.info("[SMTPServer] processed message: %s", message.get("message-id", "n/a"))
        return None

    # -- running -----------------------------------------------------------------------------

    def start(self) -> None:
        """Serve, in this thread, until `stop`; a `Controller` calls this in a thread of its own."""
        log.info("[SMTPServer] starting")
        self._engine.run()

    def stop(self) -> None:
        """Stop serving, and close the port."""
        self._engine.stop(self.stop_deadline)

    # -- deciding ----------------------------------------------------------------------------

    def _answer(self, event: Event, reply: Reply) -> Reply:
        if isinstance(event, Unknown) and event.verb == "EXIT":
            self._engine.stop()
            return Reply(250, "2.0.0", "Ok")
        if isinstance(event, Rset) and self.clear_on_rset:
            self.reset()
        elif isinstance(event, EndOfData):
            reply = self._message(event, reply)
        return self.decide(event, reply)

    def _message(self, event: EndOfData, reply: Reply) -> Reply:
        data = event.content.replace(b"\r\n", b"\n").removesuffix(b"\n")
        host, _, port = event.peer.rpartition(":")
        result = self.process_message(
            (host.strip("[]"), int(port)),
            event.mail.path.mailbox or "<>",
            [rcpt.path.mailbox for rcpt in event.rcpts],
            data,
            mail_options=[_parameter(*item) for item in event.mail.parameters.items()],
            rcpt_options=[_parameter(*item) for item in (event.rcpts[-1].parameters.items())],
        )
        if result is None:
            return reply
        match = _RESULT.fullmatch(result)
        if match is None:
            raise ValueError(f'process_message returned {result!r}; return None, or a reply such as "550 No"')
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


def _parameter(keyword: str, value: str) -> str:
    return f"{keyword}={value}" if value else keyword
