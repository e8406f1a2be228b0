"""Work that takes long: so much of it at a time, and the rest waits its turn without holding a thread."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from lazr.smtptest.web.answers import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["InTurn"]

P = ParamSpec("P")
T = TypeVar("T")

_numbers = itertools.count()


class InTurn:
    """So many have their turn `at_once`; `waiting` more may wait, and who comes then is refused with 503.

    Threads are what all other routes need, too: a page with a hundred pictures must not take them all.
    """

    def __init__(self, at_once: int, *, waiting: int = 100) -> None:
        self._at_once = at_once
        self._waiting = waiting
        # One for each event loop that serves, as a limiter belongs to one.
        self._limiter: RunVar[CapacityLimiter] = RunVar(f"smtptest.inturn.{next(_numbers)}")

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Have a turn.  Raises `Refused`, 503, where too many wait."""
        limiter = self._limiter_here()
        async with limiter:
            yield

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have a turn in a thread, and call that.  Raises `Refused`, 503, where too many wait."""
        limiter = self._limiter_here()
        return await to_thread.run_sync(lambda: function(*args, **kwargs), limiter=limiter)

    def _limiter_here(self) -> CapacityLimiter:
        try:
            limiter = self._limiter.get()
        except LookupError:
            limiter = CapacityLimiter(self._at_once)
            self._limiter.set(limiter)
        if limiter.statistics().tasks_waiting >= self._waiting:
            raise Refused(503, "too much of this is asked for at the same time\n")
        return limiter
