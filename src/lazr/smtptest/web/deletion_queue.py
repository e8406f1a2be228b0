"""Delete mails after a delay, in which the deletion can be undone.

The queue hides the mails of a deletion at once: `AccessScope` adds `DeletionQueue.exclusion` to every search.  The
store keeps them unchanged until the delay is over, so undoing a deletion only takes it out of the queue.  The queue
belongs to one server: other servers of the same store show the mails until they are deleted.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import StoreError
from lazr.smtptest.store import MAX_IDS_PER_CHANGE, Change, NumberTerm

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lazr.smtptest.store import Search, Store
    from lazr.smtptest.web.mailbox import Mailbox

__all__ = ["MAX_ALL_PENDING_DELETIONS", "MAX_HIDDEN_MAILS", "MAX_PENDING_DELETIONS", "DeletionQueue"]

_log = logging.getLogger("lazr.smtptest.web")

MAX_PENDING_DELETIONS = 100
"""At most this many deletions of one mailbox, or of all clients with access to all mails, can be undone.

One more executes the oldest of them.
"""
MAX_ALL_PENDING_DELETIONS = 10_000
"""At most this many deletions of all clients can be undone."""
MAX_HIDDEN_MAILS = 100_000
"""At most this many mails are hidden one by one; more execute the oldest deletions, those of the same client first.

