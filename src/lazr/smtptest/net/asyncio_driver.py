"""Run a reactor in an asyncio loop.

The loop belongs to a coroutine that uses the server, or a run makes it for coroutine functions.

This is the only module of the engine that imports asyncio.  It is imported when a server runs in a coroutine, or when
the first coroutine function decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import MissingExtra

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import ThreadPoolExecutor
    from typing import Any

    from lazr.smtptest.net.coroutine_call import CoroutineCall
    from lazr.smtptest.net.reactor import Reactor

__all__ = ["AsyncioDriver", "close_loop", "create_loop", "end_tasks"]


class _MonotonicLoop(asyncio.SelectorEventLoop):
    """asyncio's selector loop, with a clock that goes on when a test freezes time."""

    def time(self) -> float:
        return monotonic()


def create_loop(kind: str) -> asyncio.AbstractEventLoop:
    """Create a loop: "asyncio" or "uvloop".  Raises `MissingExtra` if uvloop is not installed."""
    if kind == "asyncio":
        return _MonotonicLoop()
    try:
        import uvloop
    except ImportError as error:
        raise MissingExtra('loop="uvloop" needs uvloop: pip install "lazr.smtptest[uvloop]"') from error
    return uvloop.new_event_loop()


def close_loop(loop: asyncio.AbstractEventLoop, executor: ThreadPoolExecutor, timeout: float) -> None:
    """Close a loop; first its async generators end, then the threads of `run_in_executor`.

    Each of the two takes at most `timeout` seconds.  `loop.shutdown_default_executor` has no limit in Python 3.11.
    """
    try:
        with contextlib.suppress(TimeoutError):
            loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), timeout))
        closing = threading.Thread(target=executor.shutdown, name="smtptest executor end", daemon=True)
        closing.start()
        closing.join(timeout)
    finally:
        loop.close()


class AsyncioDriver:
    """The passes of a reactor in the running asyncio loop.

    The loop watches the descriptor of the reactor's poller, which is readable when one of the reactor's sockets is
    ready.  So the server needs no second kind of connection.

    Args:
        reactor: The reactor; its poller has a descriptor.
    """

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self.loop.create_future()
        self._watched_fd: int | None = None
        self._handle: asyncio.Handle | None = None  # the next pass, if it is planned
        self._planned_time = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self.started_count: int = 0  # coroutines so far

    def start(self) -> None:
        """Begin with the passes."""
        self._reactor.on_schedule = self._plan
        self._watched_fd = fd = self._reactor.fileno()
        self.loop.add_reader(fd, self._run_pass)
        self._plan()

    def end(self) -> None:
        """End the passes, after the current one; this resolves `ended`.

        In a loop that is closed there is nothing to resolve.
        """
        self.suspend()
        fd, self._watched_fd = self._watched_fd, None
        if not self.loop.is_closed():
            if fd is not None:
                self.loop.remove_reader(fd)
            if not self.ended.done():
                self.ended.set_result(None)

    def suspend(self) -> None:
        """Run no more passes, and leave the loop as it is."""
        self._reactor.on_schedule = None
        if self._handle is not None:
            self._handle.cancel()

    def _run_pass(self) -> None:
        if self._reactor.on_schedule is None:
            return
        try:
            self._reactor.run_once(0.0)
        finally:
            if self._reactor.on_schedule is not None:  # else this pass was the last
                self._plan()

    def _run_planned_pass(self) -> None:
        self._handle = None
        self._run_pass()

    def _plan(self) -> None:
        """Plan the pass of the next timer or call; a pass that is planned earlier does no harm."""
        next_time = self._reactor.next_time
        if next_time is None or (self._handle is not None and self._planned_time <= next_time):
            return
        if self._handle is not None:
            self._handle.cancel()
        self._planned_time = next_time
        if next_time == 0.0:
            self._handle = self.loop.call_soon(self._run_planned_pass)
        else:
            self._handle = self.loop.call_later(max(next_time - monotonic(), 0.0), self._run_planned_pass)

    @property
    def has_tasks(self) -> bool:
        """Whether a coroutine runs: a decision, or a task that a coroutine function has started."""
        return bool(self._tasks) or len(asyncio.all_tasks(self.loop)) > 1  # one runs the passes

    def start_coroutine(self, call: CoroutineCall) -> None:
        """Run a coroutine in a task."""
        self.started_count += 1
        call.start(self._create_task, asyncio.current_task, self.loop.call_soon)

    def _create_task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # Not by the loop, as `asyncio.eager_task_factory` would start it before the caller is ready.
        task = asyncio.Task(coroutine, loop=self.loop)
        self._tasks.add(task)  # the loop itself keeps only weak references
        task.add_done_callback(self._tasks.discard)
        return task


async def end_tasks() -> None:
    """Cancel the other tasks of this loop, which only this run uses, and wait for them."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
