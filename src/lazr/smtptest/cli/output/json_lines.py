"""Render events and log records as JSON, one object on each line."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lazr.smtptest.cli.output.text import describe_web_access

if TYPE_CHECKING:
    from lazr.smtptest import Mail

__all__ = ["JsonFormatter", "JsonRenderer", "render_event"]

# The attributes of every log record; all others come from `extra=`.
_STANDARD_RECORD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}
# The arguments of uvicorn's access log message, in their order.
_ACCESS_LOG_FIELDS = ("peer", "method", "path", "version", "status")


def render_event(event: str, level: str = "info", at: float | None = None, **facts: object) -> str:
    r"""Return an event as one line of ASCII, so that it cannot control a terminal (threat W18).

    >>> render_event("mail", at=0, subject="Grüße\n")
    '{"time": "1970-01-01T00:00:00.000+00:00", "level": "info", "event": "mail", "subject": "Gr\\u00fc\\u00dfe\\n"}'
    """
    when = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)
    head = {"time": when.isoformat(timespec="milliseconds"), "level": level, "event": event}
    return json.dumps(head | facts, default=str)


class JsonFormatter(logging.Formatter):
    """Formatter that writes log records as events.

    `event` is "log", and each `extra=` value has its own key.

    >>> record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "Hi %s", "args": "Ann", "created": 0})
    >>> JsonFormatter().format(record)
    '{"time": "1970-01-01T00:00:00.000+00:00", "level": "info", "event": "log", "logger": "x", "message": "Hi Ann"}'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line; a request to the API has `event` "request"."""
        if (
            record.name == "uvicorn.access"
            and isinstance(record.args, tuple)
            and len(record.args) == len(_ACCESS_LOG_FIELDS)
        ):
            request = dict(zip(_ACCESS_LOG_FIELDS, record.args, strict=True))
            return render_event("request", record.levelname.lower(), record.created, **request)
        facts = {name: value for name, value in record.__dict__.items() if name not in _STANDARD_RECORD_FIELDS}
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        known = {"logger": record.name, "message": record.getMessage()}
        return render_event("log", record.levelname.lower(), record.created, **(facts | known))


class JsonRenderer:
    """Renderer of the output of `smtptest serve` as JSON lines."""

    def render_listening(
        self,
        urls: list[str],
        store_summary: tuple[str, int] | None,
        trusted_ca_file: str | None,
        *,
        page_url: str | None = None,
        has_retention: bool,
    ) -> str:
        """Return the event with the URLs, the store and its mails, and the CA file."""
        store, mails = store_summary or (None, None)
        return render_event(
            "listening",
            message=describe_web_access(page_url),
            urls=urls,
            page=page_url,
            store=store,
            mails=mails,
            ca_file=trusted_ca_file,
            retention=has_retention,
        )

    def render_stopped(self, mails: int, unprinted_mails: int) -> str:
        """Return the event with the number of mails received, and of mails that were not logged."""
        return render_event("stopped", mails=mails, unseen=unprinted_mails)

    def render_omission(self, mails: int, refusals: int) -> str:
        """Return the event about mails and refused commands that were not logged."""
        return render_event("omitted", "warning", mails=mails, refusals=refusals)

    def render_refusal(self, command: str, reply: str) -> str:
        """Return the event about a refused command."""
        return render_event("refused", "warning", command=command, reply=reply)

    def render_mail(self, mail: Mail) -> str:
        """Return the event about a mail, without its content."""
        envelope = mail.envelope
        return render_event(
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
