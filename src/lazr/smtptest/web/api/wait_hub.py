"""Share the work of waiting requests: each new mail is matched once, in memory.

Requests with the same search share its result, a `WaitGroup`.  Without this, each of a thousand waiting requests would
search the store for each mail that arrives.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Self
from weakref import WeakKeyDictionary

from lazr.smtptest.store import ArrivedMail
from lazr.smtptest.web.api.wait_group import SearchLimits, WaitGroup
from lazr.smtptest.web.responses import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store import Change, Search
    from lazr.smtptest.web.api.access_scope import AccessScope
    from lazr.smtptest.web.api.schemas import MessagesSummary
    from lazr.smtptest.web.app_context import AppContext

__all__ = ["MAX_WAITS", "MAX_WAITS_PER_MAILBOX", "Waiter"]

MAX_WAITS = 1000
"""So many requests may wait at the same time; more get 503."""
MAX_WAITS_PER_MAILBOX = 200
"""So many of them may have the token of the same mailbox; more get 429."""

_MAX_CHANGES = 10_000
_MAX_QUEUED_BYTES = 24 * 1024 * 1024

_GroupKey = tuple["Search", int]


class Waiter:
    """One waiting request: a member of the group of requests with the same search.

    It is a context manager for use in a coroutine.

    Args:
        scope: the mails that the request may see.
        search: the search of the request.
        limit: the maximum number of mails in a summary.
        count: for how many mails the request waits.

    Raises:
        ApiError: on entering; 429 or 503 if too many requests wait.
    """

    def __init__(self, scope: AccessScope, search: Search, limit: int, count: int) -> None:
        self._scope = scope
        self._limit = limit
        mailbox_search = () if scope.mailbox is None else scope.mailbox.search
        # A search that reads fewer mails than the request waits for may only estimate how many there are.
        self._key: _GroupKey = (mailbox_search + search, max(limit, count))
        self._search = search
        self._hub: _WaitHub
        self._group: WaitGroup
        self._seen_version = 0
        self._remove_shutdown_callback: Callable[[], None]
        self.is_shutting_down: bool = False

    def __enter__(self) -> Self:
        hub = _get_hub(self._scope.app_context)
        hub.count_in(self._scope)
        self._hub = hub
        self._group = hub.join(self._key, self._scope, self._search)
        self._seen_version = self._group.version
        self._remove_shutdown_callback = self._scope.app_context.add_shutdown_callback(self._on_shutdown)
        return self

    def __exit__(self, *error: object) -> None:
        self._remove_shutdown_callback()
        self._hub.leave(self._key, self._group, self._scope)

    @property
    def match_count(self) -> int:
        """How many mails are known to match.

        Raises:
            StoreError: the store cannot be read.
        """
        if self._group.error is not None:
            raise self._group.error
        self._seen_version = self._group.version
        return self._group.match_count

    @property
    def is_searched(self) -> bool:
        """Whether the mails that were in the store before are known too."""
        return self._group.is_searched

    def build_summary(self) -> MessagesSummary:
        """Return the mails that are known to match."""
        return self._group.build_summary(self._limit)

    async def wait_for_change(self, timeout_seconds: float) -> None:
        """Wait until `match_count` may have grown, at most for some seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._group.wait_for_version_after(self._seen_version, lambda: self.is_shutting_down)

    def _on_shutdown(self) -> None:
        def wake_up() -> None:
            self.is_shutting_down = True
            self._group.wake_all()

        self._hub.call_in_loop(wake_up)


