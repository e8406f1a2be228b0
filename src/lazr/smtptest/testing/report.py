"""Describe the mails and SMTP sessions of a failed test, as bounded and escaped text.

All of it is untrusted input: long values are shortened, and unprintable characters are escaped.
"""

from __future__ import annotations

from lazr.smtptest._util.escape import escape_unprintable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.mail import Mail
    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.protocol.smtp import SessionRecord
    from lazr.smtptest.testing.shared_server import SharedServer

__all__ = [
    "describe_mails",
    "describe_notifications",
    "describe_refusals",
    "describe_sessions",
    "describe_shared_server",
    "format_traceback",
]

_MAX_MAILS = 10
_MAX_NOTIFICATIONS = 10
_MAX_SESSIONS = 5
_MAX_ATTACHMENTS = 10
_MAX_LINKS = 10
_MAX_DEFECTS = 10
_MAX_LONG_LINE_CHARACTERS = 1_000  # a URL with a token is long, and useless without its end
_MAX_LINES = 40  # of the text of one mail, and of the transcript of one session
_MAX_LINE_CHARACTERS = 200
_HEADER_FIELDS = ("From", "To", "Cc", "Subject")


def describe_mails(server: MailServer | SharedServer, since: int = 0) -> str:
    """Return the envelopes, some header fields and the beginning of the texts of mails.

    Args:
        server: the server that received them.
        since: a `mark()` of its inbox; only mails that arrived after it are shown.
    """
    mails = server.inbox.matching(since=since)
    if not mails:
        return "no mail arrived" if not since else "no mail arrived during this test"
    shown = mails[-_MAX_MAILS:]
    texts = [f"(the last {len(shown)} of {len(mails)} mails)"] if len(shown) < len(mails) else []
    texts += [_format_line(line) for line in server.inbox.describe_late_mails()]
    return "\n\n".join([*texts, *map(_format_mail, shown)])


def describe_notifications(server: MailServer, since: int = 0) -> str:
    """Return what came back after the mails that arrived since a mark; "" if there is nothing.

    A notification about a mail that a rule has lost is always shown.
    """
    notifications = server.notifications
    if not notifications:
        return ""
    ids = {mail.id for mail in server.inbox.matching(since=since)}
    shown = [record for record in notifications if not record.mail_id or record.mail_id in ids]
    hidden_count = len(shown) - _MAX_NOTIFICATIONS
    lines = [f"(the last {_MAX_NOTIFICATIONS} of {len(shown)} notifications)"] if hidden_count > 0 else []
    # The reason of a failure is at the end of a line, and the addresses can be long.
    return "\n".join(
        [*lines, *(_format_line(str(record), _MAX_LONG_LINE_CHARACTERS) for record in shown[-_MAX_NOTIFICATIONS:])]
    )


def describe_refusals(server: MailServer) -> str:
    """Return the refused commands, with the names of failed logins; "" if there are none."""
    return "\n".join(_format_line(escape_unprintable(line)) for line in server.refusals)


def describe_sessions(sessions: Iterable[SessionRecord]) -> str:
    """Return the transcripts of the latest sessions, shortened in the middle."""
    sessions = list(sessions)
    if not sessions:
        return "no client connected"
    shown = sessions[-_MAX_SESSIONS:]
    texts = [f"(the last {len(shown)} of {len(sessions)} sessions)"] if len(shown) < len(sessions) else []
    return "\n\n".join([*texts, *map(_format_session, shown)])


def describe_shared_server(server: SharedServer) -> list[tuple[str, str]]:
    """Return the sections about a test's mails at a running server, with links."""
    from lazr.smtptest.api_client import ApiUnavailable

    try:
        lines = server.list_page_urls()[-_MAX_MAILS - 1 :]  # the last one is the page of the sessions
        lines += [] if server.inbox else map(_format_line, server.explain())
        return [("mail received", describe_mails(server)), ("web inbox", "\n".join(lines))]
    except ApiUnavailable as error:
        return [("web inbox", _format_line(str(error)))]


def format_traceback(error: BaseException) -> str:
    """Return the traceback of an exception; a long one is cut at its beginning."""
    from traceback import format_exception

    lines = "".join(format_exception(error)).splitlines()
    hidden_count = len(lines) - 2 * _MAX_LINES
    shown = map(_format_line, lines[-2 * _MAX_LINES :])
    return "\n".join([*([f"… {hidden_count} lines"] if hidden_count > 0 else []), *shown])


def _format_mail(mail: Mail) -> str:
    fields = [(name, mail.header(name)) for name in _HEADER_FIELDS]
    parts = [f"also: text/html, {len(mail.html):,} characters"] if mail.html else []
    links = [f"link: {link.text or '(no text)'} → {link.url}" for link in mail.links if link.where == "html"]
    parts += _list_up_to(_MAX_LINKS, "link", links)
    for part in mail.attachments[:_MAX_ATTACHMENTS]:
        kind = "shown in the HTML" if part.inline else "attached"
        parts.append(f"{kind}: {part.filename or 'no name'}, {part.content_type}, {len(part.content):,} bytes")
    return "\n".join(
        [
            _format_line(repr(mail)),
            *(_format_line(f"{name}: {value}") for name, value in fields if value),
            "",
            *(["(text of the HTML)"] if mail.text_is_derived else []),
            *_format_lines(mail.text),
            *(_format_line(line, _MAX_LONG_LINE_CHARACTERS) for line in parts),
            *map(_format_line, _list_up_to(_MAX_DEFECTS, "defect", _describe_defects(mail))),
        ]
    )


def _describe_defects(mail: Mail) -> list[str]:
    """Return a line for each defect, except for missing fields.

    Many tests send mails without Date and From, and that explains no failure.
    """
    return [f"defect: {defect}" for defect in mail.defects if defect.reason != "missing"]


def _list_up_to(limit: int, kind: str, lines: list[str]) -> list[str]:
    hidden_count = len(lines) - limit
    more = [f"… and {hidden_count} more {kind}{'s' if hidden_count > 1 else ''}"] if hidden_count > 0 else []
    return lines[:limit] + more


def _format_session(session: SessionRecord) -> str:
    return "\n".join([_format_line(repr(session)), *_format_lines(session.transcript.format_brief(_MAX_LINES))])


def _format_lines(text: str) -> list[str]:
    lines = text.splitlines()
    hidden_count = len(lines) - _MAX_LINES
    shown = [*map(_format_line, lines[:_MAX_LINES])]
    return [*shown, f"… and {hidden_count} more line{'s' if hidden_count > 1 else ''}"] if hidden_count > 0 else shown


def _format_line(text: str, limit: int = _MAX_LINE_CHARACTERS) -> str:
    shown = escape_unprintable(text[:limit], multiline=True)
    hidden_count = len(text) - limit
    return f"{shown} … and {hidden_count} more characters" if hidden_count > 0 else shown
