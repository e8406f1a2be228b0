"""Share the work of all websockets: subscribe, encode and count once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter, to_thread

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import StoreError
from lazr.smtptest.web.api.event_encoder import EventEncoder
from lazr.smtptest.web.api.event_frames import build_error_frame, build_stats_frame, encode_frame
from lazr.smtptest.web.api.event_listener import CLOSE_POLICY_VIOLATION, CLOSE_TRY_AGAIN_LATER, FrameBatch
from lazr.smtptest.web.api.rule_events import RuleEvents

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store import Totals
    from lazr.smtptest.web.api.access_scope import AccessScope
    from lazr.smtptest.web.api.event_encoder import EncodedChanges
    from lazr.smtptest.web.api.event_listener import EventListener
    from lazr.smtptest.web.app_context import AppContext

__all__ = ["EventHub", "get_event_hub"]

# `stats` frames are this far apart, and this many times as far as the query of the totals takes, within a limit.
_STATS_INTERVAL_SECONDS = 0.25
_STATS_PAUSE_FACTOR = 20
_MAX_STATS_PAUSE_SECONDS = 2.0


class EventHub:
    """All websockets of events of one server and event loop.

    Args:
        app_context: the server.
    """

    def __init__(self, app_context: AppContext) -> None:
        self._app_context = app_context
        self._loop = asyncio.get_running_loop()
        self._channels: dict[int, _Channel] = {}  # by the identity of the mailbox
        self._limiter = CapacityLimiter(2)
        self._encoder: EventEncoder | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._rule_events = RuleEvents(app_context.server.rules, self._loop, self._publish_rules)

    def join(self, scope: AccessScope, listener: EventListener) -> None:
        """Send a listener the changes from now on, and the totals."""
        if self._encoder is None:
            encoder = EventEncoder(
                self._app_context.store,
                lambda: [channel.scope for channel in list(self._channels.values())],
                lambda changes: self._call_in_loop(lambda: self._publish(changes)),
                lambda: self._call_in_loop(lambda: self._handle_overflow(encoder)),
            )
            self._encoder = encoder
            self._unsubscribe = self._app_context.subscribe(encoder.add_change)
        key = id(scope.mailbox)
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = _Channel(scope, self._limiter)
        if scope.mailbox is None:  # only full access shows rules
            self._rule_events.start()
        channel.add(listener)

        def activate() -> None:
            listener.is_active = True

        self._encoder.call_after_queued_changes(lambda: self._call_in_loop(activate))

    def leave(self, scope: AccessScope, listener: EventListener) -> None:
        """Remove a listener; the last one ends the subscription."""
        channel = self._channels.get(id(scope.mailbox))
        if channel is None or not channel.remove(listener):
            return
        channel.stop()
        del self._channels[id(scope.mailbox)]
        if scope.mailbox is None:
            self._rule_events.stop()
        if not self._channels and self._encoder is not None:
            self._unsubscribe()
            self._encoder.stop()
            self._encoder = None

    def _call_in_loop(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function)

    def _publish(self, changes: list[EncodedChanges]) -> None:
        started_at = time.thread_time()
        for change in changes:
            channel = self._channels.get(id(change.scope.mailbox))
            if channel is not None:
                channel.publish(change)
        if self._encoder is not None:
            self._encoder.report_publishing_time(time.thread_time() - started_at)
        # A channel without a frame may have lost mails: it must look at its totals, without its clients noticing.
        for channel in self._channels.values():
            channel.note_change()

    def _publish_rules(self, frame: bytes) -> None:
        channel = self._channels.get(id(None))
        if channel is not None:
            channel.push(FrameBatch([frame]))

    def _handle_overflow(self, encoder: EventEncoder) -> None:
        if self._encoder is not encoder:
            return
        self._unsubscribe()
        encoder.stop()
        self._encoder = None
        for channel in list(self._channels.values()):
            channel.close(CLOSE_TRY_AGAIN_LATER)
            channel.stop()
        self._channels.clear()
        self._rule_events.stop()


class _Channel:
    """The listeners with the same scope: they get the same frames."""

    def __init__(self, scope: AccessScope, limiter: CapacityLimiter) -> None:
        self.scope = scope
        self._was_member = scope.mailbox in scope.app_context.mailboxes
        self._listeners: set[EventListener] = set()
        self._without_totals: set[EventListener] = set()
        self._counter = _MailCounter(scope)
        self._limiter = limiter
        self._has_changed = True
        self._change_event = asyncio.Event()
        self._newcomer_event = asyncio.Event()  # newcomers do not wait for the interval
        self._task = asyncio.get_running_loop().create_task(self._send_totals(), name="event totals")

    def add(self, listener: EventListener) -> None:
        self._listeners.add(listener)
        self._without_totals.add(listener)
        self._change_event.set()
        self._newcomer_event.set()

    def remove(self, listener: EventListener) -> bool:
        """Remove a listener, and return whether none is left."""
        self._listeners.discard(listener)
        self._without_totals.discard(listener)
        return not self._listeners

    def publish(self, change: EncodedChanges) -> None:
        if self._close_if_removed():
            return
        self._counter.count_new(change.new_count)
        batch = FrameBatch(change.frames)
        for listener in self._listeners:
            if listener.is_active:
                listener.push(batch)

    def push(self, batch: FrameBatch) -> None:
        """Send frames that are not about mails to all listeners, active or not."""
        for listener in self._listeners:
            listener.push(batch)

    def note_change(self) -> None:
        self._close_if_removed()
        self._has_changed = True
        self._change_event.set()

    def close(self, code: int) -> None:
        for listener in self._listeners:
            listener.close(code)

    def stop(self) -> None:
        self._task.cancel()

    def _close_if_removed(self) -> bool:
        """Close the websockets of a mailbox that was removed, and return whether it was."""
        is_removed = self._was_member and self.scope.mailbox not in self.scope.app_context.mailboxes
        if is_removed:
            self.close(CLOSE_POLICY_VIOLATION)
        return is_removed

    async def _send_totals(self) -> None:
        due = monotonic()
        while True:
            await self._change_event.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(due - monotonic(), 0)):
                    await self._newcomer_event.wait()
            self._change_event.clear()
            self._newcomer_event.clear()
            started_at = monotonic()
            newcomers, self._without_totals = self._without_totals, set()
            has_changed, self._has_changed = self._has_changed, False
            try:
                totals = await to_thread.run_sync(self.scope.get_totals, limiter=self._limiter, abandon_on_cancel=True)
            except StoreError as error:
                frames = everyone = [build_error_frame(self.scope.describe_store_error(error))]
            else:
                everyone = self._counter.build_frames(totals) if has_changed else []
                frames = everyone or [build_stats_frame(totals)]
            batch = FrameBatch(everyone) if everyone else None
            first_batch = FrameBatch(frames)
            for listener in self._listeners:
                if listener in newcomers:
                    listener.push(first_batch)
                elif batch is not None:
                    listener.push(batch)
            now = monotonic()
            pause = max(_STATS_INTERVAL_SECONDS, _STATS_PAUSE_FACTOR * (now - started_at))
            due = now + min(pause, _MAX_STATS_PAUSE_SECONDS)


class _MailCounter:
    """What the clients of one scope know about the number of mails.

    A client with the token of a mailbox must not notice changes of other mailboxes.  It gets `stats` only if the
    numbers of its mailbox have changed.  It gets `prune`, which has clients reload their lists, if there are fewer
    mails than it has been told, or if a deletion was undone and there are more.
    """

    def __init__(self, scope: AccessScope) -> None:
        self._scope = scope
        self._known_mails = 0
        self._sent_totals: Totals | None = None
        self._seen_undo_count = scope.app_context.deletions.undo_count

    def count_new(self, count: int) -> None:
        """Count the frames that were sent about new mails."""
        self._known_mails += count

    def build_frames(self, totals: Totals) -> list[bytes]:
        """Return the frames about the current numbers."""
        frames = []
        undo_count = self._scope.app_context.deletions.undo_count
        if self._scope.mailbox is not None:
            if totals == self._sent_totals and totals.mails >= self._known_mails:
                return []
            is_undone = undo_count > self._seen_undo_count and totals.mails > self._known_mails
            if totals.mails < self._known_mails or is_undone:
                frames.append(encode_frame("prune", None))
                self._known_mails = totals.mails
        self._seen_undo_count = undo_count
        # A mail whose frame is still to come is in the totals already; `count_new` adds it again, so a later `prune`
        # may be needless, but none is missing.
        if totals.mails < self._known_mails or self._sent_totals is None:
            self._known_mails = totals.mails
        self._sent_totals = totals
        frames.append(build_stats_frame(totals))
        return frames


_hubs: WeakKeyDictionary[AppContext, dict[asyncio.AbstractEventLoop, EventHub]] = WeakKeyDictionary()


def get_event_hub(app_context: AppContext) -> EventHub:
    """Return the hub of a server in the running event loop."""
    hubs = _hubs.setdefault(app_context, {})
    loop = asyncio.get_running_loop()
    for closed in [other for other in hubs if other.is_closed()]:
        del hubs[closed]
    if loop not in hubs:
        hubs[loop] = EventHub(app_context)
    return hubs[loop]