class _WaitHub:
    """All groups of one server and event loop, and the task that matches new mails."""

    def __init__(self, app_context: AppContext) -> None:
        self._app_context = app_context
        self._loop = asyncio.get_running_loop()
        self._groups: dict[_GroupKey, WaitGroup] = {}
        self._waits_by_mailbox: Counter[str | None] = Counter()
        self._limits = SearchLimits()
        self._lock = threading.Lock()
        self._changes: list[Change] = []
        self._queued_bytes = 0
        self._has_overflowed = False
        self._change_event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def count_in(self, scope: AccessScope) -> None:
        """Count a request in; raise `ApiError` if too many wait."""
        token = None if scope.mailbox is None else scope.mailbox.token
        if token is not None and self._waits_by_mailbox[token] >= MAX_WAITS_PER_MAILBOX:
            raise ApiError(
                429,
                f"a mailbox may have at most {MAX_WAITS_PER_MAILBOX} waiting requests; try again when one has ended",
                {"retry-after": "1"},
            )
        if self._waits_by_mailbox.total() >= MAX_WAITS:
            raise ApiError(
                503,
                f"the server may have at most {MAX_WAITS:,} waiting requests; try again when one has ended",
                {"retry-after": "1"},
            )
        self._waits_by_mailbox[token] += 1

    def join(self, key: _GroupKey, scope: AccessScope, search: Search) -> WaitGroup:
        """Return the group of a search, with one member more."""
        if self._unsubscribe is None:
            # Before the first search: a mail that arrives during the search is found by one of the two.
            self._unsubscribe = self._app_context.subscribe(self._on_change)
            self._task = asyncio.create_task(self._run(), name="wait hub")
        group = self._groups.get(key)
        if group is None or group.error is not None:
            group = self._groups[key] = WaitGroup(scope, search, key[1], self._limits)
            self._limits.group_count = len(self._groups)
        group.member_count += 1
        group.start()
        return group

    def leave(self, key: _GroupKey, group: WaitGroup, scope: AccessScope) -> None:
        """Remove a member; the last one ends the subscription."""
        token = None if scope.mailbox is None else scope.mailbox.token
        self._waits_by_mailbox[token] -= 1
        group.member_count -= 1
        if not group.member_count:
            group.stop()
            if self._groups.get(key) is group:
                del self._groups[key]
            self._limits.group_count = len(self._groups)
        if not self._groups and self._unsubscribe is not None and self._task is not None:
            self._unsubscribe()
            self._task.cancel()
            self._unsubscribe = self._task = None
            self._take_changes()

    def call_in_loop(self, function: Callable[[], None]) -> None:
        """Call a function in the thread of the event loop, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function)

    # -- called from any thread ------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        size = sum(arrival.memory_size for arrival in change.arrivals)
        with self._lock:
            is_first = not self._changes
            if len(self._changes) >= _MAX_CHANGES:
                self._has_overflowed = True
                return
            if self._queued_bytes + size > _MAX_QUEUED_BYTES:
                change, size = replace(change, arrivals=()), 0
            self._queued_bytes += size
            self._changes.append(change)
        if is_first:  # else the loop has been woken already
            self.call_in_loop(self._change_event.set)

    def _take_changes(self) -> tuple[list[Change], bool]:
        with self._lock:
            changes, self._changes, self._queued_bytes = self._changes, [], 0
            has_overflowed, self._has_overflowed = self._has_overflowed, False
        return changes, has_overflowed

    # -- called in the event loop ----------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._change_event.wait()
            self._change_event.clear()
            changes, has_overflowed = self._take_changes()
            for change in changes:
                self._apply(change)
                await asyncio.sleep(0)  # other requests have a turn
            if has_overflowed:
                for group in self._groups.values():
                    group.search_again(forget_found=True)

    def _apply(self, change: Change) -> None:
        mails = [ArrivedMail(arrival, self._app_context.store.tag_rules) for arrival in change.arrivals]
        for group in self._groups.values():
            if change.kind == "new" and mails:
                for mail in mails:
                    group.offer(mail)
            elif change.kind == "new":
                group.check_ids(change.ids)
            elif change.kind == "delete":
                group.remove(change.ids)
            elif change.kind in ("read", "unread", "tags"):
                group.handle_marks(change.ids)
            else:
                group.search_again(forget_found=True)


_hubs: WeakKeyDictionary[AppContext, dict[asyncio.AbstractEventLoop, _WaitHub]] = WeakKeyDictionary()


def _get_hub(app_context: AppContext) -> _WaitHub:
    """Return the hub of a server in the running event loop."""
    hubs = _hubs.setdefault(app_context, {})
    loop = asyncio.get_running_loop()
    for closed in [other for other in hubs if other.is_closed()]:
        del hubs[closed]
    if loop not in hubs:
        hubs[loop] = _WaitHub(app_context)
    return hubs[loop]
