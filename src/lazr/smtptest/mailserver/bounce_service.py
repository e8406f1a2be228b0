"""Send what comes back after a mail: bounces, complaints and automatic replies.

Rules demand it at END_OF_DATA (`order`), and it is due `after=` seconds after the mail was accepted.  A call demands it
at once (`send`).  The `Reactor` has the time, and a `NotificationQueue` builds and delivers in a thread of its own, in
order.  A `NotificationRecord` says what has become of each.

A notification in the server's own inbox has not come by SMTP, so no rule acts on it.  One that goes to another server
has a null reverse-path, after which nothing may come back.  So there can be no loop.
"""

from __future__ import annotations

import threading

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.logger import get_logger
from lazr.smtptest.errors import NotificationFailed, StartError
from lazr.smtptest.mailserver.delivery_error import DeliveryError
from lazr.smtptest.mailserver.notification_log import NotificationOutcome, NotificationRecord, Notifications
from lazr.smtptest.mailserver.notification_queue import NotificationQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from lazr.smtptest.bounces import Notification
    from lazr.smtptest.mail import Mail
    from lazr.smtptest.mailserver.notification_target import NotificationTarget
    from lazr.smtptest.net import Reactor
    from lazr.smtptest.protocol.smtp import EndOfData, SessionRecord
    from lazr.smtptest.rules import Notice, NoticeOrder

__all__ = ["BounceService"]

# Notifications that wait for their time or for their delivery.
MAX_WAITING_NOTIFICATIONS: Final = 1_000

# The size of the mails that they are about, which a server without an inbox keeps only for them.
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024

# What one notice sends back: with a complaint of each recipient, that could be the mail a thousand times.
MAX_SENT_BYTES: Final = 64 * 1024 * 1024

# Messages whose acceptance is not decided yet, such as during a coroutine; one that is refused is forgotten.
_MAX_UNDECIDED_MESSAGES = 1_000

_INBOX = "inbox"
_STOPPED = "the server was stopped"

# The notifications that the failure of a wait lists.
_MAX_EXPLAINED = 5


class _Job:
    """One notification that is to be sent."""

    __slots__ = (
        "done", "error", "is_canceled", "is_due", "is_raised_by_call", "mail", "notice", "recipients", "record",
    )  # fmt: skip

    def __init__(self, mail: Mail, notice: Notice, recipients: tuple[str, ...], record: NotificationRecord) -> None:
        self.mail: Final = mail
        self.notice: Final = notice
        self.recipients: Final = recipients
        self.record: Final = record
        self.is_due: bool = notice.after == 0
        self.is_canceled: bool = False
        self.is_raised_by_call: bool = False  # a call waits for the end, and raises the error itself
        self.error: NotificationFailed | None = None
        self.done: threading.Event | None = None  # set at the end, if a call waits


