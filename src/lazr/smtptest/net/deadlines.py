"""The deadlines of a connection, and their timer."""

from __future__ import annotations

import contextlib
import math
import sys

from lazr.smtptest._util.clock import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from lazr.smtptest.net.connection_manager import ConnectionManager
    from lazr.smtptest.net.reactor import Timer
    from lazr.smtptest.net.session_types import Session
    from lazr.smtptest.net.transport import Transport

    class TimedConnection(Protocol):
        """The connection that the deadlines depend on, and that they end."""

        @property
        def manager(self) -> ConnectionManager:
            """The server's part that has the limits and the reactor."""

        @property
        def session(self) -> Session:
            """The session."""

        @property
        def transport(self) -> Transport:
            """What the replies are written to."""

        @property
        def is_closing(self) -> bool:
            """Whether the last reply is sent."""

        @property
        def is_writing_paused(self) -> bool:
            """Whether the client does not read its replies."""

        @property
        def is_client_waiting(self) -> bool:
            """Whether the client waits for the server."""

        @property
        def autologout_seconds(self) -> float | None:
            """IMAP and POP3 after login: the least time before a silent client is logged out."""

        def time_out(self, now: float) -> None:
            """End the connection, or what takes too long: a deadline is over."""


__all__ = ["Deadlines"]

_NEVER = math.inf

# `Limits.idle_timeout` without a choice of the user.
_DEFAULT_IDLE_SECONDS = 300.0


class Deadlines:
    """The times of a connection, and one timer for the deadline that follows from them.

    Input and replies only move the times, which the timer compares when it fires.  So they cost no timer of their own.
    Times are seconds of the monotonic clock.

    Args:
        connection: The connection; its `time_out` is called after a deadline.
        now: The time at which it was made.
    """

    __slots__ = (
        "_connection",
        "_timer",
        "_unread_bytes",
        "activity_time",
        "literal_time",
        "phase_end",
        "reply_time",
        "start_time",
    )

    def __init__(self, connection: TimedConnection, now: float) -> None:
        self._connection = connection
        self._timer: Timer | None = None
        self._unread_bytes = 0  # replies that waited when the write deadline was set
        self.start_time: float = now
        self.activity_time: float = now  # when the client last sent data, or got a reply
        self.reply_time: float = now  # when the last reply was sent, and so when the next command began
        self.literal_time: float | None = None  # when the literal that a client of IMAP sends began
        self.phase_end: float | None = None  # when PROXY and HANDSHAKE must be over

    def note_reply(self, now: float) -> None:
        """Give the client its full time for the next command."""
        self.activity_time = self.reply_time = now

    def note_literal(self, *, is_open: bool) -> None:
        """Note whether a client of IMAP is sending a literal; its time begins with it."""
        if is_open is (self.literal_time is None):
            self.literal_time = self.activity_time if is_open else None
            if is_open:
                self.resume()

    # -- the timer ---------------------------------------------------------------------------

    def arm(self) -> None:
        """Set the timer to the current deadline."""
        if self._timer is not None:
            self.stop()
        self._set_timer(self._compute())

    def resume(self) -> None:
        """Set the timer to an earlier deadline: the client has its turn again after a wait."""
        if not self._connection.is_closing:
            deadline = self._compute()
            if self._timer is None or deadline < self._timer.time:
                self.stop()
                self._set_timer(deadline)

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call this function at the end of the connection, instead of checking deadlines."""
        self.stop()
        self._timer = self._connection.manager.reactor.call_later(seconds, function)

    def _set_timer(self, deadline: float) -> None:
        self._timer = None
        if deadline < _NEVER:
            seconds = max(deadline - monotonic(), 0)
            self._timer = self._connection.manager.reactor.call_later(seconds, self._check)

    def _check(self) -> None:
        deadline = self._compute()
        now = monotonic()
        if now < deadline:
            self._set_timer(deadline)
        else:
            self._timer = None
            self._connection.time_out(now)

    # -- the current deadline ----------------------------------------------------------------

    def _compute(self) -> float:
        """Return when the client is too slow; `inf` without a limit."""
        connection = self._connection
        limits = connection.manager.limits
        deadline = _NEVER if limits.session_timeout is None else self.start_time + limits.session_timeout
        if self.phase_end is not None:
            return min(deadline, self.phase_end)
        if connection.is_writing_paused:
            timeout = limits.write_timeout
            return deadline if timeout is None else min(deadline, self.activity_time + timeout)
        if connection.is_client_waiting:
            return deadline
        # Comparisons instead of `min`: this runs for each new connection.
        idle, command = limits.idle_timeout, limits.command_timeout
        crowded = limits.crowded_timeout if connection.manager.is_crowded else None
        if crowded is not None:
            idle = crowded if idle is None or crowded < idle else idle
            command = crowded if command is None or crowded < command else command
        command_start = self.reply_time
        autologout = connection.autologout_seconds
        if autologout is not None:
            if self.literal_time is None:
                command = None  # such a client may be idle for longer than a command may take
            else:
                command_start = self.literal_time
            if idle == _DEFAULT_IDLE_SECONDS:
                idle = autologout
        if idle is not None and self.activity_time + idle < deadline:
            deadline = self.activity_time + idle
        if command is None:
            return deadline
        session = connection.session
        if session.is_in_content:
            if limits.data_rate is None:
                return deadline
            command += session.content_size / limits.data_rate
        return min(deadline, command_start + command)

    def start_write_timeout(self) -> None:
        """Begin the time in which the client has to read some of its replies."""
        self.activity_time = monotonic()
        self._unread_bytes = self._count_unread_bytes()
        self.arm()

    def extend_write_timeout(self, now: float) -> bool:
        """Begin the write timeout again if the client has read some replies.

        Returns whether it has.
        """
        session_timeout = self._connection.manager.limits.session_timeout
        unread = self._count_unread_bytes()
        if unread >= self._unread_bytes or (session_timeout is not None and now >= self.start_time + session_timeout):
            return False
        self._unread_bytes = unread
        self.activity_time = now
        self.arm()
        return True

    def _count_unread_bytes(self) -> int:
        """Count reply bytes that the client has not read yet.

        The count includes those in the kernel, if their number is known.
        """
        transport = self._connection.transport
        in_kernel = 0
        with contextlib.suppress(ImportError, OSError, ValueError):
            import fcntl
            import termios

            file = transport.get_extra_info("socket").fileno()
            in_kernel = int.from_bytes(fcntl.ioctl(file, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        return transport.get_write_buffer_size() + in_kernel
