"""Quick commit: add mails in the thread of the event loop, while commits are quick.

The event loop waits for the disk meanwhile.  With a fast disk that is cheaper than a second thread, because two threads
of one interpreter run by turns, and each switch costs as much as a mail.  With a slow disk, all clients would wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest._util.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.store.base import Arrival

__all__ = ["QuickCommit"]

# A larger batch takes long for its amount, also with a fast disk.
_MAX_MAILS, _MAX_BYTES = 200, 1024 * 1024
# If an average commit takes longer than this, the batches go to the other thread, until one commit is tried again.
_MAX_COMMIT_SECONDS = 0.003
# It is tried again after this many times as long as the slow commit took, so that the loop waits 2 % of the time.
_RETRY_FACTOR, _SECONDS_BEFORE_RETRY_AFTER_ERROR = 50, 1.0
# The processor time of a mail, roughly, is not counted: another thread would need it too.
_UNCOUNTED_SECONDS_PER_MAIL = 0.00004
# The weight of the last commit in the average, and the longest time that counts: one slow commit proves little.
_WEIGHT, _MAX_COUNTED_SECONDS = 0.125, 0.01


class QuickCommit:
    """The decision to commit in the calling thread, by the time that the last commits took.

    Thread safety: call all methods in the same thread.

    >>> from lazr.smtptest import Envelope
    >>> from lazr.smtptest.store import Arrival
    >>> arrival = Arrival("1", 0.0, Envelope("", (), mail_parameters={}, rcpt_parameters=()), [b"Hi"])
    >>> QuickCommit(lambda arrivals: True).try_add([arrival])
    True

    Args:
        try_add: adds mails and returns True; returns False, or raises an exception, if it has added nothing.
        clock: returns seconds of a clock that never goes back.
    """

    def __init__(self, try_add: Callable[[Sequence[Arrival]], bool], *, clock: Callable[[], float] = monotonic) -> None:
        self._try_add = try_add
        self._clock = clock
        self._average_seconds = 0.0
        self._paused_until = float("-inf")

    def try_add(self, arrivals: Sequence[Arrival]) -> bool:
        """Add mails now, if that is probably quick; return whether they were added."""
        started = self._clock()
        if started < self._paused_until or len(arrivals) > _MAX_MAILS:
            return False
        if sum([arrival.size for arrival in arrivals]) > _MAX_BYTES:
            return False
        try:
            is_added = self._try_add(arrivals)
        except Exception:  # noqa: BLE001 - `add` in the other thread finds out which mails it concerns
            self._paused_until = started + _SECONDS_BEFORE_RETRY_AFTER_ERROR
            return False
        now = self._clock()
        seconds = now - started - _UNCOUNTED_SECONDS_PER_MAIL * len(arrivals)
        self._average_seconds += _WEIGHT * (min(seconds, _MAX_COUNTED_SECONDS) - self._average_seconds)
        if self._average_seconds > _MAX_COMMIT_SECONDS:
            self._average_seconds = _MAX_COMMIT_SECONDS  # after the pause, one commit decides
            self._paused_until = now + _RETRY_FACTOR * seconds
        return is_added
