"""Parse a mail to an `email.message.Message` of the policy compat32."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message

    from lazr.smtptest.mail import Mail

__all__ = ["parse_message"]


def parse_message(mail: Mail) -> Message:
    """Return the content of the mail as a message, or a fallback if `email` cannot parse it."""
    from lazr.smtptest.mail import parse_compat32

    return parse_compat32(mail.content)
