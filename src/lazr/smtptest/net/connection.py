"""The pump between one socket and one session: octets in, replies out, deadlines kept."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
from typing import cast

from lazr.smtptest.clock import monotonic
from lazr.smtptest.net.approach import Approach, peer_name
from lazr.smtptest.protocol.smtp import replies
from lazr.smtptest.protocol.smtp.reply import PENDING, Reply
from lazr.smtptest.protocol.smtp.session import Session
from lazr.smtptest.protocol.smtp.transcript import MOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from lazr.smtptest.net.entrance import Entrance
    from lazr.smtptest.net.service import Consider, Service
    from lazr.smtptest.net.throttle import Throttle
    from lazr.smtptest.protocol.smtp.event import Event
    from lazr.smtptest.protocol.smtp.record import SessionRecord
    from lazr.smtptest.protocol.smtp.reply import Pending

__all__ = ["Connection"]

# How long a client that we hang up on may go on talking before its connection is cut.  Closing at
# once would answer what it still sends with a reset, and a reset can overtake our last reply.
_LINGER = 2.0


class Connection(Approach):
    """One client's connection; all its methods run in the loop's thread.  `Conduct` is its other half."""

    __slots__ = (
        "_answering",
        "_briefly",
        "_deaf",
        "_decided",
        "_due",
        "_entries",
        "_held",
        "_limits",
        "_listens",
        "_loop",
        "_mark",
        "_number",
        "_outgoing",
        "_paused",
        "_record",
        "_rules",
        "_service",
        "_stopping",
        "_throttle",
        "_timer",
        "_unread",
    )

    def __init__(self, service: Service, entrance: Entrance) -> None:
        super().__init__(entrance)
        self._service = service
        self._limits = service.limits
        self._loop = service.loop
        self._answering: asyncio.Future[Any] | None = None
        self._rules = service.rules
        self._due: Callable[[], None] | None = None  # what a rule wants done when the session has stopped reading
        self._number = 0  # it is the n-th connection
        self._held = False  # a rule has us read nothing for a while
        self._listens = False  # ... or hear the client while it waits, to know when it leaves
        self._throttle: Throttle | None = None
        self._outgoing = b""  # replies that are written when this turn of the loop is over
        self._briefly = False  # the answer that is due comes in a moment: it is not worth while to stop reading
        self._deaf = False  # nothing is read from the socket
        self._stopping = False  # the server stops; only a reply that is due is waited for
        self._paused = False  # too many replies wait for the client to read them
        self._timer: asyncio.TimerHandle | None = None
        self._unread = 0  # replies that waited when the write deadline was set
        self._record: SessionRecord
        self._entries: list[Any]  # its transcript's
        self._mark: Callable[[float], None]

    # -- what asyncio calls ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there: greet it, or send it away."""
        # Not asserted: uvloop's transports are of asyncio's kind, but not of its class.
        self._transport = below = cast("asyncio.Transport", transport)
        below.set_write_buffer_limits(high=self._limits.replies_waiting)
        self._started = self._last_octets = self._last_reply = monotonic()
        service, entrance = self._service, self._entrance
        name = transport.get_extra_info("peername")
        trusted = entrance.trusts(name[0] if isinstance(name, tuple) else None)
        consider = service.consider
        self._decided = service.decide if consider is None else functools.partial(self._consider, consider)
        self._trusted = trusted
        decide = self._decide if service.unsafe is None else self._decide_safely
        self._session = Session(decide, entrance.profile(None, trusted=trusted), new_sink=service.new_sink)
        self._record = self._session.record
        self._entries = self._record.transcript.entries
        self._mark = self._record.transcript.mark
        self._mark(self._started)
        self._record.peer = peer_name(name)
        welcome = service.enter(self)
        if service.closing or not welcome:
            # RFC 5321 3.8, 4.2.3: a server that cannot take more says so, and does not linger over it.
            if not (entrance.proxy or entrance.implicit):  # else the client expects something else first
                below.write((replies.SHUTTING_DOWN if service.closing else replies.TOO_MANY_CONNECTIONS).wire)
            self._leaving = True
            below.close()
        else:
            self._number = self._record.number = service.count()
            service.remember(self._record)
            self._approach()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to read to: one buffer for all, as each read is done with before the next begins."""
        throttle = self._throttle
        return self._service.buffer if throttle is None else self._service.buffer[: throttle.room]

    def buffer_updated(self, nbytes: int) -> None:
        """The client has sent something."""
        now = self._last_octets = monotonic()
        entries = self._entries
        entries.append(now)  # `self._mark(now)`, without the cost of a call
        if len(entries) > MOST:
            self._record.transcript.cut()
        self._service.heard += 1
        octets = bytes(self._service.buffer[:nbytes])
        if self._before is None:
            self._receive(octets)
        elif not self._leaving:
            self._before(octets)
        if self._throttle is not None:
            self._throttle.took(nbytes)

    def _receive(self, octets: bytes) -> None:
        """The session's own octets."""
        service = self._service
        session = self._session
        session.marks = self._rules.marks
        output = session.receive(octets)
        if session.halted and session.closing and self._before is not None:
            # In two writes, an asyncio client may read the 221, end its loop and never see the close.
            self._stream.closing = True
        if output:
            if service.alone:
                self._write(output)
            else:
                # Others are likely to have sent something too: see `Service.send_soon`.
                self._last_reply = self._last_octets
                if not self._outgoing:
                    service.send_soon(self)
                self._outgoing += output
        if session.halted:
            self.flush()
            self._go_on()

    def eof_received(self) -> bool:
        """The client will send no more; it still gets every reply that is due."""
        if self._leaving:
            return False
        self._mark(monotonic())
        self._note_end()
        if self._leaving:
            return False
        self._send(self._session.end_of_input())
        return not self._leaving

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; whatever was unfinished goes with it."""
        if not self._leaving:
            self._mark(monotonic())
            self._note_end()
        self._record.end("EOF" if exc is None else "reset")
        self._leaving = True
        self._stop_timer()
        self._drop_answer()
        self._session.abandon()
        self._service.leave(self)

    def pause_writing(self) -> None:
        """The client does not read its replies: read no more of its commands."""
        self._paused = True
        self._last_octets = monotonic()  # from here on, until it reads, the write deadline counts
        if not self._deaf:
            self._deaf = True
            self._transport.pause_reading()
        self._unread = self._replies_unread()
        self._arm()

    def resume_writing(self) -> None:
        """The client has read most of its replies."""
        self._paused = False
        if self._leaving:
            return
        self._last_octets = self._last_reply = monotonic()
        self._arm()
        self._send(b"")

    # -- deciding ----------------------------------------------------------------------------

    def _decide_safely(self, event: Event, reply: Reply) -> Reply | Pending:
        """What the session asks, where nothing is accepted before it is safe."""
        decision = self._decide(event, reply)
        if self._service.unsafe and isinstance(decision, Reply):
            return self._until_safe(decision)
        return decision

    def _decide(self, event: Event, reply: Reply) -> Reply | Pending:
        """What the session asks."""
        raise NotImplementedError

    def _pass_mark(self) -> bool:
        """Content has come to a mark; whether the session has gone on behind it."""
        raise NotImplementedError

    def _consider(self, consider: Consider, event: Event, reply: Reply) -> Reply | Pending:
        """Ask somebody who may take his time; nobody is asked any more when the server stops."""
        if self._service.closing:
            return replies.SHUTTING_DOWN
        decision = consider(event, reply)
        if isinstance(decision, Reply):
            return decision
        self._answering = self._loop.create_task(self._answer(decision))
        return PENDING

    async def _answer(self, decision: Awaitable[Reply]) -> None:
        self._give(await decision)

    def _until_safe(self, reply: Reply) -> Pending:
        """The reply may go when what it says is true: the mail, or several copies of it, are safe (P1)."""
        unsafe, self._service.unsafe = self._service.unsafe or [], []
        safe = unsafe[0] if len(unsafe) == 1 else asyncio.gather(*unsafe)
        self._answering = safe
        self._briefly = True
        safe.add_done_callback(functools.partial(self._give_safely, reply))
        return PENDING

    def _give_safely(self, reply: Reply, safe: asyncio.Future[Any]) -> None:
        if not safe.cancelled():
            said = safe.result()
            refusals = said if isinstance(said, list) else [said]
            self._give(next(filter(None, refusals), reply))

    def _give(self, reply: Reply) -> None:
        """The reply that was pending."""
        if self._service.unsafe:
            self._until_safe(reply)
            return
        self._answering = None
        self._briefly = False
        now = self._last_octets = self._last_reply = monotonic()
        self._mark(now)
        self._session.marks = self._rules.marks
        self._send(self._session.answer(reply))
        if self._stopping:
            self.shut_down()

    # -- sending -----------------------------------------------------------------------------

    def _send(self, output: bytes) -> None:
        """Write, and see how to go on."""
        self._write(output)
        self._go_on()

    def flush(self) -> None:
        """Write what was to be written soon."""
        output = self._outgoing
        if output:
            self._outgoing = b""
            self._transport.write(output)

    def _write(self, output: bytes) -> None:
        """Write, and tell those who wait for what was accepted that its reply is written."""
        self.flush()
        if output:
            self._transport.write(output)
            self._last_octets = self._last_reply = monotonic()
            if self._service.fresh:
                self._service.send_all()

    def _go_on(self) -> None:
        """The session has stopped reading, or may read again: see what is to be done."""
        session = self._session
        if self._due is not None:
            due, self._due = self._due, None
            due()
            return
        # P4: a server that stops leaves the rest of what a client has said unread, as it does what is yet to come.
        while (session.backlog or session.at_mark) and not (self._paused or self._service.closing):
            if session.at_mark:
                if not self._pass_mark():
                    break
            else:
                self._write(session.receive(b""))
        if session.closing:
            self._leave()
            return
        if session.handshaking and self._before is None:
            self._await_handshake()
        if self._leaving:
            return
        # While the client must be silent it is heard all the same, so that what it says is found out.
        waits = session.waiting and not (session.hushed or self._listens)
        if waits and self._briefly and not session.has_unread:
            waits = False
        if self._deaf != (waits or self._paused or self._held):
            self._deaf = not self._deaf
            if self._deaf:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _leave(self) -> None:
        """Close when the last reply is sent."""
        if self._leaving:
            return
        self._leaving = True
        self._stop_timer()
        self._drop_answer()
        if self._session.orderly:
            self._transport.close()
            if self._transport.get_write_buffer_size():
                self._linger()
        else:
            self._hang_up()

    def _hang_up(self) -> None:
        """Say no more, but hear what the client still sends, for a while."""
        self._transport.resume_reading()
        with contextlib.suppress(OSError):  # the client is gone, and nobody has told us yet
            if self._transport.can_write_eof():
                self._transport.write_eof()
        self._linger()

    def _linger(self) -> None:
        needed = 0.0 if self._throttle is None else self._throttle.seconds_left
        self._timer = self._loop.call_later(_LINGER + needed, self._transport.abort)

    def shut_down(self) -> None:
        """The server stops: say so, and close when that is sent."""
        self._stopping = True
        if self._answering is not None and not self._leaving:
            return  # a reply is due, and goes out first
        self._say_goodbye()
        self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever is unsent or undecided."""
        self._say_goodbye()
        self._transport.abort()

    def _say_goodbye(self) -> None:
        if self._throttle is not None:
            self._throttle.lift()  # P4
        if not self._leaving:
            self._mark(monotonic())
            if self._before is None or self._before == self._decrypt:  # else the client expects no SMTP now
                self._write(self._session.shut_down())
            self._record.end("stop")
            self._leaving = True
            self._stop_timer()
            self._drop_answer()

    def _drop_answer(self) -> None:
        """Whatever is decided now comes too late: the client has been told something else."""
        if self._answering is not None and self._answering is not asyncio.current_task():
            self._answering.cancel()
            self._answering = None

    # -- the clock ---------------------------------------------------------------------------

    def _deadline(self) -> float | None:
        """When the client will have been too slow; None if there is no limit to it."""
        limits = self._limits
        session_ends = None if limits.session_timeout is None else self._started + limits.session_timeout
        if self._phase_ends is not None:
            return _sooner(session_ends, self._phase_ends)
        if self._paused:
            client_must = None if limits.write_timeout is None else self._last_octets + limits.write_timeout
            return _sooner(session_ends, client_must)
        if self._session.waiting or self._held or self._listens or self._throttle is not None:  # it waits for us
            return session_ends
        idle, command = limits.idle_timeout, limits.command_timeout
        if self._service.crowded:
            idle, command = _sooner(idle, limits.crowded_timeout), _sooner(command, limits.crowded_timeout)
        deadline = _sooner(session_ends, None if idle is None else self._last_octets + idle)
        if command is None:
            return deadline
        if not self._session.in_content:
            return _sooner(deadline, self._last_reply + command)
        if limits.data_rate is None:
            return deadline
        return _sooner(deadline, self._last_reply + command + self._session.content_size / limits.data_rate)

    def _arm(self) -> None:
        """Set the one timer to the deadline as it is now; octets that come later move only the deadline."""
        self._stop_timer()
        deadline = self._deadline()
        if deadline is not None:
            self._timer = self._loop.call_later(max(deadline - monotonic(), 0), self._look_at_clock)

    def _look_at_clock(self) -> None:
        deadline = self._deadline()
        now = monotonic()
        if deadline is None:
            self._timer = None
        elif now < deadline:
            self._timer = self._loop.call_later(max(deadline - monotonic(), 0), self._look_at_clock)
        elif self._phase_ends is not None:
            self._mark(now)
            self._fail(self._too_slow())
        elif self._paused:
            waiting = self._replies_unread()
            if waiting < self._unread and not self._too_old(now):  # slow, but reading
                self._unread = waiting
                self._last_octets = now
                self._arm()
            else:
                self._record.end("timeout")
                self._transport.abort()
        else:
            self._mark(now)
            self._write(self._session.time_out())
            self._leave()

    def _replies_unread(self) -> int:
        """How many octets the client has still to take, here and, where it can be known, in the kernel."""
        in_kernel = 0
        with contextlib.suppress(ImportError, OSError):
            import fcntl
            import termios

            file = self._transport.get_extra_info("socket").fileno()
            in_kernel = int.from_bytes(fcntl.ioctl(file, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        return self._transport.get_write_buffer_size() + in_kernel

    def _too_old(self, now: float) -> bool:
        return self._limits.session_timeout is not None and now >= self._started + self._limits.session_timeout

    def crowded(self) -> None:
        """The server has become crowded, or is not any more: deadlines are others now."""
        if not self._leaving:
            self._arm()

    def watch(self) -> None:
        """See to it that rules are asked when the client is silent."""
        raise NotImplementedError

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _sooner(one: float | None, other: float | None) -> float | None:
    """The lesser of two deadlines, either of which may be missing."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
