"""MailServer: listeners, sessions, your decisions and the inbox, wired together."""

from __future__ import annotations

import functools
import threading
from collections import deque

from lazr.smtptest.errors import StartError, StopTimeout
from lazr.smtptest.mail.inbox import Inbox
from lazr.smtptest.mail.mail import Envelope, Mail
from lazr.smtptest.net import switching
from lazr.smtptest.protocol.smtp.event import EndOfData
from lazr.smtptest.protocol.smtp.profile import Profile
from lazr.smtptest.protocol.smtp.reply import Refused, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterable
    from types import TracebackType
    from typing import Literal, Self, TypeVar

    from lazr.smtptest.net.certificates import Authority
    from lazr.smtptest.net.entrance import Entrance
    from lazr.smtptest.net.listener import Listen, Listener
    from lazr.smtptest.net.loop import Runner
    from lazr.smtptest.net.service import Service
    from lazr.smtptest.net.tls import Tls
    from lazr.smtptest.protocol.smtp.auth import Accept, Auth
    from lazr.smtptest.protocol.smtp.event import Event
    from lazr.smtptest.protocol.smtp.extension import Extension
    from lazr.smtptest.protocol.smtp.leniency import Lenient
    from lazr.smtptest.protocol.smtp.limits import Limits
    from lazr.smtptest.protocol.smtp.record import SessionRecord
    from lazr.smtptest.protocol.smtp.sasl import Credentials

    T = TypeVar("T")
    Decide = Callable[[Event, Reply], Reply | Awaitable[Reply]]

__all__ = ["MailServer", "mail_of"]

# So many refusals, and exceptions of handlers, are kept for the failures that they explain.
_REMEMBERED = 10

# What STARTTLS is in clear, where something is to go wrong with it.
_IN_CLEAR = {"refused": "refused", "stripped": "stripped"}
# The words of Django's and Flask-Mail's settings.
_TLS_SETTING = {"starttls": "TLS", "implicit": "SSL"}

# The facts of so many sessions are kept, the latest ones.
_SESSIONS = 10_000

_HANDLER_RAISED = Reply(451, "4.3.0", "Local error: a handler of this server raised an exception")


