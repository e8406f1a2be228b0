"""How mail servers write the mails that come back: one table for each server.

The tables hold facts that programs look for: which fields there are and in which order, which parts, the subjects, the
senders, and a few phrases.  All other sentences are our own.  A template names values in braces, which the builders
fill in.  A field whose value is empty is left out.

`tests/bounces/test_styles.py` compares the tables with bounces of these servers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from lazr.smtptest._util.suggestion import describe_unknown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    Templates = tuple[tuple[str, str], ...]

__all__ = ["STYLES", "Style", "find_style"]

_REPORT_TYPE = 'multipart/report; report-type={report_type};\r\n\tboundary="{boundary}"'
_MIME_VERSION = ("MIME-Version", "1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """The shape and the wording of the notifications of one mail server.

    Args:
        name: the name that users write.
        header: the header fields of a delivery status notification, in order.
        subjects: the subject by kind of notification.
        texts: the text for persons by kind; `{details}` is one `detail` for each recipient.
        detail: the lines of the text about one recipient.
        preamble: the line before the first part; programs ignore it.
        layout: whether the text is one part, or plain text and HTML, or these two with an icon.
        text_fields: the fields of the text part before its Content-Type.
        text_encoding: the transfer encoding of the text; "auto" is 7bit for ASCII.
        status_fields: the fields of the machine-readable part before its Content-Type.
        returned_fields: the fields of the returned message before its Content-Type.
        message_fields: the machine-readable fields about the message (RFC 3464 2.2).
        recipient_fields: the machine-readable fields about one recipient (RFC 3464 2.3).
        fixed_statuses: the Status by its class, for servers that write no detail.
        max_returned_bytes: the size up to which a failed message is returned in full.
        limit_fields: what is added to the returned header of a larger message.
        boundary: the boundary of the parts.
        message_id: the Message-ID of a notification.
        complaint_header: the header fields of a feedback report.
        reply_header: the header fields of an automatic reply.
    """

    name: str
    header: Templates
    subjects: Mapping[str, str]
    texts: Mapping[str, str]
    detail: str
    preamble: str = ""
    layout: Literal["plain", "alternative", "related"] = "plain"
    text_fields: Templates = ()
    text_encoding: Literal["auto", "quoted-printable", "base64"] = "auto"
    status_fields: Templates = ()
    returned_fields: Templates = ()
    message_fields: Templates
    recipient_fields: Templates
    fixed_statuses: Mapping[str, str] = field(default_factory=dict)
    max_returned_bytes: int = 1_000_000
    limit_fields: Templates = ()
    boundary: str = "{token}"
    message_id: str = "<{token}@{hostname}>"
    complaint_header: Templates
    reply_header: Templates


_COMPLAINT_HEADER = (
    ("Date", "{date}"),
    ("From", "Feedback reports <feedback@{hostname}>"),
    ("To", "{to}"),
    ("Subject", "{subject}"),
    ("Message-ID", "{message_id}"),
    ("Auto-Submitted", "auto-generated"),
    _MIME_VERSION,
    ("Content-Type", _REPORT_TYPE),
)
_REPLY_HEADER = (
    ("Date", "{date}"),
    ("From", "{from}"),
    ("To", "{to}"),
    ("Subject", "{subject}"),
    ("Message-ID", "{message_id}"),
    ("In-Reply-To", "{original_id}"),
    ("References", "{references}"),
    ("Auto-Submitted", "auto-replied"),
    _MIME_VERSION,
)
_PLAIN_TEXTS = {
    "bounce": "Your message was not delivered to the addresses below. It will not be tried again.\n\n{details}",
    "delayed": "Your message has not been delivered to the addresses below yet. The server keeps trying, so you need\n"
    "not send it again.\n\n{details}",
    "delivered": "Your message was delivered to these addresses:\n\n{details}",
    "complaint": "A recipient has reported a message from {source} as unwanted ({feedback_type}).\n"
    "It arrived on {arrival}. A copy follows.\n",
    "out_of_office": "I am out of office and read your message later.\n",
    "out_of_office_until": "I am out of office until {until} and read your message later.\n",
    "challenge": "Your message to {recipient} waits for your confirmation, because this address does not know you.\n"
    "Reply to this message, and it will be delivered.\n",
}
_PLAIN_SUBJECTS = {
    "bounce": "Message not delivered",
    "delayed": "Message delayed",
    "delivered": "Message delivered",
    "complaint": "Feedback report: {feedback_type}",
    "out_of_office": "Auto: {subject}",
    "challenge": "Please confirm your message: {subject}",
    "auto_reply": "{reply_subject}",
}

_PLAIN = Style(
    name="plain",
    header=(
        ("Date", "{date}"),
        ("From", "Mail delivery <mailer-daemon@{hostname}>"),
        ("To", "{to}"),
        ("Subject", "{title}"),
        ("Message-ID", "{message_id}"),
        ("In-Reply-To", "{original_id}"),
        ("References", "{references}"),
        ("Auto-Submitted", "auto-replied"),
        _MIME_VERSION,
        ("Content-Type", _REPORT_TYPE),
    ),
    subjects=_PLAIN_SUBJECTS,
    texts=_PLAIN_TEXTS,
    detail="{recipient}\n    {answer}\n",
    message_fields=(
        ("Original-Envelope-Id", "{envid}"),
        ("Reporting-MTA", "dns; {hostname}"),
        ("Received-From-MTA", "dns; {client}"),
        ("Arrival-Date", "{arrival}"),
    ),
    recipient_fields=(
        ("Original-Recipient", "{original_recipient}"),
        ("Final-Recipient", "{address_type}; {recipient}"),
        ("Action", "{action}"),
        ("Status", "{status}"),
        ("Remote-MTA", "dns; {remote}"),
        ("Diagnostic-Code", "smtp; {diagnostic}"),
        ("Last-Attempt-Date", "{date}"),
        ("Will-Retry-Until", "{retry_until}"),
    ),
    complaint_header=_COMPLAINT_HEADER,
    reply_header=_REPLY_HEADER,
)

# postfix.org: bounce(5), bounce(8); the replies are those of Dovecot's Sieve, which often delivers for Postfix.
_POSTFIX = Style(
    name="postfix",
    header=(
        ("Received", "by {hostname} (Postfix)\r\n\tid {queue_id}; {date} (UTC)"),
        ("Date", "{date} (UTC)"),
        ("From", "Mail Delivery System <MAILER-DAEMON@{hostname}>"),
        ("Subject", "{title}"),
        ("To", "{to}"),
        ("Auto-Submitted", "auto-replied"),
        _MIME_VERSION,
        ("Content-Type", _REPORT_TYPE),
        ("Content-Transfer-Encoding", "{eight_bit}"),
        ("Message-Id", "{message_id}"),
    ),
    subjects={
        **_PLAIN_SUBJECTS,
        "bounce": "Undelivered Mail Returned to Sender",
        "delayed": "Delayed Mail (still being retried)",
        "delivered": "Successful Mail Delivery Report",
    },
    texts={
        **_PLAIN_TEXTS,
        "bounce": "This is the mail system at host {hostname}.\n\nYour mail did not reach the recipients below. It is "
        "attached.\nIf you ask postmaster for help, add this report.\n\n                   The mail system\n\n"
        "{details}",
        "delayed": "This is the mail system at host {hostname}.\n\n"
        "##################################################\n# Only a warning: there is no need to send again. #\n"
        "##################################################\n\nYour mail has not reached the recipients below. "
        "Delivery will be tried until {retry_until}.\n\n                   The mail system\n\n{details}",
        "delivered": "This is the mail system at host {hostname}.\n\nYour mail was delivered to the recipients below.\n"
        "\n                   The mail system\n\n{details}",
    },
    detail="{attempt}\n",
    preamble="This is a MIME-encapsulated message.",
    text_fields=(("Content-Description", "Notification"),),
    status_fields=(("Content-Description", "{status_description}"),),
    returned_fields=(("Content-Description", "{returned_description}"),),
    message_fields=(
        ("Reporting-MTA", "dns; {hostname}"),
        ("Original-Envelope-Id", "{envid}"),
        ("X-Postfix-Queue-ID", "{original_queue_id}"),
        ("X-Postfix-Sender", "{sender_type}; {sender}"),
        ("Arrival-Date", "{arrival} (UTC)"),
    ),
    recipient_fields=(
        ("Final-Recipient", "{address_type}; {recipient}"),
        ("Original-Recipient", "{known_original_recipient}"),
        ("Action", "{action}"),
        ("Status", "{status}"),
        ("Remote-MTA", "dns; {remote}"),
        ("Diagnostic-Code", "smtp; {diagnostic}"),
        ("Will-Retry-Until", "{retry_until} (UTC)"),
    ),
    max_returned_bytes=50_000,  # bounce_size_limit
    boundary="{original_queue_id}.{seconds}/{hostname}",
    message_id="<{stamp}.{queue_id}@{hostname}>",
    complaint_header=_COMPLAINT_HEADER,
    reply_header=(
        ("X-Sieve", "Pigeonhole Sieve"),
        ("Message-ID", "{message_id}"),
        ("Date", "{date}"),
        ("Subject", "{subject}"),
        ("From", "{from}"),
        ("To", "{to}"),
        ("In-Reply-To", "{original_id}"),
        ("References", "{references}"),
        ("Auto-Submitted", "auto-replied (vacation)"),
        ("Precedence", "bulk"),
        ("X-Auto-Response-Suppress", "All"),
        _MIME_VERSION,
    ),
)

# exim.org: the specification, chapters "Customizing bounce and warning messages" and "The autoreply transport".
_EXIM = Style(
    name="exim",
    header=(
        ("Received", "from Debian-exim by {hostname} with local (Exim)\r\n\tid {exim_id};\r\n\t{date}"),
        ("X-Failed-Recipients", "{failed}"),
        ("Auto-Submitted", "auto-replied"),
        ("From", "Mail Delivery System <Mailer-Daemon@{hostname}>"),
        ("To", "{to}"),
        ("References", "{original_id}"),
        ("Content-Type", "multipart/report; report-type={report_type}; boundary={boundary}"),
        _MIME_VERSION,
        ("Subject", "{title}"),
        ("Message-Id", "{message_id}"),
        ("Date", "{date}"),
    ),
    subjects={
        **_PLAIN_SUBJECTS,
        "bounce": "Mail delivery failed: returning message to sender",
        "delayed": "Warning: message {original_exim_id} delayed 24 hours",
        "delivered": "Delivery Status Notification",
    },
    texts={
        **_PLAIN_TEXTS,
        "bounce": "This message was created automatically by mail delivery software.\n\nYour message did not reach "
        "the addresses below. The error is permanent:\n\n{details}",
        "delayed": "This message was created automatically by mail delivery software.\n\nA message of yours is still "
        "in the queue of {hostname} after more than 24 hours.\n\nThe message identifier is:     {original_exim_id}\n"
        "The subject of the message is: {subject}\n\nIt has not reached:\n\n{details}\nNo action is required: "
        "delivery is tried again.\n",
        "delivered": "This message was created automatically by mail delivery software.\n\nYour message reached:\n\n"
        "{details}",
    },
    detail="  {recipient}\n    host {remote}\n    {answer}\n",
    message_fields=(
        ("Original-Envelope-ID", "{envid}"),
        ("Reporting-MTA", "dns; {hostname}"),
    ),
    recipient_fields=(
        ("Action", "{action}"),
        ("Original-Recipient", "{compact_original_recipient}"),
        ("Final-Recipient", "{address_type};{recipient}"),
        ("Status", "{status}"),
        ("Remote-MTA", "dns; {remote}"),
        ("Diagnostic-Code", "smtp; {diagnostic}"),
    ),
    fixed_statuses={"5": "5.0.0", "4": "4.0.0", "2": "2.0.0"},
    max_returned_bytes=100 * 1024,  # bounce_return_size_limit
    limit_fields=(("X-Exim-DSN-Information", "Due to administrative limits only headers are returned"),),
    boundary="{seconds}-eximdsn-{number}",
    message_id="<E{exim_id}@{hostname}>",
    complaint_header=_COMPLAINT_HEADER,
    reply_header=(
        ("From", "{from}"),
        ("To", "{to}"),
        ("Subject", "{subject}"),
        ("In-Reply-To", "{original_id}"),
        ("References", "{references}"),
        ("Auto-Submitted", "auto-replied"),
        ("Message-Id", "{message_id}"),
        ("Date", "{date}"),
        _MIME_VERSION,
    ),
)

# Exchange Online and Exchange Server; [MS-OXCMAIL] has the fields of automatic replies.
_EXCHANGE = Style(
    name="exchange",
    header=(
        ("From", "<postmaster@{hostname}>"),
        ("To", "{to}"),
        ("Date", "{date}"),
        ("Content-Type", _REPORT_TYPE),
        ("X-MS-Exchange-Message-Is-Ndr", ""),
        ("Content-Language", "en-US"),
        ("Message-ID", "{message_id}"),
        ("In-Reply-To", "{original_id}"),
        ("References", "{original_id}"),
        ("Thread-Topic", "{thread_topic}"),
        ("Subject", "{title}"),
        ("Auto-Submitted", "auto-replied"),
        _MIME_VERSION,
    ),
    subjects={
        **_PLAIN_SUBJECTS,
        "bounce": "Undeliverable: {subject}",
        "delayed": "Delivery delayed: {subject}",
        "delivered": "Delivered: {subject}",
        "complaint": "complaint about message from {source}",
        "out_of_office": "Automatic reply: {subject}",
    },
    texts={
        **_PLAIN_TEXTS,
        "bounce": "Your message was not delivered to the recipients below.\n\nDiagnostic information for "
        "administrators:\n\nGenerating server: {hostname}\n\n{details}",
        "delayed": "Delivery to these recipients is delayed. The server keeps trying.\n\nDiagnostic information for "
        "administrators:\n\nGenerating server: {hostname}\n\n{details}",
        "delivered": "Your message has been delivered to the following recipients:\n\n{details}",
    },
    detail="{recipient}\nRemote Server returned '{answer}'\n",
    layout="alternative",
    text_encoding="quoted-printable",
    message_fields=(
        ("Original-Envelope-Id", "{envid}"),
        ("Reporting-MTA", "dns;{hostname}"),
        ("Received-From-MTA", "dns;{client}"),
        ("Arrival-Date", "{arrival}"),
    ),
    recipient_fields=(
        ("Original-Recipient", "{compact_original_recipient}"),
        ("Final-Recipient", "{address_type};{recipient}"),
        ("Action", "{action}"),
        ("Status", "{status}"),
        ("Diagnostic-Code", "smtp;{diagnostic}"),
        ("Remote-MTA", "dns;{remote}"),
        ("Will-Retry-Until", "{retry_until}"),
        ("X-Display-Name", "{local_part}"),
    ),
    boundary="{guid}",
    message_id="<{guid}@{hostname}>",
    complaint_header=_COMPLAINT_HEADER,
    reply_header=(
        ("From", "{from}"),
        ("To", "{to}"),
        ("Subject", "{subject}"),
        ("Thread-Topic", "{thread_topic}"),
        ("Date", "{date}"),
        ("Message-ID", "{message_id}"),
        ("References", "{references}"),
        ("In-Reply-To", "{original_id}"),
        ("X-Auto-Response-Suppress", "All"),
        ("Auto-Submitted", "auto-generated"),
        ("X-MS-Exchange-Inbox-Rules-Loop", "{recipient}"),
        _MIME_VERSION,
    ),
)

_GMAIL = Style(
    name="gmail",
    header=(
        _MIME_VERSION,
        ("From", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"),
        ("To", "{to}"),
        ("Auto-Submitted", "auto-replied"),
        ("Subject", "{title}"),
        ("References", "{original_id}"),
        ("In-Reply-To", "{original_id}"),
        ("X-Failed-Recipients", "{failed}"),
        ("Message-ID", "{message_id}"),
        ("Date", "{date}"),
        ("Content-Type", 'multipart/report; boundary="{boundary}"; report-type={report_type}'),
    ),
    subjects={
        **_PLAIN_SUBJECTS,
        "bounce": "Delivery Status Notification (Failure)",
        "delayed": "Delivery Status Notification (Delay)",
        "delivered": "Delivery Status Notification (Success)",
        "out_of_office": "Out of office Re: {subject}",
    },
    texts={
        **_PLAIN_TEXTS,
        "bounce": "** {meaning} **\n\nThe message did not reach {recipients}.\n\nThe response was:\n\n{details}",
        "delayed": "** Delivery incomplete **\n\nThe message has not reached {recipients} yet. Delivery will be tried "
        "until {retry_until}.\n\nThe response was:\n\n{details}",
        "delivered": "** Delivered **\n\nThe message reached {recipients}.\n\n{details}",
    },
    detail="{answer}\n",
    layout="related",
    text_encoding="base64",
    message_fields=(
        ("Original-Envelope-Id", "{envid}"),
        ("Reporting-MTA", "dns; googlemail.com"),
        ("Received-From-MTA", "dns; {sender}"),
        ("Arrival-Date", "{arrival}"),
        ("X-Original-Message-ID", "{original_id}"),
    ),
    recipient_fields=(
        ("Original-Recipient", "{original_recipient}"),
        ("Final-Recipient", "{address_type}; {recipient}"),
        ("Action", "{action}"),
        ("Status", "{status}"),
        ("Remote-MTA", "dns; {remote} (the server for the domain {domain}.)"),
        ("Diagnostic-Code", "smtp; {diagnostic}"),
        ("Last-Attempt-Date", "{date}"),
        ("Will-Retry-Until", "{retry_until}"),
    ),
    boundary="000000000000{short_token}",
    message_id="<{token}@mx.google.com>",
    complaint_header=_COMPLAINT_HEADER,
    reply_header=(
        _MIME_VERSION,
        ("Date", "{date}"),
        ("References", "{references}"),
        ("In-Reply-To", "{original_id}"),
        ("X-Autoreply", "yes"),
        ("Auto-Submitted", "auto-replied"),
        ("Precedence", "bulk"),
        ("Message-ID", "{message_id}"),
        ("Subject", "{subject}"),
        ("From", "{from}"),
        ("To", "{to}"),
    ),
)

STYLES: Mapping[str, Style] = MappingProxyType(
    {style.name: style for style in (_PLAIN, _POSTFIX, _EXIM, _EXCHANGE, _GMAIL)}
)


def find_style(style: str | Style) -> Style:
    """Return the style of a name; a `Style` of your own is returned unchanged.

    Raises:
        ValueError: if there is no style of this name.

    >>> find_style("exim").name
    'exim'
    >>> find_style("postfic")
    Traceback (most recent call last):
    ValueError: unknown style 'postfic'; did you mean 'postfix'? Known: plain, postfix, exim, exchange, gmail
    """
    if isinstance(style, Style):
        return style
    if style not in STYLES:
        raise ValueError(describe_unknown("style", style, STYLES))
    return STYLES[style]
