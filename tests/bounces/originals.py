"""Mails that come back, and how the tests build and read the notifications about them."""

from datetime import UTC, date, datetime
from email import policy
from email.parser import BytesParser

from lazr.smtptest.bounces import (
    build_auto_reply,
    build_bounce,
    build_challenge,
    build_complaint,
    build_delay,
    build_delivered,
    build_out_of_office,
)
from lazr.smtptest.mail import Envelope, Mail

NOW = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
RECEIVED_AT = NOW.timestamp() - 60
SENDER, RECIPIENT, HOSTNAME = "app@example.com", "gone@example.net", "mx.example.org"
CONTENT = (
    b"From: App <app@example.com>\r\nTo: gone@example.net\r\nSubject: Your invoice\r\nMessage-ID: <1@example.com>\r\n"
    b"Date: Mon, 30 Nov 2026 16:59:00 +0000\r\n\r\nHello\r\n"
)
OPTIONS = {"hostname": HOSTNAME, "now": NOW, "token": "0123456789abcdef"}
BUILDERS = {
    "bounce": build_bounce,
    "delayed": build_delay,
    "delivered": build_delivered,
    "complaint": build_complaint,
    "out_of_office": lambda mail, **options: build_out_of_office(mail, until=date(2026, 12, 24), **options),
    "challenge": build_challenge,
    "auto_reply": lambda mail, **options: build_auto_reply(mail, "Your ticket is 42.\n", **options),
}


def build_original(content=CONTENT, *, sender=SENDER, recipients=(RECIPIENT,), mail=None, rcpt=None, **envelope):
    """Return a mail as a server has received it."""
    parameters = ({},) * len(recipients) if rcpt is None else tuple(rcpt)
    envelope = Envelope(sender, tuple(recipients), mail_parameters=mail or {}, rcpt_parameters=parameters, **envelope)
    return Mail("7", envelope, [content], received_at=RECEIVED_AT)


def build_notification(kind, original=None, **options):
    """Return a notification of a kind; the recipient of the default mail has asked for every kind of DSN."""
    original = original or build_original(rcpt=[{"NOTIFY": "SUCCESS,FAILURE,DELAY"}])
    return BUILDERS[kind](original, **(OPTIONS | options))


def parse(notification):
    """Return the message of the standard library."""
    return BytesParser(policy=policy.default).parsebytes(notification.content)


def read_status(notification):
    """Return the blocks of fields in the part for programs, as `email` reads them."""
    (status,) = [part for part in parse(notification).walk() if part.get_content_type() == "message/delivery-status"]
    return [dict(block.items()) for block in status.get_payload()]


def read_parts(notification):
    """Return the content types of the three parts of a report, and of the parts of the first one."""
    message = parse(notification)
    text, status, returned = message.get_payload()
    return [part.get_content_type() for part in text.walk()], status.get_content_type(), returned.get_content_type()


def read_original(notification):
    """Return the bytes of the returned message, without the line end of the delimiter."""
    boundary = parse(notification).get_boundary().encode()
    part = notification.content.split(b"\r\n--" + boundary)[-2]
    return part.partition(b"\r\n\r\n")[2]
