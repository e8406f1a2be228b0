"""Hearing in a coroutine what changes in a store."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store.contract import Change
    from lazr.smtptest.web.scope import Scope

__all__ = ["Ear"]

_MOST = 1000


class Ear:
    """The changes that nobody has looked at yet, at most 1,000 of them; use it by `with`, in a coroutine.

    - `overrun`: there were more, so it is not known any more what happened.
    - `leaving`: the web server is about to stop.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._loop = asyncio.get_running_loop()
        self._something = asyncio.Event()
        self._changes: deque[Change] = deque()
        self._leave: list[Callable[[], None]] = []
        self.overrun: bool = False
        self.leaving: bool = False

    def __enter__(self) -> Self:
        self._leave = [self._scope.subscribe(self._heard), self._scope.catcher.at_leaving(self._told_to_leave)]
        return self

    def __exit__(self, *error: object) -> None:
        for leave in self._leave:
            leave()

    async def listen(self, seconds: float | None = None) -> list[Change]:
        """What happened since the last time; if that is nothing, wait for something, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._something.wait()
        self._something.clear()
        changes = list(self._changes)
        self._changes.clear()
        return changes

    # -- in whatever thread ----------------------------------------------------------------------

    def _heard(self, change: Change) -> None:
        self._soon(lambda: self._take(change))

    def _told_to_leave(self) -> None:
        def leave() -> None:
            self.leaving = True
            self._something.set()

        self._soon(leave)

    def _soon(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and so has who listens
            self._loop.call_soon_threadsafe(function)

    def _take(self, change: Change) -> None:
        if len(self._changes) >= _MOST:
            self.overrun = True
        else:
            self._changes.append(change)
        self._something.set()
