"""What rules make of a connection: it asks them, and carries out what they say."""

from __future__ import annotations

import contextlib
import functools
import socket
import struct
import sys
from typing import cast

from lazr.smtptest.clock import monotonic
from lazr.smtptest.net.connection import Connection
from lazr.smtptest.net.tlsstream import TlsStream
from lazr.smtptest.protocol.smtp.event import Delivery, EndOfData, Malformed
from lazr.smtptest.protocol.smtp.reply import PENDING, Reply
from lazr.smtptest.protocol.smtp.transcript import Raw

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from lazr.smtptest.faults.act import Act
    from lazr.smtptest.net.entrance import Entrance
    from lazr.smtptest.net.service import Service
    from lazr.smtptest.protocol.smtp.event import Event, Rcpt
    from lazr.smtptest.protocol.smtp.reply import Pending

__all__ = ["Conduct"]

# What SO_LINGER wants: on, and no seconds.
_LINGER = "hh" if sys.platform == "win32" else "ii"

# A timer may come so much early, by the clock that it is compared with.
_EARLY = 0.002

# Seconds: how often silence is looked for at the most, and the longest that a loop's timer is asked for.
_OFTEN = 0.01
_LONGEST = 10_000_000.0

# A client may say so much while a rule has it wait; then it is not read until the wait is over.
_MEANWHILE = 64 * 1024


