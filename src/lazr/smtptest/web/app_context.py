"""The shared state of the routes: the mail server, its store, and the settings of the API."""

from __future__ import annotations

import math
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import StartError
from lazr.smtptest.web.chaos import Chaos
from lazr.smtptest.web.cursor_codec import CursorCodec
from lazr.smtptest.web.deletion_queue import DeletionQueue
from lazr.smtptest.web.mailbox import Mailboxes
from lazr.smtptest.web.mailhog.jim import Jim
from lazr.smtptest.web.outbound import OfflineSpamChecker
from lazr.smtptest.web.rule_registry import RuleRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.store import Change, Store
    from lazr.smtptest.web.mailbox import Mailbox
    from lazr.smtptest.web.outbound import LinkChecker, Relay, SpamChecker

__all__ = ["AppContext"]


class AppContext:
    """The mail server and the store that the REST API works on.

    It also says what clients may do with them.

    Args:
        store: an open store.
        server: the mail server, for its rules and sessions; it may be stopped.
        label: the name of this installation that people see; empty by default.
        mailboxes: the parts of the store that tokens open; none by default.  `Guard` must get the attribute of this
            name, because mailboxes can be added later.
        anonymous: whether requests without credentials see all mails.  By default, they do if there are no mailboxes.
        chaos: whether clients may set Mailpit's chaos triggers, as with its `--enable-chaos`, and MailHog's Jim; true
            by default.
        link_checker: the client that checks links; None, the default, switches the route off.
        spam_checker: the program that checks mails for spam; None, the default, uses the offline rules of the review.
        relay: the SMTP client that releases mails to real recipients; None, the default, switches the route off.
        remote_content: whether the page of the inbox loads pictures of other servers without being asked; false by
            default.
        ca_file: the PEM file of the CA that clients of this installation must trust.  None, the default, stands for the
            CA of the mail server if it has TLS.

    Raises:
        ValueError: if two mailboxes have the same token.

    >>> from lazr.smtptest import MailServer
    >>> from lazr.smtptest.store import MemoryStore
    >>> store = MemoryStore()
    >>> AppContext(store, MailServer(store=store))
    <AppContext memory:>
    """

    def __init__(
        self,
        store: Store,
        server: MailServer,
        *,
        label: str = "",
        mailboxes: Iterable[Mailbox] = (),
        anonymous: bool | None = None,
        chaos: bool = True,
        link_checker: LinkChecker | None = None,
        spam_checker: SpamChecker | None = None,
        relay: Relay | None = None,
        remote_content: bool = False,
        ca_file: str | Path | None = None,
    ) -> None:
        self.store: Final[Store] = store
        self.server: Final[MailServer] = server
        self.label: Final[str] = label
        self.mailboxes: Final[Mailboxes] = mailboxes if isinstance(mailboxes, Mailboxes) else Mailboxes(mailboxes)
        self.anonymous: Final[bool] = not self.mailboxes if anonymous is None else anonymous
        self.chaos: Final[Chaos | None] = Chaos(server.rules) if chaos else None
        self.jim: Final[Jim | None] = Jim(server.rules) if chaos else None
        self.link_checker: Final[LinkChecker | None] = link_checker
        self.spam_checker: Final[SpamChecker] = OfflineSpamChecker() if spam_checker is None else spam_checker
        self.relay: Final[Relay | None] = relay
        self.remote_content: Final[bool] = remote_content
        self.rule_registry: Final[RuleRegistry] = RuleRegistry(server.rules)
        self.cursors: Final[CursorCodec] = CursorCodec(store)
        self._ca_file = ca_file
        self._started_at = monotonic()
        self._deleted_count = 0
        self._deleted_counts_by_mailbox: dict[str, int] = {}
        self._lock = threading.Lock()
        self._shutdown_callbacks: dict[object, Callable[[], None]] = {}
        self.deletions: Final[DeletionQueue] = DeletionQueue(store, self.add_to_deleted_count)

    @property
    def uptime_seconds(self) -> float:
        """The seconds since this object was made."""
        return monotonic() - self._started_at

    @property
    def deleted_count(self) -> int:
        """The number of mails that requests have deleted."""
        return self._deleted_count

    def get_deleted_count(self, mailbox: Mailbox) -> int:
        """Return the number of mails that requests with the token of a mailbox have deleted."""
        return self._deleted_counts_by_mailbox.get(mailbox.name, 0)

    def add_to_deleted_count(self, count: int, mailbox: Mailbox | None = None) -> None:
        """Count mails that a request has deleted; safe to call from any thread."""
        with self._lock:
            self._deleted_count += count
            if mailbox is not None and count:
                counts = self._deleted_counts_by_mailbox
                counts[mailbox.name] = counts.get(mailbox.name, 0) + count

    def remove_mailbox(self, name: str) -> bool:
        """Remove a mailbox with its statistics, and return whether there was one."""
        with self._lock:
            self._deleted_counts_by_mailbox.pop(name, None)
        return self.mailboxes.remove(name)

    def read_ca_file(self) -> bytes | None:
        """Return the certificate in PEM of the CA that clients must trust.

        None if the server has no TLS, or a certificate of another CA.
        """
        ca_file = self._ca_file
        if ca_file is None:
            with suppress(StartError, ValueError):  # no TLS, or a certificate of another CA
                ca_file = self.server.ca_file
        return None if ca_file is None else Path(ca_file).read_bytes()

    def add_shutdown_callback(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Register a function that `notify_shutdown` calls; return a function that removes it."""
        key = object()
        self._shutdown_callbacks[key] = callback
        return lambda: self._shutdown_callbacks.pop(key, None) and None

    def notify_shutdown(self, until: float = math.inf) -> None:
        """Wake all waiting requests, and execute deletions, before the web server stops.

        Args:
            until: the monotonic time after which no deletion is begun; unlimited by default.
        """
        for callback in list(self._shutdown_callbacks.values()):
            callback()
        self.deletions.flush(until)

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call a function for each change that clients can see; return a function that ends this.

        These are the changes of the store, and of mails that are hidden until they are deleted.
        """
        unsubscribe_functions = self.store.subscribe(listener), self.deletions.subscribe(listener)

        def unsubscribe() -> None:
            for function in unsubscribe_functions:
                function()

        return unsubscribe

    def __repr__(self) -> str:
        return f"<AppContext {self.store.url}>"
