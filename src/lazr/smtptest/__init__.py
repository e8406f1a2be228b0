"""A real SMTP server inside your test.

The public names are here, and are imported when they are first used: `import lazr.smtptest` alone
costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.decorator import with_server
    from lazr.smtptest.errors import MissingExtra, RuleNeverActed, SmtptestError, StartError, StopTimeout, WaitTimeout
    from lazr.smtptest.faults.moment import Moment
    from lazr.smtptest.faults.rule import Call, Rule
    from lazr.smtptest.faults.rules import Rules
    from lazr.smtptest.mail.attachment import Attachment
    from lazr.smtptest.mail.envelope import Dsn, Envelope
    from lazr.smtptest.mail.headers import Field, Headers
    from lazr.smtptest.mail.inbox import Inbox
    from lazr.smtptest.mail.links import Link
    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.mail.mime.address import Address
    from lazr.smtptest.mail.mime.defect import Defect
    from lazr.smtptest.mail.query import Match
    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.net.listener import Listen
    from lazr.smtptest.net.sessions import Sessions
    from lazr.smtptest.net.tls import Tls
    from lazr.smtptest.protocol.smtp.auth import Auth
    from lazr.smtptest.protocol.smtp.extension import EXTENSIONS, Extension
    from lazr.smtptest.protocol.smtp.leniency import Lenient
    from lazr.smtptest.protocol.smtp.limits import Limits
    from lazr.smtptest.protocol.smtp.record import SessionRecord, TlsFacts
    from lazr.smtptest.protocol.smtp.reply import Reply
    from lazr.smtptest.protocol.smtp.sasl import Credentials
    from lazr.smtptest.protocol.smtp.transcript import Transcript, TranscriptLine
    from lazr.smtptest.testcase import MailServerMixin

__version__ = "3.0.0.dev0"

__all__ = [
    "EXTENSIONS",
    "Address",
    "Attachment",
    "Auth",
    "Call",
    "Credentials",
    "Defect",
    "Dsn",
    "Envelope",
    "Extension",
    "Field",
    "Headers",
    "Inbox",
    "Lenient",
    "Limits",
    "Link",
    "Listen",
    "Mail",
    "MailServer",
    "MailServerMixin",
    "Match",
    "MissingExtra",
    "Moment",
    "Reply",
    "Rule",
    "RuleNeverActed",
    "Rules",
    "SessionRecord",
    "Sessions",
    "SmtptestError",
    "StartError",
    "StopTimeout",
    "Tls",
    "TlsFacts",
    "Transcript",
    "TranscriptLine",
    "WaitTimeout",
    "__version__",
    "with_server",
]

_HOMES = {
    "EXTENSIONS": "protocol.smtp.extension",
    "Address": "mail.mime.address",
    "Attachment": "mail.attachment",
    "Auth": "protocol.smtp.auth",
    "Call": "faults.rule",
    "Credentials": "protocol.smtp.sasl",
    "Defect": "mail.mime.defect",
    "Dsn": "mail.envelope",
    "Envelope": "mail.envelope",
    "Extension": "protocol.smtp.extension",
    "Field": "mail.headers",
    "Headers": "mail.headers",
    "Inbox": "mail.inbox",
    "Lenient": "protocol.smtp.leniency",
    "Limits": "protocol.smtp.limits",
    "Link": "mail.links",
    "Listen": "net.listener",
    "Mail": "mail.mail",
    "MailServer": "mailserver",
    "MailServerMixin": "testcase",
    "Match": "mail.query",
    "MissingExtra": "errors",
    "Moment": "faults.moment",
    "Reply": "protocol.smtp.reply",
    "Rule": "faults.rule",
    "RuleNeverActed": "errors",
    "Rules": "faults.rules",
    "SessionRecord": "protocol.smtp.record",
    "Sessions": "net.sessions",
    "SmtptestError": "errors",
    "StartError": "errors",
    "StopTimeout": "errors",
    "Tls": "net.tls",
    "TlsFacts": "protocol.smtp.record",
    "Transcript": "protocol.smtp.transcript",
    "TranscriptLine": "protocol.smtp.transcript",
    "WaitTimeout": "errors",
    "with_server": "decorator",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
