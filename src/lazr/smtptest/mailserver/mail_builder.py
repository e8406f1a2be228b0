"""Build the mail of a message that a session has received."""

from __future__ import annotations

from types import MappingProxyType

from lazr.smtptest.mail import Envelope, Mail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.protocol.smtp import EndOfData

__all__ = ["build_mail"]

# Most envelopes share it, so that an inbox with many mails needs less memory.
_ONE_RECIPIENT_WITHOUT_PARAMETERS: tuple[Mapping[str, str], ...] = (MappingProxyType({}),)


def build_mail(event: EndOfData, id: str) -> Mail:
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
    return Mail(id, envelope, event.parts, session=session)
