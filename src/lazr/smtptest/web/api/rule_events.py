"""Tell the websockets of events when the rules of the mail server change or act."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.web.api.event_frames import build_rules_frame

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from lazr.smtptest.rules import Rules

__all__ = ["RuleEvents"]

_MIN_SECONDS_BETWEEN_FRAMES = 0.25


class RuleEvents:
    """Sends a frame after changes of rules, at most four times a second.

    Args:
        rules: the rules of the mail server.
        loop: the event loop of the websockets.
        send: gets each frame; called in the event loop.
    """

    def __init__(self, rules: Rules, loop: asyncio.AbstractEventLoop, send: Callable[[bytes], None]) -> None:
        self._rules = rules
        self._loop = loop
        self._send = send
        self._is_notified = False  # the loop will look at the rules; further changes need no call
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = -_MIN_SECONDS_BETWEEN_FRAMES
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Send frames from now on."""
        if self._unsubscribe is None:
            self._unsubscribe = self._rules.subscribe(self._note_change)

    def stop(self) -> None:
        """Send no more frames; the rules then cost nothing more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._is_notified = False

    def _note_change(self) -> None:
        """Wake the event loop; called in any thread, for each time that a rule acts."""
        if not self._is_notified:
            self._is_notified = True
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._schedule_frame)

    def _schedule_frame(self) -> None:
        if self._timer is None and self._unsubscribe is not None:
            delay = self._sent_at + _MIN_SECONDS_BETWEEN_FRAMES - monotonic()
            self._timer = self._loop.call_later(max(delay, 0), self._send_frame)

    def _send_frame(self) -> None:
        self._timer = None
        self._sent_at = monotonic()
        self._is_notified = False  # before reading: a later change needs another frame
        self._send(build_rules_frame(*self._rules.count_active()))
