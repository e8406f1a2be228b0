"""Build the notification that a notice of a rule, or a call, demands about a mail."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lazr.smtptest.bounces import Notification
    from lazr.smtptest.mail import Mail
    from lazr.smtptest.rules import Notice

__all__ = ["build_notification", "explain_absence"]

# The names of the builders in `bounces`, by kind.
_BUILDERS = {
    "bounce": "build_bounce",
    "delayed": "build_delay",
    "delivered": "build_delivered",
    "complaint": "build_complaint",
    "out_of_office": "build_out_of_office",
    "challenge": "build_challenge",
    "auto_reply": "build_auto_reply",
}

_DELIVERY_KINDS = frozenset({"bounce", "delayed", "delivered"})


def build_notification(
    mail: Mail, notice: Notice, recipients: tuple[str, ...], hostname: str
) -> list[Notification]:
    """Return the notifications about some recipients of a mail; none where there must be none.

    A delivery notification and a complaint are about all of the recipients.  Automatic replies come from each.

    Args:
        mail: The mail.
        notice: What comes back.
        recipients: The recipients that it is about.
        hostname: The name of the server that sends it.
    """
    from lazr.smtptest import bounces

    build = getattr(bounces, _BUILDERS[notice.kind])
    arguments: dict[str, Any] = {
        name: value
        for name in ("status", "text", "style", "feedback_type")
        if (value := getattr(notice, name)) is not None
    }
    return [
        notification
        for about in ([recipients] if notice.kind in _DELIVERY_KINDS else [(one,) for one in recipients])
        if (notification := build(mail, recipient=about, hostname=hostname, **arguments)) is not None
    ]


def explain_absence(mail: Mail, notice: Notice) -> str:
    """Return why nothing comes back: the rule of the RFC that forbids it, as far as it is known."""
    if not mail.envelope.mail_from:
        return "the mail has a null reverse-path (RFC 5321 4.5.5)"
    if notice.kind == "delivered":
        return "the client has not asked for it with NOTIFY=SUCCESS (RFC 3461 4.1)"
    if notice.kind in _DELIVERY_KINDS:
        return "the client has asked for none, with NOTIFY (RFC 3461 4.1)"
    return "the mail is automatic or from a mailing list (RFC 3834 2)"
