"""What a failed test gets to read of its server: the mails and the dialogue, as text that is short.

All of it came from outside, so it is bounded, and whatever could move a terminal's cursor, or could not be
written as UTF-8, is shown as an escape.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.protocol.smtp.record import SessionRecord

__all__ = ["dialogue", "harmless", "received", "traceback"]

_MAILS = 10
_LINES = 40  # of a mail's text, and of a session's transcript
_WIDTH = 200  # characters of a line
_SESSIONS = 5
_FIELDS = ("From", "To", "Cc", "Subject")
_PARTS = 10


def harmless(text: str) -> str:
    r"""The text with everything escaped that is not to be printed; line ends and tabs stay.

    >>> harmless("Grüße\x1b[2J \ud800")
    'Grüße\\x1b[2J \\ud800'
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t\N{NO-BREAK SPACE}" else _escaped(character)
        for character in text
    )


def received(server: MailServer) -> str:
    """The mails that came, the last ones: of each its envelope, its subject and how its text begins."""
    mails = list(server.inbox)
    if not mails:
        return "no mail came"
    shown = mails[-_MAILS:]
    texts = [f"(the last {len(shown)} of {len(mails)} mails)"] if len(shown) < len(mails) else []
    texts += [_line(line) for line in server.inbox.late()]
    return "\n\n".join([*texts, *map(_mail, shown)])


def dialogue(server: MailServer) -> str:
    """What was said in the last sessions, how each of them ended last."""
    sessions = list(server.sessions)
    if not sessions:
        return "no client connected"
    shown = sessions[-_SESSIONS:]
    texts = [f"(the last {len(shown)} of {len(sessions)} sessions)"] if len(shown) < len(sessions) else []
    return "\n\n".join([*texts, *map(_session, shown)])


def traceback(error: BaseException) -> str:
    """The traceback of an exception, its end if it is long."""
    from traceback import format_exception

    lines = "".join(format_exception(error)).splitlines()
    left = len(lines) - 2 * _LINES
    return "\n".join([*([f"… {left} lines"] if left > 0 else []), *map(_line, lines[-2 * _LINES :])])


def _mail(mail: Mail) -> str:
    fields = [(name, mail.header(name)) for name in _FIELDS]
    parts = [f"also: text/html, {len(mail.html):,} characters"] if mail.html else []
    for part in mail.attachments[:_PARTS]:
        kind = "shown in the HTML" if part.inline else "attached"
        parts.append(f"{kind}: {part.filename or 'no name'}, {part.content_type}, {len(part.content):,} octets")
    return "\n".join(
        [
            _line(repr(mail)),
            *(_line(f"{name}: {value}") for name, value in fields if value),
            "",
            *(["(text of the HTML)"] if mail.text_is_derived else []),
            *_lines(mail.text),
            *map(_line, parts),
        ]
    )


def _session(session: SessionRecord) -> str:
    return "\n".join([_line(repr(session)), *_lines(session.transcript.brief(_LINES))])


def _lines(text: str) -> list[str]:
    lines = text.splitlines()
    left = len(lines) - _LINES
    return [*map(_line, lines[:_LINES]), *([f"… and {left} more line{'s' if left > 1 else ''}"] if left > 0 else [])]


def _line(text: str) -> str:
    cut = text[:_WIDTH]
    return harmless(cut) + (f" … and {len(text) - _WIDTH} more characters" if len(text) > _WIDTH else "")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