A deletion of all mails counts as none.
"""

_RETRY_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class _Deletion:
    """Mails that are hidden: those of `term`.

    Args:
        term: the mails.
        mailbox: the mailbox of the client; None with access to all mails.
        due: the monotonic time at which the mails are deleted.
        is_final: whether it cannot be undone any more.
    """

    term: NumberTerm
    mailbox: Mailbox | None
    due: float
    is_final: bool = False


class DeletionQueue:
    """The deletions of one server that can still be undone.

    A thread executes them when they are due; it runs only while there are some.

    Thread safety: all methods may be called from any thread.

    Args:
        store: the store with the mails.
        on_deleted: is called with the number of mails that were deleted and the mailbox of the client.

    Attributes:
        undo_count: how many deletions were undone.

    >>> from lazr.smtptest import Envelope
    >>> from lazr.smtptest.store import Arrival, MemoryStore
    >>> store = MemoryStore()
    >>> envelope = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> store.add([Arrival("1", 0.0, envelope, [b"Subject: Hi\\r\\n\\r\\n"])])
    >>> queue = DeletionQueue(store, print)
    >>> token = queue.add((), ["1"], delay=10)
    >>> store.get_totals(queue.exclusion).mails, queue.undo(token), store.get_totals(queue.exclusion).mails
    (0, True, 1)
    """

    def __init__(self, store: Store, on_deleted: Callable[[int, Mailbox | None], None]) -> None:
        self._store = store
        self._on_deleted = on_deleted
        self._deletions: dict[str, _Deletion] = {}  # by token, the oldest first
        self._exclusion: Search = ()
        self._condition = threading.Condition()
        self._execution_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._listeners: dict[object, Callable[[Change], None]] = {}
        self.undo_count: int = 0

    @property
    def exclusion(self) -> Search:
        """The search that hidden mails do not match; empty while there are none."""
        return self._exclusion

    def add(
        self,
        search: Search = (),
        ids: Collection[str] | None = None,
        *,
        delay: float,
        mailbox: Mailbox | None = None,
    ) -> str:
        """Hide mails, and delete them after a delay.

        Args:
            search: which mails to delete.  With the empty search and `ids=None`, that is all mails.
            ids: limit the deletion to these mails; None is no limit.
            delay: how long the deletion can be undone, in seconds.
            mailbox: the mailbox of the client; None with access to all mails.

        Returns:
            The token that undoes the deletion.  It is empty if more than `MAX_HIDDEN_MAILS` matched and were deleted
            at once, or if no mails matched.

        Raises:
            StoreError: the store cannot be searched; nothing is hidden.
        """
        if not search and ids is None:
            term, change = NumberTerm(self._store.get_last_number()), Change("prune")
        else:
            found = self._store.find_mails((*search, *self._exclusion), ids=ids)
            if not found:
                return ""
            term = NumberTerm(0, frozenset(mail.number for mail in found))
            is_short = len(found) <= MAX_IDS_PER_CHANGE
            change = Change("delete", tuple(mail.id for mail in found)) if is_short else Change("prune")
        if len(term.numbers) > MAX_HIDDEN_MAILS:
            self._on_deleted(self._store.delete((term,)), mailbox)
            return ""
        token = secrets.token_urlsafe(16)
        with self._condition:
            self._deletions[token] = _Deletion(term, mailbox, monotonic() + delay)
            self._execute_surplus()
            self._update_exclusion()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="smtptest deletions", daemon=True)
                self._thread.start()
            self._condition.notify_all()
        self._publish(change)
        return token

    def undo(self, token: str, mailbox: Mailbox | None = None) -> bool:
        """Show the mails of a deletion again, and return whether it was not too late.

        Args:
            token: what `add` has returned.
            mailbox: the mailbox of the client, whose deletion it must be; None with access to all mails.
        """
        with self._condition:
            deletion = self._deletions.get(token)
            if deletion is None or deletion.is_final or (mailbox is not None and deletion.mailbox is not mailbox):
                return False
            del self._deletions[token]
            self._update_exclusion()
            self.undo_count += 1
            self._condition.notify_all()
        self._publish(Change("prune"))
        return True

    def flush(self, until: float = math.inf) -> None:
        """Execute all deletions now, because the server stops; show the mails again if that fails.

        Args:
            until: the monotonic time after which no deletion is begun.
        """
        with self._condition:
            tokens = list(self._deletions)
            for deletion in self._deletions.values():
                deletion.is_final = True
        for token in tokens:
            if monotonic() > until or not self._execute(token):
                break  # the others would also wait for the store
        with self._condition:
            failed_count = sum(self._deletions.pop(token, None) is not None for token in tokens)
            self._update_exclusion()
            self._condition.notify_all()
        if failed_count:
            _log.warning("%d deletions were not executed, so their mails are there again", failed_count)

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call a function when mails are hidden or shown again; return a function that ends this.

        The changes are those of a store that deletes the mails, and `prune` for mails that are shown again.
        """
        key = object()
        self._listeners[key] = listener
        return lambda: self._listeners.pop(key, None) and None

    def _publish(self, change: Change) -> None:
        for listener in list(self._listeners.values()):
            listener(change)

    # -- with the lock -----------------------------------------------------------------------------

    def _execute_surplus(self) -> None:
        """Make the oldest deletions due that are beyond the limits.

        Those of the client of the newest one come first.
        """
        open_deletions = [deletion for deletion in self._deletions.values() if not deletion.is_final]
        hidden = sum(len(deletion.term.numbers) for deletion in open_deletions)
        client = open_deletions[-1].mailbox
        own = [deletion for deletion in open_deletions if deletion.mailbox is client]
        others = [deletion for deletion in open_deletions if deletion.mailbox is not client]
        surplus = max(len(own) - MAX_PENDING_DELETIONS, len(open_deletions) - MAX_ALL_PENDING_DELETIONS)
        for deletion in (*own[:-1], *others):
            if surplus <= 0 and hidden <= MAX_HIDDEN_MAILS:
                return
            deletion.is_final, deletion.due = True, 0.0
            surplus -= 1
            hidden -= len(deletion.term.numbers)

    def _update_exclusion(self) -> None:
        terms = [deletion.term for deletion in self._deletions.values()]
        last = max((term.last for term in terms), default=0)
        numbers = frozenset(number for term in terms for number in term.numbers if number > last)
        self._exclusion = (NumberTerm(last, numbers, negated=True),) if last or numbers else ()

    # -- in the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._deletions:
                    self._thread = None
                    return
                token, deletion = min(self._deletions.items(), key=lambda item: item[1].due)
                pause = deletion.due - monotonic()
                if pause > 0:
                    self._condition.wait(pause)
                    continue
                deletion.is_final = True
            self._execute(token)

    def _execute(self, token: str) -> bool:
        """Delete the mails of a deletion, and return whether the store did.

        The mails stay hidden until they are gone.
        """
        with self._execution_lock:
            deletion = self._deletions.get(token)
            if deletion is None:  # another thread has executed it
                return True
            try:
                deleted_count = self._store.delete((deletion.term,))
            except StoreError as error:
                _log.warning("mails cannot be deleted, the next attempt is in %g s: %s", _RETRY_SECONDS, error)
                deletion.due = monotonic() + _RETRY_SECONDS
                return False
            with self._condition:
                self._deletions.pop(token, None)
                self._update_exclusion()
        self._on_deleted(deleted_count, deletion.mailbox)
        return True
