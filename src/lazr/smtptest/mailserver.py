"""MailServer: listeners, sessions, your decisions and the inbox, wired together."""

from __future__ import annotations

import functools
import threading
from collections import deque

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import RuleNeverActed, StartError, StopTimeout
from lazr.smtptest.faults.rules import Rules
from lazr.smtptest.mail.inbox import Inbox
from lazr.smtptest.mail.mail import Envelope, Mail
from lazr.smtptest.net import switching
from lazr.smtptest.net.reception import THIS_MACHINE, Reception
from lazr.smtptest.net.sessions import Sessions
from lazr.smtptest.protocol.smtp.event import EndOfData
from lazr.smtptest.protocol.smtp.event import Mail as MailCommand
from lazr.smtptest.protocol.smtp.profile import Profile
from lazr.smtptest.protocol.smtp.reply import Reply
from lazr.smtptest.reachable import Reachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import TracebackType
    from typing import Final, Literal, Self, TypeVar, Unpack

    from lazr.smtptest.faults.rule import Rule
    from lazr.smtptest.faults.selector import Selectors
    from lazr.smtptest.keeping import Keeping
    from lazr.smtptest.net.listener import Listen, Listener
    from lazr.smtptest.net.loop import Runner
    from lazr.smtptest.net.service import Service
    from lazr.smtptest.net.tls import Tls
    from lazr.smtptest.protocol.smtp.auth import Accept, Auth
    from lazr.smtptest.protocol.smtp.event import Event
    from lazr.smtptest.protocol.smtp.extension import Extension
    from lazr.smtptest.protocol.smtp.leniency import Lenient
    from lazr.smtptest.protocol.smtp.limits import Limits
    from lazr.smtptest.store.contract import Store

    T = TypeVar("T")
    Decide = Callable[[Event, Reply], Reply | Awaitable[Reply]]

__all__ = ["MailServer", "mail_of"]

# The ends of so many dialogues, so many lines each, are evidence for what did not come.
_DIALOGUES = 2
_LAST_LINES = 8
_ENDED = {
    "QUIT": "by QUIT",
    "EOF": "without QUIT",
    "reset": "by a reset",
    "timeout": "by a timeout",
    "421": "by a 421",
    "rule": "by a rule",
    "stop": "with the server",
    "TLS failed": "in the handshake",
    "PROXY failed": "in the proxy's header",
}

# So many refusals, and exceptions of handlers, are kept for the failures that they explain.
_REMEMBERED = 10

# Who waited for a 250 has gone by now, so what is still on its way into a store gets so many seconds.
_GRACE = 5.0

_HANDLER_RAISED = Reply(451, "4.3.0", "Local error: a handler of this server raised an exception")


