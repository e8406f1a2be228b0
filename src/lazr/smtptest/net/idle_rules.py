"""The evaluation of rules about idle clients."""

from __future__ import annotations

from lazr.smtptest._util.clock import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from lazr.smtptest.net.connection_manager import ConnectionManager
    from lazr.smtptest.net.deadlines import Deadlines
    from lazr.smtptest.net.reactor import Timer

    class IdleConnection(Protocol):
        """The connection of a client that may be idle."""

        @property
        def manager(self) -> ConnectionManager:
            """The server's part that has the rules and the reactor."""

        @property
        def deadlines(self) -> Deadlines:
            """The times of the connection."""

        @property
        def is_closing(self) -> bool:
            """Whether the last reply is sent."""

        @property
        def is_clients_turn(self) -> bool:
            """Whether the server waits for the client's next command."""


__all__ = ["IdleRules"]

# A timer may fire this much early, by the clock that it is compared with.
_TIMER_TOLERANCE_SECONDS = 0.002

_MIN_CHECK_SECONDS = 0.01

# The longest timer to request; the times of rules have no limit.
_MAX_TIMER_SECONDS = 10_000_000.0


class IdleRules:
    """Evaluates the rules about idle clients for one connection, each once in a silence.

    Args:
        connection: The connection.
        act: Called with the threshold that the silence has reached, in seconds; returns whether the session is over.
    """

    __slots__ = ("_act", "_connection", "_evaluated_seconds", "_silence_start", "_timer")

    def __init__(self, connection: IdleConnection, act: Callable[[float], bool]) -> None:
        self._connection = connection
        self._act = act
        self._timer: Timer | None = None
        self._silence_start = 0.0
        self._evaluated_seconds = 0.0  # the longest threshold that was evaluated in this silence

    def schedule(self) -> None:
        """Set the timer to the next threshold; without rules, there is no timer."""
        self.cancel()
        connection = self._connection
        thresholds = connection.manager.rules.idle_thresholds
        if not thresholds or connection.is_closing:
            return
        last_activity = connection.deadlines.activity_time
        if self._silence_start != last_activity:
            self._silence_start = last_activity
            self._evaluated_seconds = 0.0
        next_threshold = next((seconds for seconds in thresholds if seconds > self._evaluated_seconds), None)
        # Later input moves only the time of the last activity, which `_check` compares.
        wait = max(thresholds[0], _MIN_CHECK_SECONDS)
        if next_threshold is not None and connection.is_clients_turn:
            wait = last_activity + next_threshold - monotonic()
        self._timer = connection.manager.reactor.call_later(min(max(wait, 0), _MAX_TIMER_SECONDS), self._check)

    def cancel(self) -> None:
        """Evaluate no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        connection = self._connection
        deadlines = connection.deadlines
        idle_seconds = monotonic() - deadlines.activity_time + _TIMER_TOLERANCE_SECONDS
        if self._silence_start == deadlines.activity_time and connection.is_clients_turn:
            for threshold in connection.manager.rules.idle_thresholds:
                if self._evaluated_seconds < threshold <= idle_seconds:
                    self._evaluated_seconds = threshold
                    # An unsolicited reply does not end the client's idle time.
                    times = deadlines.activity_time, deadlines.reply_time
                    if self._act(threshold):
                        return
                    deadlines.activity_time, deadlines.reply_time = times
        self.schedule()
