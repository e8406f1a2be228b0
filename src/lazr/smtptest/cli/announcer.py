"""The server of `smtptest serve`: it has everything that happens printed, whoever decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.mailserver import MailServer, mail_of
from lazr.smtptest.protocol.smtp.event import EndOfData
from lazr.smtptest.protocol.smtp.reply import Reply

if TYPE_CHECKING:
    from typing import Any

    from lazr.smtptest.cli.printer import Printer
    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.protocol.smtp.event import Event

__all__ = ["Announcer"]

_BUSY = Reply(452, "4.3.1", "Printing is behind, try later")


class Announcer(MailServer):
    """A `MailServer` that prints; what it gets is what `MailServer` gets.

    Without a store, the output is all that is left of a mail: what cannot be printed soon enough is not accepted, so
    that nothing that was acknowledged is missing there.  With one, the mail is safe, and a slow terminal refuses none;
    what it misses is counted.
    """

    def __init__(self, host: str, port: int, printer: Printer, **settings: Any) -> None:
        super().__init__(host, port, **settings, keep_mails=False)
        self._printer = printer
        self._caught = 0

    def _settle(self, event: Event, reply: Reply) -> Reply:
        # Here all replies come by, those of rules too, which no `decide` sees.
        if self._store is None and isinstance(event, EndOfData) and reply.positive:
            self._caught += 1
            if not self._printer.mail(mail_of(event, str(self._caught))):
                self._caught -= 1
                reply = _BUSY
        return super()._settle(event, reply)

    def _append(self, mail: Mail) -> None:
        # It is in the store.
        if not self._printer.mail(mail):
            self._printer.unseen += 1
        super()._append(mail)

    def _note_refusal(self, what: str, reply: Reply) -> None:
        self._printer.refusal(what, str(reply))
        super()._note_refusal(what, reply)
