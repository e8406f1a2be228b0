"""The record of what came back: what it is, to whom, and what has become of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from enum import StrEnum

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.seconds import DEFAULT_TIMEOUT
from lazr.smtptest._util.suggestion import build_getattr
from lazr.smtptest.errors import WaitTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, overload

__all__ = ["NotificationOutcome", "NotificationRecord", "Notifications"]

_MAX_RECORDS = 1_000

# The recipients that the text of a record names.
_MAX_SHOWN_RECIPIENTS = 5

# The reply of a server can be far longer than RFC 5321 4.5.3.1.5 allows.
MAX_REASON_CHARACTERS = 1_000

# A bounce can contain the mail that it is about.
MAX_CONTENT_BYTES = 16 * 1024 * 1024


class NotificationOutcome(StrEnum):
    """What has become of a notification.

    - `SCHEDULED`: its time has not come, or it is being delivered.
    - `DELIVERED`: the inbox, or the server that it was sent to, has it.
    - `NOT_SENT`: there must be none, such as about a mail with a null reverse-path.
    - `FAILED`: it could not be delivered.
    - `CANCELED`: the server was stopped before.
    """

    SCHEDULED = "scheduled"
    DELIVERED = "delivered"
    NOT_SENT = "not sent"
    FAILED = "failed"
    CANCELED = "canceled"


class NotificationRecord:
    """One notification: what it is, to whom, and what has become of it.

    - `kind`: "bounce", "delayed", "delivered", "complaint", "out_of_office", "challenge" or "auto_reply".
    - `status`: the status of a delivery notification, such as "5.1.1"; None for others.
    - `about`: the recipients of the mail that it is about; when it is delivered, those that it names.
    - `recipient`: where it is addressed to: the reverse-path of the mail.
    - `mail_id`: the ID of the mail; "" if the server has not kept it.
    - `target`: "inbox", or the URL of the server that gets it.
    - `outcome`: a `NotificationOutcome`, which changes once.
    - `reason`: the reply of the server that has it, or why it was not sent or delivered; "" before.
    - `content`: the message; None until it is delivered, and for the oldest of more than 16 MiB.
    """

    __slots__ = ("about", "content", "kind", "mail_id", "outcome", "reason", "recipient", "status", "target")

    def __init__(
        self, *, kind: str, status: str | None, about: tuple[str, ...], recipient: str, mail_id: str, target: str
    ) -> None:
        self.kind: str = kind
        self.status: str | None = status
        self.about: tuple[str, ...] = about
        self.recipient: str = recipient
        self.mail_id: str = mail_id
        self.target: str = target
        self.outcome: NotificationOutcome = NotificationOutcome.SCHEDULED
        self.reason: str = ""
        self.content: bytes | None = None

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(
            {
                **dict.fromkeys(("error", "exception", "reply"), "record.reason"),
                **dict.fromkeys(("delivered", "is_delivered", "state", "result"), "record.outcome"),
                **dict.fromkeys(("raw", "message", "source"), "record.content"),
            }
        )

    @property
    def is_done(self) -> bool:
        """Whether the outcome is final."""
        return self.outcome is not NotificationOutcome.SCHEDULED

    def to_dict(self) -> dict[str, Any]:
        """Return the record, without the content, as a value for JSON."""
        return {
            "kind": self.kind,
            "status": self.status,
            "about": list(self.about),
            "recipient": self.recipient,
            "mail_id": self.mail_id or None,
            "target": self.target,
            "outcome": str(self.outcome),
            "reason": self.reason,
        }

    def __str__(self) -> str:
        status = f" {self.status}" if self.status else ""
        reason = f": {self.reason}" if self.reason else ""
        about = ", ".join(self.about[:_MAX_SHOWN_RECIPIENTS])
        if len(self.about) > _MAX_SHOWN_RECIPIENTS:
            about += f" and {len(self.about) - _MAX_SHOWN_RECIPIENTS} more"
        return f"{self.kind}{status} about {about} to <{self.recipient}> by {self.target}, {self.outcome}{reason}"

    def __repr__(self) -> str:
        return f"<NotificationRecord {self}>"


class Notifications(Sequence[NotificationRecord]):
    """The notifications of a server, in the order in which they were demanded.

    Of more than 1,000, the latest are kept.

    >>> from lazr.smtptest import MailServer
    >>> server = MailServer()
    >>> mail = server.deliver(b"Subject: Hi\\r\\n\\r\\nHello\\r\\n", to="gone@example.com", sender="app@example.com")
    >>> server.bounce(mail).outcome
    <NotificationOutcome.DELIVERED: 'delivered'>
    >>> [str(record) for record in server.notifications]
    ['bounce 5.1.1 about gone@example.com to <app@example.com> by inbox, delivered']
    """

    def __init__(self, prepare_wait: Callable[[float], float]) -> None:
        self._prepare_wait = prepare_wait
        self._records: deque[NotificationRecord] = deque(maxlen=_MAX_RECORDS)
        self._with_content: deque[NotificationRecord] = deque()
        self._content_bytes = 0
        self._done_count = 0
        self._condition = threading.Condition()

    def add(self, record: NotificationRecord) -> None:
        """Add a record, in any thread."""
        with self._condition:
            self._records.append(record)

    def finish(
        self, record: NotificationRecord, outcome: NotificationOutcome, reason: str, content: bytes | None = None
    ) -> None:
        """Set the outcome of a record, in any thread, and wake waiting threads."""
        with self._condition:
            if content is not None:
                self._keep_content(record, content)
            record.reason = reason if len(reason) <= MAX_REASON_CHARACTERS else f"{reason[:MAX_REASON_CHARACTERS]}…"
            record.outcome = outcome
            self._done_count += 1
            self._condition.notify_all()

    def _keep_content(self, record: NotificationRecord, content: bytes) -> None:
        record.content = content
        self._with_content.append(record)
        self._content_bytes += len(content)
        while self._content_bytes > MAX_CONTENT_BYTES and len(self._with_content) > 1:
            oldest = self._with_content.popleft()
            self._content_bytes -= len(oldest.content or b"")
            oldest.content = None

    def detach_after_fork(self) -> None:
        """Replace the lock in a forked child: another thread may have held it during the fork."""
        self._condition = threading.Condition()

    def clear(self) -> None:
        """Forget all records."""
        with self._condition:
            self._records.clear()
            self._with_content.clear()
            self._content_bytes = 0
            self._done_count = 0

    def wait(self, count: int = 1, timeout: float = DEFAULT_TIMEOUT) -> tuple[NotificationRecord, ...]:
        """Wait until `count` notifications have a final outcome; return all records.

        Args:
            count: The number of notifications, since the start or the last `forget()`; 1 by default.
            timeout: The longest wait in seconds; by default that of `MailServer(timeout=5.0)`.

        Raises:
            WaitTimeout: After `timeout` seconds; the text lists the notifications.
        """
        seconds = self._prepare_wait(timeout)
        deadline = monotonic() + seconds
        with self._condition:
            while self._done_count < count:
                remaining = deadline - monotonic()
                if remaining <= 0:
                    lines = [f"  {record}" for record in self._records] or ["  none"]
                    raise WaitTimeout(
                        f"expected {count} notifications within {seconds:g} s, got {self._done_count}:\n"
                        + "\n".join(lines[-20:])
                    )
                self._condition.wait(remaining)
            return tuple(self._records)

    def __reduce__(self) -> tuple[object, ...]:
        # A copy has the records so far, and gets no others.
        with self._condition:
            return _restore, (list(self._records), self._done_count)

    def __len__(self) -> int:
        return len(self._records)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> NotificationRecord: ...
        @overload
        def __getitem__(self, index: slice) -> tuple[NotificationRecord, ...]: ...

    def __getitem__(self, index: int | slice) -> NotificationRecord | tuple[NotificationRecord, ...]:
        with self._condition:
            return tuple(self._records)[index] if isinstance(index, slice) else self._records[index]

    def __repr__(self) -> str:
        return f"<Notifications: {', '.join(map(str, self)) or 'none'}>"


def _restore(records: list[NotificationRecord], done_count: int) -> Notifications:
    copied = Notifications(lambda _timeout: 0.0)
    for record in records:
        copied.add(record)
    copied._done_count = done_count
    return copied
