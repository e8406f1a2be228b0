"""One client's connection: passes bytes between its socket and its session.

A connection has parts, which are made when they are needed:

- `deadlines`: the times of the connection and their timer.
- `proxy_header` and `tls_handshake`: what precedes the session, and TLS.
- `pending_decision`: a decision that takes time.
- `fault_injector`: what rules do to the connection; only if there are rules.
- `reading_driver`: the calls of a session of IMAP or POP3.

The tables of `connection_state` say what input is, and what the connection waits for.
"""

from __future__ import annotations

import contextlib
import time

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.net.connection_state import NEXT_PHASES, PauseReason, Phase, Reading, ReplyWait
from lazr.smtptest.net.deadlines import Deadlines
from lazr.smtptest.net.peer_name import format_peer_name
from lazr.smtptest.net.pending_decision import CommitDecision, CoroutineDecision, DelayedAuth
from lazr.smtptest.protocol.smtp import (
    EARLY_INPUT_NOTE,
    MAX_ENTRIES,
    PENDING,
    Malformed,
    Reply,
    SmtpSession,
    Unknown,
    standard_replies,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from lazr.smtptest.net.connection_manager import ConnectionManager
    from lazr.smtptest.net.endpoint import Endpoint
    from lazr.smtptest.net.fault_injector import FaultInjector
    from lazr.smtptest.net.pending_decision import DecideNow, PendingDecision
    from lazr.smtptest.net.reading_driver import ReadingDriver
    from lazr.smtptest.net.session_types import Session
    from lazr.smtptest.net.socket_transport import SocketTransport
    from lazr.smtptest.net.throttle import Throttle
    from lazr.smtptest.net.tls_handshake import TlsHandshake
    from lazr.smtptest.net.transport import Transport
    from lazr.smtptest.protocol.reading_session import ReadingReply
    from lazr.smtptest.protocol.smtp import Event, Pending, SessionRecord, TlsFacts

__all__ = ["Connection"]

# The time between closing the sending half and cutting the connection.  After an immediate close, the kernel answers
# further input with a reset, which can overtake the last reply.
_LINGER_SECONDS = 2.0

# The commands of one client that are handled before the next client has its turn: some milliseconds.
_ITEMS_PER_TURN = 100

_MAX_ENTRIES_BEFORE_GREETING = 40

_NO_PAUSE = PauseReason(0)  # `enum` makes each combination of flags once, so `is` compares them


class Connection:
    """One client's connection; all methods run in the reactor's thread.

    Input comes by `data_received`, or by `route_input` if it arrived earlier.  Both give it to the handler of the
    phase, or to `receive`, which passes plaintext to the session.  Replies go out by `write`; `send` also lets the
    session go on.

    Args:
        manager: The server's part that knows all connections.
        endpoint: The settings of the listener.
    """

    __slots__ = (
        "_faults",
        "_pause_reasons",
        "_rules",
        "_transcript_entries",
        "deadlines",
        "decide_without_rules",
        "endpoint",
        "input_handler",
        "is_peer_trusted",
        "is_reading_paused",
        "manager",
        "number",
        "pending",
        "phase",
        "reading",
        "record",
        "session",
        "throttle",
        "tls",
        "transport",
    )

    def __init__(self, manager: ConnectionManager, endpoint: Endpoint) -> None:
        self.manager: ConnectionManager = manager
        self._rules = manager.rules
        self.endpoint: Endpoint = endpoint
        self.decide_without_rules: DecideNow = self._decide_later if manager.can_decide_later else manager.apply_reply
        self.session: Session
        self.record: SessionRecord
        self._transcript_entries: list[Any]
        self.transport: Transport  # the highest layer: the socket, a throttle, or TLS
        self.deadlines: Deadlines
        self.number: int = 0  # of the session, in the order of connecting from 1; 0 if the client was turned away
        self.phase: Phase = Phase.PROXY if endpoint.expects_proxy_header else Phase.SESSION
        # Handles input before the session gets it: other phases, decryption, and waits by rules.
        self.input_handler: Callable[[bytes], None] | None = None
        self.pending: PendingDecision | None = None  # the decision that the pending reply waits for
        self.is_peer_trusted: bool = False  # the peer may name another client, by PROXY or XCLIENT
        self.tls: TlsHandshake | None = None
        self.throttle: Throttle | None = None
        self.reading: ReadingDriver | None = None  # runs the calls of a session of IMAP or POP3
        self._faults: FaultInjector | None = None
        self._pause_reasons = _NO_PAUSE  # see `pause_reading`
        self.is_reading_paused: bool = False  # there is such a reason, so input stays in the socket

    # -- called by the transport -------------------------------------------------------------

    def connection_made(self, transport: SocketTransport) -> None:
        """Greet the client, or turn it away if there are too many."""
        manager, endpoint = self.manager, self.endpoint
        self.transport = transport
        transport.set_write_buffer_limits(high=manager.limits.replies_waiting)
        name = transport.get_extra_info("peername")
        self.is_peer_trusted = is_trusted = endpoint.is_trusted(name[0] if isinstance(name, tuple) else None)
        session: Session
        if endpoint.reading is None:
            decide: DecideNow = self._decide if manager.pending_commits is None else self._decide_after_commit
            if manager.auth_rate_limit is not None:
                decide = DelayedAuth(manager.auth_rate_limit, decide, self).decide
            settings = endpoint.get_settings(None, is_trusted=is_trusted)
            session = SmtpSession(decide, settings, make_sink=manager.create_sink)
        else:
            from lazr.smtptest.net.reading_driver import ReadingDriver

            self.reading = ReadingDriver(self, endpoint.reading)
            session = self.reading.session
        self.session = session
        session.items_per_turn = _ITEMS_PER_TURN
        self.record = record = session.record
        record.timestamp = time.time()
        record.protocol = endpoint.protocol
        now = monotonic()
        self._transcript_entries = record.transcript.entries
        self._transcript_entries.append(now)
        record.peer = format_peer_name(name)
        self.deadlines = Deadlines(self, now)
        has_room = manager.add_connection(self)
        if manager.is_closing or not has_room:
            # RFC 5321 3.8, 4.2.3: the server sends 421 and closes without waiting for QUIT; RFC 9051 7.1.5: BYE.  It
            # sends nothing where the client expects a PROXY or TLS handshake first.
            if not (endpoint.expects_proxy_header or endpoint.has_implicit_tls):
                transport.write(endpoint.texts.stopping if manager.is_closing else endpoint.texts.crowded)
            self.phase = Phase.CLOSING
            transport.close()
            return
        self.number = record.number = manager.assign_number()
        manager.add_record(record)
        if endpoint.expects_proxy_header:
            from lazr.smtptest.net.proxy_header import ProxyHeaderReader

            ProxyHeaderReader(self).start()
        else:
            self.start_session()
        self.schedule_idle_check()

    def data_received(self, data: bytes) -> None:
        """Process input."""
        now = self.deadlines.activity_time = monotonic()
        entries = self._transcript_entries
        entries.append(now)  # `add_timestamp(now)`, without the cost of a call
        if len(entries) > MAX_ENTRIES:
            self.record.transcript.drop_middle()
        if self.throttle is not None:
            self.note_early_input()
        if self.input_handler is None:
            self.receive(data)
        elif self.phase is not Phase.CLOSING:
            self.input_handler(data)
        if self.throttle is not None:
            self.throttle.note_read(len(data))

    def eof_received(self) -> bool:
        """Process the end of the client's input; pending replies are still sent.

        Returns whether the connection stays open.
        """
        if self._faults is not None and self._faults.handle_eof():
            return True
        if self.phase is not Phase.CLOSING:
            self.mark_time()
            self.receive_eof()
        return self.phase is not Phase.CLOSING

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up after the connection; an unfinished transaction is dropped."""
        manager, record = self.manager, self.record
        if self.phase is not Phase.CLOSING:
            self.mark_time()
            self._note_eof()
        record.end("EOF" if exc is None else "reset")
        self.abandon_session()
        if self.reading is not None:
            self.reading.close()
        if manager.on_session_end is not None and self.number:
            manager.on_session_end(record)
        manager.remove_connection(self)

    def pause_writing(self) -> None:
        """Stop reading commands of a client that does not read its replies."""
        self.pause_reading(PauseReason.WRITE)
        self.deadlines.start_write_timeout()

    def resume_writing(self) -> None:
        """Read commands again: the client has read most of its replies."""
        self._pause_reasons &= ~PauseReason.WRITE
        if self.phase is not Phase.CLOSING:
            self.deadlines.note_reply(monotonic())
            self.deadlines.arm()
            self.send(b"")

    # -- called by the manager ---------------------------------------------------------------

    def shut_down(self) -> None:
        """Send the last reply and close; after a pending reply, this is called again."""
        if self._faults is not None:
            self._faults.cancel_waits()
        if self.pending is not None and self.pending.wait.delays_stop:
            return
        self._end_for_stop()
        self.transport.close()

    def abort(self) -> None:
        """Close immediately; drop unsent replies and pending decisions."""
        self._end_for_stop()
        self.transport.abort()

    def _end_for_stop(self) -> None:
        if self.throttle is not None:
            self.throttle.remove_limits()  # P4
        if self.phase is not Phase.CLOSING:
            self.mark_time()
            if self.phase is Phase.SESSION:
                self.write(self.session.shut_down())
            self.record.end("stop")
            self.phase = Phase.CLOSING
            self.deadlines.stop()
            self._cancel_pending()

    def update_deadline(self) -> None:
        """Apply other timeouts: the server became crowded, or stopped being so."""
        if self.phase is not Phase.CLOSING:
            self.deadlines.arm()

    def schedule_idle_check(self) -> None:
        """Schedule the evaluation of rules about idle clients."""
        if self.reading is None and (self._faults is not None or self._rules.idle_thresholds):
            self.get_faults().schedule_idle_check()

    def get_socket(self) -> socket.socket | None:
        """Return the socket; None if the connection is closed.  This may be called in any thread."""
        return None if self.transport.is_closing() else self.transport.get_extra_info("socket")

    # -- facts -------------------------------------------------------------------------------

    @property
    def is_in_clear(self) -> bool:
        """Whether the client reads plaintext: there is no TLS, and no handshake."""
        return self.input_handler is None and self.record.tls is None

    @property
    def is_closing(self) -> bool:
        """Whether the last reply is sent; input is discarded."""
        return self.phase is Phase.CLOSING

    @property
    def is_writing_paused(self) -> bool:
        """Whether the client does not read its replies."""
        # Testing a flag is slow, and most connections have none.
        return self._pause_reasons is not _NO_PAUSE and PauseReason.WRITE in self._pause_reasons

    @property
    def is_client_waiting(self) -> bool:
        """Whether the client waits for the server, so that no time of the client runs."""
        return (
            self.session.is_reply_pending
            or self.pending is not None
            or self.phase is Phase.STALLED
            or self.throttle is not None
        )

    @property
    def autologout_seconds(self) -> float | None:
        """IMAP and POP3 after login: the least time before a silent client is logged out."""
        return None if self.reading is None else self.reading.autologout_seconds

    @property
    def is_clients_turn(self) -> bool:
        """Whether the server waits for the client's next command."""
        session = self.session
        return (
            self.phase is Phase.SESSION
            and self.pending is None
            and not (session.is_reply_pending or session.is_handshaking)
        )

    def note_early_input(self) -> None:
        """Note input that came before the end of the greeting (RFC 5321 4.3.1), once."""
        transcript = self.record.transcript
        # A session whose greeting waits has few entries; this is bounded for one that sends much input meanwhile.
        first = transcript.entries[:_MAX_ENTRIES_BEFORE_GREETING]
        lines = sum(isinstance(entry, bytes) for entry in first)
        is_greeting_sent = lines == 1 and not (self.throttle is not None and self.throttle.seconds_left)
        if lines <= 1 and not is_greeting_sent and EARLY_INPUT_NOTE not in first:
            transcript.add_note(EARLY_INPUT_NOTE)

    def mark_time(self) -> None:
        """Note the time in the transcript, for the lines that follow."""
        self.record.transcript.add_timestamp(monotonic())

    # -- before the session: PROXY and TLS ---------------------------------------------------

    def enter_phase(self, phase: Phase, handle_input: Callable[[bytes], None] | None, end: float | None) -> None:
        """Enter a phase of the connection.

        Args:
            phase: The phase.
            handle_input: Gets the input; None for the session.
            end: When the phase must be over, by the monotonic clock; None for no such limit.
        """
        if phase is not self.phase and phase not in NEXT_PHASES[self.phase]:
            raise AssertionError(f"the phase {phase.name} cannot follow {self.phase.name}")
        self.phase = phase
        self.input_handler = handle_input
        self.deadlines.phase_end = end
        if end is not None:
            self.deadlines.arm()

    def start_session(self) -> None:
        """Greet the client, after the handshake if TLS is implicit."""
        if self.endpoint.has_implicit_tls:
            self._begin_handshake()
        else:
            self.deadlines.arm()
            self.send(self.session.greet(self.record.peer))

    def set_client_host(self, host: str) -> None:
        """Treat the client as one at this address: the peer is a proxy."""
        if self.is_peer_trusted and not self.endpoint.is_trusted(host):
            self.is_peer_trusted = False  # the proxy is trusted, its client is not
            self.session.apply_settings(self.endpoint.get_settings(None, is_trusted=False))

    def _begin_handshake(self) -> None:
        """Begin the handshake, unless a rule acts on it."""
        rules = self._rules
        rules.count_verb("TLS")
        by_verb = rules.rules_by_verb
        if by_verb is None or "TLS" not in by_verb or not self.get_faults().handle_handshake():
            self.start_handshake()

    def start_handshake(self) -> None:
        """Wait for the client's handshake."""
        from lazr.smtptest.net.tls_handshake import TlsHandshake  # imports `ssl`, which most servers do not need

        tls, context = self.endpoint.tls, self.endpoint.tls_context
        if tls is None or context is None:  # pragma: no cover - without TLS there is no STARTTLS
            raise AssertionError("a handshake on an endpoint without TLS")
        self.tls = TlsHandshake(self, tls, context)
        self.tls.start()

    def start_session_in_tls(self, facts: TlsFacts) -> None:
        """Begin the session again, and greet the client if TLS is implicit."""
        settings = self.endpoint.get_settings(facts.version, is_trusted=self.is_peer_trusted)
        self.session.complete_handshake(facts, settings)
        self.deadlines.note_reply(monotonic())
        self.deadlines.arm()
        if self.endpoint.has_implicit_tls:
            self.send(self.session.greet(self.record.peer))

    # -- receiving ---------------------------------------------------------------------------

    def route_input(self, data: bytes) -> None:
        """Process input that arrived earlier.

        It came with the PROXY header, or while a rule made the client wait.
        """
        if self.input_handler is not None:
            self.input_handler(data)
        elif self.phase is not Phase.CLOSING:
            self.receive(data)

    def receive(self, data: bytes) -> None:
        """Pass plaintext to the session, and send its replies."""
        session = self.session
        session.marks = self._rules.content_thresholds
        output = session.receive(data)
        is_halted = session.is_halted
        if is_halted and self.tls is not None and session.is_closing:
            # 221 and close_notify go out in one write: an asyncio client may end its loop after the 221.
            self.tls.transport.is_last_write = True
        if output:
            deadlines = self.deadlines
            deadlines.reply_time = deadlines.activity_time
            self.transport.write(output)
        if is_halted:
            self.resume()
        if self.reading is not None:
            self.deadlines.note_literal(is_open=session.is_in_content)

    def receive_eof(self) -> None:
        """Process the end of the client's input."""
        self._note_eof()
        if self.phase is not Phase.CLOSING:
            self.send(self.session.receive_eof())

    def _note_eof(self) -> None:
        """Record what the end of the client's input interrupts."""
        if self.phase is Phase.PROXY or self.phase is Phase.HANDSHAKE:
            self._note_failure("the client closed the connection")
        elif self.phase is Phase.SESSION and self.tls is not None and not self.tls.has_client_spoken:
            # Some clients check the certificate only after the handshake, which succeeds by the rules of TLS.
            reason = "the client left after the handshake without sending anything"
            self.record.tls_failure = reason
            self.record.transcript.add_note(reason)

    def pause_reading(self, reason: PauseReason) -> None:
        """Leave input in the socket, for this reason."""
        self._pause_reasons |= reason
        self._update_reading()

    def resume_reading(self, reason: PauseReason) -> None:
        """Read again, if this was the only reason not to."""
        if reason in self._pause_reasons:
            self._pause_reasons &= ~reason
            self._update_reading()

    def _update_reading(self) -> None:
        """Pause or resume reading, if the reasons demand it."""
        if self.is_reading_paused is not (self._pause_reasons is not _NO_PAUSE):
            self.is_reading_paused = not self.is_reading_paused
            if self.is_reading_paused:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    # -- going on ----------------------------------------------------------------------------

    def resume(self) -> None:
        """Go on after the session has halted.

        Process its backlog, close, start TLS, or pause reading.
        """
        session = self.session
        manager = self.manager
        if self.reading is not None:
            self.reading.run_calls()
        if self._faults is not None and self._faults.end_if_due():
            return
        # P4: a server that stops does not process the rest of a client's input.
        while session.is_at_mark and self.pending is None and self.phase is Phase.SESSION:
            if self.is_writing_paused or manager.is_closing or not self.get_faults().handle_content_threshold():
                break
        if session.is_closing:
            self.close_when_sent()
            return
        if session.has_backlog and PauseReason.TURN not in self._pause_reasons:
            self._pause_reasons |= PauseReason.TURN
            manager.reactor.call_in_next_pass(self.run, self._take_turn)
        if session.is_handshaking and self.input_handler is None:
            self._begin_handshake()
        if self.phase is not Phase.CLOSING:
            if self._is_pause_due():
                self._pause_reasons |= PauseReason.REPLY
            elif self._pause_reasons is not _NO_PAUSE:
                self._pause_reasons &= ~PauseReason.REPLY
            self._update_reading()

    def _is_pause_due(self) -> bool:
        """Return whether a pending reply pauses reading."""
        session = self.session
        # Where pipelining is forbidden, reading goes on, to detect a client that pipelines nevertheless.
        if not session.is_reply_pending or session.is_pipelining_forbidden or self.phase is Phase.STALLED:
            return False
        reading = Reading.NO if self.pending is None else self.pending.wait.reading
        return session.has_unread_input if reading is Reading.UNTIL_INPUT else reading is Reading.NO

    def _take_turn(self) -> None:
        """Process more of the backlog; meanwhile the other connections had their turn."""
        self._pause_reasons &= ~PauseReason.TURN
        session = self.session
        if len(self._transcript_entries) > MAX_ENTRIES:
            self.record.transcript.drop_middle()
        if not session.has_backlog:
            self._update_reading()
        elif not (self.is_writing_paused or self.phase is Phase.CLOSING or self.manager.is_closing):
            output = session.receive(b"")
            self.send(output if self.reading is None else self.reading.change_output(output))

    # -- deciding ----------------------------------------------------------------------------

    def _decide(self, event: Event, reply: Reply) -> Reply | Pending:
        """Return the reply to an event, or `PENDING`: rules come before the server."""
        rules = self._rules
        rules.count_event(event, reply)
        by_verb = rules.rules_by_verb
        if by_verb is not None:
            verb = event.command if isinstance(event, (Unknown, Malformed)) else event.verb
            if verb in by_verb:
                return self.get_faults().decide(verb, event, reply)
        return self.decide_without_rules(event, reply)

    def _decide_later(self, event: Event, reply: Reply) -> Reply | Pending:
        """Let the server decide; it may return an awaitable, but not while it stops."""
        manager = self.manager
        if manager.is_closing:
            return standard_replies.SHUTTING_DOWN
        decision = manager.decide(event, reply)
        if isinstance(decision, Reply):
            return decision
        self.pending = CoroutineDecision(manager, ReplyWait.DECISION, decision, self.answer)
        return PENDING

    def _decide_after_commit(self, event: Event, reply: Reply) -> Reply | Pending:
        """Decide; if a mail must be committed first, let the reply wait for that."""
        decision = self._decide(event, reply)
        if self.manager.pending_commits and isinstance(decision, Reply):
            return self._wait_for_commit(decision)
        return decision

    def _wait_for_commit(self, reply: Reply) -> Pending:
        """Send the reply when the mail, or all copies of it, are committed (promise P1)."""
        commits, self.manager.pending_commits = self.manager.pending_commits or [], []
        self.pending = CommitDecision(commits, reply, self.answer)
        return PENDING

    def run(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function that handles input outside of a read; if it raises, cut the connection."""
        try:
            function(*arguments)
        except BaseException:
            self.transport.abort()
            raise

    def answer(self, reply: Reply | ReadingReply | None) -> None:
        """Send the reply to the pending event, and go on; None executes a command of IMAP or POP3."""
        self.run(self._answer, reply)

    def _answer(self, reply: Any) -> None:
        manager = self.manager
        if manager.pending_commits:
            self._wait_for_commit(reply)
            return
        self.pending = None
        now = monotonic()
        self.deadlines.note_reply(now)
        self.record.transcript.add_timestamp(now)
        self.session.marks = self._rules.content_thresholds
        output = self.session.answer(reply)
        self.send(output if self.reading is None else self.reading.change_output(output))
        self.deadlines.resume()
        if manager.is_closing:
            self.shut_down()

    def _cancel_pending(self) -> None:
        """Cancel the pending decision; another reply was sent, or the connection ends."""
        if self.pending is not None:
            self.pending.cancel()
            self.pending = None

    def get_faults(self) -> FaultInjector:
        """Return what carries out rules; a connection has it from the first rule on."""
        if self._faults is None:
            from lazr.smtptest.net.fault_injector import FaultInjector

            self._faults = FaultInjector(self)
        return self._faults

    # -- sending -----------------------------------------------------------------------------

    def send(self, output: bytes) -> None:
        """Write replies, and continue with the session."""
        self.write(output)
        if self.session.is_halted or self.is_reading_paused:
            self.resume()
        if self.reading is not None:
            self.deadlines.note_literal(is_open=self.session.is_in_content)

    def write(self, output: bytes) -> None:
        """Write replies."""
        if output:
            self.transport.write(output)
            deadlines = self.deadlines
            deadlines.activity_time = deadlines.reply_time = monotonic()

    # -- ending ------------------------------------------------------------------------------

    def time_out(self, now: float) -> None:
        """End the phase or the session that takes too long; a client that reads slowly may go on."""
        transcript = self.record.transcript
        if self.phase is Phase.PROXY or self.phase is Phase.HANDSHAKE:
            transcript.add_timestamp(now)
            self.fail(self._describe_timeout())
        elif self.is_writing_paused:
            if not self.deadlines.extend_write_timeout(now):
                self.record.end("timeout")
                self.transport.abort()
        else:
            transcript.add_timestamp(now)
            self.write(self.session.time_out())
            self.close_when_sent()

    def _describe_timeout(self) -> str:
        """Return the reason to record when a phase takes too long."""
        if self.endpoint.has_implicit_tls and self.tls is not None and self.tls.is_silent:
            return "timeout: the client sent nothing; it may wait for a greeting, but this port begins with TLS"
        return "timeout"

    def fail(self, reason: str) -> None:
        """Record why PROXY or TLS failed, and close."""
        self._note_failure(reason)
        self.deadlines.stop()
        self._cancel_pending()
        self.session.abandon()
        self.half_close()

    def _note_failure(self, reason: str) -> None:
        record = self.record
        if self.phase is Phase.PROXY:
            record.proxy_failure = record.proxy_failure or reason
            record.end("PROXY failed")
            record.transcript.add_note(f"PROXY header refused: {reason}")
        else:
            record.tls_failure = record.tls_failure or reason
            record.end("TLS failed")
            record.transcript.add_note(f"TLS failed: {reason}")
        self.deadlines.phase_end = None
        self.phase = Phase.CLOSING

    def abandon_session(self) -> None:
        """Enter the phase CLOSING without a last reply, and drop all that waits."""
        self.phase = Phase.CLOSING
        self.deadlines.stop()
        self._cancel_pending()
        self.session.abandon()
        if self._faults is not None:
            self._faults.cancel_waits()
        if self.throttle is not None and self.transport.is_closing():
            self.throttle.discard()

    def close_when_sent(self) -> None:
        """Close after the last reply is sent."""
        if self.phase is Phase.CLOSING:
            return
        self.phase = Phase.CLOSING
        self.deadlines.stop()
        self._cancel_pending()
        if self.session.is_orderly_close:
            self.transport.close()
            if self.transport.get_write_buffer_size():
                self._schedule_abort()
        else:
            self.half_close()

    def half_close(self) -> None:
        """Close the sending half, and discard input for a while before the connection is cut."""
        self.transport.resume_reading()
        with contextlib.suppress(OSError):  # the client is gone, and the transport does not know yet
            if self.transport.can_write_eof():
                self.transport.write_eof()
        self._schedule_abort()

    def _schedule_abort(self) -> None:
        write_seconds = 0.0 if self.throttle is None else self.throttle.seconds_left
        self.deadlines.call_later(_LINGER_SECONDS + write_seconds, self.transport.abort)
