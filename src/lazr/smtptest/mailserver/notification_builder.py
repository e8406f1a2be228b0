"""Build the notifications that a notice of a rule, or a call, demands about a mail."""

from __future__ import annotations

from lazr.smtptest import bounces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Final

    from lazr.smtptest.bounces import Notification
    from lazr.smtptest.mail import Mail
    from lazr.smtptest.rules import Notice

__all__ = ["build_notifications", "explain_absence"]

# By kind.  A delivery notification is about several recipients; the others come from one.
_BUILDERS: Final[Mapping[str, Callable[..., Notification | None]]] = {
    "bounce": bounces.build_bounce,
    "delayed": bounces.build_delay,
    "delivered": bounces.build_delivered,
    "complaint": bounces.build_complaint,
    "out_of_office": bounces.build_out_of_office,
    "challenge": bounces.build_challenge,
    "auto_reply": bounces.build_auto_reply,
}
_DELIVERY_KINDS = frozenset({"bounce", "delayed", "delivered"})

_ARGUMENTS = ("status", "text", "style", "feedback_type")


def build_notifications(
    mail: Mail, notice: Notice, recipients: tuple[str, ...], hostname: str
) -> Iterator[Notification]:
    """Build the notifications about recipients of a mail.

    Each is built when the one before it is sent: all together, they can be far larger than the mail.

    There is none about a mail with a null reverse-path: otherwise two servers could send each other notifications
    without end.

    Args:
        mail: The mail.
        notice: What comes back.
        recipients: The recipients that it is about.
        hostname: The name of the server that sends it.

    Raises:
        ValueError: If `hostname` cannot stand in a notification.
    """
    if not mail.envelope.mail_from:
        return
    arguments: dict[str, Any] = {name: value for name in _ARGUMENTS if (value := getattr(notice, name)) is not None}
    build = _BUILDERS[notice.kind]
    if notice.kind in _DELIVERY_KINDS:
        notification = build(mail, recipient=recipients, hostname=hostname, **arguments)
        if notification is not None:
            yield notification
        return
    for recipient in recipients:
        notification = build(mail, recipient=recipient, hostname=hostname, **arguments)
        if notification is not None:
            yield notification


def explain_absence(mail: Mail, notice: Notice, recipients: tuple[str, ...]) -> str:
    """Return why nothing comes back."""
    if not mail.envelope.mail_from:
        return "the reverse-path is null (RFC 5321 4.5.5)"
    kind: Any = notice.kind
    if kind in _DELIVERY_KINDS:
        return bounces.find_dsn_obstacle(mail, kind, recipients) or "there is no recipient"
    if kind == "complaint":
        return bounces.find_complaint_obstacle(mail) or "there is no recipient"
    return bounces.find_reply_obstacle(mail, kind, recipients[0]) or "there is no recipient"