class MailServer(Reachable):
    """A real SMTP server that lives inside your test.

    >>> import smtplib
    >>> with MailServer() as server:
    ...     with smtplib.SMTP(*server.address) as client:
    ...         _ = client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\\r\\n\\r\\nHello")
    ...     server.inbox.one(to="bob@example.com").subject
    'Hi'

    Where it listens: `host` and `port` (0 is any free one), and what `also` names: further `Listen`
    values, for IPv6 or Unix sockets.

    What it is: `hostname` and `greeting`, `extensions` (keywords, or rows of your own; all by
    default), `limits`, `lenient`, `bare_line_ends` and `strict` are those of `Profile`.

    Who may come, and how:

    - `tls`: `"starttls"`, `"implicit"` or `"both"`, with a certificate that is made for you (the extra
      `tls`), or a `Tls` that says what is to be wrong with it.
    - `auth`: `{"user": "password"}`, a function of the `Credentials`, `"any"`, or an `Auth`.
    - `protocol`: `"smtp"`, or `"lmtp"` (RFC 2033).
    - `proxy=True`: connections begin with a PROXY protocol header; `xclient=True`: XCLIENT is offered.
      Both only for peers that are `trusted`, addresses and networks; this machine alone by default.

    What it answers: `decide(event, reply)` is asked about everything that happens, with the reply
    that would be given, and returns the reply to give; see `lazr.smtptest.protocol.smtp.event` for
    the events.  It runs in the server's thread.  A coroutine function may take its time: other
    sessions go on meanwhile.  What it raises is answered 451 4.3.0 and raised again by `stop()`, at
    the end of the `with` block, or by a wait on the inbox that failed.

    What it does wrong: `server.on(when, …)` makes a `Rule`; `server.rules` are all of them, and are asked before
    `decide`.  A rule that never acted, and is not `optional()`, raises `RuleNeverActed` at the end of the `with`
    block, or in `stop()`.  `seed` is what the rules' dice come from; any number by default.

    - `keep_mails=False` keeps nothing in the inbox: `decide` alone sees the messages.  A number keeps the latest so
      many, `keep_bytes` the latest with so many octets of content together: for servers that run for long.
    - `store`: a store that is open; mails go there too, and are safe in it before the client is told 250.  Where they
      cannot be stored, the client is told 451 or 452, and the inbox does not have them either.
    - `loop="uvloop"` runs on uvloop (the extra `uvloop`), which is faster.
    - `switch_interval`: seconds; while the server runs, the whole process's `sys.setswitchinterval`
      is this.  A test that computes in pure Python while another process sends mail gets it sooner
      with 0.0005 than with Python's usual 0.005.

    Raises `ValueError` for settings that make no sense, `MissingExtra` where a library is missing.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        also: Iterable[Listen] = (),
        hostname: str = "localhost",
        greeting: str = "ESMTP lazr.smtptest",
        extensions: Iterable[Extension | str] | None = None,
        limits: Limits | None = None,
        lenient: Lenient | None = None,
        bare_line_ends: Literal["reject", "accept"] = "reject",
        strict: bool = False,
        tls: Literal["starttls", "implicit", "both"] | Tls | None = None,
        auth: Accept | Auth | None = None,
        protocol: Literal["smtp", "lmtp"] = "smtp",
        proxy: bool = False,
        xclient: bool = False,
        trusted: Iterable[str] = THIS_MACHINE,
        decide: Decide | None = None,
        seed: int | str | None = None,
        keep_mails: bool | int = True,
        keep_bytes: int | None = None,
        store: Store | None = None,
        loop: Literal["asyncio", "uvloop"] = "asyncio",
        switch_interval: float | None = None,
    ) -> None:
        if loop not in ("asyncio", "uvloop"):
            raise ValueError(f'loop is "asyncio" or "uvloop", not {loop!r}')
        who = _auth_of(auth)
        profile = Profile(
            hostname=hostname,
            greeting=greeting,
            extensions=extensions,
            limits=limits,
            lenient=lenient,
            bare_line_ends=bare_line_ends,
            strict=strict,
            auth=who,
            raised=self._raised,
            xclient=xclient,
        )
        reception = Reception(profile, tls=tls, protocol=protocol, proxy=proxy, trusted=trusted, also=also)
        super().__init__(host, port, reception)
        self._limits = profile.limits
        self.inbox: Inbox = Inbox(
            self, keep_mails=None if isinstance(keep_mails, bool) else keep_mails, keep_bytes=keep_bytes
        )
        self.rules: Final[Rules] = Rules(seed, decided_later=decide is not None)
        self.rules.changed = self._silences_changed
        self.rules.runs_here = lambda: self.runs_here
        self._opened_first: float | None = None
        self._user_decide = decide
        self._keep_mails = keep_mails is not False
        self._store = store
        self._keeping: Keeping | None = None
        self._loop_kind = loop
        self._switch_interval = switch_interval
        self._wished = False
        self._received = 0
        self._sessions = Sessions()
        self._errors: list[BaseException] = []
        self._refusals: deque[str] = deque(maxlen=_REMEMBERED)
        self._refused = 0
        self._runner: Runner | None = None
        self._service: Service | None = None
        self._opened = threading.Event()
        self._lock = threading.Lock()

    # -- how it is --------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether it is started and not yet stopped."""
        return self._runner is not None and not self._runner.ended and not self._runner.forked

    def __repr__(self) -> str:
        how = f"{'running' if self.running else 'stopped'}, {self.inbox!r}"
        dice = f", seed={self.seed}" if self.rules.by_chance else ""
        return f"<MailServer {self._host}:{self._port} {how}{dice}>"

    @property
    def runs_here(self) -> bool:
        """Whether its loop runs in this thread, so that whoever blocks here keeps it from working."""
        return self._runner is not None and self._runner.here

    def explain(self) -> list[str]:
        """What may be the reason that a mail did not come, a line each: for the failures of its inbox."""
        lines = [] if self.running else ["the server is not running; `with MailServer() as server:` starts it"]
        if self._refused:
            lines.append(f"{self._refused} command{'s were' if self._refused > 1 else ' was'} refused:")
            if self._refused > len(self._refusals):
                lines.append(f"  (the last {len(self._refusals)})")
            lines.extend(f"  {refusal}" for refusal in self._refusals)
        for session in [session for session in self.sessions if session.tls_failure or session.proxy_failure][-3:]:
            what = f"no TLS: {session.tls_failure}" if session.tls_failure else f"PROXY: {session.proxy_failure}"
            lines.append(f"the session from {session.peer} came to no good end; {what}")
        lines += [f"there are rules with a probability: {line}" for line in self.rules.explain_dice()]
        return lines + self._last_words()

    def _last_words(self) -> list[str]:
        """The ends of the latest dialogues."""
        sessions = self.sessions[-_DIALOGUES:]
        if not sessions and self._listeners:
            places = [listener.path or f"{listener.host}:{listener.port}" for listener in self._listeners]
            return [f"no client has connected to {' or '.join(places)}"]
        lines = []
        for session in sessions:
            how = "is still open" if session.ended is None else f"ended {_ENDED.get(session.ended, session.ended)}"
            lines.append(f"the session from {session.peer} {how}; its last lines:")
            lines.extend([str(line) for line in session.transcript if not line.content][-_LAST_LINES:])
        return lines

    def settle(self, timeout: float = 5.0) -> Sessions:
        """Wait until no client is connected any more, and return the sessions.

        What a session says is not all before that: a client may know of its failed handshake, or close, before the
        server does.  (Its mails are there as soon as it has read the 250; no need to wait for those.)

        Raises `TimeoutError`, which names the sessions that are open, when `timeout` seconds have passed, and
        `RuntimeError` in the loop that an `async with MailServer()` runs in: there, `await server.async_settle()`.

        >>> import smtplib
        >>> with MailServer() as server:
        ...     with smtplib.SMTP(*server.address) as client:
        ...         _ = client.noop()
        ...     server.settle()[-1].ended
        'QUIT'
        """
        runner = self._runner
        if runner is not None and runner.here:
            raise RuntimeError(
                "waiting here would stop the loop that the server runs in; use `await server.async_settle()`"
            )
        if runner is not None and self.running:
            try:
                runner.settle(timeout)
            except TimeoutError:
                raise TimeoutError(self._unsettled(timeout)) from None
        return self._sessions

    async def async_settle(self, timeout: float = 5.0) -> Sessions:  # noqa: ASYNC109 - the same word as in `settle`
        """`settle` for a coroutine, in the server's own loop or in another.  Raises `TimeoutError` as that does."""
        import asyncio

        runner, service = self._runner, self._service
        try:
            if runner is not None and service is not None and runner.here:
                async with asyncio.timeout(timeout):
                    await service.settled()
            else:
                await asyncio.to_thread(self.settle, timeout)
        except TimeoutError:
            raise TimeoutError(self._unsettled(timeout)) from None
        return self._sessions

    def _unsettled(self, timeout: float) -> str:
        lines = [f"clients are still connected after {timeout:g} s:"]
        for session in [session for session in self._sessions if session.ended is None][-_DIALOGUES:]:
            lines += [f"  {session!r}; its last line:", f"  {session.transcript.last(1)}"]
        return "\n".join(lines)

    def forget(self) -> None:
        """Forget what came and what was told, for the next test: mails, sessions, what handlers raised, and rules.

        Clients stay connected, so their sessions stay as well; what they send from now on comes in.  The next client
        that connects is the first one, for rules with `session=`.
        """
        self._errors = []
        self._refused = 0
        self._refusals.clear()
        self._sessions.clear()
        self.rules.forget()
        self.inbox.clear()
        if self._service is not None:
            self._service.forget()

    # -- who came, and how -------------------------------------------------------------------

    @property
    def sessions(self) -> Sessions:
        """What happened in each session, live and past: TLS, credentials, the dialogue; and counts of them all.

        A sequence, in the order in which they began.  Of the past ones the latest 1,000 are kept.
        """
        return self._sessions

    # -- rules -------------------------------------------------------------------------------

    def on(self, when: str, **selectors: Unpack[Selectors]) -> Rule:
        """A rule, to be told what to do: `server.on("RCPT", to="*@full.example").reply(452, "4.2.2", "Mailbox full")`.

        It acts from the moment on in which it is told, behind the rules that were there before; see `Rule`.  Raises
        `ValueError` or `TypeError` for what makes no sense.

        >>> server = MailServer()
        >>> server.on("DATA").reply(451, "4.3.0", "Try later").times(2)
        <Rule DATA → reply(451, '4.3.0', 'Try later').times(2), never acted>
        """
        return self.rules.on(when, **selectors)

    @property
    def seed(self) -> int | str:
        """What the dice of rules with a probability come from; `MailServer(seed=…)` with it repeats a run."""
        return self.rules.seed

    def check_rules(self) -> None:
        """Raise `RuleNeverActed` if a rule never acted that is not optional; each rule is told of once.

        The end of a `with` block, and `stop`, do this.
        """
        self.rules.check()

    def _silences_changed(self) -> None:
        """From any thread: connections have to look for other silences now."""
        runner, service = self._runner, self._service
        if runner is not None and service is not None:
            runner.soon(service.watch)

    # -- starting and stopping ---------------------------------------------------------------

    def bind(self) -> None:
        """Bind and listen, in this thread; clients can connect from now on, and wait for `start`.

        `start` does this itself.  Raises `OSError` if a port is taken.
        """
        from lazr.smtptest.net.listener import Listener

        if self._listeners:
            return
        listeners: list[Listener] = []
        try:
            for where in self._reception.places(self._host, self._port):
                listeners.append(Listener(where))  # noqa: PERF401 - what is bound so far is closed if one fails
        except BaseException:
            for listener in listeners:
                listener.close()
            raise
        self._listeners = listeners
        self._port = listeners[0].port

    def start(self) -> None:
        """Start the server in a thread of its own; clients can connect when this returns.

        Raises `OSError` if a port is taken, `StartError` if the server runs already.
        """
        with self._lock:
            runner = self._prepare()
            try:
                runner.start(self._loop_kind, f"smtptest {self._host}:{self._port}")
            except BaseException:
                self._release()
                raise

    def run(self) -> None:
        """Run the server in this thread, until another thread, or a handler, calls `stop`."""
        with self._lock:
            runner = self._prepare()
        try:
            runner.run(self._loop_kind)
        finally:
            if self._runner is runner:  # else it was given up, and perhaps started again
                self._release()

    def stop(self, deadline: float = 5.0) -> None:
        """Stop: the port is closed and the thread has ended when this returns.

        Replies that are due go out first, and clients are told 421.  Stopping a server that does
        not run does nothing.  Called by a handler, in the server's thread, it only asks for the stop.

        Raises `StopTimeout` if the thread has not ended within `deadline` seconds (the port is
        closed all the same), what a handler raised while the server ran, and `RuleNeverActed`.
        """
        runner = self._runner
        if runner is not None and runner.here:
            runner.stop(deadline)
            return
        with self._lock:
            runner = self._runner
            if runner is not None and runner.forked:
                self._forget()  # the parent's thread goes on with it
                return
            try:
                if runner is not None:
                    runner.stop(deadline)
            except StopTimeout:
                # The sockets are the thread's to close, if it ever comes to it.
                for listener in self._listeners:
                    listener.unlink()
                self._listeners = [listener for listener in self._listeners if not listener.refuse()]
                raise
            finally:
                self._release()
        if runner is not None:
            self._judge()

    def _judge(self) -> None:
        """The end: what handlers raised comes first, then the rules that never acted."""
        try:
            self.raise_errors()
        except BaseException as error:  # noqa: BLE001 - a handler may raise what it likes
            raised = error
        else:
            self.check_rules()
            return
        try:
            self.check_rules()
        except RuleNeverActed as verdict:
            raised.add_note(f"and {verdict}")
        raise raised

    def call(self, function: Callable[[], T], timeout: float = 5.0) -> T:
        """Call a function in the server's thread, between two events, and return what it returns.

        Where the server does not run, or this is its thread, the function is called at once.  Raises
        what the function raises, and `TimeoutError` when it has not ended after `timeout` seconds.
        """
        runner = self._runner
        if runner is None or runner.here or not self.running:
            return function()
        return runner.call(function, timeout)

    def raise_errors(self) -> None:
        """Raise what handlers have raised since the last time: the exception itself, or a group of several."""
        errors, self._errors = self._errors, []
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise BaseExceptionGroup("several calls of the server's handler raised", errors)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._note_seed(error)
        try:
            self.stop()
        except BaseException as ours:  # noqa: BLE001 - a handler may raise what it likes
            self._note(error, ours)

    async def __aenter__(self) -> Self:
        """Run in the loop that runs this, with no thread."""
        with self._lock:
            runner = self._prepare()
        try:
            await runner.open()
        except BaseException:
            self._release()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._note_seed(error)
        runner = self._runner
        try:
            if runner is not None:
                await runner.close(5.0)
        finally:
            self._release()
        try:
            self._judge()
        except BaseException as ours:  # noqa: BLE001 - a handler may raise what it likes
            self._note(error, ours)

    def _note_seed(self, error: BaseException | None) -> None:
        if error is not None:
            for line in self.rules.explain_dice():
                error.add_note(line)

    @staticmethod
    def _note(error: BaseException | None, ours: BaseException) -> None:
        """At the end of a `with` block: the test's own failure comes first, and names ours."""
        if error is None:
            raise ours
        if isinstance(ours, RuleNeverActed):
            error.add_note(f"and {ours}")
        else:
            error.add_note(f"and the server's handler, or its stop, raised {type(ours).__name__}: {ours}")

    def _prepare(self) -> Runner:
        from lazr.smtptest.net.loop import Runner
        from lazr.smtptest.net.service import Service

        if self._runner is not None:
            if not self._runner.forked and not self._runner.ended:
                raise StartError(f"{self!r} is started already")
            self._release()
        self.bind()
        try:
            entrances = self._reception.entrances(self._listeners)
        except BaseException:
            self._release()
            raise
        ask = self._user_decide
        if self._opened_first is None:
            self._opened_first = monotonic()
        self.rules.begin()
        service = Service(
            entrances,
            self._limits,
            decide=self._settle,
            consider=None if ask is None else functools.partial(self._ask, ask),
            announce=self.inbox.announce,
            remember=self._sessions.add,
            rules=self.rules,
            opened=self._opened_first,
            call=self._call,
            raised=self._raised,
        )
        self._service = service
        self._opened.clear()
        self._runner = Runner(service, opened=self._opened.set)
        if self._store is not None:
            from lazr.smtptest.keeping import Keeping

            self._keeping = Keeping(
                self._store,
                service,
                soon=self._runner.soon,
                kept=self._append,
                refused=self._note_unkept,
                raised=self._raised,
            )
        if self._switch_interval is not None:
            switching.wish(self._switch_interval)
            self._wished = True
        return self._runner

    def _release(self) -> None:
        """The end of a run, however it ended."""
        for listener in self._listeners:
            listener.close()
        self._listeners = []
        self._runner = None
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.close(_GRACE)
        self.inbox.announce()  # nothing more will come
        if self._wished and self._switch_interval is not None:
            self._wished = False
            switching.withdraw(self._switch_interval)

    def _forget(self) -> None:
        """In a forked child: let go of our copies, and leave the parent's server alone."""
        for listener in self._listeners:
            listener.forget()
        self._listeners = []
        self._runner = None
        self._keeping = None

    # -- in the server's thread --------------------------------------------------------------

    def _ask(self, ask: Decide, event: Event, reply: Reply) -> Reply | Awaitable[Reply]:
        try:
            decision = ask(event, reply)
        except BaseException as error:  # noqa: BLE001 - P7: raised again in the thread of the test
            return self._raised(error)
        if isinstance(decision, Reply):
            return self._settle(event, decision)
        if not hasattr(decision, "__await__"):
            return self._raised(_no_reply(decision))
        return self._later(event, decision)

    def _call(self, function: Callable[[Event], object], event: Event, reply: Reply) -> Reply | Awaitable[Reply]:
        """A rule's function; where it returns None, the reply is what it would be without the rule."""

        def ask(event: Event, reply: Reply) -> Reply | Awaitable[Reply]:
            said = function(event)
            if hasattr(said, "__await__"):
                return awaited(said)
            return said if said is not None else otherwise(event, reply)  # type: ignore[return-value]  # _ask sees

        async def awaited(said: Awaitable[object]) -> Reply:
            reached = await said
            if reached is None:
                other = otherwise(event, reply)
                return other if isinstance(other, Reply) else await other
            return reached  # type: ignore[return-value]  # _later sees

        otherwise = self._user_decide or (lambda event, reply: reply)
        return self._ask(ask, event, reply)

    async def _later(self, event: Event, decision: Awaitable[Reply]) -> Reply:
        try:
            reply = await decision
        except BaseException as error:
            # P7; but a session that ends cancels what nobody waits for any more.
            if type(error).__name__ == "CancelledError":
                raise
            return self._raised(error)
        if not isinstance(reply, Reply):
            return self._raised(_no_reply(reply))
        return self._settle(event, reply)

    def _settle(self, event: Event, reply: Reply) -> Reply:
        """P1: what is accepted is in the inbox before the client is told so."""
        if reply.code >= 400:
            self._note_refusal(event.said(), reply)
        elif isinstance(event, EndOfData):
            if self._keeping is not None:
                return self._keep_safely(self._keeping, event, reply)
            if self._keep_mails:
                self._received += 1
                self._append(mail_of(event, str(self._received)))
        elif self._keeping is not None and isinstance(event, MailCommand):
            refusal = self._keeping.room(event)
            if refusal is not None:
                self._note_refusal(event.said(), refusal)
                return refusal
        return reply

    def _note_refusal(self, what: str, reply: Reply) -> None:
        self._refused += 1
        self._refusals.append(f"{what}: {' / '.join(str(reply).splitlines())}")

    def _note_unkept(self, mail: Mail, reply: Reply) -> None:
        self._note_refusal(f"the message of {mail.size:,} octets from {mail.envelope.peer}", reply)

    def _keep_safely(self, keeping: Keeping, event: EndOfData, reply: Reply) -> Reply:
        return keeping.keep(mail_of(event, keeping.new_id()), reply)

    def _append(self, mail: Mail) -> None:
        if self._keep_mails:
            self.inbox.append(mail)
            if self._service is not None:
                self._service.fresh = True  # P2: who waits wakes up when the reply is written

    def _raised(self, error: BaseException) -> Reply:
        if len(self._errors) < _REMEMBERED:
            self._errors.append(error)
        return _HANDLER_RAISED


def mail_of(message: EndOfData, id: str) -> Mail:
    """The mail that a message makes: its envelope out of the commands, its content as it came."""
    # Lists, not generators: this runs for each mail, and a generator's set-up costs more than its work.
    envelope = Envelope(
        message.mail.path.mailbox,
        tuple([rcpt.path.mailbox for rcpt in message.rcpts]),
        mail_parameters=message.mail.parameters,
        rcpt_parameters=tuple([rcpt.parameters for rcpt in message.rcpts]),
        helo=message.helo,
        peer=message.peer,
        tls=message.session.tls,
        auth=message.session.auth,
    )
    return Mail(id, envelope, message.parts, session=message.session)


def _no_reply(decision: object) -> TypeError:
    return TypeError(
        f"decide, or a rule's call, returned {decision!r}; return the reply that it was given, or another Reply"
    )


def _auth_of(auth: Accept | Auth | None) -> Auth | None:
    if auth is None:
        return None
    from lazr.smtptest.protocol.smtp.auth import Auth

    return auth if isinstance(auth, Auth) else Auth(auth)
