"""Automatic replies: out of office, challenge, and others (RFC 3834, RFC 5230).

A program that answers mail must never answer another program, or two of them answer each other for ever.
`find_reply_obstacle` has the rules.
"""

from __future__ import annotations

import re

from lazr.smtptest.bounces.header_field import build_fields, clean_text, encode_words
from lazr.smtptest.bounces.identifiers import build_identifiers, format_date, resolve_now
from lazr.smtptest.bounces.mailbox import format_mailbox, parse_hostname
from lazr.smtptest.bounces.notification import Notification
from lazr.smtptest.bounces.reply_threading import build_references, build_reply_subject, find_message_id
from lazr.smtptest.bounces.report import encode_text
from lazr.smtptest.bounces.styles import find_style
from lazr.smtptest.mail import read_addresses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from lazr.smtptest.bounces.notification import NotificationKind
    from lazr.smtptest.bounces.styles import Style
    from lazr.smtptest.mail import Mail

__all__ = ["build_auto_reply", "build_challenge", "build_out_of_office", "find_reply_obstacle"]

# RFC 5230 4.6: names of programs, not of persons.
_PROGRAM_LOCAL_PART = re.compile(r"mailer-daemon|listserv|majordomo|owner-.*|.*-request", re.IGNORECASE | re.DOTALL)
# RFC 3834 2: "list", "bulk" and "junk" in Precedence; "auto_reply" is written by other responders.
_BULK_PRECEDENCES = frozenset({"list", "bulk", "junk", "auto_reply"})
# Exchange's words for "send no out-of-office reply", and for "no automatic reply".
_SUPPRESSED_WORDS = {"out_of_office": frozenset({"all", "oof"}), "": frozenset({"all", "autoreply"})}
_DESTINATION_FIELDS = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")


def find_reply_obstacle(
    mail: Mail, kind: NotificationKind = "out_of_office", recipient: str | None = None, addresses: Iterable[str] = ()
) -> str | None:
    r"""Return why no automatic reply may be sent to a mail; None if it may.

    Args:
        mail: the mail to answer.
        kind: the kind of reply.  Only an out-of-office reply requires an own address in To or Cc (RFC 5230 4.5).
        recipient: the address that answers; the first recipient by default.
        addresses: other addresses of the same person.

    >>> from lazr.smtptest.mail import Mail
    >>> find_reply_obstacle(Mail.from_bytes(b"From: ann@example.com\nTo: bob@example.com\nPrecedence: bulk\n\nHi\n"))
    'Precedence is bulk (RFC 3834 2)'
    """
    if not mail.sender:
        return "the reverse-path is null (RFC 3834 2)"
    if format_mailbox(mail.sender, "localhost") is None:
        return f"the reverse-path is not an address: {clean_text(mail.sender, 100)!r}"
    responder = _find_responder(mail, recipient)
    if responder is None:
        return "no recipient has an address that could answer"
    if _PROGRAM_LOCAL_PART.fullmatch(mail.sender.rpartition("@")[0] or mail.sender):
        return f"the reverse-path {mail.sender} belongs to a program (RFC 5230 4.6)"
    return _find_header_obstacle(mail, kind) or _find_address_obstacle(mail, kind, (responder, *addresses))


def _find_header_obstacle(mail: Mail, kind: str) -> str | None:
    for value in mail.headers.get_all("auto-submitted"):
        if value.partition(";")[0].partition("(")[0].strip().lower() != "no":
            return "Auto-Submitted is not no (RFC 3834 2)"
    for name in (field.name for field in mail.headers):
        if name.lower().startswith("list-"):
            return f"{clean_text(name, 100)} shows a mailing list (RFC 3834 2)"
    for value in mail.headers.get_all("precedence"):
        if value.strip().lower() in _BULK_PRECEDENCES:
            return f"Precedence is {value.strip().lower()} (RFC 3834 2)"
    suppressed = _SUPPRESSED_WORDS.get(kind, _SUPPRESSED_WORDS[""])
    for value in mail.headers.get_all("x-auto-response-suppress"):
        if suppressed & {word.strip().lower() for word in value.split(",")}:
            return "X-Auto-Response-Suppress forbids it"
    return None


def _find_address_obstacle(mail: Mail, kind: str, addresses: tuple[str, ...]) -> str | None:
    own = {address.casefold() for address in addresses}
    if mail.sender.casefold() in own:
        return "the mail comes from the address that would answer (RFC 5230 4.6)"
    if kind != "out_of_office":
        return None
    named = {
        address.addr_spec.casefold()
        for name in _DESTINATION_FIELDS
        for field in mail.headers.get_fields(name)
        for address in read_addresses(field.text, _ignore_defect)
    }
    return None if own & named else "To and Cc do not have the address that would answer (RFC 5230 4.5)"


def _ignore_defect(reason: str) -> None:
    """Accept a defect of a field that is only searched."""


def _find_responder(mail: Mail, recipient: str | None) -> str | None:
    """Return the address that answers: the given one, or the first valid recipient."""
    candidates = mail.recipients if recipient is None else (recipient,)
    return next((address for address in candidates if format_mailbox(address, "localhost")), None)


