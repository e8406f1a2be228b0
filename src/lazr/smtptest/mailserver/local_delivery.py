"""The final delivery of accepted mail: to the observer, the store and the inbox."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from lazr.smtptest.mail import Authenticator, Inbox, Mail
    from lazr.smtptest.mailserver.failure_log import FailureLog
    from lazr.smtptest.mailserver.mail_builder import MailContent
    from lazr.smtptest.mailserver.observer import ServerObserver
    from lazr.smtptest.net import ConnectionManager
    from lazr.smtptest.protocol.smtp import EndOfData
    from lazr.smtptest.protocol.smtp import Mail as MailCommand
    from lazr.smtptest.store import Store
    from lazr.smtptest.store_delivery import StoreDelivery

    class NoticeTaker(Protocol):
        """What has to know of each mail, because rules may let something come back after it."""

        def note_mail(self, message: EndOfData, mail: Mail) -> None:
            """Take notice that a message becomes this mail, which is not stored yet."""

        def note_refusal(self, message: EndOfData) -> None:
            """Take notice that a message is refused."""

        def note_stored(self, mail: Mail, *, is_refused: bool = False) -> None:
            """Take notice that a mail is stored, or that the store has refused it."""


__all__ = ["LocalDelivery"]


class LocalDelivery:
    """Delivers each accepted mail before its client reads the 250 (promise P1).

    Args:
        inbox: Where mails become visible to the test.
        failures: Where refusals and exceptions are recorded.
        keep_mails: Whether mails go into the inbox.
        store: The store that keeps mails as well; None is no store.
        observer: The callbacks about mails; None is no observer.
        on_stored: Called after a mail is in the store; None for nothing to call.
        authenticator: The DNS records for the checks of mails; None for none.
    """

    def __init__(
        self,
        inbox: Inbox,
        failures: FailureLog,
        *,
        keep_mails: bool,
        store: Store | None,
        observer: ServerObserver | None,
        on_stored: Callable[[], None] | None = None,
        authenticator: Authenticator | None = None,
    ) -> None:
        self._authenticator = authenticator
        # Gets each mail as soon as rules let something come back after one.
        self.notices: NoticeTaker | None = None
        self._on_stored = on_stored
        self._inbox = inbox
        self._failures = failures
        self._keep_mails = keep_mails
        self._store = store
        self._observer = observer
        self._on_mail_accepted = None if observer is None else failures.guard(observer.on_mail_accepted)
        self._manager: ConnectionManager | None = None
        self._store_delivery: StoreDelivery | None = None
        self._received_count = 0
        self._build_mail: Callable[[EndOfData, str, Authenticator | None], Mail] = self._build_first_mail

    def start_run(self, manager: ConnectionManager, call_soon: Callable[[Callable[[], None]], None]) -> None:
        """Deliver the mail of this run; `call_soon` runs a function in the server's thread."""
        self._manager = manager
        if self._store is not None:
            from lazr.smtptest.store_delivery import StoreDelivery

            self._store_delivery = StoreDelivery(
                self._store,
                manager,
                call_soon=call_soon,
                on_stored=self._accept,
                on_refused=self._record_store_refusal,
                build_error_reply=self._failures.record_error,
            )

    def end_run(self, timeout: float) -> None:
        """Let the store finish pending commits, for at most `timeout` seconds.

        If the server's thread has not ended, it stores no more mails, and refuses them.
        """
        if self._store_delivery is not None:
            self._store_delivery.close(timeout)

    def detach_after_fork(self) -> None:
        """Let go of the store in a forked child; the parent's thread still uses it."""
        self._store_delivery = None

    def check_room(self, command: MailCommand) -> Reply | None:
        """Return the refusal of MAIL if the store has no room for the message; else None."""
        return None if self._store_delivery is None else self._store_delivery.check_room(command)

    def deliver(self, event: EndOfData, reply: Reply) -> Reply:
        """Deliver a message; return the reply to it: the one given, or a refusal."""
        store_delivery = self._store_delivery
        if store_delivery is None and self._observer is None and not self._keep_mails and self.notices is None:
            return reply
        mail_id = str(self._received_count + 1) if store_delivery is None else store_delivery.generate_id()
        mail = self._build_mail(event, mail_id, self._authenticator)
        if self._observer is not None:
            refusal = self._ask_observer(self._observer, mail)
            if refusal is not None:
                self.note_refusal(event)
                self._failures.record_refusal(event.said(), refusal)
                return refusal
        if self.notices is not None:
            self.notices.note_mail(event, mail)
        if store_delivery is not None:
            return store_delivery.store_mail(mail, reply)
        self._received_count += 1
        self._accept(mail)
        return reply

    def note_refusal(self, message: EndOfData) -> None:
        """Let nothing come back after a message that is refused."""
        if self.notices is not None:
            self.notices.note_refusal(message)

    def _build_first_mail(self, event: EndOfData, id: str, authenticator: Authenticator | None) -> Mail:
        """Import the classes of mails: the start of a server takes less time without them."""
        from lazr.smtptest.mailserver.mail_builder import build_mail

        self._build_mail = build_mail
        return build_mail(event, id, authenticator)

    def _ask_observer(self, observer: ServerObserver, mail: Mail) -> Reply | None:
        try:
            refusal: object = observer.on_mail_received(mail)  # the user's function may return anything
        except BaseException as error:  # noqa: BLE001 - P7: raised again in the thread of the test
            return self._failures.record_error(error)
        if refusal is None or (isinstance(refusal, Reply) and not refusal.is_positive):
            return refusal
        problem = f"on_mail_received must return None or a negative Reply, got {refusal!r}"
        return self._failures.record_error(TypeError(problem))

    def deliver_directly(self, content: MailContent, *, sender: str | None, to: str | Iterable[str] | None) -> Mail:
        """Put a mail into the store and the inbox without SMTP, in any thread; return it.

        Raises:
            TypeError: A parameter has another type.
            StoreError: The store does not take the mail.
        """
        from lazr.smtptest.mailserver.mail_builder import build_mail_from_content

        if self._store is None:
            self._received_count += 1
            mail = build_mail_from_content(
                content, sender=sender, to=to, id=str(self._received_count), authenticator=self._authenticator
            )
        else:
            from lazr.smtptest.store import Arrival
            from lazr.smtptest.store_delivery import generate_id

            mail = build_mail_from_content(
                content, sender=sender, to=to, id=generate_id(), authenticator=self._authenticator
            )
            self._store.add([Arrival(mail.id, mail.timestamp, mail.envelope, mail.parts)])
            if self._on_stored is not None:
                self._on_stored()
        if self._keep_mails:
            self._inbox.append(mail)
            self._inbox.notify_waiters()
        return mail

    def _accept(self, mail: Mail) -> None:
        """Make an accepted mail visible, and announce it when its reply is written (promise P2)."""
        if self._on_stored is not None:
            self._on_stored()
        mail.session.add_mail(mail.id)
        if self._keep_mails:
            self._inbox.append(mail)
            if self._manager is not None:
                self._manager.announce_mail()
        if self._on_mail_accepted is not None:
            self._on_mail_accepted(mail)
        if self.notices is not None:
            self.notices.note_stored(mail)

    def _record_store_refusal(self, mail: Mail, reply: Reply) -> None:
        if self.notices is not None:
            self.notices.note_stored(mail, is_refused=True)
        self._failures.record_refusal(f"the message of {mail.size:,} bytes from {mail.envelope.peer}", reply)
