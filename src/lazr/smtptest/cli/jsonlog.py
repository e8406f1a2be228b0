"""What happens, as JSON: an object a line, for programs that collect logs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazr.smtptest.mail.mail import Mail

__all__ = ["JsonFormatter", "JsonPaint", "line"]

# What every record of `logging` has; what else one has, somebody gave it as `extra=`.
_USUAL = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
# What uvicorn says of each request, in the order of the arguments of its message.
_REQUEST = ("peer", "method", "path", "version", "status")


def line(event: str, level: str = "info", at: float | None = None, **facts: object) -> str:
    r"""An event as one line; all but ASCII is escaped, so that it steers no terminal (threat W18).

    >>> line("mail", at=0, subject="Grüße\n")
    '{"time": "1970-01-01T00:00:00.000+00:00", "level": "info", "event": "mail", "subject": "Gr\\u00fc\\u00dfe\\n"}'
    """
    when = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)
    said = {"time": when.isoformat(timespec="milliseconds"), "level": level, "event": event}
    return json.dumps(said | facts, default=str)


class JsonFormatter(logging.Formatter):
    """Records of `logging` in the same form: `event` is "log", and what `extra=` gave is there by its name.

    >>> record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "Hi %s", "args": "Ann", "created": 0})
    >>> JsonFormatter().format(record)
    '{"time": "1970-01-01T00:00:00.000+00:00", "level": "info", "event": "log", "logger": "x", "message": "Hi Ann"}'
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; a request to the API is an event of its own."""
        if record.name == "uvicorn.access" and isinstance(record.args, tuple) and len(record.args) == len(_REQUEST):
            request = dict(zip(_REQUEST, record.args, strict=True))
            return line("request", record.levelname.lower(), record.created, **request)
        facts = {name: value for name, value in record.__dict__.items() if name not in _USUAL}
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        known = {"logger": record.name, "message": record.getMessage()}
        return line("log", record.levelname.lower(), record.created, **(facts | known))


class JsonPaint:
    """Mails and refusals as such lines; the same methods as `Paint`."""

    def listening(self, places: list[str], kept: tuple[str, int] | None, trust: str | None) -> str:
        """Where the server is, what mails are kept in and how many, and whom clients are to trust."""
        store, mails = kept or (None, None)
        return line("listening", urls=places, store=store, mails=mails, ca_file=trust)

    def stopped(self, mails: int, unseen: int) -> str:
        """How many mails came, and how many of them were not logged."""
        return line("stopped", mails=mails, unseen=unseen)

    def refusal(self, what: str, reply: str) -> str:
        """A command that was refused."""
        return line("refused", "warning", command=what, reply=reply)

    def mail(self, mail: Mail) -> str:
        """A mail, without its content."""
        envelope = mail.envelope
        return line(
            "mail",
            at=mail.timestamp,
            id=mail.id,
            sender=envelope.mail_from,
            recipients=list(envelope.rcpt_tos),
            subject=mail.subject,
            message_id=mail.message_id,
            size=mail.size,
            peer=envelope.peer,
            helo=envelope.helo,
            user=None if envelope.auth is None else envelope.auth.username,
            tls=None if envelope.tls is None else envelope.tls.version,
        )
