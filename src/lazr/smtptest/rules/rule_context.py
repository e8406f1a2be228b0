"""The context in which a rule is evaluated: a point of a session, and its facts."""

from __future__ import annotations

from lazr.smtptest._util.suggestion import build_getattr
from lazr.smtptest.protocol.reading_session import ReadingCommand
from lazr.smtptest.protocol.smtp import Bdat, Delivery, EndOfData, Mail, Rcpt, events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.mail import mail
    from lazr.smtptest.protocol.smtp import Event, Reply, SessionRecord
    from lazr.smtptest.rules.notices import NoticeOrder

__all__ = ["Moment", "RuleContext"]


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("mail_from", "from_", "envelope_from"), "context.sender"),
    **dict.fromkeys(("to", "rcpt_to", "rcpt", "recipient", "rcpt_tos"), "context.recipients"),
    "username": "context.user",
    "mail": "context.message, the mail at END_OF_DATA",
    **dict.fromkeys(("subject", "text", "content"), "context.message.subject, at END_OF_DATA"),
    **dict.fromkeys(("peer", "ip"), "context.session.peer"),
    "tls": "context.session.tls",
    **dict.fromkeys(("verb", "command", "trigger"), "context.when"),
}


class RuleContext:
    """A point of a session, for the evaluation of rules; the argument of a rule's `where=`.

    Args:
        when: The trigger, as in a rule: "RCPT", "CONTENT".
        session: The record of the session.
        number: The number of the connection since the start of the server, or the last `forget()`; 1 by default.
        event: The event, as `decide` gets it, or the command of IMAP or POP3; None, the default, for TLS, CONTENT and
            IDLE.
        reply: The reply that the server would give; None, the default, where no reply is due.
        transaction: MAIL, or None, and the accepted RCPTs of the current transaction; outside of one by default.
        amount: CONTENT: the bytes received; IDLE: the seconds of silence; otherwise None, the default.
        at: Seconds since the server first started, also over a stop and a start; 0 by default.

    All but `transaction` are attributes.

    >>> from lazr.smtptest import SessionRecord
    >>> context = RuleContext("CONTENT", SessionRecord(), amount=10_000)
    >>> context, context.sender
    (<RuleContext CONTENT 10,000 bytes, session 1>, None)
    """

    __slots__ = (
        "_mail", "_message", "_rcpts", "_recipients", "amount", "at", "event", "notice_orders", "number", "reply",
        "session", "when",
    )  # fmt: skip

    def __init__(
        self,
        when: str,
        session: SessionRecord,
        *,
        number: int = 1,
        event: Event | ReadingCommand | None = None,
        reply: Reply | None = None,
        transaction: tuple[Mail | None, tuple[Rcpt, ...]] = (None, ()),
        amount: float | None = None,
        at: float = 0.0,
    ) -> None:
        self.when: Final = when
        self.session: Final = session
        self.number: Final = number
        self.event: Final = event
        self.reply: Final = reply
        self.amount: Final = amount
        self.at: Final = at
        self._mail, self._rcpts = transaction
        self._message: mail.Mail | None = None
        self._recipients: tuple[str, ...] | None = None
        # What the rules that have acted demand to send back, if the mail is accepted.
        self.notice_orders: tuple[NoticeOrder, ...] = ()

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    @property
    def sender(self) -> str | None:
        """The reverse-path; None outside a transaction."""
        mail = self.event if isinstance(self.event, Mail) else self._mail
        return None if mail is None else mail.path.mailbox

    @property
    def recipients(self) -> tuple[str, ...]:
        """The recipient of RCPT, and of END_OF_DATA with LMTP; otherwise the accepted ones."""
        if self._recipients is None:
            event, rcpts = self.event, self._rcpts
            if isinstance(event, Rcpt):
                rcpts = (event,)
            elif isinstance(event, Delivery):
                rcpts = (event.rcpt,)
            self._recipients = tuple(rcpt.path.mailbox for rcpt in rcpts)
        return self._recipients

    @property
    def accepted(self) -> tuple[str, ...]:
        """The recipients accepted so far."""
        return tuple(rcpt.path.mailbox for rcpt in self._rcpts)

    @property
    def helo(self) -> str:
        """The name from EHLO, HELO or LHLO: of this event, or the last one; empty before."""
        event = self.event
        return (event.domain if isinstance(event, (events.Ehlo, events.Helo, events.Lhlo)) else "") or self.session.helo

    @property
    def user(self) -> str | None:
        """The user of this AUTH, or of the session; None without authentication."""
        if isinstance(self.event, ReadingCommand):
            return self.event.username or None
        credentials = self.event.credentials if isinstance(self.event, events.Auth) else self.session.auth
        return None if credentials is None else credentials.username

    @property
    def argument_texts(self) -> tuple[str, ...]:
        """The rest of a command of IMAP or POP3, in a tuple; empty in SMTP."""
        return (self.event.argument,) if isinstance(self.event, ReadingCommand) else ()

    @property
    def size(self) -> int | None:
        """The size in bytes: declared by MAIL, of a BDAT chunk, or of the content; otherwise None."""
        if isinstance(self.event, Mail):
            return self.event.declared_size
        if isinstance(self.event, Bdat):
            return self.event.size
        return None if self._end_of_data is None else sum(map(len, self._end_of_data.parts))

    @property
    def _end_of_data(self) -> EndOfData | None:
        message = self.event.message if isinstance(self.event, Delivery) else self.event
        return message if isinstance(message, EndOfData) else None

    @property
    def message(self) -> mail.Mail | None:
        """At END_OF_DATA, the message as a `Mail`; otherwise None."""
        if self._message is None and self._end_of_data is not None:
            self._message = self._build_mail(self._end_of_data.parts)
        return self._message

    @property
    def mail_so_far(self) -> mail.Mail | None:
        """The message; before it, a `Mail` of sender and recipients; None outside a transaction."""
        if self.message is not None:
            return self.message
        return None if self.sender is None else self._build_mail([b""])

    def _build_mail(self, parts: list[bytes]) -> mail.Mail:
        from lazr.smtptest.mail import Envelope, Mail

        envelope = Envelope(
            self.sender or "",
            self.recipients,
            mail_parameters={} if self._mail is None else self._mail.parameters,
            rcpt_parameters=tuple({} for _ in self.recipients),
        )
        return Mail("", envelope, parts)

    def said(self) -> str:
        """Return one line that describes the event: "RCPT TO:<bob@example.com>", "IDLE 2.5 s"."""
        if self.event is not None:
            return self.event.said()
        if self.amount is None:
            return self.when
        return f"{self.when} {self.amount:g} s" if self.when == "IDLE" else f"{self.when} {self.amount:,} bytes"

    def __repr__(self) -> str:
        return f"<RuleContext {self.said()}, session {self.number}>"


Moment = RuleContext  # a public alias: rules are about moments of a session
