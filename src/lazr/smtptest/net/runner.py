"""One run of a server: its reactor, and the thread that drives it.

The reactor runs in a daemon thread, in the calling thread, or in the asyncio loop of a coroutine.  asyncio is imported
only for a coroutine: one that uses the server, or a coroutine function that decides.
"""

from __future__ import annotations

import os
import sys
import threading

from lazr.smtptest.errors import MissingExtra, StopTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from lazr.smtptest.net.asyncio_driver import AsyncioDriver
    from lazr.smtptest.net.blocked_loop import BlockedLoopWatch
    from lazr.smtptest.net.connection_manager import ConnectionManager
    from lazr.smtptest.net.coroutine_call import CoroutineCall

    T = TypeVar("T")

__all__ = ["Runner"]

# The share of the stop timeout that is left to clients that do not read their last reply.
_GRACE_SHARE_OF_TIMEOUT = 0.2

# Where a poller has no descriptor, asyncio and the reactor take turns of this length while a coroutine runs.
_TURN_SECONDS = 0.005
# The turns after the start of a coroutine do not wait, as most coroutines end after some steps.
_QUICK_TURNS = 20


class Runner:
    """One run of a connection manager, from start to stop.

    `start` runs it in a new daemon thread, `run` in the calling thread, and `open` and `close` in the running asyncio
    loop.  Other threads reach it only by `call_soon`, `run_in_loop`, `wait_until_idle` and `stop`.

    Args:
        manager: The connections, and their reactor.
        kind: The asyncio loop for coroutine functions: "asyncio" or "uvloop".
        on_open: Called when clients can connect.
    """

    def __init__(self, manager: ConnectionManager, kind: str, *, on_open: Callable[[], object]) -> None:
        self._manager = manager
        self._reactor = manager.reactor
        self._kind = kind
        self._on_open = on_open
        self._process_id = os.getpid()
        self._stop_timeout = 5.0
        self._is_stopping = False
        self._is_closed = False  # the last connection has ended
        self._is_interrupted = False  # it is closed, or a coroutine waits for asyncio
        self._coroutine_calls: list[CoroutineCall] = []  # those that wait for asyncio
        self._driver: AsyncioDriver | None = None
        self._watch: BlockedLoopWatch | None = None  # after `open`
        self._thread: threading.Thread | None = None
        self._started_thread: threading.Thread | None = None  # after `start`
        self._end_event = threading.Event()
        self._failure: BaseException | None = None
        manager.run_coroutine = self._run_coroutine

    def start(self, name: str) -> None:
        """Run in a new daemon thread with this name."""
        self._check_kind()
        self._thread = thread = threading.Thread(target=self._run_passes, name=name, daemon=True)
        try:
            thread.start()
            self._started_thread = thread
        except BaseException:
            self._reactor.close()
            raise

    def run(self) -> None:
        """Run in this thread, until `stop` is called."""
        self._check_kind()
        self._thread = threading.current_thread()
        self._run_passes()
        if self._failure is not None:
            raise self._failure

    async def open(self) -> None:
        """Start in the running asyncio loop.

        It starts in a thread if a loop cannot watch the poller of the platform.
        """
        if self._reactor.fileno() < 0:
            self.start("smtptest")
            return
        try:
            from lazr.smtptest.net.asyncio_driver import AsyncioDriver
            from lazr.smtptest.net.blocked_loop import BlockedLoopWatch

            self._thread = threading.current_thread()
            self._driver = driver = AsyncioDriver(self._reactor)
            self._manager.open()
            driver.start()
            watch = BlockedLoopWatch(
                driver.loop, threading.get_ident(), self._manager.sockets, self._manager.list_clients
            )
            watch.start()
        except BaseException:
            self._end_now()
            raise
        self._watch = watch

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - also the timeout of open connections
        """End what `open` has started, in at most `timeout` seconds."""
        import asyncio

        driver = self._driver
        if driver is None or self._watch is None:  # it runs in a thread
            await asyncio.to_thread(self.stop, timeout)
            return
        self._watch.stop()
        self._stop_timeout = timeout
        if not self._has_lost_its_loop:
            self._request_stop()
            await asyncio.wait([driver.ended], timeout=timeout)
        self._end_now()

    @property
    def is_in_loop_thread(self) -> bool:
        """Whether the server runs in this thread."""
        is_same_thread = self._thread is threading.current_thread()
        return is_same_thread and not self.is_forked and not self._has_lost_its_loop

    @property
    def is_forked(self) -> bool:
        """Whether this is a copy in a forked child process, which does not have the thread."""
        return self._process_id != os.getpid()

    @property
    def is_ended(self) -> bool:
        """Whether the run is over; `release` cleans up after one whose asyncio loop was closed."""
        return self._end_event.is_set() or self._has_lost_its_loop

    @property
    def _has_lost_its_loop(self) -> bool:
        """Whether the asyncio loop that `open` was called in is closed, so that no pass can run."""
        return self._watch is not None and self._driver is not None and self._driver.loop.is_closed()

    def release(self) -> None:
        """Cut the connections and release the descriptors, if the loop was closed before the end."""
        if self._has_lost_its_loop:
            self._end_now()

    def detach_after_fork(self) -> None:
        """Run no more passes in a forked child, which shares the poller with its parent."""
        if self._driver is not None:
            self._driver.suspend()

    def stop(self, timeout: float) -> None:
        """Stop the run, and wait for its thread.

        In the server's own thread, this only requests the stop.

        Raises `StopTimeout` after `timeout` seconds.
        """
        if self._has_lost_its_loop:
            self._end_now()
            return
        self._stop_timeout = timeout
        self._reactor.call_soon_threadsafe(self._request_stop)
        if self.is_in_loop_thread:
            return
        self._end_event.wait(timeout)
        if not self._end_event.is_set():
            raise StopTimeout(
                f"the server's thread did not end within {timeout:g} s; it is at\n{_format_stack(self._thread)}"
            )
        if self._started_thread is not None:  # else it is the caller's, and goes on with something else
            self._started_thread.join(timeout)
        if self._failure is not None:
            raise self._failure

    def run_in_loop(self, function: Callable[[], T], timeout: float) -> T:
        """Call a function in the server's thread; return its result, or raise its exception.

        Raises `TimeoutError` if it has not returned after `timeout` seconds.
        """
        done = threading.Event()
        results: list[T] = []
        errors: list[BaseException] = []

        def call_function() -> None:
            try:
                results.append(function())
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                errors.append(error)
            done.set()

        if not self._reactor.call_soon_threadsafe(call_function):
            return function()  # the run has ended in the meantime
        if not done.wait(timeout):
            raise TimeoutError
        if errors:
            raise errors[0]
        return results[0]

    def wait_until_idle(self, timeout: float) -> None:
        """Wait until no client is connected.  Raises `TimeoutError` after `timeout` seconds."""
        idle = threading.Event()
        if self._reactor.call_soon_threadsafe(self._manager.call_when_idle, idle.set) and not idle.wait(timeout):
            raise TimeoutError

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call a function in the server's thread.

        This does nothing if the run has ended, or in a forked child.
        """
        if not self.is_forked:  # else the child might wait for a lock without end
            self._reactor.call_soon_threadsafe(function)

    # -- in the server's thread --------------------------------------------------------------

    def _run_passes(self) -> None:
        try:
            self._manager.open()
            self._on_open()
            run_once = self._reactor.run_once
            while not self._is_interrupted:
                run_once()
            if not self._is_closed or self._coroutine_calls:
                self._run_in_asyncio()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            self._failure = error
            self._manager.abort_all()
        finally:
            self._reactor.close()
            self._end_event.set()

    def _request_stop(self) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._manager.close(self._stop_timeout * _GRACE_SHARE_OF_TIMEOUT, self._note_closed)

    def _note_closed(self) -> None:
        if self._end_event.is_set():
            return
        self._is_closed = self._is_interrupted = True
        if self._driver is not None:
            self._driver.end()
            if self._watch is not None:  # in the loop of a coroutine, which goes on
                self._watch.stop()
                self._driver.loop.call_soon(self._reactor.close)  # after this pass
                self._end_event.set()

    def _end_now(self) -> None:
        """End a run in the loop of a coroutine without another pass: cut what remains."""
        self._is_closed = self._is_interrupted = True
        self._end_event.set()
        if self._watch is not None:
            self._watch.stop()
        if self._driver is not None:
            self._driver.end()
        self._manager.abort_all()
        self._reactor.close()

    # -- coroutines --------------------------------------------------------------------------

    def _check_kind(self) -> None:
        if self._kind == "uvloop":
            try:
                import uvloop  # noqa: F401
            except ImportError as error:
                self._reactor.close()
                raise MissingExtra('loop="uvloop" needs uvloop: pip install "lazr.smtptest[uvloop]"') from error

    def _run_coroutine(self, call: CoroutineCall) -> None:
        if self._driver is not None:
            self._driver.start_coroutine(call)
        else:
            self._coroutine_calls.append(call)
            self._is_interrupted = True

    def _run_in_asyncio(self) -> None:
        """Go on in an asyncio loop; a coroutine function was called for the first time."""
        from concurrent.futures import ThreadPoolExecutor

        from lazr.smtptest.net.asyncio_driver import close_loop, create_loop

        loop = create_loop(self._kind)
        executor = ThreadPoolExecutor(thread_name_prefix="asyncio")
        loop.set_default_executor(executor)
        try:
            loop.run_until_complete(self._drive_in_asyncio())
        except BaseException:
            loop.run_until_complete(self._abort_in_asyncio())
            raise
        finally:
            close_loop(loop, executor, self._stop_timeout * _GRACE_SHARE_OF_TIMEOUT)

    async def _drive_in_asyncio(self) -> None:
        from asyncio import sleep

        from lazr.smtptest.net.asyncio_driver import AsyncioDriver, end_tasks

        self._driver = driver = AsyncioDriver(self._reactor)
        calls, self._coroutine_calls = self._coroutine_calls, []
        for call in calls:
            driver.start_coroutine(call)
        if self._is_closed:
            pass
        elif self._reactor.fileno() < 0:
            turns = started = 0
            while not self._is_closed:
                turns += 1
                if driver.started_count != started:
                    turns, started = 0, driver.started_count
                wait = None if not driver.has_tasks else 0.0 if turns < _QUICK_TURNS else _TURN_SECONDS
                self._reactor.run_once(wait)
                await sleep(0)
        else:
            driver.start()
            await driver.ended
        await end_tasks()
        self._reactor.close()

    async def _abort_in_asyncio(self) -> None:
        from lazr.smtptest.net.asyncio_driver import end_tasks

        self._manager.abort_all()
        await end_tasks()


def _format_stack(thread: threading.Thread | None) -> str:
    import traceback

    frame = sys._current_frames().get(thread.ident or 0) if thread is not None else None
    return "".join(traceback.format_stack(frame)[-4:]) if frame is not None else "  (the thread has ended)\n"
