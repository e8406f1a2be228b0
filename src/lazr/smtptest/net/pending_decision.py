"""Decisions that take time: a coroutine, the commits of a mail, or a delay.

A connection has at most one.  It answers the session's pending event when the decision is there.
"""

from __future__ import annotations

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.net.connection_state import ReplyWait
from lazr.smtptest.protocol.smtp import PENDING, Reply, standard_replies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Final, Protocol

    from lazr.smtptest.net.auth_rate_limit import AuthRateLimit
    from lazr.smtptest.net.connection_manager import ConnectionManager
    from lazr.smtptest.net.pending_commit import PendingCommit
    from lazr.smtptest.net.reactor import Timer
    from lazr.smtptest.protocol.smtp import Event, Pending, SessionRecord

    DecideNow = Callable[[Event, Reply], Reply | Pending]

    class PendingDecision(Protocol):
        """What a connection knows of a decision that takes time."""

        @property
        def wait(self) -> ReplyWait:
            """What the reply waits for."""

        def cancel(self) -> None:
            """Do not decide any more: the connection ends."""

    class WaitingConnection(Protocol):
        """What a pending decision calls on its connection."""

        pending: PendingDecision | None

        @property
        def manager(self) -> ConnectionManager:
            """The server's part that has the reactor."""

        @property
        def record(self) -> SessionRecord:
            """The facts of the session."""

        def answer(self, reply: Reply) -> None:
            """Send the pending reply, and go on."""

        def resume(self) -> None:
            """Go on after the session has halted."""


__all__ = ["CommitDecision", "CoroutineDecision", "DelayedAuth"]


class CoroutineDecision:
    """A decision by a coroutine: the user's `decide`, or the function of a rule.

    Args:
        manager: Runs the coroutine.
        wait: Which of the two it is.
        decision: Returns the reply.
        finish: Called with the reply, unless the decision was cancelled.
    """

    __slots__ = ("_call", "_finish", "wait")

    def __init__(
        self,
        manager: ConnectionManager,
        wait: ReplyWait,
        decision: Awaitable[Reply],
        finish: Callable[[Reply], object],
    ) -> None:
        self.wait: Final = wait
        self._finish: Callable[[Reply], object] | None = finish
        self._call = manager.start_coroutine(self._run(decision))

    async def _run(self, decision: Awaitable[Reply]) -> None:
        reply = await decision
        if self._finish is not None:
            self._finish(reply)

    def cancel(self) -> None:
        """Cancel the coroutine."""
        self._finish = None
        self._call.cancel()


class CommitDecision:
    """A reply that is sent when all commits of its mail are done (promise P1).

    Args:
        commits: The commits; a refusal as the result of one replaces the reply.
        reply: The reply if all succeed.
        answer: Called with the reply, unless the decision was cancelled.
    """

    __slots__ = ("_answer", "_commits", "_refusal", "_reply", "_unfinished_count")
    wait: Final = ReplyWait.COMMIT

    def __init__(self, commits: Sequence[PendingCommit], reply: Reply, answer: Callable[[Reply], object]) -> None:
        self._commits = commits
        self._reply = reply
        self._answer = answer
        self._refusal: Reply | None = None
        self._unfinished_count = len(commits)
        for commit in commits:
            commit.notify(self._add_result)

    def _add_result(self, refusal: Reply | None) -> None:
        self._refusal = self._refusal or refusal
        self._unfinished_count -= 1
        if self._unfinished_count == 0:
            self._answer(self._refusal or self._reply)

    def cancel(self) -> None:
        """Wait no longer; the commits go on."""
        for commit in self._commits:
            commit.cancel()


class DelayedAuth:
    """Delays the replies to AUTH if too many attempts from the client's address have failed.

    A success is delayed, too.  Otherwise a client could recognize a failure by the delay, disconnect at once, and try
    the next password.

    Args:
        limit: Counts the attempts.
        decide: Decides about all events, AUTH after the delay.
        connection: The connection that waits.
    """

    __slots__ = ("_connection", "_decide", "_limit", "_timer")
    wait: Final = ReplyWait.DECISION

    def __init__(self, limit: AuthRateLimit, decide: DecideNow, connection: WaitingConnection) -> None:
        self._limit = limit
        self._decide = decide
        self._connection = connection
        self._timer: Timer | None = None

    def decide(self, event: Event, reply: Reply) -> Reply | Pending:
        """Return the reply to an event, or `PENDING`."""
        if event.verb != "AUTH":
            return self._decide(event, reply)
        peer = self._connection.record.peer
        delay = self._limit.start_attempt(peer, monotonic())
        if delay is None:
            return standard_replies.TOO_MANY_AUTH_FAILURES
        if reply.is_positive:
            self._limit.forgive(peer)
        if delay == 0:
            return self._decide(event, reply)
        self._timer = self._connection.manager.reactor.call_later(delay, self._decide_after_delay, event, reply)
        self._connection.pending = self
        return PENDING

    def _decide_after_delay(self, event: Event, reply: Reply) -> None:
        connection = self._connection
        self._timer = connection.pending = None
        decision = self._decide(event, reply)
        if isinstance(decision, Reply):
            connection.answer(decision)
        else:
            connection.resume()

    def cancel(self) -> None:
        """Do not decide after the delay."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
