"""The event loop of a server, without asyncio: sockets, timers, calls from other threads.

One pass is: wait for sockets, handle all that are ready, run the timers that are due, then the calls that were
scheduled.  Calls scheduled in a pass therefore run after all input of that pass is handled.  A reply is written at
once; waiters are notified of the accepted mails of a pass at its end.

A driver repeats the passes: a thread (`runner`), or an asyncio loop that watches `Reactor.fileno`
(`asyncio_driver`).
"""

from __future__ import annotations

import contextlib
import heapq
import os
import socket
import threading
from collections import deque

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.logger import get_logger
from lazr.smtptest.net.poller import READ, WRITE, create_poller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from lazr.smtptest.net.poller import Poller

    class Handler(Protocol):
        """What a reactor calls when a registered socket is ready."""

        def handle_readable(self) -> None:
            """Read, or accept; the peer may have closed."""

        def handle_writable(self) -> None:
            """Write what waits; the peer may have closed."""

        def handle_failure(self, error: Exception) -> None:
            """Close: one of the two methods above raised this exception."""


__all__ = ["READ", "WRITE", "Reactor", "Timer"]


# A longer wait may overflow in the system; the timer is then only looked at again.
_MAX_POLL_SECONDS = 86_400.0

# Cancelled timers stay in the heap until their time; beyond this number, and if most are cancelled, they are removed.
_MAX_CANCELLED_TIMERS = 100


class Timer:
    """One call at a time in the future, which can be cancelled."""

    __slots__ = ("_arguments", "_function", "_reactor", "time")

    def __init__(
        self, reactor: Reactor, time: float, function: Callable[..., object], arguments: tuple[Any, ...]
    ) -> None:
        self.time: float = time  # by the monotonic clock
        self._reactor = reactor
        self._function: Callable[..., object] | None = function
        self._arguments = arguments

    def cancel(self) -> None:
        """Do not call; this does nothing after the call."""
        if self._function is not None:
            self._function = None
            self._arguments = ()
            self._reactor.note_cancelled_timer()

    @property
    def is_cancelled(self) -> bool:
        """Whether the call will not happen any more: it was cancelled, or has happened."""
        return self._function is None

    def fire(self) -> None:
        """Call the function."""
        function, arguments = self._function, self._arguments
        if function is not None:
            self._function = None
            self._arguments = ()
            function(*arguments)


