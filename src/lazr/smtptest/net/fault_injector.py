"""What rules do to one connection.

Rules act at commands, in message content, when the client is idle, and at the TLS handshake.  Their actions delay,
throttle, replace or duplicate replies, and end connections: by a close, a reset, or by never answering again.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import struct
import sys
from typing import cast

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.net.connection_state import PauseReason, Phase, ReplyWait
from lazr.smtptest.net.idle_rules import IdleRules
from lazr.smtptest.net.input_buffer import InputBuffer
from lazr.smtptest.net.pending_decision import CoroutineDecision
from lazr.smtptest.protocol.smtp import PENDING, Delivery, EndOfData, Malformed, RawBytes, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Final, Protocol

    from lazr.smtptest.net.idle_rules import IdleConnection
    from lazr.smtptest.net.input_buffer import BufferedConnection
    from lazr.smtptest.net.pending_decision import DecideNow, WaitingConnection
    from lazr.smtptest.net.reactor import Timer
    from lazr.smtptest.net.socket_transport import SocketTransport
    from lazr.smtptest.net.throttle import Throttle
    from lazr.smtptest.net.tls_handshake import TlsHandshake
    from lazr.smtptest.net.transport import Transport
    from lazr.smtptest.protocol.reading_session import ReadingCommand
    from lazr.smtptest.protocol.smtp import Event, Pending, Rcpt, SmtpSession
    from lazr.smtptest.rules import Action, NoticeOrder

    class FaultyConnection(WaitingConnection, BufferedConnection, IdleConnection, Protocol):
        """What rules act on."""

        transport: Transport
        throttle: Throttle | None

        @property
        def number(self) -> int:
            """The number of the session."""

        def run(self, function: Callable[..., object], *arguments: object) -> None:
            """Call a function; if it raises, cut the connection."""

        @property
        def tls(self) -> TlsHandshake | None:
            """TLS, if its handshake has begun."""

        @property
        def is_reading_paused(self) -> bool:
            """Whether input stays in the socket."""

        def mark_time(self) -> None:
            """Note the time in the transcript."""

        def enter_phase(self, phase: Phase, handle_input: Callable[[bytes], None] | None, end: float | None) -> None:
            """Pass the input to another function."""

        @property
        def decide_without_rules(self) -> DecideNow:
            """The function by which the server decides."""

        def start_handshake(self) -> None:
            """Wait for the client's handshake."""

        def write(self, output: bytes) -> None:
            """Write replies."""

        def send(self, output: bytes) -> None:
            """Write replies, and continue with the session."""

        def pause_writing(self) -> None:
            """Stop reading commands: the throttle's queue is full."""

        def resume_writing(self) -> None:
            """Read commands again: the throttle's queue has room."""

        def close_when_sent(self) -> None:
            """Close after the last reply is sent."""

        def half_close(self) -> None:
            """Close the sending half."""

        def abandon_session(self) -> None:
            """End without a last reply."""

        def fail(self, reason: str) -> None:
            """Record why TLS failed, and close."""


__all__ = ["FaultInjector"]

# The value of SO_LINGER: on, 0 seconds; closing then sends RST.
_SO_LINGER_FORMAT = "hh" if sys.platform == "win32" else "ii"

# The longest timer to request; the times of rules have no limit.
_MAX_TIMER_SECONDS = 10_000_000.0


class DelayedAction:
    """An action that a connection waits for: the pending decision during a rule's delay.

    Args:
        wait: `DELAY` after a delay; `CONTENT` for an action within content, at the end of the pass.
        perform: Carries out the action.
    """

    __slots__ = ("_timer", "perform", "wait")

    def __init__(self, wait: ReplyWait, perform: Callable[[], None]) -> None:
        self.wait: Final = wait
        self.perform: Final = perform
        self._timer: Timer | None = None

    def set_timer(self, timer: Timer) -> None:
        """Let this timer be cancelled with the action."""
        self._timer = timer

    def cancel(self) -> None:
        """Do not act."""
        if self._timer is not None:
            self._timer.cancel()


