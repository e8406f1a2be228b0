"""Callbacks about mails, refusals and sessions of a server.

`ServerObserver` is the base class for `MailServer(observer=...)`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail import Mail
    from lazr.smtptest.protocol.smtp import Reply, SessionRecord

__all__ = ["ServerObserver"]


class ServerObserver:
    """Base class for callbacks about mails, refusals and sessions.

    Override the methods that you need.

    The server calls them in its own thread, between two commands, so they must return quickly.  Unlike `decide`, an
    observer also sees what rules have decided.  An exception in a callback is handled like one in `decide`: `stop()`
    raises it, and if `on_mail_received` raised it, the client gets 451 4.3.0.

    >>> import smtplib
    >>> from lazr.smtptest import MailServer
    >>> class Log(ServerObserver):
    ...     def on_mail_accepted(self, mail):
    ...         print("accepted", mail.subject)
    ...
    ...     def on_command_refused(self, command, reply):
    ...         print("refused", command, reply.code)
    >>> with MailServer(observer=Log()) as server:
    ...     with smtplib.SMTP(*server.address) as client:
    ...         _ = client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\\r\\n\\r\\nHello")
    ...         _ = client.docmd("MIAL")
    accepted Hi
    refused MIAL 500
    """

    def on_mail_received(self, mail: Mail) -> Reply | None:
        """Return a negative reply to refuse this mail, or None to accept it.

        The server calls this before the mail is kept anywhere.
        """

    def on_mail_accepted(self, mail: Mail) -> None:
        """Take notice of an accepted mail.

        The mail is safe in the store and in the inbox, and its 250 is not yet sent.
        """

    def on_command_refused(self, command: str, reply: Reply) -> None:
        """Take notice of a negative reply.

        `command` describes the command or the message that it answers.
        """

    def on_session_ended(self, session: SessionRecord) -> None:
        """Take notice of the end of a session; `session.ended` is how it ended."""