class Conduct(Connection):
    """A connection that asks the server's rules first, and behaves as they say.

    Where there are none, it is asked once for each event whether there are, and that is all.
    """

    __slots__ = (
        "_delayed",
        "_early",
        "_gone",
        "_interrupted",
        "_lost",
        "_meanwhile",
        "_rest",
        "_silence",
        "_silence_asked",
        "_silent_since",
        "_stalled",
        "_usual",
    )

    def __init__(self, service: Service, entrance: Entrance) -> None:
        super().__init__(service, entrance)
        self._delayed: asyncio.TimerHandle | None = None
        self._interrupted = False  # a rule has content wait at a mark
        self._rest: Callable[[], None] | None = None  # what is delayed
        self._meanwhile = False  # a rule has the client wait,
        self._early = b""  # ... and this is what it says meanwhile,
        self._usual: Callable[[bytes], None] | None = None  # ... which is for this one
        self._gone = False  # it has left, and waits for nothing any more
        self._stalled = False  # it is never answered again
        self._lost: tuple[EndOfData, list[Rcpt]] | None = None  # LMTP: who is told 250 for nothing
        self._silence: asyncio.TimerHandle | None = None
        self._silent_since = 0.0
        self._silence_asked = 0.0  # the longest silence that rules were asked about since then

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        super().connection_made(transport)
        if self._rules.silences:
            self.watch()

    def eof_received(self) -> bool:
        """The client will send no more: whom we never answer is not kept waiting, and what is delayed is done now.

        Most that say so have given up, and closed.  There is no way to know it from a client that reads on; so the
        delay ends, and a whole message that waits for its reply is there (RFC 1047), but a function that takes its
        time is not waited for.
        """
        if self._stalled:
            self._give_client_up()  # and not a word, not even TLS's last
        elif self._rest is not None:
            self._mark(monotonic())
            self._gone = True
            self._stop_delay()
            self._carry_out(self._rest)
        elif self._meanwhile:
            self._loop.call_soon(self._close_unanswered)  # by then the function has begun, and can be cancelled
            return True
        return super().eof_received()

    def _give_client_up(self) -> None:
        if not self._leaving:
            self._mark(monotonic())
            self._record.end("EOF")
            self._give_up()

    def _close_unanswered(self) -> None:
        self._give_client_up()
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and all that was to be done with it."""
        self._hear_again()
        super().connection_lost(exc)
        self._stop_waiting()

    def shut_down(self) -> None:
        """The server stops; it does not wait for what a rule delays."""
        self._stop_waiting()
        super().shut_down()

    def _stop_delay(self) -> None:
        if self._delayed is not None:
            self._delayed.cancel()
            self._delayed = None

    def _stop_waiting(self) -> None:
        self._stop_delay()
        self._rest = None
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        self._hear_again()
        self._early = b""
        if self._leaving and self._throttle is not None and self._transport.is_closing():
            self._throttle.end()

    # -- asking ------------------------------------------------------------------------------

    def _decide(self, event: Event, reply: Reply) -> Reply | Pending:
        by_verb = self._rules.by_verb
        if by_verb is None or event.verb not in by_verb:
            return self._decided(event, reply)
        return self._by_rules(event, reply)

    def _by_rules(self, event: Event, reply: Reply) -> Reply | Pending:
        """Rules first; if none acts, `decide`."""
        if isinstance(event, Malformed):  # its verb is what it would have been
            self._rules.pass_by(event.verb, reply)
            return self._decided(event, reply)
        if isinstance(event, EndOfData) and self._session.lmtp:
            return self._delivered(event, reply)
        act = self._ask(event.verb, event, reply)
        if act is None:
            return self._decided(event, reply)
        if act.throttle is not None:
            self._slow_down(*act.throttle)
        if act.delay is None:
            return self._conclude(act, event, reply)
        self._later(act.delay, functools.partial(self._conclude_late, act, event, reply))
        return PENDING

    def _ask(
        self, verb: str, event: Event | None = None, reply: Reply | None = None, amount: float | None = None
    ) -> Act | None:
        """What the rules want done now, if anything."""
        from lazr.smtptest.faults.moment import Moment

        moment = Moment(
            "END_OF_DATA" if verb == "DELIVERY" else verb,
            self._record,
            number=self._number,
            event=event,
            reply=reply,
            transaction=self._session.transaction,
            amount=amount,
            at=monotonic() - self._service.opened,
        )
        try:
            found = self._rules.ask(verb, moment)
        except BaseException as error:  # noqa: BLE001 - P7: a function of the tester's, in `where=`
            from lazr.smtptest.faults.act import Act

            return Act({"reply": self._service.raised(error)})
        if found is None:
            return None
        rule, act = found
        self._record.transcript.happened(f"rule: {rule.matching()} → {act}")
        return act

    # -- what is done with an event ----------------------------------------------------------

    def _conclude(self, act: Act, event: Event, reply: Reply) -> Reply | Pending:
        """The end of what is done: no reply at all, or one."""
        self._due = self._ending(act)
        if self._due is not None:
            return PENDING
        decision = self._decision(act, event, reply)
        if isinstance(decision, Reply):
            return self._changed(act, event, decision)
        if act.call is not None:
            self._hear_meanwhile()
        self._answering = self._loop.create_task(self._answer_late(act, event, decision))
        return PENDING

    def _conclude_late(self, act: Act, event: Event, reply: Reply) -> None:
        decision = self._conclude(act, event, reply)
        if isinstance(decision, Reply):
            self._give(decision)
        else:
            self._go_on()

    def _ending(self, act: Act) -> Callable[[], None] | None:
        """How the session ends by it; None if it goes on."""
        return self._stall if act.stall else self._drop if act.drop else self._reset if act.reset else None

    def _decision(self, act: Act, event: Event, reply: Reply) -> Reply | Awaitable[Reply]:
        """The reply that is given, or changed."""
        service = self._service
        if act.call is not None:
            return service.call(act.call, event, reply)
        own = act.own_reply
        if own is None:
            return service.decide(event, reply) if service.consider is None else service.consider(event, reply)
        if not act.accept_but_lose:
            return service.decide(event, own)
        if isinstance(event, Delivery):
            lost = [] if self._lost is None or self._lost[0] is not event.message else self._lost[1]
            self._lost = event.message, [*lost, event.rcpt]
        return own

    def _changed(self, act: Act, event: Event, reply: Reply) -> Reply:
        if act.duplicate and reply.positive:
            if isinstance(event, Delivery):
                message = event.message
                event = EndOfData(message.mail, (event.rcpt,), message.parts, message.session)
            self._service.decide(event, reply)
        changed = act.changed(reply)
        if not changed.wire:  # no reply will be written, and so none can tell those who wait for what was accepted
            self._loop.call_soon(self._service.send_all)
        return changed

    async def _answer_late(self, act: Act, event: Event, decision: Awaitable[Reply]) -> None:
        reply = self._changed(act, event, await decision)
        self._hear_again()
        self._give(reply)
        self._pass_early()

    def _delivered(self, event: EndOfData, reply: Reply) -> Reply | Pending:
        """LMTP: rules were asked for each recipient; what is left is whom the message is kept for."""
        lost, self._lost = self._lost, None
        if lost is None or lost[0].parts is not event.parts:
            return self._decided(event, reply)
        left = list(event.rcpts)
        for rcpt in lost[1]:
            left.remove(rcpt)
        if not left:
            return reply
        return self._decided(EndOfData(event.mail, tuple(left), event.parts, event.session), reply)

    def _later(self, seconds: float, function: Callable[[], None]) -> None:
        self._hear_meanwhile()
        self._rest = function
        wait = 0.0 if self._gone else min(seconds, _LONGEST)
        self._delayed = self._loop.call_later(wait, self._carry_out, function)

    def _carry_out(self, function: Callable[[], None]) -> None:
        self._delayed = self._rest = None
        if not self._leaving:
            self._mark(monotonic())
            self._hear_again()
            function()
            self._pass_early()

    # -- what the client says meanwhile ---------------------------------------------------------

    def _hear_meanwhile(self) -> None:
        """Read on while a rule has the client wait: else nobody would know that it leaves."""
        if not (self._meanwhile or self._session.hushed):  # who is to be silent is heard all the same, by the session
            self._meanwhile = self._listens = True
            self._usual, self._before = self._before, self._hear_early

    def _hear_early(self, octets: bytes) -> None:
        self._early += octets
        if len(self._early) > _MEANWHILE and not self._held:
            self._held = True
            if not self._deaf:
                self._deaf = True
                self._transport.pause_reading()

    def _hear_again(self) -> None:
        """It has waited: who heard it before does so again."""
        if self._meanwhile:
            self._meanwhile = self._listens = False
            self._before, self._usual = self._usual, None
            self._hold_no_longer()

    def _hold_no_longer(self) -> None:
        self._held = False
        if self._deaf and not (self._paused or self._transport.is_closing()):
            self._deaf = False
            self._transport.resume_reading()

    def _pass_early(self) -> None:
        """What it said meanwhile, unless it has to wait again."""
        if self._early and not (self._meanwhile or self._leaving):
            early, self._early = self._early, b""
            self._pass_on(early)

    # -- what is done in between: in content, and in silence -----------------------------------

    def _pass_mark(self) -> bool:
        """Content has come to a mark, where a rule may want something; whether the session has gone on."""
        if self._interrupted:
            return False
        act = self._ask("CONTENT", amount=self._session.mark)
        if act is None:
            self._write(self._session.read_on())
            return True
        self._interrupted = True
        if act.throttle is not None:
            self._slow_down(*act.throttle)
        rest = functools.partial(self._interrupt, act)
        if act.delay is None:
            self._loop.call_soon(self._carry_out, rest)
        else:
            self._later(act.delay, rest)
        return False

    def _interrupt(self, act: Act) -> None:
        if self._speak_up(act):
            return
        self._interrupted = False
        self._session.marks = self._rules.marks
        self._last_octets = self._last_reply = monotonic()
        self._send(self._session.read_on())

    def _speak_up(self, act: Act) -> bool:
        """Do what a rule wants when no reply is due; whether that is the session's end."""
        if act.raw is not None:
            self._record.transcript.said(Raw(act.raw))
            self._write(act.raw)
        if act.reply is not None:
            self._write(self._session.leave(act.reply, "421" if act.reply.code == 421 else "rule"))
            self._leave()
            return True
        end = self._ending(act) or (self._drop if act.close_after else None)
        if end is None:
            return False
        end()
        return True

    def watch(self) -> None:
        """See to it that rules are asked when the client is silent for as long as they say."""
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        silences = self._rules.silences
        if not silences or self._leaving:
            return
        now = monotonic()
        if self._silent_since != self._last_octets:
            self._silent_since = self._last_octets
            self._silence_asked = 0.0
        due = next((silence for silence in silences if silence > self._silence_asked), None)
        # Octets that come later move only `_last_octets`; that is seen when the timer has run out.
        wait = max(silences[0], _OFTEN)
        if due is not None and self._is_its_turn():
            wait = self._last_octets + due - now
        self._silence = self._loop.call_later(min(max(wait, 0), _LONGEST), self._hear_silence)

    def _hear_silence(self) -> None:
        self._silence = None
        silent = monotonic() - self._last_octets + _EARLY
        if self._silent_since == self._last_octets and self._is_its_turn():
            for silence in self._rules.silences:
                if self._silence_asked < silence <= silent:
                    self._silence_asked = silence
                    self._mark(monotonic())
                    act = self._ask("IDLE", amount=silence)
                    # What we say unasked does not end the client's silence.
                    before = self._last_octets, self._last_reply
                    if act is not None and self._speak_up(act):
                        return
                    self._last_octets, self._last_reply = before
        self.watch()

    def _is_its_turn(self) -> bool:
        """Whether it is the client who should say something."""
        session = self._session
        ready = self._before is None or self._before == self._decrypt
        return ready and not (session.waiting or session.handshaking or self._leaving)

    # -- what is done with a handshake ---------------------------------------------------------

    def _await_handshake(self) -> None:
        by_verb = self._rules.by_verb
        act = None if by_verb is None or "TLS" not in by_verb else self._ask("TLS")
        if act is None:
            super()._await_handshake()
            return
        if act.throttle is not None:
            self._slow_down(*act.throttle)
        if act.delay is None:
            self._handshake(act)
            return
        self._later(act.delay, functools.partial(self._handshake, act))
        self._arm()

    def _handshake(self, act: Act) -> None:
        end = self._ending(act)
        if end is not None:
            end()
            return
        super()._await_handshake()
        if act.raw is not None:
            self._before = functools.partial(self._answer_hello, act.raw)

    def _answer_hello(self, octets: bytes, _hello: bytes) -> None:
        self._record.transcript.said(Raw(octets))
        self._transport.write(octets)
        self._fail("a rule answered it with other octets")

    # -- ends ----------------------------------------------------------------------------------

    def _stall(self) -> None:
        """Never say anything again; only that the client leaves is noticed."""
        self._stalled = self._listens = True
        self._before = _hear_nothing
        self._phase_ends = None
        self._spoke = True
        self._arm()
        self._hold_no_longer()

    def _drop(self) -> None:
        """Say no more: FIN."""
        self._record.end("rule")
        self.flush()
        self._give_up()
        self._hang_up()

    def _reset(self) -> None:
        """Cut the connection: RST."""
        self._record.end("rule")
        self._give_up()
        with contextlib.suppress(OSError):  # a Unix socket knows no RST
            below: socket.socket = self._transport.get_extra_info("socket")
            below.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, 1, 0))
        self._transport.abort()

    def _give_up(self) -> None:
        self._leaving = True
        self._stop_timer()
        self._drop_answer()
        self._stop_waiting()
        self._session.abandon()

    # -- pace ----------------------------------------------------------------------------------

    def _slow_down(self, rate: float, direction: str) -> None:
        """From here on, octets pass no faster, at the wire."""
        from lazr.smtptest.net.throttle import Throttle

        throttle = self._throttle
        if throttle is None:
            stream = self._transport if isinstance(self._transport, TlsStream) else None
            below = self._transport if stream is None else stream.below
            throttle = self._throttle = Throttle(
                cast("asyncio.Transport", below),
                self._loop,
                deaf=self._deaf,
                most=self._limits.replies_waiting,
                full=self.pause_writing,
                emptied=self.resume_writing,
            )
            if stream is None:
                self._transport = cast("asyncio.Transport", throttle)
            else:
                stream.below = cast("asyncio.Transport", throttle)
            self._arm()
        throttle.slow(rate, direction)


def _hear_nothing(octets: bytes) -> None:
    """What a client says whom nobody answers."""
