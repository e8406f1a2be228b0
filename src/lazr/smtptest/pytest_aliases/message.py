"""A mail as the elder packages hand it out: an `email.message.Message` of the policy compat32."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message

    from lazr.smtptest.mail.mail import Mail

__all__ = ["message_of"]


def message_of(mail: Mail) -> Message:
    """The mail's content, parsed as they parse it, but for what `email` does not survive."""
    from lazr.smtptest.mail.parsed import parse

    return parse(mail.content)
