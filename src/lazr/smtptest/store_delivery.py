"""Put accepted mail into a store, and send the 250 only when it is safe there.

This is promise P1.

`MailServer` makes one `StoreDelivery` for each run with a store.  Mails for a durable store are collected into batches.
A batch is added in the server's own thread while that is quick (`QuickCommit`), and otherwise by `GroupCommit`.
"""

from __future__ import annotations

import functools
import random
import secrets
import threading
from typing import TYPE_CHECKING

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.logger import get_logger
from lazr.smtptest.errors import StoreError, StoreFull, StoreUnavailable
from lazr.smtptest.net import PendingCommit
from lazr.smtptest.protocol.smtp import Reply, standard_replies
from lazr.smtptest.store import Arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.mail import Mail
    from lazr.smtptest.net import ConnectionManager
    from lazr.smtptest.protocol.smtp import Mail as MailCommand
    from lazr.smtptest.store import GroupCommit, QuickCommit, Store

    _Batch = list[tuple[Arrival, Callable[[BaseException | None], None]]]

__all__ = ["StoreDelivery", "generate_id"]

FULL_REPLY = Reply(452, "4.3.1", "No room for this message now, try later")
UNAVAILABLE_REPLY = Reply(451, "4.3.0", "Mail cannot be stored now, try later")

# How long a mail may wait for others that share its commit.
_MAX_COMMIT_DELAY_SECONDS = 0.005

# In a pass of the event loop without input, a client may be about to send the end of its mail.  After this many such
# passes, waiting costs more than it saves.
_MAX_IDLE_PASSES = 3

_CLOSED = "the server has stopped"

_ID_BITS = 88  # 22 hexadecimal digits, the length of Mailpit's IDs
# A store keeps an index of the IDs.  If IDs increase, new ones are in the same page of the index, and a transaction
# writes one page instead of one for each mail.
_COUNTED_ID_BITS = 24


def generate_id() -> str:
    """Return a globally unique ID for a mail: letters and digits.

    >>> len(generate_id()), generate_id().isalnum(), generate_id() == generate_id()
    (22, True, False)
    """
    return f"{secrets.randbits(_ID_BITS):022x}"