class BounceService:
    """The part of a server that sends notifications.

    Args:
        hostname: The name of the server, in the notifications.
        target: Where they go; None is the server's own inbox.
        deliver_locally: Puts a notification into the inbox, in any thread.
        record_error: Keeps the error of a notification that a rule has demanded, for the test (promise P7).
        prepare_wait: Returns the time that a wait may take.
    """

    def __init__(
        self,
        *,
        hostname: str,
        target: NotificationTarget | None,
        deliver_locally: Callable[[Notification], object],
        record_error: Callable[[BaseException], object],
        prepare_wait: Callable[[float], float],
    ) -> None:
        self._hostname = hostname
        self._target = target
        self._deliver_locally = deliver_locally
        self._record_error = record_error
        self.notifications: Final = Notifications(prepare_wait)
        self._reactor: Reactor | None = None
        self._queue: NotificationQueue | None = None
        # Of messages that are not decided: a session has one at a time, whose parts stay the same through all events.
        # The content itself is not kept: a client can leave before the decision.
        self._undecided: dict[int, tuple[SessionRecord, int, list[NoticeOrder]]] = {}
        self._uncommitted: dict[int, tuple[Mail, list[NoticeOrder]]] = {}
        self._jobs: set[_Job] = set()
        self._waiting_bytes = 0
        self._condition = threading.Condition()  # guards the jobs; notified when one ends
        self._inbox_lock = threading.Lock()  # no notification arrives during `forget`

    # -- a run of the server ------------------------------------------------------------------

    def start_run(self, reactor: Reactor) -> None:
        """Send in this run."""
        if self._target is not None:
            self._target.reset()
        self._reactor = reactor
        self._queue = NotificationQueue()

    def end_run(self, timeout: float) -> None:
        """Cancel what is not delivered, within `timeout` seconds; in any thread."""
        self._reactor = None
        queue, self._queue = self._queue, None
        self._undecided.clear()
        self._uncommitted.clear()
        self._cancel_jobs(_STOPPED)  # first: a delivery that is aborted is no failure
        if self._target is not None:
            self._target.abort()
        if queue is not None:
            has_ended = queue.close(timeout)
            self._cancel_jobs(_STOPPED)  # those that a call has added meanwhile
            if self._target is not None and has_ended:
                self._target.reset()  # for calls after the run

    def detach_after_fork(self) -> None:
        """Drop the jobs in a forked child, which has no thread for them."""
        self._reactor = self._queue = None
        self._undecided.clear()
        self._uncommitted.clear()
        self._jobs, self._waiting_bytes = set(), 0
        # Another thread may have held the locks during the fork, and would never release them here.
        self._condition, self._inbox_lock = threading.Condition(), threading.Lock()
        self.notifications.detach_after_fork()

    def forget(self) -> None:
        """Cancel what is not delivered, and forget the records."""
        with self._inbox_lock, self._condition:
            self._cancel_jobs("the server has forgotten its mails")
            self.notifications.clear()

    def _cancel_jobs(self, reason: str) -> None:
        with self._condition:
            jobs, self._jobs, self._waiting_bytes = self._jobs, set(), 0
            for job in jobs:
                job.is_canceled = True
                self.notifications.finish(job.record, NotificationOutcome.CANCELED, reason)
                if job.done is not None:
                    job.done.set()
            self._condition.notify_all()

    # -- what rules demand: in the thread of the server ------------------------------------------

    def order(self, message: EndOfData, orders: tuple[NoticeOrder, ...], *, is_lost: bool) -> None:
        """Take what rules demand for a message, before it is accepted or refused.

        Args:
            message: The message.
            orders: What the rules demand.
            is_lost: Whether a rule accepts the message and loses it: then it is no mail, and the time begins now.
        """
        if is_lost:
            from lazr.smtptest.mailserver.mail_builder import build_mail

            self._schedule_all(build_mail(message, ""), orders)
            return
        key, parts_id = id(message.session), id(message.parts)
        known = self._undecided.get(key)
        if known is None or known[1] != parts_id:
            known = self._undecided[key] = message.session, parts_id, []
        known[2].extend(orders)
        if len(self._undecided) > _MAX_UNDECIDED_MESSAGES:
            del self._undecided[next(iter(self._undecided))]

    def note_mail(self, message: EndOfData, mail: Mail) -> None:
        """Keep what rules demand for a message until its mail is stored."""
        orders = self._take_orders(message)
        if orders:
            self._uncommitted[id(mail)] = mail, orders

    def note_refusal(self, message: EndOfData) -> None:
        """Forget what rules demand for a message that is refused."""
        self._take_orders(message)

    def _take_orders(self, message: EndOfData) -> list[NoticeOrder]:
        found = self._undecided.get(id(message.session)) if self._undecided else None
        if found is None or found[1] != id(message.parts):
            return []
        del self._undecided[id(message.session)]
        return found[2]

    def note_stored(self, mail: Mail, *, is_refused: bool = False) -> None:
        """Schedule what rules demand for an accepted mail; forget it if the store refuses."""
        if self._uncommitted:
            found = self._uncommitted.pop(id(mail), None)
            if found is not None and not is_refused:
                self._schedule_all(mail, found[1])

    def _schedule_all(self, mail: Mail, orders: list[NoticeOrder] | tuple[NoticeOrder, ...]) -> None:
        for order in orders:
            # With LMTP, a recipient may have been refused after the rule had acted.
            recipients = tuple([one for one in order.recipients if one in mail.envelope.rcpt_tos])
            for notice in order.action.notices if recipients else ():
                job = self._add_job(mail, notice, recipients)
                if job.error is None and self._reactor is None:
                    self._finish(job, NotificationOutcome.CANCELED, _STOPPED)
                elif job.error is None and self._reactor is not None:
                    self._reactor.call_later(notice.after, self._run_when_due, job)

    def _add_job(
        self, mail: Mail, notice: Notice, recipients: tuple[str, ...], *, is_raised_by_call: bool = False
    ) -> _Job:
        record = NotificationRecord(
            kind=notice.kind,
            status=notice.status,
            about=recipients,
            recipient=mail.envelope.mail_from,
            mail_id=mail.id,
            target=_INBOX if self._target is None else self._target.url,
        )
        job = _Job(mail, notice, recipients, record)
        job.is_raised_by_call = is_raised_by_call
        job.done = threading.Event() if is_raised_by_call else None
        with self._condition:
            self.notifications.add(record)
            is_full = len(self._jobs) >= MAX_WAITING_NOTIFICATIONS
            is_too_big = bool(self._jobs) and self._waiting_bytes + mail.size > MAX_WAITING_BYTES
            if not is_full and not is_too_big:
                self._jobs.add(job)
                self._waiting_bytes += mail.size
            if is_full:
                self._fail(job, f"{MAX_WAITING_NOTIFICATIONS:,} others wait, and no more may")
            elif is_too_big:
                self._fail(job, f"others wait whose mails have {MAX_WAITING_BYTES:,} bytes, and no more may")
        return job

    def _run_when_due(self, job: _Job) -> None:
        """Let the queue deliver a notification whose time has come; in the thread of the server."""
        with self._condition:
            job.is_due = True
        if self._queue is not None:
            self._queue.put(lambda: self._run(job))

    # -- what calls demand: in any thread --------------------------------------------------------

    def send(self, mail: Mail, notice: Notice, recipients: tuple[str, ...], *, may_block: bool) -> NotificationRecord:
        """Send a notification; return its record.

        Args:
            mail: The mail that it is about.
            notice: What to send.  With `after`, this only schedules it.
            recipients: The recipients that it is about.
            may_block: Whether this may wait for another server; if not, the delivery is scheduled.

        Raises:
            NotificationFailed: If it could not be delivered.
            StartError: If it has a time to wait for, and the server does not run.
        """
        reactor, queue = self._reactor, self._queue
        if reactor is None and notice.after:
            raise StartError(
                f"after={notice.after:g} needs a running server, and it does not run; start it, or leave out after="
            )
        # Locally, or without a run, the delivery is in this thread.
        is_direct = reactor is None or queue is None or (self._target is None and not notice.after)
        is_raised_by_call = is_direct or (may_block and not notice.after)
        job = self._add_job(mail, notice, recipients, is_raised_by_call=is_raised_by_call)
        if job.error is not None:
            raise job.error
        if reactor is None or queue is None or is_direct:
            self._run(job)
        elif notice.after:
            reactor.call_soon_threadsafe(reactor.call_later, notice.after, self._run_when_due, job)
        elif not queue.put(lambda: self._run(job)):  # the run has ended in the meantime
            self._run(job)
        elif job.done is not None:
            job.done.wait()
        if job.error is not None and is_raised_by_call:
            raise job.error
        return job.record

    # -- deliveries: in the thread of the queue, or of a call -------------------------------------

    def _run(self, job: _Job) -> None:
        """Build and deliver a notification, and note what has become of it."""
        if job.is_canceled:
            return
        try:
            self._deliver(job)
        except BaseException as error:  # noqa: BLE001 - P7: raised again in the thread of the test
            self._fail(job, _describe_error(error))

    def _deliver(self, job: _Job) -> None:
        # In this thread, as its import takes long.
        from lazr.smtptest.mailserver.notification_builder import build_notifications, explain_absence

        first: Notification | None = None
        replies: dict[str, None] = {}
        sent_bytes = 0
        about: list[str] = []
        for notification in build_notifications(job.mail, job.notice, job.recipients, self._hostname):
            first = first or notification
            sent_bytes += len(notification.content)
            if sent_bytes > MAX_SENT_BYTES and notification is not first:
                raise DeliveryError(f"more than {MAX_SENT_BYTES:,} bytes would come back; the rest was not sent")
            if self._target is None:
                with self._inbox_lock:
                    if job.is_canceled:
                        return
                    self._deliver_locally(notification)
            elif job.is_canceled:
                return
            else:
                replies[self._target.deliver(notification, job.mail)] = None
            about += notification.about
        if first is None:
            reason = explain_absence(job.mail, job.notice, job.recipients)
            self._finish(job, NotificationOutcome.NOT_SENT, reason)
            return
        job.record.recipient, job.record.status, job.record.about = first.recipient, first.status, tuple(about)
        self._finish(job, NotificationOutcome.DELIVERED, "; ".join(replies), first.content)

    def _fail(self, job: _Job, reason: str) -> None:
        self._finish(job, NotificationOutcome.FAILED, reason)

    def _finish(self, job: _Job, outcome: NotificationOutcome, reason: str, content: bytes | None = None) -> None:
        """Note the outcome of a job, unless it was canceled meanwhile."""
        with self._condition:
            if job.is_canceled:
                return
            if job in self._jobs:
                self._jobs.remove(job)
                self._waiting_bytes -= job.mail.size
            self.notifications.finish(job.record, outcome, reason, content)
            if outcome is NotificationOutcome.FAILED:  # before anything that waits for it goes on
                job.error = NotificationFailed(f"a notification was not delivered: {job.record}")
                if not job.is_raised_by_call:
                    self._record_error(job.error)
            self._condition.notify_all()
        if job.done is not None:
            job.done.set()
        log = get_logger()
        (log.warning if outcome is NotificationOutcome.FAILED else log.info)("notification: %s", job.record)

    def explain(self) -> list[str]:
        """Return lines about the latest notifications that did not arrive."""
        missing = [record for record in self.notifications if record.outcome is not NotificationOutcome.DELIVERED]
        return [f"notification: {record}" for record in missing[-_MAX_EXPLAINED:]]

    # -- waiting ----------------------------------------------------------------------------------

    def wait_until_idle(self, deadline: float, timeout: float) -> None:
        """Wait until everything that is due is delivered.

        Args:
            deadline: When to give up, by the monotonic clock.
            timeout: The seconds that the whole wait may take, for the text of the error.

        Raises:
            TimeoutError: At the deadline; the text names what is not delivered.
        """
        with self._condition:
            while due := [job for job in self._jobs if job.is_due]:
                remaining = deadline - monotonic()
                if remaining <= 0:
                    lines = "\n".join(f"  {job.record}" for job in due[:10])
                    raise TimeoutError(f"notifications are not delivered after {timeout:g} s:\n{lines}")
                self._condition.wait(remaining)


def _describe_error(error: BaseException) -> str:
    """Return the reply of a server, or the error, as one line."""
    recipients = getattr(error, "recipients", None)
    if isinstance(recipients, dict) and recipients:  # smtplib.SMTPRecipientsRefused
        code, text = next(iter(recipients.values()))
    else:
        code, text = getattr(error, "smtp_code", None), getattr(error, "smtp_error", b"")
    if isinstance(error, DeliveryError):
        return str(error)
    if code is None:
        return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return " ".join(f"{code} {shown}".split())
