"""Complaints: the reports of a provider whose user marks a mail as spam (RFC 5965)."""

from __future__ import annotations

import ipaddress
import re

from lazr.smtptest.bounces.header_field import build_fields, clean_text, encode_words
from lazr.smtptest.bounces.identifiers import build_identifiers, format_date, resolve_now
from lazr.smtptest.bounces.mailbox import find_domain, format_mailbox, parse_hostname
from lazr.smtptest.bounces.notification import Notification
from lazr.smtptest.bounces.reply_threading import find_message_id
from lazr.smtptest.bounces.report import Returned, build_report
from lazr.smtptest.bounces.returned_message import read_header_block
from lazr.smtptest.bounces.styles import find_style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Literal

    from lazr.smtptest.bounces.styles import Style
    from lazr.smtptest.mail import Mail

    # RFC 5965 7.3, RFC 6430, RFC 6591; the register of IANA.
    FeedbackType = Literal["abuse", "fraud", "virus", "other", "not-spam", "auth-failure"]

__all__ = ["FEEDBACK_TYPES", "build_complaint", "find_complaint_obstacle"]

FEEDBACK_TYPES = ("abuse", "fraud", "virus", "other", "not-spam", "auth-failure")
_USER_AGENT = "lazr.smtptest"
_REDACTED = "redacted"
_FIELDS = (
    ("Feedback-Type", "{feedback_type}"),
    ("User-Agent", _USER_AGENT),
    ("Version", "1"),
    ("Original-Envelope-Id", "{envid}"),
    ("Original-Mail-From", "{original_sender}"),
    ("Arrival-Date", "{arrival}"),
    ("Reporting-MTA", "dns; {hostname}"),
    ("Source-IP", "{source_ip}"),
)
_RECIPIENT_FIELDS = (("Original-Rcpt-To", "<{reported_recipient}>"),)
_DOMAIN_FIELDS = (("Reported-Domain", "{reported_domain}"),)


def build_complaint(
    mail: Mail,
    *,
    feedback_type: FeedbackType = "abuse",
    recipient: str | None = None,
    to: str | None = None,
    redact: bool = True,
    style: str | Style = "plain",
    hostname: str = "localhost",
    now: datetime | None = None,
    token: str | None = None,
) -> Notification | None:
    r"""Return the report that a recipient has complained about a mail (RFC 5965).

    Args:
        mail: the mail that the recipient has marked.
        feedback_type: "abuse" for spam; "not-spam" takes a complaint back (RFC 6430).
        recipient: the recipient who complains; the first one by default.
        to: the address that gets the report; by default the reverse-path, or abuse@ at the domain of From (RFC 2142).
        redact: whether the address of the recipient is replaced by `redacted@…` (RFC 6590), as large providers do: the
            application must find the recipient by its own Message-ID or header fields.  Encoded bodies stay unchanged.
        style: the server whose shape it has: "plain", "postfix", "exim", "exchange" or "gmail".
        hostname: the name of the server that writes the report.
        now: the time; by default, the current one.
        token: letters and digits for the Message-ID and the boundary; random ones by default.

    Returns:
        The report; None if there is no address to send it to: `find_complaint_obstacle` says why.

    Raises:
        ValueError: for an unknown feedback type or style, or a malformed host name or token.

    >>> from lazr.smtptest.mail import Mail
    >>> mail = Mail.from_bytes(b"From: news@example.com\nTo: ann@example.net\nSubject: Offer\n\nBuy!\n")
    >>> report = build_complaint(mail).content.decode()
    >>> "Feedback-Type: abuse" in report, "Original-Rcpt-To: <redacted@example.net>" in report, "ann@" in report
    (True, True, False)
    """
    if feedback_type not in FEEDBACK_TYPES:
        raise ValueError(f"feedback_type must be one of {', '.join(FEEDBACK_TYPES)}, got {feedback_type!r}")
    style = find_style(style)
    hostname = parse_hostname(hostname)
    address = _find_destination(mail, to)
    reported_to = None if address is None else format_mailbox(address, hostname)
    if address is None or reported_to is None:
        return None
    time = resolve_now(now)
    complainers = mail.recipients[:1] if recipient is None else (recipient,)
    content = _redact(mail.content, complainers) if redact else mail.content
    source_ip = _find_source_ip(mail)
    original_id = find_message_id(mail)
    values = {
        **build_identifiers(mail, time, token),
        "hostname": hostname,
        "date": format_date(time),
        "arrival": format_date(mail.received_at),
        "to": reported_to,
        "feedback_type": feedback_type,
        "envid": clean_text(mail.envelope.envid, 200),
        "original_sender": f"<{clean_text(mail.sender, 500)}>",
        "source_ip": source_ip,
        "source": source_ip or "an unknown address",
        "reported_domain": _find_author_domain(mail) or find_domain(mail.sender),
        "original_id": original_id or "",
        "status_description": "Feedback report",
        "returned_description": "Reported Message",
    }
    values["message_id"] = style.message_id.format_map(values)
    title = style.subjects["complaint"].format_map(values)
    values["subject"] = encode_words(title, "Subject")
    values["plain_title"] = title
    status = build_fields(_FIELDS, values)
    for complainer in complainers:
        shown = f"{_REDACTED}@{find_domain(complainer) or hostname}" if redact else clean_text(complainer, 500)
        status += build_fields(_RECIPIENT_FIELDS, {"reported_recipient": shown})
    status += build_fields(_DOMAIN_FIELDS, values)
    is_global = not status.isascii() or (
        "SMTPUTF8" in mail.envelope.mail_parameters and not read_header_block(content).isascii()
    )
    report = build_report(
        style,
        style.complaint_header,
        values,
        text=style.texts["complaint"].format_map(values),
        status_type="message/feedback-report",
        status=status,
        returned=Returned(content, len(content) <= style.max_returned_bytes, is_global),
    )
    return Notification("complaint", "", address, report, original_id, about=tuple(complainers))


def find_complaint_obstacle(mail: Mail, to: str | None = None) -> str | None:
    """Return why no complaint can be sent; None if it can.

    >>> from lazr.smtptest.mail import Mail
    >>> find_complaint_obstacle(Mail.from_bytes(b"Subject: Hi\\n\\n"))
    'there is no address to complain to: the reverse-path is null and From has no domain'
    """
    address = _find_destination(mail, to)
    if address is None:
        return "there is no address to complain to: the reverse-path is null and From has no domain"
    if format_mailbox(address, "localhost") is None:
        return f"the address to complain to is not an address: {clean_text(address, 100)!r}"
    return None


def _find_destination(mail: Mail, to: str | None) -> str | None:
    if to is not None:
        return to
    if mail.sender:
        return mail.sender
    domain = _find_author_domain(mail)
    return f"abuse@{domain}" if domain else None


def _find_author_domain(mail: Mail) -> str:
    return next((domain for author in mail.from_ if (domain := find_domain(author.addr_spec))), "")


def _find_source_ip(mail: Mail) -> str:
    """Return the address of the client; "" for a Unix socket, or without a session."""
    host = mail.envelope.peer.rpartition(":")[0].strip("[]")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def _redact(content: bytes, recipients: tuple[str, ...]) -> bytes:
    """Replace the local part of each recipient's address by another, in any letter case."""
    for recipient in recipients:
        local, at, domain = recipient.rpartition("@")
        if not at or not local:
            continue
        address = recipient.encode("utf-8", "replace")
        replacement = f"{_REDACTED}@{domain}".encode("utf-8", "replace")
        content = re.sub(re.escape(address), lambda _, new=replacement: new, content, flags=re.IGNORECASE)  # type: ignore[misc]
    return content
