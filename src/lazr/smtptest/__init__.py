"""A real SMTP server for tests.

All public names are here.  Each is imported when it is first used, so `import lazr.smtptest` takes about 1 ms.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.decorator import with_server
    from lazr.smtptest.errors import (
        MissingExtra,
        NotificationFailed,
        RuleNeverActed,
        SmtptestError,
        StartError,
        StopTimeout,
        WaitTimeout,
    )
    from lazr.smtptest.mail import Address, Attachment, Envelope, Field, Inbox, Mail
    from lazr.smtptest.mail.envelope import Dsn
    from lazr.smtptest.mail.headers import Headers
    from lazr.smtptest.mail.links import Link
    from lazr.smtptest.mail.match import Match
    from lazr.smtptest.mail.mime.defect import Defect
    from lazr.smtptest.mail.review import Review, ReviewFinding
    from lazr.smtptest.mailserver import (
        MailServer,
        NotificationOutcome,
        NotificationRecord,
        Notifications,
        ServerObserver,
    )
    from lazr.smtptest.net import Listen, Sessions, Tls
    from lazr.smtptest.protocol.smtp import (
        Auth,
        Command,
        Credentials,
        Event,
        Extension,
        Finding,
        Lenient,
        Limits,
        Reply,
        SessionRecord,
        TlsFacts,
    )
    from lazr.smtptest.protocol.smtp.extensions import EXTENSIONS
    from lazr.smtptest.protocol.smtp.transcript import Transcript, TranscriptLine
    from lazr.smtptest.rules import Call, Moment, Rule, RuleContext, Rules
    from lazr.smtptest.testcase import MailServerMixin

__version__ = "3.0.0.dev0"

__all__ = [
    "EXTENSIONS",
    "Address",
    "Attachment",
    "Auth",
    "Call",
    "Command",
    "Credentials",
    "Defect",
    "Dsn",
    "Envelope",
    "Event",
    "Extension",
    "Field",
    "Finding",
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
    "NotificationFailed",
    "NotificationOutcome",
    "NotificationRecord",
    "Notifications",
    "Reply",
    "Review",
    "ReviewFinding",
    "Rule",
    "RuleContext",
    "RuleNeverActed",
    "Rules",
    "ServerObserver",
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

_MODULES_BY_NAME = {
    "EXTENSIONS": "protocol.smtp.extensions",
    "Address": "mail.mime.address",
    "Attachment": "mail.attachment",
    "Auth": "protocol.smtp.auth",
    "Call": "rules.call_log",
    "Command": "protocol.smtp.command_log",
    "Credentials": "protocol.smtp.sasl_types",
    "Defect": "mail.mime.defect",
    "Dsn": "mail.envelope",
    "Envelope": "mail.envelope",
    "Event": "protocol.smtp.events",
    "Extension": "protocol.smtp.extensions",
    "Field": "mail.headers",
    "Finding": "protocol.smtp.findings",
    "Headers": "mail.headers",
    "Inbox": "mail.inbox",
    "Lenient": "protocol.smtp.leniency",
    "Limits": "protocol.smtp.limits",
    "Link": "mail.links",
    "Listen": "net.listener",
    "Mail": "mail.mail",
    "MailServer": "mailserver.server",
    "MailServerMixin": "testcase",
    "Match": "mail.match",
    "MissingExtra": "errors",
    "Moment": "rules.rule_context",
    "NotificationFailed": "errors",
    "NotificationOutcome": "mailserver.notification_log",
    "NotificationRecord": "mailserver.notification_log",
    "Notifications": "mailserver.notification_log",
    "Reply": "protocol.smtp.reply",
    "Review": "mail.review.review",
    "ReviewFinding": "mail.review.finding",
    "Rule": "rules.rule",
    "RuleContext": "rules.rule_context",
    "RuleNeverActed": "errors",
    "Rules": "rules.rule_set",
    "ServerObserver": "mailserver.observer",
    "SessionRecord": "protocol.smtp.session_record",
    "Sessions": "net.session_log",
    "SmtptestError": "errors",
    "StartError": "errors",
    "StopTimeout": "errors",
    "Tls": "net.tls_settings",
    "TlsFacts": "protocol.smtp.session_record",
    "Transcript": "protocol.smtp.transcript",
    "TranscriptLine": "protocol.smtp.transcript",
    "WaitTimeout": "errors",
    "with_server": "decorator",
}


def __getattr__(name: str) -> object:
    home = _MODULES_BY_NAME.get(name)
    if home is None:
        from lazr.smtptest._util.suggestion import build_module_error

        raise build_module_error(__name__, name, __all__)
    import sys

    module = f"{__name__}.{home}"
    __import__(module)  # `importlib.import_module` would import `importlib` and `warnings` too
    value: object = getattr(sys.modules[module], name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