class FaultInjector:
    """Evaluates the rules for one connection, and carries out their actions.

    Args:
        connection: The connection.
    """

    __slots__ = (
        "_buffer", "_connection", "_ending", "_has_client_left", "_idle_rules", "_lost_deliveries", "_notice_orders",
    )  # fmt: skip

    def __init__(self, connection: FaultyConnection) -> None:
        self._connection = connection
        self._buffer = InputBuffer(connection)
        self._idle_rules = IdleRules(connection, self._act_on_silence)
        self._ending: Callable[[], None] | None = None  # ends the connection as soon as the session has halted
        self._notice_orders: tuple[NoticeOrder, ...] = ()  # of the message that is being decided
        self._has_client_left = False  # after EOF: nothing is delayed any more
        # LMTP: the message, and its recipients whose delivery is acknowledged but lost.
        self._lost_deliveries: tuple[EndOfData, list[Rcpt]] | None = None

    @property
    def _smtp_session(self) -> SmtpSession:
        """The session, where only SMTP comes."""
        return cast("SmtpSession", self._connection.session)

    # -- at the end of the connection --------------------------------------------------------

    def handle_eof(self) -> bool:
        """End what the client waits for; return whether the connection stays open.

        Most clients that send EOF have given up and closed, which looks the same as a client that still reads.  So
        the delay ends, and a complete message that waits for its reply is accepted (RFC 1047); but a rule's coroutine
        function is cancelled.
        """
        connection = self._connection
        pending = connection.pending
        if connection.phase is Phase.STALLED:
            self._leave()  # without a close_notify
        elif isinstance(pending, DelayedAction) and pending.wait is ReplyWait.DELAY:
            connection.mark_time()
            self._has_client_left = True
            pending.cancel()
            self._run_delayed(pending)
        pending = connection.pending
        if pending is not None and pending.wait is ReplyWait.CALL and connection.phase is not Phase.CLOSING:
            connection.manager.reactor.call_soon(self._close_without_reply)
            return True
        return False

    def _leave(self) -> None:
        """End the session of a client that has left."""
        connection = self._connection
        if connection.phase is not Phase.CLOSING:
            connection.mark_time()
            connection.record.end("EOF")
            connection.abandon_session()

    def _close_without_reply(self) -> None:
        self._leave()
        self._connection.transport.close()

    def cancel_waits(self) -> None:
        """Cancel delayed actions, and drop the input that has waited for them."""
        connection = self._connection
        pending = connection.pending
        if pending is not None and pending.wait is ReplyWait.DELAY:
            pending.cancel()
            connection.pending = None
        self._idle_rules.cancel()
        self._buffer.discard()

    # -- actions at an event -----------------------------------------------------------------

    def decide(self, verb: str, event: Event, reply: Reply) -> Reply | Pending:
        """Let rules decide; if none acts, the server decides."""
        connection = self._connection
        if isinstance(event, Malformed):
            connection.manager.rules.note_bypass(verb, reply)
            return connection.decide_without_rules(event, reply)
        if isinstance(event, EndOfData) and self._smtp_session.is_lmtp:
            return self._decide_lmtp_message(event, reply)
        action = self.evaluate(verb, event, reply)
        if action is None:
            return connection.decide_without_rules(event, reply)
        if action.throttle is not None:
            self.apply_throttle(*action.throttle)
        if action.delay is None:
            return self._perform(action, event, reply)
        self.delay(action.delay, functools.partial(self._perform_delayed, action, event, reply))
        return PENDING

    def evaluate(
        self,
        verb: str,
        event: Event | ReadingCommand | None = None,
        reply: Reply | None = None,
        amount: float | None = None,
        *,
        reply_to_error: Callable[[BaseException], object] | None = None,
    ) -> Action | None:
        """Return the action of the rule that fires now; None if no rule fires.

        Args:
            verb: The name of the trigger.
            event: The event or command; None for TLS, CONTENT and IDLE.
            reply: The reply that the server would give; None where no reply is due.
            amount: CONTENT: the bytes received; IDLE: the seconds of silence.
            reply_to_error: Returns the reply if a function of a rule raises; by default that of the manager.
        """
        from lazr.smtptest.rules import RuleContext

        connection = self._connection
        manager = connection.manager
        context = RuleContext(
            "END_OF_DATA" if verb == "DELIVERY" else verb,
            connection.record,
            number=connection.number,
            event=event,
            reply=reply,
            transaction=connection.session.transaction,
            amount=amount,
            at=monotonic() - manager.start_time,
        )
        try:
            match = manager.rules.evaluate(verb, context)
        except BaseException as error:  # noqa: BLE001 - P7: the user's function in `where=` may raise any exception
            from lazr.smtptest.rules import Action

            return Action({"reply": (reply_to_error or manager.reply_to_error)(error)})
        if match is None:
            return None
        rule, action = match
        connection.record.transcript.add_note(f"rule: {rule.describe_condition()} → {action}")
        for order in context.notice_orders:
            if order.action is not action:
                connection.record.transcript.add_note(f"rule: {order.rule} → {order.action}")
        self._notice_orders = context.notice_orders
        return action

    def _perform(self, action: Action, event: Event, reply: Reply) -> Reply | Pending:
        """Carry out an action without its delay: end the connection, or reply."""
        if self.demand_end(action):
            return PENDING
        decision = self._decide_for_action(action, event, reply)
        if isinstance(decision, Reply):
            return self._apply_to_reply(action, event, decision)
        wait = ReplyWait.DECISION
        if action.call is not None:
            wait = ReplyWait.CALL
            self._buffer.open()
        finish = functools.partial(self._connection.run, self._finish_call, action, event)
        self._connection.pending = CoroutineDecision(self._connection.manager, wait, decision, finish)
        return PENDING

    def _perform_delayed(self, action: Action, event: Event, reply: Reply) -> None:
        decision = self._perform(action, event, reply)
        if isinstance(decision, Reply):
            self._connection.answer(decision)
        else:
            self._connection.resume()

    def _find_ending(self, action: Action) -> Callable[[], None] | None:
        """Return the method that ends the connection as the action demands; None if it goes on."""
        return self._stall if action.stall else self._drop if action.drop else self._reset if action.reset else None

    def demand_end(self, action: Action) -> bool:
        """End the connection as soon as the session has halted, if the action demands it.

        Returns whether it does.
        """
        self._ending = self._find_ending(action)
        return self._ending is not None

    def end_now(self, action: Action) -> bool:
        """End the connection now, if the action demands it; return whether it does."""
        end = self._find_ending(action)
        if end is None:
            return False
        end()
        return True

    def end_if_due(self) -> bool:
        """End the connection if a rule has demanded it; return whether it has."""
        end, self._ending = self._ending, None
        if end is None:
            return False
        end()
        return True

    def _decide_for_action(self, action: Action, event: Event, reply: Reply) -> Reply | Awaitable[Reply]:
        """Return the reply by which the action answers, or which it will change."""
        manager = self._connection.manager
        if self._notice_orders and isinstance(event, (EndOfData, Delivery)):
            self._order_notices(event, is_lost=action.accept_but_lose)
        if action.call is not None:
            return manager.decide_by_function(action.call, event, reply)
        fixed_reply = reply if action.accept else action.fixed_reply
        if fixed_reply is None:
            return manager.decide(event, reply)
        if not action.accept_but_lose:
            return manager.apply_reply(event, fixed_reply)
        if isinstance(event, Delivery):
            lost: list[Rcpt] = []
            if self._lost_deliveries is not None and self._lost_deliveries[0] is event.message:
                lost = self._lost_deliveries[1]
            self._lost_deliveries = event.message, [*lost, event.rcpt]
        return fixed_reply

    def _order_notices(self, event: EndOfData | Delivery, *, is_lost: bool) -> None:
        """Let something come back after a message: when it is accepted, or now if a rule loses it."""
        orders, self._notice_orders = self._notice_orders, ()
        message = event.message if isinstance(event, Delivery) else event
        self._connection.manager.order_notices(message, orders, is_lost=is_lost)

    def _apply_to_reply(self, action: Action, event: Event, reply: Reply) -> Reply:
        manager = self._connection.manager
        if action.duplicate and reply.is_positive:
            if isinstance(event, Delivery):
                message = event.message
                event = EndOfData(message.mail, (event.rcpt,), message.parts, message.session)
            manager.apply_reply(event, reply)
        return action.apply_to(reply)

    def _finish_call(self, action: Action, event: Event, reply: Reply) -> None:
        reply = self._apply_to_reply(action, event, reply)
        self._buffer.close()
        self._connection.answer(reply)
        self._buffer.process()

    def _decide_lmtp_message(self, event: EndOfData, reply: Reply) -> Reply | Pending:
        """Decide about an LMTP message, for the recipients whose delivery no rule loses."""
        connection = self._connection
        lost, self._lost_deliveries = self._lost_deliveries, None
        if lost is None or lost[0].parts is not event.parts:
            return connection.decide_without_rules(event, reply)
        rcpts = list(event.rcpts)
        for rcpt in lost[1]:
            rcpts.remove(rcpt)
        if not rcpts:
            return reply
        rest = EndOfData(event.mail, tuple(rcpts), event.parts, event.session)
        return connection.decide_without_rules(rest, reply)

    # -- delays ------------------------------------------------------------------------------

    def delay(self, seconds: float, perform: Callable[[], None]) -> None:
        """Perform an action after a delay; meanwhile the client's input is kept."""
        self._buffer.open()
        self._connection.pending = delayed = DelayedAction(ReplyWait.DELAY, perform)
        wait = 0.0 if self._has_client_left else min(seconds, _MAX_TIMER_SECONDS)
        delayed.set_timer(
            self._connection.manager.reactor.call_later(wait, self._connection.run, self._run_delayed, delayed)
        )

    def act_at_end_of_pass(self, wait: ReplyWait, perform: Callable[[], None]) -> None:
        """Perform an action at the end of this pass; meanwhile the reply is pending."""
        connection = self._connection
        connection.pending = delayed = DelayedAction(wait, perform)
        connection.manager.reactor.call_soon(connection.run, self._run_delayed, delayed)

    def _run_delayed(self, delayed: DelayedAction) -> None:
        connection = self._connection
        if connection.pending is delayed:  # else the connection has ended
            connection.pending = None
            connection.mark_time()
            self._buffer.close()
            delayed.perform()
            self._buffer.process()
            connection.deadlines.resume()

    # -- actions in content, and when the client is idle -------------------------------------

    def handle_content_threshold(self) -> bool:
        """Evaluate rules about the amount of content; return whether the session went on."""
        connection = self._connection
        session = self._smtp_session
        action = self.evaluate("CONTENT", amount=session.last_mark)
        if action is None:
            connection.write(session.resume_after_mark())
            return True
        if action.throttle is not None:
            self.apply_throttle(*action.throttle)
        perform = functools.partial(self._perform_in_content, action)
        if action.delay is None:
            self.act_at_end_of_pass(ReplyWait.CONTENT, perform)
        else:
            self.delay(action.delay, perform)
        return False

    def _perform_in_content(self, action: Action) -> None:
        if self._perform_unsolicited(action):
            return
        connection = self._connection
        connection.session.marks = connection.manager.rules.content_thresholds
        connection.deadlines.note_reply(monotonic())
        connection.send(self._smtp_session.resume_after_mark())

    def _perform_unsolicited(self, action: Action) -> bool:
        """Carry out an action when no reply is pending; return whether it ends the session."""
        connection = self._connection
        if action.raw is not None:
            connection.record.transcript.add_reply(RawBytes(action.raw))
            connection.write(action.raw)
        if action.reply is not None:
            reason = "421" if action.reply.code == 421 else "rule"
            connection.write(self._smtp_session.close_with_reply(action.reply, reason))
            connection.close_when_sent()
            return True
        end = self._find_ending(action) or (self._drop if action.close_after else None)
        if end is None:
            return False
        end()
        return True

    def schedule_idle_check(self) -> None:
        """Schedule the evaluation of rules about idle clients."""
        self._idle_rules.schedule()

    def _act_on_silence(self, threshold: float) -> bool:
        """Evaluate the rules for this idle time; return whether the session is over."""
        self._connection.mark_time()
        action = self.evaluate("IDLE", amount=threshold)
        return action is not None and self._perform_unsolicited(action)

    # -- actions at the TLS handshake --------------------------------------------------------

    def handle_handshake(self) -> bool:
        """Evaluate rules about the handshake; return whether one acts on it."""
        action = self.evaluate("TLS")
        if action is None:
            return False
        if action.throttle is not None:
            self.apply_throttle(*action.throttle)
        if action.delay is None:
            self._start_handshake(action)
        else:
            self.delay(action.delay, functools.partial(self._start_handshake, action))
            self._connection.deadlines.arm()
        return True

    def _start_handshake(self, action: Action) -> None:
        if self.end_now(action):
            return
        connection = self._connection
        connection.start_handshake()
        if action.raw is not None:
            connection.input_handler = functools.partial(self._send_raw_hello, action.raw)

    def _send_raw_hello(self, answer: bytes, _hello: bytes) -> None:
        connection = self._connection
        connection.record.transcript.add_reply(RawBytes(answer))
        connection.transport.write(answer)
        connection.fail("a rule answered the handshake with raw bytes")

    # -- ending the connection ---------------------------------------------------------------

    def _stall(self) -> None:
        """Never send anything again; only a disconnect is noticed."""
        connection = self._connection
        connection.enter_phase(Phase.STALLED, _ignore_input, None)
        connection.deadlines.arm()
        for reason in (PauseReason.BUFFER, PauseReason.REPLY, PauseReason.TURN):
            connection.resume_reading(reason)

    def _drop(self) -> None:
        """Close the sending half: FIN."""
        connection = self._connection
        connection.record.end("rule")
        connection.abandon_session()
        connection.half_close()

    def _reset(self) -> None:
        """Cut the connection: RST."""
        connection = self._connection
        connection.record.end("rule")
        connection.abandon_session()
        with contextlib.suppress(OSError):  # a Unix socket has no RST
            connected: socket.socket = connection.transport.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_SO_LINGER_FORMAT, 1, 0))
        connection.transport.abort()

    # -- throttling --------------------------------------------------------------------------

    def apply_throttle(self, rate: float, direction: str) -> None:
        """Limit the bytes per second on the wire from now on.

        `direction` is "in", "out" or "both".
        """
        from lazr.smtptest.net.throttle import Throttle

        connection = self._connection
        throttle = connection.throttle
        if throttle is None:
            tls = connection.tls
            is_below_tls = tls is not None and connection.transport is tls.transport
            socket_transport = tls.transport.transport if tls is not None and is_below_tls else connection.transport
            throttle = Throttle(
                cast("SocketTransport", socket_transport),  # there is nothing else below TLS
                connection.manager.reactor,
                is_reading_paused=connection.is_reading_paused,
                max_queue_bytes=connection.manager.limits.replies_waiting,
                on_full=connection.pause_writing,
                on_drained=connection.resume_writing,
            )
            if tls is not None and is_below_tls:
                tls.transport.transport = throttle
            else:
                connection.transport = throttle
            connection.throttle = throttle
            connection.deadlines.arm()
        throttle.set_rate(rate, direction)


def _ignore_input(data: bytes) -> None:
    """Discard the input of a stalled connection."""
