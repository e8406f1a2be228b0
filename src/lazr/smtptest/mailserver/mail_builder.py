"""Build mails: of a message that a session has received, or of content from a test."""

from __future__ import annotations

from types import MappingProxyType

from lazr.smtptest.mail import Envelope, Mail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from email.message import Message

    from lazr.smtptest.mail import Authenticator
    from lazr.smtptest.protocol.smtp import EndOfData

    MailContent = bytes | str | Message | Mail

__all__ = ["build_mail", "build_mail_from_content"]

# Most envelopes share it, so that an inbox with many mails needs less memory.
_ONE_RECIPIENT_WITHOUT_PARAMETERS: tuple[Mapping[str, str], ...] = (MappingProxyType({}),)


def build_mail(event: EndOfData, id: str, authenticator: Authenticator | None = None) -> Mail:
    """Build the mail of a message: the envelope from the commands, the content as received."""
    rcpts, session = event.rcpts, event.session
    # This runs for each mail, and most mails have one recipient.
    if len(rcpts) == 1:
        rcpt = rcpts[0]
        rcpt_tos: tuple[str, ...] = (rcpt.path.mailbox,)
        rcpt_parameters = (rcpt.parameters,) if rcpt.parameters else _ONE_RECIPIENT_WITHOUT_PARAMETERS
    else:
        rcpt_tos = tuple([rcpt.path.mailbox for rcpt in rcpts])
        rcpt_parameters = tuple([rcpt.parameters for rcpt in rcpts])
    envelope = Envelope(
        event.mail.path.mailbox,
        rcpt_tos,
        mail_parameters=event.mail.parameters,
        rcpt_parameters=rcpt_parameters,
        helo=event.helo,
        peer=event.peer,
        tls=session.tls,
        auth=session.auth,
    )
    return Mail(id, envelope, event.parts, session=session, authenticator=authenticator)


def build_mail_from_content(
    content: MailContent,
    *,
    sender: str | None,
    to: str | Iterable[str] | None,
    id: str,
    authenticator: Authenticator | None = None,
) -> Mail:
    """Build a mail of content that did not come by SMTP.

    Args:
        content: The message.
        sender: The sender of the envelope; by default that of the mail or of its header.
        to: One recipient of the envelope, or several; by default those of the mail or of its header.
        id: The ID of the mail.
        authenticator: The DNS records of the server; None for none.

    Raises:
        TypeError: A parameter has another type.
    """
    recipients = [to] if isinstance(to, str) else to
    if isinstance(content, Mail):
        sender = content.envelope.mail_from if sender is None else sender
        recipients = content.envelope.rcpt_tos if recipients is None else recipients
        octets = content.content
    elif isinstance(content, str):
        octets = content.encode()
    elif hasattr(content, "as_bytes"):
        octets = content.as_bytes()
    else:
        octets = content
    if not isinstance(octets, (bytes, bytearray, memoryview)):
        raise TypeError(f"content must be bytes, a string, an EmailMessage or a Mail, got {content!r}")
    mail = Mail.from_bytes(bytes(octets), sender=sender, recipients=recipients, id=id)
    if authenticator is None:
        return mail
    return Mail(id, mail.envelope, mail.parts, received_at=mail.timestamp, authenticator=authenticator)
