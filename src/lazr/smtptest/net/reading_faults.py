"""What rules do to a session of IMAP or POP3.

`FaultInjector` evaluates the rules and ends connections.  This part decides about commands, changes the output of a
command, and acts while a client waits in IDLE.
"""

from __future__ import annotations

import functools

from lazr.smtptest.net.connection_state import Phase, ReplyWait
from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.protocol.smtp import PENDING, Pending, RawBytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.net.driven_connection import DrivenConnection
    from lazr.smtptest.net.fault_injector import FaultInjector
    from lazr.smtptest.net.reactor import Timer
    from lazr.smtptest.net.session_types import ReadingSession
    from lazr.smtptest.protocol.reading_session import ReadingCommand
    from lazr.smtptest.rules import Action

__all__ = ["ReadingFaults"]

# The longest timer to request; the times of rules have no limit.
_MAX_TIMER_SECONDS = 10_000_000.0

# When to try again to act in IDLE, after a change that the session reads at the moment.
_RETRY_SECONDS = 0.01


class ReadingFaults:
    """Evaluates the rules for the commands of one session, and carries out their actions.

    Args:
        connection: The connection.
        session: Its session.
        faults: What carries out the actions that all protocols have.
    """

    __slots__ = (
        "_change",
        "_connection",
        "_faults",
        "_idle_timer",
        "_items_per_turn",
        "_session",
        "_tag",
        "_unsent_count",
    )

    def __init__(self, connection: DrivenConnection, session: ReadingSession, faults: FaultInjector) -> None:
        self._connection = connection
        self._session = session
        self._faults = faults
        self._idle_timer: Timer | None = None  # a rule acts after a while in IDLE
        self._change: Action | None = None  # what changes the output of the current command
        self._unsent_count: int | None = None  # `truncate`: how much of the output may still be sent
        self._items_per_turn = 0  # that of the session, during a change
        self._tag = b""  # that of the current command

    def decide(self, command: ReadingCommand) -> ReadingReply | Pending | None:
        """Let rules decide about a command; None executes it."""
        self.cancel()
        self._tag = command.tag
        action = self._faults.evaluate(
            command.verb, command, reply_to_error=functools.partial(self._reply_to_error, command)
        )
        if action is None:
            return None
        if action.throttle is not None:
            self._faults.apply_throttle(*action.throttle)
        if action.delay is None:
            return self._perform(action)
        if command.verb == "IMAP IDLE":
            self._schedule_in_idle(action.delay, action)
            return None
        self._faults.delay(action.delay, functools.partial(self._perform_delayed, action))
        return PENDING

    def _reply_to_error(self, command: ReadingCommand, error: BaseException) -> ReadingReply:
        """Record the exception of a rule's function (promise P7), and return the reply."""
        self._connection.manager.reply_to_error(error)
        text = "Local error: a rule of this server raised an exception"
        if command.verb.startswith("POP3"):
            return ReadingReply("-ERR", f"[SYS/TEMP] {text}")
        return ReadingReply("BYE" if command.verb == "IMAP CONNECT" else "NO", f"[SERVERBUG] {text}")

    def _perform(self, action: Action) -> ReadingReply | Pending | None:
        """Carry out an action without its delay: end the connection, or reply."""
        if self._faults.demand_end(action):
            return PENDING
        if action.raw is None and action.truncate is None and not action.close_after:
            return action.reading_reply
        self._faults.act_at_end_of_pass(ReplyWait.CHANGE, functools.partial(self._begin_change, action))
        return PENDING

    def _perform_delayed(self, action: Action) -> None:
        decision = self._perform(action)
        if isinstance(decision, Pending):
            self._connection.resume()
        else:
            self._connection.answer(decision)

    # -- changes of the output of a command --------------------------------------------------

    def _begin_change(self, action: Action) -> None:
        session = self._session
        self._change = action
        self._unsent_count = 0 if action.raw is not None else action.truncate
        # So the output until the end of this command has nothing of the next one.
        self._items_per_turn, session.items_per_turn = session.items_per_turn, 0
        if action.raw is not None:
            output = self._build_raw_output(action.raw)
            transcript = self._connection.record.transcript
            transcript.add_reply(RawBytes(output))
            transcript.add_note("instead of these responses:")
            self._connection.write(output)
        self._connection.answer(action.reading_reply)

    def _build_raw_output(self, octets: bytes) -> bytes:
        """Return the bytes of `raw`, with the tag of the command, which clients choose at random."""
        return octets.replace(b"{tag}", self._tag) if self._tag else octets

    def change_output(self, output: bytes) -> bytes:
        """Return what to send instead of the output of the current command."""
        change = self._change
        if change is None:
            return output
        if self._unsent_count is not None:
            output = output[: self._unsent_count]
            self._unsent_count -= len(output)
        if not self._session.is_executing:  # the command is complete
            self._change = None
            self._session.items_per_turn = self._items_per_turn
            if change.close_after:
                connection = self._connection
                connection.manager.reactor.call_soon(connection.run, self._close)
        return output

    def _close(self) -> None:
        connection = self._connection
        if connection.phase is Phase.SESSION:
            connection.record.end("rule")
            connection.close_when_sent()

    # -- actions in IDLE ---------------------------------------------------------------------

    def _schedule_in_idle(self, seconds: float, action: Action) -> None:
        connection = self._connection
        self._idle_timer = connection.manager.reactor.call_later(
            min(seconds, _MAX_TIMER_SECONDS), connection.run, self._act_in_idle, action
        )

    def _act_in_idle(self, action: Action) -> None:
        """Act while the client waits in IDLE (RFC 2177), unless it has left it."""
        self._idle_timer = None
        connection, session = self._connection, self._session
        if connection.phase is not Phase.SESSION:
            return
        if session.is_halted:  # it reads a change now
            self._schedule_in_idle(_RETRY_SECONDS, action)
            return
        if not session.is_idling:
            return
        connection.mark_time()
        if self._faults.end_now(action):
            return
        output = self._build_raw_output(action.raw or b"")
        if action.reading_reply is not None:
            output = self._session.interrupt(action.reading_reply)
        connection.send(output if action.truncate is None else output[: action.truncate])
        if action.close_after:
            self._close()

    def cancel(self) -> None:
        """Do not act in IDLE: it is over, or the connection ends."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
