"""A moment: a point of a session at which a rule may act, and all that is known then."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp.event import Auth, Bdat, Delivery, EndOfData, Mail, Rcpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.mail import mail
    from lazr.smtptest.protocol.smtp.event import Event
    from lazr.smtptest.protocol.smtp.record import SessionRecord
    from lazr.smtptest.protocol.smtp.reply import Reply

__all__ = ["Moment"]


class Moment:
    """What is put to the rules; a rule's `where=` is asked about it.

    - `when`: what it is, `"RCPT"`, `"CONTENT"`, as in a rule.
    - `event`: the event, as `decide` gets it; None for TLS, CONTENT and IDLE.
    - `reply`: the reply that would be given; None where none is due.
    - `session`: the facts of the session; `number`: the first connection since the start, or `forget()`, is 1.
    - `amount`: CONTENT: the octets that have come; IDLE: the seconds of silence; else None.
    - `at`: seconds since the server first started: time goes on when it is stopped and started again.
    """

    __slots__ = (
        "_mail", "_message", "_rcpts", "_recipients", "amount", "at", "event", "number", "reply", "session", "when",
    )  # fmt: skip

    def __init__(
        self,
        when: str,
        session: SessionRecord,
        *,
        number: int = 1,
        event: Event | None = None,
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

    @property
    def sender(self) -> str | None:
        """The reverse-path; None outside a transaction."""
        mail = self.event if isinstance(self.event, Mail) else self._mail
        return None if mail is None else mail.path.mailbox

    @property
    def recipients(self) -> tuple[str, ...]:
        """At RCPT, and at LMTP's END_OF_DATA, the recipient in question; else those that were accepted so far."""
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
        """The recipients that were accepted so far."""
        return tuple(rcpt.path.mailbox for rcpt in self._rcpts)

    @property
    def helo(self) -> str:
        """What the client calls itself, now or before."""
        return getattr(self.event, "domain", "") or self.session.helo

    @property
    def user(self) -> str | None:
        """Who authenticates, or has; None for nobody."""
        credentials = self.event.credentials if isinstance(self.event, Auth) else self.session.auth
        return None if credentials is None else credentials.username

    @property
    def size(self) -> int | None:
        """Octets: what MAIL declares, BDAT has brought, the whole content has; None where nothing says."""
        if isinstance(self.event, Mail):
            declared = self.event.parameters.get("SIZE")
            return int(declared) if declared else None
        if isinstance(self.event, Bdat):
            return self.event.size
        return None if self._whole is None else sum(map(len, self._whole.parts))

    @property
    def _whole(self) -> EndOfData | None:
        message = self.event.message if isinstance(self.event, Delivery) else self.event
        return message if isinstance(message, EndOfData) else None

    @property
    def message(self) -> mail.Mail | None:
        """At END_OF_DATA, the mail that it would be; else None."""
        if self._message is None and self._whole is not None:
            from lazr.smtptest.mail.mail import Envelope, Mail

            envelope = Envelope(
                self.sender or "",
                self.recipients,
                mail_parameters={} if self._mail is None else self._mail.parameters,
                rcpt_parameters=tuple({} for _ in self.recipients),
            )
            self._message = Mail("", envelope, self._whole.parts)
        return self._message

    def said(self) -> str:
        """What it is about, for people: one line."""
        if self.event is not None:
            return self.event.said()
        what = {"CONTENT": f"{self.amount:,} octets", "IDLE": f"{self.amount:g} s"} if self.amount is not None else {}
        return f"{self.when} {what.get(self.when, '')}".strip()

    def __repr__(self) -> str:
        return f"<Moment {self.said()}, session {self.number}>"