class Reactor:
    """A small event loop for one server.

    Thread safety: `call_soon_threadsafe` and `wake` may be called in any thread; all else in the thread of the driver.

    Args:
        poller: Waits for sockets; by default the best one of the platform.
    """

    def __init__(self, poller: Poller | None = None) -> None:
        self._poller = create_poller() if poller is None else poller
        self._poll = self._poller.poll
        # The largest number of sockets, also in one pass; None without a limit.
        self.max_sockets: int | None = getattr(self._poller, "max_sockets", None)
        self._handlers: dict[int, Handler] = {}
        self._masks: dict[int, int] = {}
        self._timers: list[tuple[float, int, Timer]] = []  # a heap; the number keeps the order of equal times
        self._timer_count = 0
        self._cancelled_timer_count = 0
        self._calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._later_calls: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self._waker = _Waker()
        # Held while the waker is used; after its end, the number of its descriptor may belong to something else.  A
        # signal handler or a finalizer may call while the same thread holds it.
        self._lock = threading.RLock()
        self._is_in_pass = False
        self.event_count: int = 0  # ready sockets in all passes so far
        self._is_closed = False
        # Called when something is scheduled outside of a pass, so that the driver can plan its next pass.
        self.on_schedule: Callable[[], object] | None = None
        try:
            self.register(self._waker.fileno(), READ, self._waker)
        except BaseException:
            self._waker.close()
            self._poller.close()
            raise

    # -- sockets -----------------------------------------------------------------------------

    def register(self, fd: int, mask: int, handler: Handler) -> None:
        """Watch a descriptor for `READ`, `WRITE` or both, and call this handler when it is ready."""
        self._poller.register(fd, mask)
        self._handlers[fd] = handler
        self._masks[fd] = mask

    def set_mask(self, fd: int, mask: int, handler: Handler) -> None:
        """Watch a descriptor for other operations; with 0, for none.

        A descriptor that is watched for none is not in the poller: a peer that resets the connection would wake the
        reactor again and again.  This does nothing if the descriptor is registered with another handler.
        """
        before = self._masks.get(fd, 0)
        if mask == before:
            return
        if not before:
            self.register(fd, mask, handler)
        elif self._handlers[fd] is not handler:
            return
        elif not mask:
            self.unregister(fd, handler)
        else:
            self._poller.modify(fd, mask)
            self._masks[fd] = mask

    def unregister(self, fd: int, handler: Handler) -> None:
        """Watch the descriptor no longer; do this before it is closed.

        After it is closed, its number may belong to another handler; then this does nothing.
        """
        if self._handlers.get(fd) is handler:
            del self._handlers[fd], self._masks[fd]
            with contextlib.suppress(OSError):  # it is closed already, so the system has forgotten it
                self._poller.unregister(fd)

    def fileno(self) -> int:
        """Return a descriptor that is readable when a socket is ready; -1 if there is none."""
        return self._poller.fileno()

    # -- calls and timers --------------------------------------------------------------------

    def call_soon(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function at the end of this pass; outside of a pass, in the next one."""
        self._calls.append((function, arguments))
        if not self._is_in_pass and self.on_schedule is not None:
            self.on_schedule()

    def call_in_next_pass(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function at the end of the next pass, after input that has arrived meanwhile."""
        if self._is_in_pass:
            self._later_calls.append((function, arguments))
        else:
            self.call_soon(function, *arguments)

    def call_soon_threadsafe(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Do as `call_soon`, from any thread; return False if the reactor is closed."""
        # Within the lock, so that `close` runs each call that is not refused, and no other.
        with self._lock:
            if self._is_closed:
                return False
            self._calls.append((function, arguments))
            self._waker.wake()
        return True

    def call_later(self, seconds: float, function: Callable[..., object], *arguments: Any) -> Timer:
        """Call a function after this many seconds; a negative number counts as 0."""
        timer = Timer(self, monotonic() + max(seconds, 0.0), function, arguments)
        self._timer_count += 1
        heapq.heappush(self._timers, (timer.time, self._timer_count, timer))
        if not self._is_in_pass and self.on_schedule is not None:
            self.on_schedule()
        return timer

    def note_cancelled_timer(self) -> None:
        """Count a cancelled timer; remove them all if most timers are cancelled."""
        self._cancelled_timer_count += 1
        if self._cancelled_timer_count > _MAX_CANCELLED_TIMERS and self._cancelled_timer_count * 2 > len(self._timers):
            self._timers = [entry for entry in self._timers if not entry[2].is_cancelled]
            heapq.heapify(self._timers)
            self._cancelled_timer_count = 0

    def wake(self) -> bool:
        """End the wait of the current pass; return False if the reactor is closed."""
        with self._lock:
            if not self._is_closed:
                self._waker.wake()
            return not self._is_closed

    # -- passes ------------------------------------------------------------------------------

    @property
    def next_time(self) -> float | None:
        """When the next pass has to run if no socket is ready: 0.0 for now, None without timers."""
        return 0.0 if self._calls else self._find_next_timer()

    def _find_next_timer(self) -> float | None:
        """Return the time of the next timer; cancelled ones before it are removed."""
        timers = self._timers
        while timers and timers[0][2].is_cancelled:
            heapq.heappop(timers)
            self._cancelled_timer_count -= 1
        return timers[0][0] if timers else None

    def run_once(self, max_wait: float | None = None) -> None:
        """Run one pass.

        It waits for at most `max_wait` seconds for something to do; None is no limit.
        """
        timeout = max_wait
        if self._calls:
            timeout = 0.0
        elif self._timers:
            next_time = self._find_next_timer()
            if next_time is not None:
                seconds = min(max(next_time - monotonic(), 0.0), _MAX_POLL_SECONDS)
                timeout = seconds if max_wait is None else min(seconds, max_wait)
        events = self._poll(timeout)
        self.event_count += len(events)
        self._is_in_pass = True
        try:
            handlers = self._handlers
            for fd, mask in events:
                handler = handlers.get(fd)
                if handler is not None:  # else an earlier handler of this pass has unregistered it
                    try:
                        if mask != WRITE:
                            handler.handle_readable()
                        if mask != READ:
                            handler.handle_writable()
                    except Exception as error:  # noqa: BLE001 - the other connections go on
                        get_logger().exception("a connection is closed, because handling its input or output failed")
                        handler.handle_failure(error)
            if self._timers:
                self._fire_timers()
            if self._calls:
                self._run_calls()
        finally:
            self._is_in_pass = False
            if self._later_calls:
                self._calls.extend(self._later_calls)
                self._later_calls.clear()

    def _fire_timers(self) -> None:
        now = monotonic()
        for _ in range(len(self._timers)):  # those that they set wait for the next pass
            next_time = self._find_next_timer()
            if next_time is None or next_time > now:
                return
            timer = heapq.heappop(self._timers)[2]
            try:
                timer.fire()
            except Exception:  # noqa: BLE001 - the other connections go on
                get_logger().exception("a timer in the server's thread failed")

    def close(self) -> None:
        """Run the scheduled calls, and release the descriptors; timers are dropped."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True  # from now on, `call_soon_threadsafe` returns False
            self.unregister(self._waker.fileno(), self._waker)
            self._waker.close()
        self._timers.clear()
        while self._calls:
            self._run_calls()
        self._poller.close()

    def _run_calls(self) -> None:
        """Run the calls that are scheduled now; those that they schedule wait for the next pass."""
        calls = self._calls
        for _ in range(len(calls)):
            function, arguments = calls.popleft()
            try:
                function(*arguments)
            except Exception:  # noqa: BLE001 - the other connections go on
                get_logger().exception("a call in the server's thread failed")


class _Waker:
    """A descriptor that another thread makes readable, which ends the wait of the poller."""

    def __init__(self) -> None:
        self._receiver: socket.socket | None = None
        if hasattr(os, "eventfd"):  # Linux
            self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        else:
            self._receiver, self._sender = socket.socketpair()
            self._receiver.setblocking(False)
            self._sender.setblocking(False)
            self._fd = self._receiver.fileno()

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._fd

    def wake(self) -> None:
        """Make the descriptor readable."""
        if self._receiver is None:
            os.eventfd_write(self._fd, 1)
        else:
            with contextlib.suppress(BlockingIOError):  # it is full, so the reactor wakes anyway
                self._sender.send(b"\0")

    def handle_readable(self) -> None:
        """Forget the calls of `wake`."""
        with contextlib.suppress(BlockingIOError):
            if self._receiver is None:
                os.eventfd_read(self._fd)
            else:
                self._receiver.recv(4096)

    def handle_writable(self) -> None:
        """Do nothing."""

    def handle_failure(self, error: Exception) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Release the descriptors."""
        if self._receiver is None:
            os.close(self._fd)
        else:
            self._receiver.close()
            self._sender.close()
