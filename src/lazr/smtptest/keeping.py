"""What is accepted goes into a store, and is safe there before the client is told so (promise P1)."""

from __future__ import annotations

import random
import secrets
from typing import TYPE_CHECKING

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import StoreError, StoreFull
from lazr.smtptest.protocol.smtp import replies
from lazr.smtptest.protocol.smtp.reply import Reply
from lazr.smtptest.store.contract import Arrival

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.net.service import Service
    from lazr.smtptest.protocol.smtp.event import Mail as MailCommand
    from lazr.smtptest.store.commits import Commits
    from lazr.smtptest.store.contract import Store

__all__ = ["Keeping", "new_id"]

FULL = Reply(452, "4.3.1", "No room for this message now, try later")
UNAVAILABLE = Reply(451, "4.3.0", "Mail cannot be stored now, try later")

# Seconds that a mail may wait for others, to share a commit with them.
_PATIENCE = 0.005

_BITS = 88  # which 22 letters and digits hold; Mailpit's names have as many


def new_id() -> str:
    """A name for a mail that no other one has, anywhere: letters and digits.

    >>> len(new_id()), new_id().isalnum(), new_id() == new_id()
    (22, True, False)
    """
    return f"{secrets.randbits(_BITS):022x}"


class Keeping:
    """One run of a server with a store.

    In the server's thread, `kept(mail)` is called when a mail is safe, before its 250 is sent; `refused(mail, reply)`
    when it cannot be stored; `raised(error)` makes the reply to an error that no store should raise.
    """

    def __init__(
        self,
        store: Store,
        service: Service,
        *,
        soon: Callable[[Callable[[], None]], None],
        kept: Callable[[Mail], None],
        refused: Callable[[Mail, Reply], None],
        raised: Callable[[BaseException], Reply],
    ) -> None:
        self._store = store
        self._service = service
        self._kept = kept
        self._refused = refused
        self._raised = raised
        # Names need not be secret, and asking the system for chance takes longer than all else that makes one.
        self._chance = random.Random()  # noqa: S311
        self._commits: Commits | None = None
        self._gathered: list[tuple[Arrival, Callable[[BaseException | None], None]]] = []
        self._heard = 0  # what the clients had said when it was last looked
        self._until = 0.0  # what was gathered waits no longer than that
        if store.durable:
            from lazr.smtptest.store.commits import Commits

            service.unsafe = []
            self._commits = Commits(store, soon)

    def new_id(self) -> str:
        """As the function of that name, for each mail that comes."""
        return f"{self._chance.getrandbits(_BITS):022x}"

    def room(self, mail: MailCommand) -> Reply | None:
        """What MAIL is refused with where a message of its SIZE, and another one, would not be kept (RFC 1870 6.1)."""
        size = mail.parameters.get("SIZE", "")
        octets = int(size) if size.isdecimal() else 0
        try:
            return None if self._store.has_room(2 * octets) else FULL
        except StoreError:
            return UNAVAILABLE

    def keep(self, mail: Mail, reply: Reply) -> Reply:
        """Keep it; the reply that says so, or that it was not kept.

        Where that takes its time, the service is told what the reply has to wait for.
        """
        arrival = Arrival(mail.id, mail.timestamp, mail.envelope, mail.parts)
        if reply == replies.ACCEPTED:
            reply = Reply(250, "2.0.0", f"Ok: queued as {mail.id}")
        commits = self._commits
        if commits is None:
            try:
                self._store.add([arrival])
            except BaseException as error:  # noqa: BLE001 - P7
                return self._refuse(mail, error)
            self._kept(mail)
            return reply
        safe: asyncio.Future[Reply | None] = self._service.loop.create_future()

        def done(error: BaseException | None) -> None:
            if error is None:
                self._kept(mail)
            refusal = None if error is None else self._refuse(mail, error)
            if not safe.done():
                safe.set_result(refusal)
            elif error is None:
                self._service.send_all()  # nobody hears the reply any more, so those who wait need not wait for it

        self._gather(arrival, done)
        if self._service.unsafe is not None:
            self._service.unsafe.append(safe)
        return reply

    # -- sharing commits -------------------------------------------------------------------------

    def _gather(self, arrival: Arrival, done: Callable[[BaseException | None], None]) -> None:
        """Have it kept, with others.

        The thread that commits shares the interpreter with this one, and each time that they take turns costs as much
        as a mail.  So what comes is handed over when this one has nothing else to do.
        """
        if not self._gathered:
            self._until = monotonic() + _PATIENCE
            self._heard = -1  # it is looked twice: at first, before the loop has asked who else has said something
            self._service.loop.call_soon(self._look)
        self._gathered.append((arrival, done))

    def _look(self) -> None:
        """Whether a turn of the loop has gone by in which no client said anything."""
        heard, self._heard = self._heard, self._service.heard
        if heard != self._heard and monotonic() < self._until:
            self._service.loop.call_soon(self._look)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        if self._commits is not None:
            for arrival, done in gathered:
                self._commits.add(arrival, done)

    def _refuse(self, mail: Mail, error: BaseException) -> Reply:
        known = FULL if isinstance(error, StoreFull) else UNAVAILABLE if isinstance(error, StoreError) else None
        reply = known or self._raised(error)
        self._refused(mail, reply)
        return reply

    def close(self, timeout: float) -> bool:
        """Let what is under way be kept; whether that was done in so many seconds."""
        self._hand_over()
        return self._commits is None or self._commits.close(timeout)
