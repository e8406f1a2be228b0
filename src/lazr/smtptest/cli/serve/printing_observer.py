"""The observer of `smtptest serve`: prints each accepted mail and each refused command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.mailserver import ServerObserver
from lazr.smtptest.protocol.smtp import Reply

if TYPE_CHECKING:
    from lazr.smtptest.cli.serve.printer import PrinterThread
    from lazr.smtptest.mail import Mail

__all__ = ["PrintingObserver"]

_PRINTER_BUSY_REPLY = Reply(452, "4.3.1", "Printing is behind, try later")


class PrintingObserver(ServerObserver):
    """Prints what happens in a server.

    Args:
        printer: Prints in a thread of its own.
        has_store: Whether a store has the mails too.
        prints_mails: Whether mails and refusals are printed; False with `--quiet`.

    Without a store the output is the only copy of a mail: a mail that the printer cannot queue is refused.  With a
    store, a mail is accepted in any case, and the printer counts those that it could not queue.
    """

    def __init__(self, printer: PrinterThread, *, has_store: bool, prints_mails: bool = True) -> None:
        self._printer = printer
        self._has_store = has_store
        self._prints_mails = prints_mails

    def on_mail_received(self, mail: Mail) -> Reply | None:
        """Print the mail if there is no store; refuse it with 452 if the printer's queue is full."""
        if self._has_store or not self._prints_mails or self._printer.enqueue_mail(mail, is_only_copy=True):
            return None
        return _PRINTER_BUSY_REPLY

    def on_mail_accepted(self, mail: Mail) -> None:
        """Print the mail if it is in the store."""
        if not self._prints_mails:
            self._printer.silent_mails += 1
        elif self._has_store:
            self._printer.enqueue_mail(mail)

    def on_command_refused(self, command: str, reply: Reply) -> None:
        """Print the command and the reply."""
        if self._prints_mails:
            self._printer.enqueue_refusal(command, str(reply))
