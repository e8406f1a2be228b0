"""Delivery status notifications (RFC 3464), as the sender asked for them (RFC 3461)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from textwrap import fill

from lazr.smtptest.bounces.header_field import build_fields, clean_text, encode_words
from lazr.smtptest.bounces.identifiers import build_identifiers, format_date, resolve_now
from lazr.smtptest.bounces.mailbox import find_domain, format_mailbox, parse_hostname
from lazr.smtptest.bounces.notification import Notification
from lazr.smtptest.bounces.reply_threading import build_references, find_message_id
from lazr.smtptest.bounces.report import Returned, build_report
from lazr.smtptest.bounces.returned_message import read_header_block
from lazr.smtptest.bounces.status_codes import find_status_code, parse_status
from lazr.smtptest.bounces.styles import Style, find_style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lazr.smtptest.bounces.notification import NotificationKind
    from lazr.smtptest.bounces.status_codes import StatusCode
    from lazr.smtptest.mail import Mail

__all__ = ["build_bounce", "build_delay", "build_delivered", "find_dsn_obstacle"]

_TEXT_WIDTH = 79
RETRY_DAYS = 5  # RFC 5321 4.5.4.1: at least 4 to 5 days
_REPLY_CODE = re.compile(r"[245][0-9]{2}[ -]")
# RFC 3461 6.5: the escapes of utf-8 addresses (RFC 6533 3).
_UNICODE_ESCAPE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
# By kind: the word in NOTIFY (RFC 3461 4.1), the Action (RFC 3464 2.3.3), and the classes of the status.
_NOTIFY_WORDS = {"bounce": "FAILURE", "delayed": "DELAY", "delivered": "SUCCESS"}
_ACTIONS = {"bounce": "failed", "delayed": "delayed", "delivered": "delivered"}
_CLASSES = {"bounce": "45", "delayed": "4", "delivered": "2"}


@dataclass(frozen=True, slots=True)
class _Target:
    """One recipient that a notification is about."""

    address: str
    original: tuple[str, str] | None

    @property
    def addresses(self) -> tuple[str, ...]:
        """The address, and the original one if the sender has named it."""
        return (self.address,) if self.original is None else (self.address, self.original[1])


def build_bounce(
    mail: Mail,
    status: str = "5.1.1",
    *,
    recipient: str | Sequence[str] | None = None,
    text: str | None = None,
    style: str | Style = "plain",
    hostname: str = "localhost",
    remote: str | None = None,
    now: datetime | None = None,
    token: str | None = None,
) -> Notification | None:
    r"""Return the notification that a mail was not delivered (RFC 3464, action "failed").

    It follows the wishes of the envelope (RFC 3461): NOTIFY, RET, ENVID and ORCPT.

    Args:
        mail: the mail that was not delivered.
        status: the status code of the failure (RFC 3463): class 5, or 4 if the server has given up.
        recipient: the failed recipient, or a list of them; all recipients by default.
        text: the reply of the other server, such as "No such user here"; by default, the meaning of the status.  It
            may begin with a reply code: "552 5.2.2 Full".
        style: the server whose shape it has: "plain", "postfix", "exim", "exchange" or "gmail".
        hostname: the name of the server that writes the notification.
        remote: the name of the server that refused the mail; the domain of the recipient by default.
        now: the time; by default, the current one.
        token: letters and digits for the Message-ID and the boundary; random ones by default.

    Returns:
        The notification; None if none may be sent: `find_dsn_obstacle` says why.

    Raises:
        ValueError: for a malformed status, an unknown style, or a malformed host name or token.

    >>> from lazr.smtptest.mail import Mail
    >>> mail = Mail.from_bytes(b"From: app@example.com\nTo: gone@example.net\nSubject: Hi\n\nHello\n")
    >>> notification = build_bounce(mail, "5.1.1", text="No such user")
    >>> notification.sender, notification.recipient, notification.status
    ('', 'app@example.com', '5.1.1')
    >>> "Diagnostic-Code: smtp; 550 5.1.1 No such user" in notification.content.decode()
    True
    """
    return _build_dsn(
        "bounce",
        mail,
        status=status,
        recipient=recipient,
        text=text,
        style=style,
        hostname=hostname,
        remote=remote,
        now=now,
        token=token,
    )


def build_delay(
    mail: Mail,
    status: str = "4.4.1",
    *,
    recipient: str | Sequence[str] | None = None,
    text: str | None = None,
    style: str | Style = "plain",
    hostname: str = "localhost",
    remote: str | None = None,
    now: datetime | None = None,
    token: str | None = None,
) -> Notification | None:
    """Return the notification that a mail is delayed and will be tried again.

    The arguments are those of `build_bounce`; the status has class 4.  Without NOTIFY, it is sent (RFC 3461 4.1).

    >>> from lazr.smtptest.mail import Mail
    >>> mail = Mail.from_bytes(b"From: app@example.com\\nTo: slow@example.net\\n\\nHello\\n")
    >>> build_delay(mail).kind
    'delayed'
    """
    return _build_dsn(
        "delayed",
        mail,
        status=status,
        recipient=recipient,
        text=text,
        style=style,
        hostname=hostname,
        remote=remote,
        now=now,
        token=token,
    )


def build_delivered(
    mail: Mail,
    status: str = "2.0.0",
    *,
    recipient: str | Sequence[str] | None = None,
    text: str | None = None,
    style: str | Style = "plain",
    hostname: str = "localhost",
    remote: str | None = None,
    now: datetime | None = None,
    token: str | None = None,
) -> Notification | None:
    """Return the notification that a mail was delivered (action "delivered").

    The arguments are those of `build_bounce`; the status has class 2.  It is sent only to those who asked for it with
    NOTIFY=SUCCESS (RFC 3461 4.1).

    >>> from lazr.smtptest.mail import Envelope, Mail
    >>> envelope = Envelope("app@example.com", ("ann@example.net",), mail_parameters={},
    ...     rcpt_parameters=({"NOTIFY": "SUCCESS"},))
    >>> build_delivered(Mail("1", envelope, [b""])).status
    '2.0.0'
    """
    return _build_dsn(
        "delivered",
        mail,
        status=status,
        recipient=recipient,
        text=text,
        style=style,
        hostname=hostname,
        remote=remote,
        now=now,
        token=token,
    )


def find_dsn_obstacle(
    mail: Mail, kind: NotificationKind = "bounce", recipient: str | Sequence[str] | None = None
) -> str | None:
    """Return why no notification of a kind may be sent; None if it may.

    >>> from lazr.smtptest.mail import Envelope, Mail
    >>> find_dsn_obstacle(Mail("1", Envelope("", ("a@b.example",), mail_parameters={}, rcpt_parameters=({},)), [b""]))
    'the reverse-path is null (RFC 5321 4.5.5)'
    """
    if not mail.sender:
        return "the reverse-path is null (RFC 5321 4.5.5)"
    if format_mailbox(mail.sender, "localhost") is None:
        return f"the reverse-path is not an address: {clean_text(mail.sender, 100)!r}"
    if not _select_targets(mail, kind, recipient):
        word = _NOTIFY_WORDS[kind]
        return f"no recipient has asked for it: NOTIFY is without {word} (RFC 3461 4.1)"
    return None


def _select_targets(mail: Mail, kind: str, recipient: str | Sequence[str] | None) -> list[_Target]:
    """Return the recipients that NOTIFY allows a notification about, each address once."""
    envelope = mail.envelope
    wished = None if recipient is None else (recipient,) if isinstance(recipient, str) else tuple(recipient)
    wishes = dict(zip(reversed(envelope.rcpt_tos), reversed(envelope.dsn), strict=False))
    targets = []
    for address in dict.fromkeys(envelope.rcpt_tos if wished is None else wished):
        dsn = wishes.get(address)
        notify = dsn.notify if dsn else frozenset()
        if (_NOTIFY_WORDS[kind] in notify) if notify else kind != "delivered":
            targets.append(_Target(address, dsn.orcpt if dsn else None))
    return targets


def _build_dsn(
    kind: NotificationKind,
    mail: Mail,
    *,
    status: str,
    recipient: str | Sequence[str] | None,
    text: str | None,
    style: str | Style,
    hostname: str,
    remote: str | None,
    now: datetime | None,
    token: str | None,
) -> Notification | None:
    parse_status(status, _CLASSES[kind])
    style = find_style(style)
    hostname = parse_hostname(hostname)
    to = format_mailbox(mail.sender, hostname)
    targets = _select_targets(mail, kind, recipient)
    if to is None or not targets:
        return None
    time = resolve_now(now)
    header_block = read_header_block(mail.content)
    addresses = [to, *(address for target in targets for address in target.addresses)]
    is_global = not all(map(str.isascii, addresses)) or (
        "SMTPUTF8" in mail.envelope.mail_parameters and not header_block.isascii()
    )
    # RFC 3461 4.3: RET is about failures; other notifications return the header.
    is_wished = kind == "bounce" and mail.envelope.ret != "HDRS"
    is_limited = is_wished and mail.size > style.max_returned_bytes
    is_complete = is_wished and not is_limited
    subject = clean_text(mail.subject, 500)
    code = find_status_code(status)
    recipients = [clean_text(target.address, 500) for target in targets]
    original_id = find_message_id(mail)
    values = {
        **build_identifiers(mail, time, token),
        "hostname": hostname,
        "date": format_date(time),
        "arrival": format_date(mail.received_at),
        "retry_until": format_date(mail.received_at + timedelta(days=RETRY_DAYS)) if kind == "delayed" else "",
        "to": to,
        "sender": to,
        "sender_type": "rfc822" if to.isascii() else "utf-8",
        "client": mail.envelope.helo if mail.envelope.helo.isascii() and mail.envelope.helo.isprintable() else "",
        "envid": clean_text(mail.envelope.envid, 200),
        "subject": subject,
        "thread_topic": encode_words(subject, "Thread-Topic"),
        "original_id": original_id or "",
        "references": build_references(mail),
        "failed": ", ".join(address for address in recipients if format_mailbox(address, hostname))
        if kind == "bounce"
        else "",
        "recipients": ", ".join(recipients),
        "meaning": code.meaning,
        "status_description": "Delivery report",
        "returned_description": ("Undelivered Message" if kind != "delivered" else "Delivered Message")
        + ("" if is_complete else " Headers"),
    }
    values["message_id"] = style.message_id.format_map(values)
    values["title"] = style.subjects[kind].format_map(values)
    details, blocks = [], [build_fields(style.message_fields, values)]
    for target in targets:
        own = _describe_target(target, kind=kind, code=code, text=text, remote=remote, style=style, is_global=is_global)
        details.append(style.detail.format_map({**values, **own}))
        blocks.append(build_fields(style.recipient_fields, {**values, **own}))
    body = style.texts[kind].format_map({**values, "details": "\n".join(details)})
    content = build_report(
        style,
        style.header,
        {**values, "plain_title": values["title"], "title": encode_words(values["title"], "Subject")},
        text=body,
        status_type="message/global-delivery-status" if is_global else "message/delivery-status",
        status=b"\r\n".join(blocks),
        returned=Returned(
            mail.content, is_complete, is_global, build_fields(style.limit_fields, {}) if is_limited else b""
        ),
    )
    about = tuple(target.address for target in targets)
    return Notification(kind, "", mail.sender, content, original_id, status, about)


def _describe_target(
    target: _Target,
    *,
    kind: str,
    code: StatusCode,
    text: str | None,
    remote: str | None,
    style: Style,
    is_global: bool,
) -> dict[str, str]:
    """Return the values of the templates about one recipient."""
    address = clean_text(target.address, 500)
    local, _, domain = address.rpartition("@")
    answer = clean_text(code.meaning if text is None else text)
    if not _REPLY_CODE.match(answer):
        answer = f"{code.reply_code} {code.code} {answer}"
    host = clean_text(remote, 255) if remote else find_domain(target.address)
    address_type = "rfc822" if address.isascii() else "utf-8"
    original_type, original = target.original or (address_type, address)
    if original_type.lower() == "utf-8" and is_global:
        original = _UNICODE_ESCAPE.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), original)
    original_type, original = clean_text(original_type, 100), clean_text(original, 500)
    if original_type.lower() == "rfc822" and not original.isascii():
        original_type = "utf-8"
    attempt = f"<{address}>: host {host or 'localhost'} said: {answer} (in reply to RCPT TO command)"
    return {
        "recipient": address,
        "local_part": local or address,
        "domain": domain or "localhost",
        "address_type": address_type,
        "original_recipient": f"{original_type}; {original}" if target.original else "",
        "known_original_recipient": f"{original_type};{original}",
        "compact_original_recipient": f"{original_type};{original}" if target.original else "",
        "action": _ACTIONS[kind],
        "status": style.fixed_statuses.get(code.code[0], code.code),
        "remote": host,
        "answer": answer,
        "attempt": fill(attempt, _TEXT_WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False),
        "diagnostic": answer if is_global else encode_words(answer),
    }