def build_out_of_office(
    mail: Mail,
    text: str | None = None,
    *,
    recipient: str | None = None,
    subject: str | None = None,
    until: date | None = None,
    addresses: Iterable[str] = (),
    style: str | Style = "plain",
    hostname: str = "localhost",
    now: datetime | None = None,
    token: str | None = None,
) -> Notification | None:
    r"""Return the reply of a person who is away (RFC 3834, RFC 5230).

    It goes to the reverse-path, with a null reverse-path of its own, so that nothing answers it.

    Args:
        mail: the mail to answer.
        text: the text; by default, a sentence in English.
        recipient: the address that answers; the first recipient by default.
        subject: the subject; by default "Auto: " and the subject of the mail, or what the style has instead.
        until: the last day of absence, for the default text.
        addresses: other addresses of the same person: one of them must be in To or Cc.
        style: the server whose shape it has: "plain", "postfix", "exim", "exchange" or "gmail".
        hostname: the name of the server, for the Message-ID.
        now: the time; by default, the current one.
        token: letters and digits for the Message-ID; random ones by default.

    Returns:
        The reply; None if none may be sent: `find_reply_obstacle` says why.

    Raises:
        ValueError: for an unknown style, or a malformed host name or token.

    >>> from datetime import date
    >>> from lazr.smtptest.mail import Mail
    >>> mail = Mail.from_bytes(b"From: app@example.com\nTo: ann@example.net\nSubject: Hi\n\nHello\n")
    >>> reply = build_out_of_office(mail, until=date(2026, 12, 24))
    >>> reply.sender, reply.recipient, Mail.from_bytes(reply.content).subject
    ('', 'app@example.com', 'Auto: Hi')
    >>> Mail.from_bytes(reply.content).text
    'I am out of office until 24 December 2026 and read your message later.\n'
    """
    if find_reply_obstacle(mail, "out_of_office", recipient, addresses):
        return None
    if text is None:
        style = find_style(style)
        last_day = "" if until is None else f"{until.day} {until:%B %Y}"
        text = style.texts["out_of_office_until" if last_day else "out_of_office"].replace("{until}", last_day)
    return _build_reply(
        "out_of_office",
        mail,
        text,
        recipient=recipient,
        subject=subject,
        style=style,
        hostname=hostname,
        now=now,
        token=token,
    )


def build_challenge(
    mail: Mail,
    text: str | None = None,
    *,
    recipient: str | None = None,
    subject: str | None = None,
    style: str | Style = "plain",
    hostname: str = "localhost",
    now: datetime | None = None,
    token: str | None = None,
) -> Notification | None:
    r"""Return the request of a challenge-response filter to confirm the mail.

    The arguments, the result and the errors are those of `build_out_of_office`.

    >>> from lazr.smtptest.mail import Mail
    >>> mail = Mail.from_bytes(b"From: app@example.com\nTo: ann@example.net\nSubject: Hi\n\nHello\n")
    >>> Mail.from_bytes(build_challenge(mail).content).subject
    'Please confirm your message: Hi'
    """
    if find_reply_obstacle(mail, "challenge", recipient):
        return None
    if text is None:
        style = find_style(style)
        responder = clean_text(_find_responder(mail, recipient) or "", 500)
        text = style.texts["challenge"].replace("{recipient}", responder)
    return _build_reply(
        "challenge",
        mail,
        text,
        recipient=recipient,
        subject=subject,
        style=style,
        hostname=hostname,
        now=now,
        token=token,
    )


def build_auto_reply(
    mail: Mail,
    text: str,
    *,
    recipient: str | None = None,
    subject: str | None = None,
    style: str | Style = "plain",
    hostname: str = "localhost",
    now: datetime | None = None,
    token: str | None = None,
) -> Notification | None:
    r"""Return an automatic reply with a text, such as that of a ticket system.

    The arguments, the result and the errors are those of `build_out_of_office`.

    >>> from lazr.smtptest.mail import Mail
    >>> mail = Mail.from_bytes(b"From: app@example.com\nTo: help@example.net\nMessage-ID: <1@example.com>\n"
    ...     b"Subject: Hi\n\nHello\n")
    >>> reply = Mail.from_bytes(build_auto_reply(mail, "Your ticket is 42.\n").content)
    >>> reply.subject, reply.header("In-Reply-To"), reply.header("Auto-Submitted")
    ('Re: Hi', '<1@example.com>', 'auto-replied')
    """
    if find_reply_obstacle(mail, "auto_reply", recipient):
        return None
    return _build_reply(
        "auto_reply",
        mail,
        text,
        recipient=recipient,
        subject=subject,
        style=style,
        hostname=hostname,
        now=now,
        token=token,
    )


def _build_reply(
    kind: NotificationKind,
    mail: Mail,
    text: str,
    *,
    recipient: str | None,
    subject: str | None,
    style: str | Style,
    hostname: str,
    now: datetime | None,
    token: str | None,
) -> Notification | None:
    style = find_style(style)
    hostname = parse_hostname(hostname)
    responder = _find_responder(mail, recipient)
    to = format_mailbox(mail.sender, hostname)
    own = None if responder is None else format_mailbox(responder, hostname)
    if to is None or responder is None or own is None:
        return None
    time = resolve_now(now)
    original_id = find_message_id(mail)
    original_subject = clean_text(mail.subject, 500)
    values = {
        **build_identifiers(mail, time, token),
        "hostname": hostname,
        "date": format_date(time),
        "to": to,
        "from": own,
        "recipient": own,
        "original_id": original_id or "",
        "references": build_references(mail),
        "thread_topic": encode_words(original_subject, "Thread-Topic"),
        "subject": original_subject,
        "reply_subject": build_reply_subject(mail),
    }
    values["message_id"] = style.message_id.format_map(values)
    title = style.subjects[kind].format_map(values) if subject is None else subject
    values["subject"] = encode_words(clean_text(title, 500), "Subject")
    content = build_fields(style.reply_header, values) + encode_text(text, "plain", "auto")
    return Notification(kind, "", mail.sender, content, original_id, about=(responder,))
