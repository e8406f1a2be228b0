"""The catcher: what all routes work on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from lazr.smtptest.clock import monotonic
from lazr.smtptest.web.chaos import Chaos
from lazr.smtptest.web.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.store.contract import Store
    from lazr.smtptest.web.linkcheck import LinkCheck
    from lazr.smtptest.web.mailbox import Mailbox
    from lazr.smtptest.web.relay import Relay

__all__ = ["Catcher"]


class Catcher:
    """A mail server and the store of its mails, with the settings of what is shown of them.

    - `store`: an open one.  `server`: for its rules and sessions; it need not run.
    - `label`: what people call this installation.
    - `mailboxes`: who has a mailbox's token sees that mailbox alone.
    - `anonymous`: whether who shows no credentials sees everything; by default, where there are no mailboxes.
    - `chaos`: whether clients may have the server refuse by chance, as Mailpit's `--enable-chaos`.
    - `links`: what asks whether links lead somewhere; None is nobody.
    - `relay`: what sends mails on to real people when a client asks for it; None is nobody.

    Raises `ValueError` for two mailboxes of one token.

    >>> from lazr.smtptest import MailServer
    >>> from lazr.smtptest.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> Catcher(store, MailServer(store=store))
    <Catcher memory:>
    """

    def __init__(
        self,
        store: Store,
        server: MailServer,
        *,
        label: str = "",
        mailboxes: Sequence[Mailbox] = (),
        anonymous: bool | None = None,
        chaos: bool = True,
        links: LinkCheck | None = None,
        relay: Relay | None = None,
    ) -> None:
        if len({mailbox.token for mailbox in mailboxes}) < len(mailboxes):
            raise ValueError("two mailboxes have the same token")
        self.store: Final[Store] = store
        self.server: Final[MailServer] = server
        self.label: Final[str] = label
        self.mailboxes: Final[tuple[Mailbox, ...]] = tuple(mailboxes)
        self.anonymous: Final[bool] = not mailboxes if anonymous is None else anonymous
        self.chaos: Final[Chaos | None] = Chaos(server.rules) if chaos else None
        self.links: Final[LinkCheck | None] = links
        self.relay: Final[Relay | None] = relay
        self.shelf: Final[Shelf] = Shelf(server.rules)
        self._started = monotonic()
        self._deleted = 0
        self._lock = threading.Lock()
        self._at_leaving: dict[object, Callable[[], None]] = {}

    @property
    def uptime(self) -> float:
        """Seconds since it was made."""
        return monotonic() - self._started

    @property
    def deleted(self) -> int:
        """How many mails were deleted by requests."""
        return self._deleted

    def count_deleted(self, count: int) -> None:
        """So many more were."""
        with self._lock:
            self._deleted += count

    def mailbox_of(self, token: str) -> Mailbox | None:
        """The mailbox that this token opens; how long that takes does not tell how near it came."""
        found = [mailbox for mailbox in self.mailboxes if mailbox.opens_with(token)]
        return found[0] if found else None

    def at_leaving(self, function: Callable[[], None]) -> Callable[[], None]:
        """Have it called when the web server is about to stop; what is returned ends that."""
        key = object()
        self._at_leaving[key] = function
        return lambda: self._at_leaving.pop(key, None) and None

    def leave(self) -> None:
        """The web server is about to stop: whoever waits is to go."""
        for function in list(self._at_leaving.values()):
            function()

    def __repr__(self) -> str:
        return f"<Catcher {self.store.url}>"
