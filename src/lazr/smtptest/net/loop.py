"""The event loop, and the one daemon thread that it may run in."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import traceback
from concurrent.futures import Future

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import MissingExtra, StopTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from lazr.smtptest.net.service import Service

    T = TypeVar("T")

__all__ = ["Runner"]

# Of the time that stopping may take, so much is for clients that do not read their last reply.
_GRACE = 0.2


class _Loop(asyncio.SelectorEventLoop):
    """asyncio's loop, whose deadlines pass also where a test has frozen time."""

    def time(self) -> float:
        return monotonic()


def new_loop(kind: str) -> asyncio.AbstractEventLoop:
    """A loop of this kind.  Raises `MissingExtra` for uvloop where it is not installed."""
    if kind == "asyncio":
        return _Loop()
    try:
        import uvloop
    except ImportError as error:
        raise MissingExtra('loop="uvloop" needs uvloop: pip install "lazr.smtptest[uvloop]"') from error
    return uvloop.new_event_loop()


class Runner:
    """One run of a service, from start to stop: in a thread of its own, in the caller's, or in a loop that runs."""

    def __init__(self, service: Service, *, opened: Callable[[], object]) -> None:
        self._service = service
        self._opened = opened  # called when the service is open
        self._process = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._stop_early = False  # stop() came before the loop ran
        self._serving: asyncio.Task[None] | None = None  # in the caller's own loop
        self._deadline = 5.0
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._failure: BaseException | None = None

    def start(self, kind: str, name: str) -> None:
        """Run in a new daemon thread."""
        loop = new_loop(kind)
        self._loop = loop
        self._thread = threading.Thread(target=self._run, args=(loop,), name=name, daemon=True)
        self._thread.start()

    def run(self, kind: str) -> None:
        """Run in this thread, until somebody calls `stop`."""
        self._thread = threading.current_thread()
        self._loop = new_loop(kind)
        self._run(self._loop)
        if self._failure is not None:
            raise self._failure

    async def open(self) -> None:
        """Run in the loop that is running."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.current_thread()
        self._stopping = asyncio.Event()
        await self._service.open()
        self._serving = self._loop.create_task(self._serve(self._stopping))

    async def close(self, deadline: float) -> None:
        """The end of `open`; takes `deadline` seconds at the most."""
        self._deadline = deadline
        if self._serving is not None:
            self._request_stop()
            await self._serving

    async def _serve(self, stopping: asyncio.Event) -> None:
        try:
            await stopping.wait()
            await self._service.close(self._deadline * _GRACE)
        finally:
            self._ended.set()

    @property
    def here(self) -> bool:
        """Whether this is the thread that the loop runs in."""
        return self._thread is threading.current_thread()

    @property
    def forked(self) -> bool:
        """Whether this is a copy in a child process, where the thread is not."""
        return self._process != os.getpid()

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self._ended.is_set()

    def stop(self, deadline: float) -> None:
        """Ask the loop to stop, and wait for its thread, unless this is it.

        Raises `StopTimeout` when `deadline` seconds have passed.
        """
        self._deadline = deadline
        self._call(self._request_stop)
        if self.here:
            return
        self._ended.wait(deadline)
        thread = self._thread
        if self._ended.is_set() and thread is not None:
            thread.join(deadline if thread.daemon else 0)
        if not self._ended.is_set():
            frame = sys._current_frames().get(thread.ident or 0) if thread is not None else None
            where = "".join(traceback.format_stack(frame)[-4:]) if frame is not None else "  (gone)\n"
            raise StopTimeout(f"the server's thread did not end within {deadline:g} s; it stands at\n{where}")
        if self._failure is not None:
            raise self._failure

    def call(self, function: Callable[[], T], timeout: float) -> T:
        """Call this in the loop's thread, and return what it returns, or raise what it raises.

        Raises `TimeoutError` when it has not ended after `timeout` seconds.
        """
        result: Future[T] = Future()

        def carry_out() -> None:
            try:
                result.set_result(function())
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                result.set_exception(error)

        self._call(carry_out)
        return result.result(timeout)

    def settle(self, timeout: float) -> None:
        """Wait until no client is connected.  Raises `TimeoutError` after `timeout` seconds."""
        if self._loop is None or self._ended.is_set():
            return
        settling = self._service.settled()
        try:
            waiting = asyncio.run_coroutine_threadsafe(settling, self._loop)
        except RuntimeError:  # it has ended meanwhile
            settling.close()
            return
        try:
            waiting.result(timeout)
        except BaseException:
            waiting.cancel()
            raise

    def soon(self, function: Callable[[], None]) -> None:
        """Call this in the loop's thread, some time soon."""
        self._call(function)

    def _call(self, function: Callable[[], None]) -> None:
        """The one door from other threads into the loop's."""
        if self._loop is not None and not self._ended.is_set():
            try:
                self._loop.call_soon_threadsafe(function)
            except RuntimeError:
                # Between the question and the call the loop has ended; there is nobody to ask.
                if not self._loop.is_closed():
                    raise

    def _request_stop(self) -> None:
        if self._stopping is None:
            self._stop_early = True
        else:
            self._stopping.set()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_until_complete(self._main())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the tester's thread
            self._failure = error
        finally:
            loop.close()
            self._ended.set()

    async def _main(self) -> None:
        self._stopping = asyncio.Event()
        await self._service.open()
        self._opened()
        if not self._stop_early:
            await self._stopping.wait()
        await self._service.close(self._deadline * _GRACE)
        # This loop is ours alone: what is still under way in it is a decision that nobody waits for.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
