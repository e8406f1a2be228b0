"""Limit how many slow calls run at once; the others wait without holding a thread."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from lazr.smtptest.errors import SmtptestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["ConcurrencyLimit", "TooManyWaiting"]

P = ParamSpec("P")
T = TypeVar("T")

_instance_numbers = itertools.count()


class TooManyWaiting(SmtptestError):
    """The queue of a `ConcurrencyLimit` is full; the call was not made."""


class ConcurrencyLimit:
    """Run at most `limit` calls; queue `max_waiting` more, and refuse the rest.

    Without it, a page with a hundred images would take all threads of the pool that every route needs.
    """

    def __init__(self, limit: int, *, max_waiting: int = 100) -> None:
        self._limit = limit
        self._max_waiting = max_waiting
        # An anyio limiter belongs to one event loop, and an app may be served by several.
        self._limiter_by_loop: RunVar[CapacityLimiter] = RunVar(f"smtptest.concurrency_limit.{next(_instance_numbers)}")

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        """Wait for a free slot, and hold it in the block.  Raises `TooManyWaiting`."""
        limiter = self._get_limiter()
        async with limiter:
            yield

    async def run_in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Wait for a free slot, and call a function in a thread.  Raises `TooManyWaiting`."""
        limiter = self._get_limiter()
        return await to_thread.run_sync(lambda: function(*args, **kwargs), limiter=limiter)

    def _get_limiter(self) -> CapacityLimiter:
        try:
            limiter = self._limiter_by_loop.get()
        except LookupError:
            limiter = CapacityLimiter(self._limit)
            self._limiter_by_loop.set(limiter)
        if limiter.statistics().tasks_waiting >= self._max_waiting:
            raise TooManyWaiting(f"at most {self._max_waiting} requests of this kind may wait; try again later")
        return limiter