class StoreDelivery:
    """The delivery of one server run's mails to a store, and the replies to the senders.

    Thread safety: call all methods in the thread of the event loop, where the callbacks are called too.  `close` may be
    called in another thread, also while a commit is under way.

    Args:
        store: the open store.
        connection_manager: the connections, which hold their replies back until the commit.
        call_soon: calls a function in the thread of the event loop, from any thread.
        on_stored: gets each mail once it is safe, before its 250 is sent.
        on_refused: gets each mail that could not be stored, and the reply to it.
        build_error_reply: returns the reply to an exception that is not a `StoreError`.
    """

    def __init__(
        self,
        store: Store,
        connection_manager: ConnectionManager,
        *,
        call_soon: Callable[[Callable[[], None]], None],
        on_stored: Callable[[Mail], None],
        on_refused: Callable[[Mail, Reply], None],
        build_error_reply: Callable[[BaseException], Reply],
    ) -> None:
        self._store = store
        self._connection_manager = connection_manager
        self._on_stored = on_stored
        self._on_refused = on_refused
        self._build_error_reply = build_error_reply
        self._call_soon = call_soon
        self._random = random.Random()  # noqa: S311 - IDs need not be secret
        self._id_prefix = ""
        self._id_count = 0
        self._group_commit: GroupCommit | None = None  # its thread starts with the first batch
        self._quick_commit: QuickCommit | None = None
        self._lock = threading.Lock()  # held for moments, to take the batch and to close
        self._is_closed = False
        self._batch: _Batch = []  # without the mails of a commit that is under way
        self._queued_count = 0  # mails that are in `_group_commit`
        self._last_event_count = 0  # the reactor's `event_count` in the previous pass
        self._idle_pass_count = 0
        self._batch_deadline = 0.0
        if store.is_durable:
            connection_manager.pending_commits = []
            try_add: Callable[[Sequence[Arrival]], bool] | None = getattr(store, "try_add", None)
            if try_add is not None:  # other stores wait for a network
                from lazr.smtptest.store import QuickCommit

                self._quick_commit = QuickCommit(try_add)

    def generate_id(self) -> str:
        """Return a unique ID for a mail, as the function of that name does; IDs of a run increase."""
        count = self._id_count & ((1 << _COUNTED_ID_BITS) - 1)
        if count == 0:
            self._id_prefix = f"{self._random.getrandbits(_ID_BITS - _COUNTED_ID_BITS):016x}"
        self._id_count += 1
        return f"{self._id_prefix}{count:06x}"

    def check_room(self, mail: MailCommand) -> Reply | None:
        """Return the refusal of a MAIL command if the store has too little room.

        The store must have room for twice the SIZE of the command (RFC 1870 6.1).
        """
        try:
            return None if self._store.has_room(2 * (mail.declared_size or 0)) else FULL_REPLY
        except StoreError:
            return UNAVAILABLE_REPLY

    def store_mail(self, mail: Mail, reply: Reply) -> Reply:
        """Store a mail, and return the reply to its sender.

        A durable store commits later.  The connection manager then gets a `PendingCommit`, and sends the reply after
        its result: the refusal to send instead, or None.

        Args:
            mail: the accepted mail.
            reply: the reply to send if the mail is stored.
        """
        arrival = Arrival(mail.id, mail.timestamp, mail.envelope, mail.parts)
        if reply is standard_replies.MESSAGE_ACCEPTED or reply == standard_replies.MESSAGE_ACCEPTED:
            reply = Reply(250, "2.0.0", f"Ok: queued as {mail.id}")
        if self._connection_manager.pending_commits is None:
            try:
                self._store.add([arrival])
            except BaseException as error:  # noqa: BLE001 - promise P7: every failure gets a reply
                return self._refuse(mail, error)
            self._on_stored(mail)
            return reply
        committed = PendingCommit()

        def handle_result(error: BaseException | None) -> None:
            if error is None:
                self._on_stored(mail)
            refusal = None if error is None else self._refuse(mail, error)
            if not committed.is_done:
                committed.set_result(refusal)

        if not self._add_to_batch(arrival, handle_result):
            return self._refuse(mail, StoreUnavailable(_CLOSED))
        self._connection_manager.pending_commits.append(committed)
        return reply

    # -- sharing commits -------------------------------------------------------------------------

    def _add_to_batch(self, arrival: Arrival, on_done: Callable[[BaseException | None], None]) -> bool:
        """Collect mails until the event loop is idle, and then commit them.

        A commit costs as much as several mails, in this thread or in another.  After `close`, this only returns False.
        """
        with self._lock:
            if self._is_closed:
                return False
            self._batch.append((arrival, on_done))
            is_first = len(self._batch) == 1
        if is_first:
            self._batch_deadline = monotonic() + _MAX_COMMIT_DELAY_SECONDS
            self._idle_pass_count = 0
            self._last_event_count = -1  # the first pass cannot be idle: the loop has not polled the sockets yet
            self._connection_manager.reactor.call_soon(self._flush_batch_when_idle)
        return True

    def _flush_batch_when_idle(self) -> None:
        """Commit the batch if no other mail will come soon; otherwise look again in the next pass.

        No other mail will come soon if each client waits for its reply, or if no client has sent anything during some
        passes.
        """
        manager = self._connection_manager
        previous, self._last_event_count = self._last_event_count, manager.reactor.event_count
        self._idle_pass_count = self._idle_pass_count + 1 if previous == self._last_event_count else 0
        if (
            self._idle_pass_count <= _MAX_IDLE_PASSES
            and len(self._batch) < manager.open_connection_count
            and monotonic() < self._batch_deadline
        ):
            manager.reactor.call_soon(self._flush_batch_when_idle)
            return
        with self._lock:  # `close` does not find the mails that are being committed
            batch, self._batch = self._batch, []
        if batch and not self._commit_quickly(batch) and not self._queue_unless_closed(batch):
            for _, on_done in batch:
                _report(on_done, StoreUnavailable(_CLOSED))

    def _commit_quickly(self, batch: _Batch) -> bool:
        """Commit mails in this thread if that is quick; return whether they were committed."""
        # As long as mails are queued, the others follow them, so that the store numbers mails in the order of arrival.
        if self._quick_commit is None or self._queued_count > 0:
            return False
        if not self._quick_commit.try_add([arrival for arrival, _ in batch]):
            return False
        for _, on_done in batch:
            _report(on_done, None)
        return True

    def _queue_unless_closed(self, batch: _Batch) -> bool:
        with self._lock:
            if not self._is_closed:
                self._queue_batch(batch)
            return not self._is_closed

    def _queue_batch(self, batch: _Batch) -> None:
        """Let the other thread commit mails; the caller holds the lock."""
        if self._group_commit is None:
            from lazr.smtptest.store import GroupCommit

            self._group_commit = GroupCommit(self._store, self._call_soon)
        self._queued_count += len(batch)
        for arrival, on_done in batch:
            self._group_commit.add(arrival, functools.partial(self._handle_queued, on_done))

    def _handle_queued(self, on_done: Callable[[BaseException | None], None], error: BaseException | None) -> None:
        self._queued_count -= 1
        _report(on_done, error)

    def _refuse(self, mail: Mail, error: BaseException) -> Reply:
        if isinstance(error, StoreFull):
            reply = FULL_REPLY
        elif isinstance(error, StoreError):
            reply = UNAVAILABLE_REPLY
        else:
            reply = self._build_error_reply(error)
        self._on_refused(mail, reply)
        return reply

    def close(self, timeout: float) -> bool:
        """Commit the mails that are queued; return whether that took at most `timeout` seconds.

        Mails that come later are refused.  A commit in the thread of the event loop goes on.
        """
        with self._lock:
            batch, self._batch = self._batch, []
            if batch:
                self._queue_batch(batch)
            self._is_closed = True
        return self._group_commit is None or self._group_commit.close(timeout)


def _report(on_done: Callable[[BaseException | None], None], error: BaseException | None) -> None:
    try:
        on_done(error)
    except Exception:  # noqa: BLE001 - the other mails of the commit get their replies
        get_logger().exception("the reply to a mail could not be sent after its commit")