class MailServer:
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

    - `keep_mails=False` keeps nothing in the inbox: `decide` alone sees the messages.
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
        trusted: Iterable[str] = ("127.0.0.0/8", "::1"),
        decide: Decide | None = None,
        keep_mails: bool = True,
        loop: Literal["asyncio", "uvloop"] = "asyncio",
        switch_interval: float | None = None,
    ) -> None:
        if loop not in ("asyncio", "uvloop"):
            raise ValueError(f'loop is "asyncio" or "uvloop", not {loop!r}')
        if protocol not in ("smtp", "lmtp"):
            raise ValueError(f'protocol is "smtp" or "lmtp", not {protocol!r}')
        self._also = tuple(also)
        self._tls = _tls_of(tls, self._also)
        mode = "none" if tls is None or self._tls is None else self._tls.mode
        self._mode = "starttls" if mode == "both" else mode
        self._auth = _auth_of(auth)
        self._protocol = protocol
        self._proxy = proxy
        self._trusted = tuple(trusted)
        self._profile = Profile(
            hostname=hostname,
            greeting=greeting,
            extensions=extensions,
            limits=limits,
            lenient=lenient,
            bare_line_ends=bare_line_ends,
            strict=strict,
            auth=self._auth,
            accepts=None if self._auth is None else functools.partial(self._accepts, self._auth),
            xclient=xclient,
        )
        self.inbox: Inbox = Inbox(self)
        self._host = host
        self._port = port
        self._user_decide = decide
        self._keep_mails = keep_mails
        self._loop_kind = loop
        self._switch_interval = switch_interval
        self._wished = False
        self._received = 0
        self._sessions: deque[SessionRecord] = deque(maxlen=_SESSIONS)
        self._errors: list[BaseException] = []
        self._refusals: deque[str] = deque(maxlen=_REMEMBERED)
        self._refused = 0
        self._listeners: list[Listener] = []
        self._runner: Runner | None = None
        self._service: Service | None = None
        self._opened = threading.Event()
        self._lock = threading.Lock()

    # -- where it is -------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """The host that it listens on, as it was given."""
        return self._host

    @property
    def port(self) -> int:
        """The port; once the server is bound, the real one, which a restart uses again."""
        return self._port

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to: `smtplib.SMTP(*server.address)`.

        Raises `StartError` where no port is known yet: a client takes port 0 for 25, and would send
        your test's mail to whoever listens there.
        """
        if self._listeners:
            return self._listeners[0].address
        if self._port == 0:
            raise StartError("the server is not started, so it has no port yet; use `with MailServer() as server:`")
        return self._host, self._port

    @property
    def tls_address(self) -> tuple[str, int]:
        """Host and port of the first listener with implicit TLS: `smtplib.SMTP_SSL(*server.tls_address, ...)`.

        Raises `StartError` where there is none, or before the server is bound.
        """
        for listener in self._listeners:
            if self._tls_mode(listener.where) == "implicit" and listener.path is None:
                return listener.address
        if self._listeners:
            raise StartError('this server has no implicit TLS; MailServer(tls="implicit") and tls="both" have')
        raise StartError("the server is not started, so it has no port yet; use `with MailServer() as server:`")

    @property
    def url(self) -> str:
        """The address as `smtp://host:port`, or `smtps://` with implicit TLS, or `lmtp://`."""
        host, port = self.address
        scheme = "lmtp" if self._protocol == "lmtp" else "smtps" if self._mode == "implicit" else "smtp"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """The listening sockets, the first one first; each has `host`, `port` and `path`."""
        return tuple(self._listeners)

    def env(self) -> dict[str, str]:
        """Environment variables that tell a subprocess where to send its mail.

        SMTP_HOST, SMTP_PORT and SMTP_URL, and the names that Django's and Flask-Mail's settings use;
        with TLS, those that switch it on.  Whom to trust is for you to add, as it would hold for all
        that the subprocess talks to: `server.env() | {"SSL_CERT_FILE": server.ca_file}`.
        """
        host, port = self.address
        names = ("SMTP", "EMAIL", "MAIL")
        env = {f"{name}_HOST": host for name in names} | {f"{name}_PORT": str(port) for name in names}
        if self._mode != "none":
            env |= dict.fromkeys((f"{name}_USE_{_TLS_SETTING[self._mode]}" for name in ("EMAIL", "MAIL")), "True")
        return env | {"MAIL_SERVER": host, "SMTP_URL": self.url}

    # -- who came, and how -------------------------------------------------------------------

    @property
    def sessions(self) -> tuple[SessionRecord, ...]:
        """What happened in each session, in the order in which they began: TLS, credentials, what was sent in clear.

        The latest 10,000 are kept.
        """
        return tuple(self._sessions)

    @property
    def ca_file(self) -> str:
        """The path of a PEM file with the certificate of the authority that clients are to trust.

        Raises `StartError` for a server without TLS, `ValueError` where its certificate is your own.
        """
        return self._authority().ca_file

    def client_context(self, *identities: str) -> ssl.SSLContext:
        """A context for clients, which trusts this server's authority and nobody else.

        With `identities` (mail addresses, host names) it has a client certificate for them.
        Raises as `ca_file` does.

        >>> import smtplib
        >>> with MailServer(tls="implicit") as server:
        ...     with smtplib.SMTP_SSL(*server.address, context=server.client_context()) as client:
        ...         client.noop()[0]
        250
        """
        import ssl

        authority = self._authority()
        context = ssl.create_default_context(cafile=authority.ca_file)
        if identities:
            context.load_cert_chain(authority.client_file(*identities))
        return context

    def client_certificate(self, *identities: str) -> str:
        """The path of a PEM file with a client certificate for these identities, and its key.

        Raises as `ca_file` does.
        """
        return self._authority().client_file(*identities)

    def _authority(self) -> Authority:
        if self._tls is None:
            raise StartError('this server has no TLS; give it some: MailServer(tls="starttls")')
        return self._tls.authority

    @property
    def running(self) -> bool:
        """Whether it is started and not yet stopped."""
        return self._runner is not None and not self._runner.ended and not self._runner.forked

    def __repr__(self) -> str:
        return f"<MailServer {self._host}:{self._port} {'running' if self.running else 'stopped'}, {self.inbox!r}>"

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
        return lines

    # -- starting and stopping ---------------------------------------------------------------

    def bind(self) -> None:
        """Bind and listen, in this thread; clients can connect from now on, and wait for `start`.

        `start` does this itself.  Raises `OSError` if a port is taken.
        """
        from lazr.smtptest.net.listener import Listen, Listener

        if self._listeners:
            return
        wanted = [Listen(self._host, self._port), *self._also]
        if self._mode != "none" and self._tls is not None and self._tls.mode == "both":
            wanted.insert(1, Listen(self._host, 0, tls="implicit"))
        listeners: list[Listener] = []
        try:
            for where in wanted:
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
        closed all the same), and what a handler raised while the server ran.
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
        self.raise_errors()

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
        runner = self._runner
        try:
            if runner is not None:
                await runner.close(5.0)
        finally:
            self._release()
        try:
            self.raise_errors()
        except BaseException as ours:  # noqa: BLE001 - a handler may raise what it likes
            self._note(error, ours)

    @staticmethod
    def _note(error: BaseException | None, ours: BaseException) -> None:
        """At the end of a `with` block: the test's own failure comes first, and names ours."""
        if error is None:
            raise ours
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
            entrances = self._entrances()
        except BaseException:
            self._release()
            raise
        ask = self._user_decide
        service = Service(
            entrances,
            self._profile.limits,
            decide=self._settle,
            consider=None if ask is None else functools.partial(self._ask, ask),
            announce=self.inbox.announce,
            remember=self._sessions.append,
        )
        self._service = service
        self._opened.clear()
        self._runner = Runner(service, opened=self._opened.set)
        if self._switch_interval is not None:
            switching.wish(self._switch_interval)
            self._wished = True
        return self._runner

    def _tls_mode(self, where: Listen) -> str:
        """How this listener speaks TLS; the server's own way, where it does not say."""
        return where.tls or self._mode

    def _entrances(self) -> list[tuple[Listener, Entrance]]:
        """Each listener, and what its clients meet."""
        from lazr.smtptest.net.entrance import Entrance, Trusted

        tls = self._tls
        context = None if tls is None else tls.context()
        trusted = Trusted(self._trusted)
        entrances = []
        for listener in self._listeners:
            where = listener.where
            mode = self._tls_mode(where)
            fault = None if tls is None else tls.fault
            entrance = Entrance(
                self._profile.but(
                    lmtp=(where.protocol or self._protocol) == "lmtp",
                    tls=_IN_CLEAR.get(fault or "", "offered") if mode == "starttls" else "none",
                    tls_required=tls is not None and tls.required and mode == "starttls",
                    client_certificates=tls is not None and tls.asks_for_certificates,
                ),
                tls=None if mode == "none" else tls,
                context=None if mode == "none" else context,
                implicit=mode == "implicit",
                proxy=self._proxy if where.proxy is None else where.proxy,
                trusted=trusted,
            )
            entrances.append((listener, entrance))
        return entrances

    def _release(self) -> None:
        """The end of a run, however it ended."""
        for listener in self._listeners:
            listener.close()
        self._listeners = []
        self._runner = None
        if self._wished and self._switch_interval is not None:
            self._wished = False
            switching.withdraw(self._switch_interval)

    def _forget(self) -> None:
        """In a forked child: let go of our copies, and leave the parent's server alone."""
        for listener in self._listeners:
            listener.forget()
        self._listeners = []
        self._runner = None

    # -- in the server's thread --------------------------------------------------------------

    def _accepts(self, auth: Auth, credentials: Credentials) -> bool:
        """Whether these credentials are good; P7 where somebody's function raises."""
        try:
            return auth.accepts(credentials)
        except BaseException as error:  # noqa: BLE001 - P7: raised again in the thread of the test
            raise Refused(self._raised(error)) from None

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
            self._refused += 1
            self._refusals.append(f"{event.said()}: {' / '.join(str(reply).splitlines())}")
        elif isinstance(event, EndOfData):
            self._keep(event)
        return reply

    def _keep(self, event: EndOfData) -> None:
        if not self._keep_mails:
            return
        self._received += 1
        self.inbox.append(mail_of(event, str(self._received)))
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
    return TypeError(f"decide returned {decision!r}; return the reply that it was given, or another Reply")


def _tls_of(tls: str | Tls | None, also: Iterable[Listen]) -> Tls | None:
    """The settings of TLS; the usual ones where a listener alone wants it."""
    if tls is None and all(where.tls in (None, "none") for where in also):
        return None
    from lazr.smtptest.net.tls import Tls

    if isinstance(tls, Tls):
        return tls
    return Tls() if tls is None else Tls(tls)  # type: ignore[arg-type]  # it checks the word itself


def _auth_of(auth: Accept | Auth | None) -> Auth | None:
    if auth is None:
        return None
    from lazr.smtptest.protocol.smtp.auth import Auth

    return auth if isinstance(auth, Auth) else Auth(auth)
