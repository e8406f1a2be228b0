"""MailServer: the public face of a server, and the start and stop of its runs."""

from __future__ import annotations

import threading
from weakref import WeakSet

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest._util.seconds import DEFAULT_TIMEOUT, DefaultTimeout, check_seconds
from lazr.smtptest._util.suggestion import build_getattr, describe_unknown
from lazr.smtptest.client_settings import ClientSettings
from lazr.smtptest.errors import RuleNeverActed, StartError, StopTimeout
from lazr.smtptest.mail import Inbox
from lazr.smtptest.mailserver.arguments import check_arguments
from lazr.smtptest.mailserver.decision_chain import DecisionChain
from lazr.smtptest.mailserver.failure_log import FailureLog
from lazr.smtptest.mailserver.local_delivery import LocalDelivery
from lazr.smtptest.net import LOOPBACK_NETWORKS, READING_PROTOCOLS, ListenerSettings, Sessions, switch_interval
from lazr.smtptest.protocol.smtp import ServerSettings
from lazr.smtptest.rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Literal, Self, TypeVar, Unpack

    from lazr.smtptest.bounces import Notification
    from lazr.smtptest.dns import DnsSource, Resolver
    from lazr.smtptest.folders import MailboxView
    from lazr.smtptest.mail import Authenticator, Mail
    from lazr.smtptest.mailserver.bounce_service import BounceService
    from lazr.smtptest.mailserver.mail_builder import MailContent
    from lazr.smtptest.mailserver.notification_log import NotificationRecord, Notifications
    from lazr.smtptest.mailserver.notification_target import NotificationTarget
    from lazr.smtptest.mailserver.observer import ServerObserver
    from lazr.smtptest.mailserver.reading_service import ReadingService
    from lazr.smtptest.net import (
        Connection,
        ConnectionManager,
        Decide,
        Endpoint,
        Listen,
        Listener,
        ReadingAccess,
        Runner,
        Tls,
    )
    from lazr.smtptest.protocol.smtp import AcceptPolicy, Auth, EndOfData, Extension, Lenient, Limits, SessionRecord
    from lazr.smtptest.rules import Notice, NoticeOrder, Rule, Selectors
    from lazr.smtptest.store import Search, Store

    T = TypeVar("T")

__all__ = ["MailServer", "list_servers_since"]

_LOOP_KINDS = ("asyncio", "uvloop")

# At the end of a run no client waits for a 250 any more; the store gets this time for mails that are under way.
_STORE_CLOSE_TIMEOUT_SECONDS = 5.0

# Calls of sessions that read mail; their clients are gone, and nothing waits for a result.
_WORKERS_CLOSE_TIMEOUT_SECONDS = 1.0

# What to write instead of names that other libraries use.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("messages", "mails", "emails", "outbox", "received", "get_messages"), "server.inbox"),
    **dict.fromkeys(("wait_for", "wait_for_mail", "wait_for_message", "wait", "one"), "server.inbox.one(to=…)"),
    **dict.fromkeys(("hostname", "ip"), "server.host, or server.address for host and port"),
    **dict.fromkeys(("addr", "server_address"), "server.address"),
    **dict.fromkeys(("add_rule", "rule", "when"), 'server.on("RCPT").reply(450)'),
    **dict.fromkeys(("close", "shutdown", "terminate", "quit"), "server.stop()"),
    **dict.fromkeys(("is_running", "is_alive", "started", "accepting"), "server.running"),
    **dict.fromkeys(("reset", "clear"), "server.forget()"),
    **dict.fromkeys(("transcript", "transcripts", "log"), "server.sessions[-1].transcript"),
    **dict.fromkeys(("bounces", "returned", "sent_notifications"), "server.notifications"),
    **dict.fromkeys(("complaint", "send_complaint"), "server.complain(mail)"),
    **dict.fromkeys(("delay", "send_delay"), "server.notify_delay(mail)"),
    **dict.fromkeys(("reply_to", "auto_reply", "reply"), "server.send_auto_reply(mail, text)"),
    **dict.fromkeys(("out_of_office", "vacation"), "server.send_out_of_office(mail)"),
}

# What the inbox and the rules of the server use; completion does not offer it.
_INNER_NAMES = frozenset({"check_started", "default_timeout", "greeting_name", "is_in_loop_thread", "is_receiving"})

# The servers of this process, for the reports of failed tests (see `list_servers_since`).
_live_servers: WeakSet[MailServer] = WeakSet()
_live_servers_lock = threading.Lock()

# The open sessions that the error of a failed `settle` describes.
_MAX_DESCRIBED_SESSIONS = 2


class MailServer(ClientSettings):
    """A real SMTP server that runs inside a test.

    >>> import smtplib
    >>> with MailServer() as server:
    ...     with smtplib.SMTP(*server.address) as client:
    ...         _ = client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\\r\\n\\r\\nHello")
    ...     server.inbox.one(to="bob@example.com").subject
    'Hi'

    A `with` block runs the server in a thread of its own, `async with` in the running event loop.

    Args:
        host: The IP address or host name to listen on; `"127.0.0.1"` by default.
        port: The TCP port; 0, the default, takes any free one, which `port` then returns.
        also: Further places to listen on, as `Listen` values: IPv6, Unix sockets, another TLS mode.
        hostname: The name in the greeting and in the reply to EHLO; `"localhost"` by default.
        greeting: The text after the host name in the greeting.
        extensions: The EHLO keywords to offer, as names or `Extension` values; all that are implemented by default.
        limits: Sizes, counts and timeouts; see `Limits` for the defaults.
        lenient: Which syntax errors of clients to accept; see `Lenient` for the defaults.
        bare_line_ends: What a CR or LF alone does in a command line: `"reject"`, the default, answers 500 5.5.2 (RFC
            5321 2.3.8); `"accept"` ends the line there.  Message content ends only with CRLF.CRLF either way.
        strict: Whether content with a bare CR, a bare LF or a NUL is refused with 550 5.5.2; False by default.
        tls: `"starttls"` (RFC 3207), `"implicit"` (RFC 8314) or `"both"`, with a generated certificate (needs the extra
            `tls`); or a `Tls`, which can also be wrong on purpose.  None, the default, is no TLS.
        auth: Who may authenticate (RFC 4954): `{"user": "password"}`, a function of the `Credentials`, `"any"`, or an
            `Auth`.  None, the default, offers no AUTH.
        protocol: `"smtp"`, the default, or `"lmtp"` (RFC 2033).
        proxy: Whether each connection begins with a PROXY protocol header; False by default.
        xclient: Whether trusted peers are offered XCLIENT; False by default.
        trusted: Addresses and networks of the peers that may send a PROXY header or XCLIENT; the loopback addresses by
            default.
        decide: A function `decide(event, reply)` that is called for each event with the reply that the server would
            give, and returns the reply to give.  `lazr.smtptest.protocol.smtp.events` lists the events.  It runs in the
            server's thread.  It may be a coroutine function: other sessions go on while it waits.  An exception is
            answered 451 4.3.0, and raised by `stop()`, at the end of the `with` block, and by a failed wait.
        observer: A `ServerObserver`: callbacks about mails, refusals and sessions; none by default.
        seed: The seed of rules with a probability; a random one by default.
        keep_mails: True, the default, keeps all mails in the inbox; a number keeps that many, the latest ones.  False
            keeps none: then only `decide`, `observer` and `store` see them.
        keep_bytes: The total size of content in the inbox, in bytes: the oldest mails go first.  No limit by default.
        timeout: The default timeout of all waits, in seconds: of the inbox, of rules and of `settle`; 5 by default.
        store: An open store that also keeps all mails.  A mail is safe in it before its 250; if the store fails, the
            client gets 451 or 452, and the mail is not in the inbox either.
        loop: What runs coroutine functions, such as a `decide` with `await`, in a server with a thread of its own:
            `"asyncio"`, the default, or `"uvloop"` (needs the extra `uvloop`).
        transcript: `"brief"`, the default, keeps the first and last lines of messages in transcripts, `"full"` whole
            messages.
        imap: Whether clients can read the mail by IMAP (RFC 9051): True takes any free port, a number is the port, and
            a `Listen` has host and TLS mode too.  False, the default, is no IMAP.  `server.imap` has the address.
            Without `store`, a store in memory keeps the mails, until `forget`.
        pop3: As `imap`, for POP3 (RFC 1939).
        reading_auth: Who may log in to IMAP and POP3, as for `auth`; by default `auth` itself.  Without both, any user
            name and password are accepted: a name that is an address sees the mail to it, another name sees all.
        mailboxes: Further accounts of IMAP and POP3: the search of the store, by user name.
        dns: The DNS records for `mail.authentication`, which checks DKIM, ARC, SPF and DMARC (needs the extra
            `checks`): `{"example.com TXT": "v=spf1 -all"}`, a `lazr.smtptest.dns.Zone`, or the path of a zone file.
            `"system"` asks the name servers of this machine.  None, the default, is no records, and no lookup.
        spf_ip: The address that SPF checks, instead of that of the client.
        switch_interval: The thread switch interval of the whole process while the server runs, in seconds
            (`sys.setswitchinterval`).  With 0.0005, a test that computes in pure Python gets mail of other processes
            sooner than with Python's default of 0.005.
        bounces_to: Where bounces, complaints and automatic replies go: None, the default, is the inbox of this server;
            a tuple of host and port, or `"smtp://127.0.0.1:2525"`, the SMTP server of the application; `"http://…"` or
            `"https://…"` a webhook, which gets JSON.
        bounces_allow: The networks that `bounces_to` may connect to; the loopback addresses by default.

    The parts of a server are attributes: `inbox` (`Inbox`), `rules` (`Rules`) and `sessions` (`Sessions`).

    Raises:
        TypeError: A parameter has a value of the wrong type.
        ValueError: A parameter has an invalid value.
        MissingExtra: A parameter needs a library that is not installed.
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
        auth: AcceptPolicy | Auth | None = None,
        protocol: Literal["smtp", "lmtp"] = "smtp",
        proxy: bool = False,
        xclient: bool = False,
        trusted: Iterable[str] = LOOPBACK_NETWORKS,
        decide: Decide | None = None,
        observer: ServerObserver | None = None,
        seed: int | str | None = None,
        keep_mails: bool | int = True,
        keep_bytes: int | None = None,
        timeout: float = 5.0,
        store: Store | None = None,
        loop: Literal["asyncio", "uvloop"] = "asyncio",
        transcript: Literal["brief", "full"] = "brief",
        imap: bool | int | Listen = False,
        pop3: bool | int | Listen = False,
        reading_auth: AcceptPolicy | Auth | None = None,
        mailboxes: Mapping[str, Search] | None = None,
        dns: DnsSource = None,
        spf_ip: str | None = None,
        switch_interval: float | None = None,
        bounces_to: tuple[str, int] | str | None = None,
        bounces_allow: Iterable[str] = LOOPBACK_NETWORKS,
    ) -> None:
        check_arguments(locals())
        if loop not in _LOOP_KINDS:
            raise ValueError(describe_unknown("loop", loop, _LOOP_KINDS))
        self._failures = FailureLog(None if observer is None else observer.on_command_refused)
        smtp_auth = _normalize_auth(auth)
        server_settings = ServerSettings(
            hostname=hostname,
            greeting=greeting,
            extensions=extensions,
            limits=limits,
            lenient=lenient,
            bare_line_ends=bare_line_ends,
            strict=strict,
            auth=smtp_auth,
            reply_to_exception=self._failures.record_error,
            xclient=xclient,
            transcript=transcript,
        )
        listener_settings = ListenerSettings(
            server_settings,
            tls=tls,
            protocol=protocol,
            proxy=proxy,
            trusted=trusted,
            extra_listens=also,
            imap=imap,
            pop3=pop3,
            reading_auth=smtp_auth if reading_auth is None else _normalize_auth(reading_auth),
        )
        listener_settings.list_listens(host, port)  # checks host and port now, not at the start
        super().__init__(host, port, listener_settings)
        self._limits = server_settings.limits
        self._greeting_name = hostname
        self._timeout = timeout
        self._inbox = Inbox(
            self, keep_mails=None if isinstance(keep_mails, bool) else keep_mails, keep_bytes=keep_bytes
        )
        self._rules = Rules(seed, has_user_decide=decide is not None)
        self._rules.on_idle_thresholds_change = self._reschedule_idle_rules
        self._rules.is_in_loop_thread = lambda: self.is_in_loop_thread
        self._rules.prepare_wait = self._prepare_wait
        self._rules.reading_protocols = frozenset(map(str.upper, listener_settings.reading_protocols))
        self._observer = observer
        self._hostname = hostname
        self._bounce_target: NotificationTarget | None = None
        if bounces_to is not None or bounces_allow is not LOOPBACK_NETWORKS:
            from lazr.smtptest.mailserver.allowed_networks import AllowedNetworks
            from lazr.smtptest.mailserver.notification_target import parse_target

            self._bounce_target = parse_target(bounces_to, AllowedNetworks(bounces_allow))
        self._bounce_service: BounceService | None = None  # made when something comes back for the first time
        self._bounce_lock = threading.Lock()
        self._reading: ReadingService | None = None  # the mail that IMAP and POP3 read
        if store is not None or listener_settings.reading_protocols:
            from lazr.smtptest.mailserver.reading_service import ReadingService

            self._reading = ReadingService(
                store,
                mailboxes or {},
                keep_mails=None if isinstance(keep_mails, bool) else keep_mails,
                keep_bytes=keep_bytes,
            )
            store = self._reading.store
        self._authenticator = _create_authenticator(dns, spf_ip)
        self._delivery = LocalDelivery(
            self._inbox,
            self._failures,
            keep_mails=keep_mails is not False,
            store=store,
            observer=observer,
            on_stored=None if self._reading is None else self._reading.note_mail,
            authenticator=self._authenticator,
        )
        self._decisions = DecisionChain(decide, self._delivery, self._failures)
        self._first_start_time: float | None = None
        self._end_time: float | None = None  # of the last run; None while it lasts
        self._loop_kind = loop
        self._switch_interval = switch_interval
        self._is_switch_interval_set = False
        self._sessions = Sessions()
        self._runner: Runner | None = None
        self._connection_manager: ConnectionManager | None = None
        self._ready_event = threading.Event()
        self._lock = threading.Lock()

    # -- parts -------------------------------------------------------------------------------

    @property
    def inbox(self) -> Inbox:
        """The received mails: `server.inbox.one(to="ann@example.com")` waits for one."""
        return self._inbox

    @property
    def rules(self) -> Rules:
        """The rules, which `on` adds to: the faults of this server, in order."""
        return self._rules

    def mailbox(self, username: str) -> MailboxView:
        r"""Return the folders of a user, as programs that read mail have left them.

        Args:
            username: The user name of IMAP: an address, or another name for the account with all mails.

        Raises:
            StartError: The server has neither IMAP, POP3 nor a store.

        >>> server = MailServer(imap=True)
        >>> mail = server.deliver(b"Subject: Hi\r\n\r\nHello\r\n", to="ann@example.com")
        >>> server.mailbox("ann@example.com").inbox[0].subject
        'Hi'
        """
        if self._reading is None:
            raise StartError("this server keeps no folders; add MailServer(imap=True)")
        return self._reading.view_mailbox(username)

    def deliver(
        self, content: MailContent, *, to: str | Iterable[str] | None = None, sender: str | None = None
    ) -> Mail:
        r"""Put a mail into the inbox, and into the store if there is one, without SMTP.

        It also works before the start.  Neither rules, `decide` nor the observer see the mail.

        Args:
            content: The message, as bytes, a string, an `EmailMessage` or a `Mail`.  Line ends become CRLF, as a client
                sends them, if all of them are LF.
            to: One recipient of the envelope, or several; by default those of To, Cc and Bcc.
            sender: The sender of the envelope; by default that of the header.

        Returns:
            The mail, as it is in the inbox.

        Raises:
            TypeError: A parameter has another type.
            StoreError: The store does not take the mail.

        >>> server = MailServer()
        >>> server.deliver("Subject: Hi\n\nHello\n", to="ann@example.com").recipients
        ('ann@example.com',)
        """
        return self._delivery.deliver_directly(content, sender=sender, to=to)

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    def __dir__(self) -> list[str]:
        """Return the names that tests use, for completion."""
        return sorted(set(super().__dir__()) - _INNER_NAMES)

    # -- state -------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the server is started and not yet stopped."""
        return self._runner is not None and not self._runner.is_ended and not self._runner.is_forked

    def __repr__(self) -> str:
        state = f"{'running' if self.running else 'stopped'}, {self.inbox!r}"
        seed = f", seed={self.seed}" if self.rules.has_random_rules else ""
        return f"<MailServer {self._host}:{self._port} {state}{seed}>"

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError(
            "a MailServer cannot be copied or pickled: it has sockets and a thread; make another MailServer, pass "
            "`server.address` to another process, or copy `server.inbox`, `server.rules` or `server.sessions`"
        )

    @property
    def is_in_loop_thread(self) -> bool:
        """Whether the server's event loop runs in this thread.

        Blocking in that thread would stop the server.
        """
        return self._runner is not None and self._runner.is_in_loop_thread

    @property
    def is_receiving(self) -> bool:
        """Whether clients can connect: the server is running, or bound and not yet started."""
        return self.running or (self._runner is None and bool(self._listeners))

    @property
    def default_timeout(self) -> float:
        """The default timeout of all waits, in seconds: the argument `timeout`."""
        return self._timeout

    def check_started(self) -> None:
        """Check that the server was started or bound, or has a mail; the waits call this.

        Raises:
            StartError: If it was not: no mail can arrive, and a wait would only lose time.
        """
        if self._first_start_time is None and not self._listeners and not self._inbox:
            raise StartError(
                "the server was never started, so no client can connect and no mail can arrive; "
                "write `with MailServer() as server:`, or call `server.start()` before the wait"
            )

    def _prepare_wait(self, timeout: float) -> float:
        """Return the time that a wait of a rule may take; 0 if the server has stopped."""
        self.check_started()
        resolved = self._timeout if isinstance(timeout, DefaultTimeout) else check_seconds("timeout", timeout)
        return (resolved or 0.0) if self.is_receiving else 0.0

    @property
    def refusals(self) -> tuple[str, ...]:
        """The latest ten refused commands with their replies, and the names of failed logins.

        >>> import smtplib
        >>> with MailServer(auth={"ann": "secret"}) as server, smtplib.SMTP(*server.address) as client:
        ...     _ = client.docmd("MAIL FROM:<ann>")
        ...     server.refusals
        ('MAIL FROM:<ann>: 503 5.5.1 Say EHLO first',)
        """
        return tuple(self._failures.refusals)

    def explain(self) -> list[str]:
        """Return lines that may explain why a mail did not arrive.

        The inbox shows them in its failures.
        """
        from lazr.smtptest.mail import explain_server

        lines = explain_server(
            is_running=self.running,
            refusals=self._failures.refusals,
            refusal_count=self._failures.refusal_count,
            sessions=[session for session in self._sessions if session.protocol not in READING_PROTOCOLS],
            addresses=[
                listener.path or format_host_port(listener.host, listener.port)
                for listener in self._listeners
                if listener.listen.protocol not in READING_PROTOCOLS
            ],
            dice=self.rules.explain_dice(),
        )
        return lines if self._bounce_service is None else lines + self._bounce_service.explain()

    def settle(self, timeout: float = DEFAULT_TIMEOUT) -> Sessions:
        """Wait until no client is connected; return the sessions.

        A session's record is complete only then: a client may notice a failed handshake, or close the connection,
        before the server does.  (Mails need no `settle`: they are in the inbox before their 250 is sent.)

        It also waits for bounces and other notifications whose time has come.

        Args:
            timeout: The longest wait, in seconds; by default that of `MailServer(timeout=5.0)`.

        Raises:
            TimeoutError: Clients are still connected after `timeout` seconds, or notifications are not delivered; the
                text names the sessions, or the notifications.
            StartError: The server was never started.
            RuntimeError: The call is in the event loop that the server runs in; use `await server.async_settle()`.

        >>> import smtplib
        >>> with MailServer() as server:
        ...     with smtplib.SMTP(*server.address) as client:
        ...         _ = client.noop()
        ...     server.settle()[-1].ended
        'QUIT'
        """
        __tracebackhide__ = True  # pytest then shows the line of the test
        runner = self._runner
        if runner is not None and runner.is_in_loop_thread:
            raise RuntimeError(
                "waiting here would stop the loop that the server runs in; use `await server.async_settle()`"
            )
        timeout = self._prepare_wait(timeout)
        deadline = monotonic() + timeout
        if runner is not None and self.running:
            try:
                runner.wait_until_idle(timeout)
            except TimeoutError:
                raise TimeoutError(_describe_open_sessions(self._sessions, timeout)) from None
            if self._bounce_service is not None:
                self._bounce_service.wait_until_idle(deadline, timeout)
        return self._sessions

    async def async_settle(self, timeout: float = DEFAULT_TIMEOUT) -> Sessions:  # noqa: ASYNC109 - the parameter of `settle`
        """Do as `settle`, for a coroutine in the server's own loop or in another."""
        from lazr.smtptest._util.async_library import run_in_thread

        runner, manager = self._runner, self._connection_manager
        timeout = self._prepare_wait(timeout)
        deadline = monotonic() + timeout
        try:
            if runner is not None and manager is not None and runner.is_in_loop_thread:
                import asyncio

                idle = asyncio.Event()
                manager.call_when_idle(idle.set)
                async with asyncio.timeout(timeout):
                    await idle.wait()
            elif runner is not None and self.running:
                await run_in_thread(runner.wait_until_idle, timeout)
        except TimeoutError:
            raise TimeoutError(_describe_open_sessions(self._sessions, timeout)) from None
        if self._bounce_service is not None and self.running:
            await run_in_thread(self._bounce_service.wait_until_idle, deadline, timeout)
        return self._sessions

    def forget(self) -> None:
        """Forget mails, sessions, exceptions and rules, for the next test.

        A store of your own keeps its mails.

        Clients stay connected, and so do their sessions; mail that they send from now on is received as usual.  For
        rules with `session=`, the next client to connect is number 1.
        """
        if self._bounce_service is not None:
            self._bounce_service.forget()
        self._failures.clear()
        self._sessions.clear()
        self.rules.forget()
        self.inbox.clear()
        if self._reading is not None:
            self._reading.forget()
        if self._connection_manager is not None:
            self._connection_manager.reset_numbers()

    # -- what comes back -----------------------------------------------------------------------

    @property
    def notifications(self) -> Notifications:
        r"""What came back: bounces, complaints and automatic replies, with their outcomes.

        `wait(count)` waits until that many are delivered.

        >>> import smtplib
        >>> with MailServer() as server:
        ...     rule = server.on("END_OF_DATA", to="gone@*").accept().then_bounce("5.1.1", after=0.01)
        ...     with smtplib.SMTP(*server.address) as client:
        ...         _ = client.sendmail("app@example.com", ["gone@example.org"], "Subject: Hi\r\n\r\nHello")
        ...     server.notifications.wait()[0].outcome
        <NotificationOutcome.DELIVERED: 'delivered'>
        """
        return self._get_bounce_service().notifications

    def bounce(
        self,
        mail: Mail,
        status: str = "5.1.1",
        text: str | None = None,
        *,
        recipient: str | None = None,
        style: str | None = None,
        after: float = 0.0,
    ) -> NotificationRecord:
        r"""Send a bounce about a mail to its reverse-path (RFC 3464).

        It goes where `MailServer(bounces_to=…)` says.  There is none where the RFCs forbid it, such as about a mail
        with a null reverse-path; the `outcome` of the record is then "not sent".

        Args:
            mail: The mail, such as one of the inbox.
            status: The status (RFC 3463); "5.1.1", an unknown mailbox, by default.
            text: What the refusing server said; by default, the meaning of the status.
            recipient: The recipient that the bounce is about; by default, all recipients of the mail.
            style: The server whose wording and form it has: "plain", the default, "postfix", "exim", "exchange" or
                "gmail".
            after: Send it in this many seconds; by default, it is delivered when this returns.  In the event loop of
                the server, a delivery to another server goes on afterwards.

        Raises:
            NotificationFailed: It could not be delivered.
            StartError: There is `after`, and the server does not run.
            TypeError: A parameter has another type.
            ValueError: A parameter is wrong.

        >>> server = MailServer()
        >>> mail = server.deliver(b"Subject: Hi\r\n\r\nHello\r\n", sender="app@example.com", to="gone@example.org")
        >>> record = server.bounce(mail, "5.2.2")
        >>> server.inbox[-1].recipients, server.inbox[-1].sender
        (('app@example.com',), '')
        """
        return self._send_back(mail, "then_bounce", recipient, status=status, text=text, style=style, after=after)

    def notify_delay(
        self,
        mail: Mail,
        status: str = "4.4.1",
        text: str | None = None,
        *,
        recipient: str | None = None,
        style: str | None = None,
        after: float = 0.0,
    ) -> NotificationRecord:
        """Tell the sender of a mail that it is delayed (RFC 3464); otherwise as `bounce`."""
        return self._send_back(mail, "then_delayed", recipient, status=status, text=text, style=style, after=after)

    def notify_delivery(
        self,
        mail: Mail,
        text: str | None = None,
        *,
        recipient: str | None = None,
        style: str | None = None,
        after: float = 0.0,
    ) -> NotificationRecord:
        """Tell the sender that a mail was delivered, if the client asked (RFC 3461 4.1).

        The arguments are those of `bounce`.
        """
        return self._send_back(mail, "then_delivered", recipient, text=text, style=style, after=after)

    def complain(
        self,
        mail: Mail,
        *,
        feedback_type: str = "abuse",
        recipient: str | None = None,
        style: str | None = None,
        after: float = 0.0,
    ) -> NotificationRecord:
        """Send a complaint about a mail, as from the feedback loop of a provider (RFC 5965).

        Args:
            mail: The mail.
            feedback_type: The type of the complaint; "abuse" by default.
            recipient: The recipient who complains; by default, each.
            style: As for `bounce`.
            after: As for `bounce`, which also describes the errors.
        """
        return self._send_back(mail, "then_complaint", recipient, feedback_type=feedback_type, style=style, after=after)

    def send_out_of_office(
        self,
        mail: Mail,
        text: str | None = None,
        *,
        recipient: str | None = None,
        style: str | None = None,
        after: float = 0.0,
    ) -> NotificationRecord:
        """Reply to a mail that the recipient is away (RFC 3834).

        As with each automatic reply, there is none to a null reverse-path, to an automatic message, or to a mailing
        list.

        Args:
            mail: The mail.
            text: The text of the reply; a usual one by default.
            recipient: The recipient who is away; by default, each.
            style: As for `bounce`.
            after: As for `bounce`, which also describes the errors.
        """
        return self._send_back(mail, "then_out_of_office", recipient, text=text, style=style, after=after)

    def send_challenge(
        self,
        mail: Mail,
        text: str | None = None,
        *,
        recipient: str | None = None,
        style: str | None = None,
        after: float = 0.0,
    ) -> NotificationRecord:
        """Ask the sender to confirm a mail, as some filters do; see `send_out_of_office`."""
        return self._send_back(mail, "then_challenge", recipient, text=text, style=style, after=after)

    def send_auto_reply(
        self,
        mail: Mail,
        text: str,
        *,
        recipient: str | None = None,
        style: str | None = None,
        after: float = 0.0,
    ) -> NotificationRecord:
        """Reply automatically with this text (RFC 3834); see `send_out_of_office`."""
        return self._send_back(mail, "then_auto_reply", recipient, text=text, style=style, after=after)

    def send_back(
        self, mail: Mail, notice: Notice, recipients: Iterable[str] = (), *, may_block: bool = True
    ) -> NotificationRecord:
        """Send what a notice describes; the methods above call this.

        Args:
            mail: The mail that it is about.
            notice: What to send, from `lazr.smtptest.rules.build_notice`.
            recipients: The recipients that it is about; by default, all of the mail.
            may_block: False does not wait for another server; True, the default, does.

        Raises:
            NotificationFailed: It could not be delivered.
            StartError: There is `after`, and the server does not run.
            TypeError: `mail` is not a `Mail`.
            ValueError: The mail has no such recipient, or none at all.
        """
        from lazr.smtptest.mail import Mail

        if not isinstance(mail, Mail):
            raise TypeError(f"expected a Mail, such as server.inbox[-1], got {mail!r}")
        known = tuple(dict.fromkeys(mail.envelope.rcpt_tos))
        chosen = tuple(recipients) or known
        unknown = next((recipient for recipient in chosen if recipient not in known), None)
        if unknown is not None or not chosen:
            listed = ", ".join(known) or "none"
            raise ValueError(f"recipient must be one of the mail's recipients, got {unknown!r}; they are: {listed}")
        return self._get_bounce_service().send(mail, notice, chosen, may_block=may_block and not self.is_in_loop_thread)

    def _send_back(self, mail: Mail, action: str, recipient: str | None, **arguments: object) -> NotificationRecord:
        from lazr.smtptest.rules import build_notice

        return self.send_back(mail, build_notice(action, **arguments), () if recipient is None else (recipient,))

    def _order_notices(self, message: EndOfData, orders: tuple[NoticeOrder, ...], *, is_lost: bool) -> None:
        self._get_bounce_service().order(message, orders, is_lost=is_lost)

    def _get_bounce_service(self) -> BounceService:
        """Return what sends notifications; most servers send none, and do without its import."""
        if self._runner is not None and self._runner.is_forked:
            self._detach_after_fork()  # the threads of the parent process are not in this one
        with self._bounce_lock:
            if self._bounce_service is None:
                from lazr.smtptest.mailserver.bounce_service import BounceService

                service = BounceService(
                    hostname=self._hostname,
                    target=self._bounce_target,
                    deliver_locally=self._deliver_notification,
                    record_error=self._failures.record_error,
                    prepare_wait=self._prepare_wait,
                )
                if self._connection_manager is not None and self.running:
                    service.start_run(self._connection_manager.reactor)
                self._delivery.notices = service
                self._bounce_service = service
            return self._bounce_service

    def _deliver_notification(self, notification: Notification) -> None:
        self._delivery.deliver_directly(notification.content, sender=notification.sender, to=notification.recipient)

    # -- sessions ----------------------------------------------------------------------------

    @property
    def sessions(self) -> Sessions:
        """The sessions in the order in which they began, and their counts.

        Each session has its TLS, credentials and dialogue.

        Of the sessions that have ended, the latest 1,000 are kept.
        """
        return self._sessions

    @property
    def greeting_name(self) -> str:
        """The host name in the greeting and in the reply to EHLO: the argument `hostname`."""
        return self._greeting_name

    @property
    def dns(self) -> Resolver | None:
        """Where the DNS records for `mail.authentication` come from; None without `dns`."""
        return None if self._authenticator is None else self._authenticator.resolver

    @property
    def spf_ip(self) -> str | None:
        """The address that SPF checks; None for that of the client of each mail."""
        return None if self._authenticator is None else self._authenticator.spf_ip

    @property
    def limits(self) -> Limits:
        """The limits of the server: sizes, counts and timeouts.

        >>> MailServer().limits.recipients
        1000
        """
        return self._limits

    # -- rules -------------------------------------------------------------------------------

    def on(self, when: str, **selectors: Unpack[Selectors]) -> Rule:
        """Return a new rule, which still needs an action.

        For example: `server.on("RCPT", to="*@full.example").reply(452)`.

        The rule takes effect as soon as it has an action.  Rules that were added earlier are evaluated first.  `Rule`
        lists the selectors and actions.  Raises `ValueError` or `TypeError` for an unknown trigger or selector, or one
        that does not fit.

        >>> server = MailServer()
        >>> server.on("DATA").reply(451, "4.3.0", "Try later").times(2)
        <Rule DATA → reply(451, '4.3.0', 'Try later').times(2), never acted>
        """
        return self.rules.on(when, **selectors)

    @property
    def seed(self) -> int | str:
        """The seed of rules with a probability.

        `MailServer(seed=...)` with the same value repeats a run.
        """
        return self.rules.seed

    def check_rules(self) -> None:
        """Raise `RuleNeverActed` if a rule that is not optional never acted.

        Each rule is reported only once.

        `stop` and the end of a `with` block call this.
        """
        self.rules.check()

    def _reschedule_idle_rules(self) -> None:
        """Make all connections look for the idle times of the new rules.

        This may be called in any thread.
        """
        runner, manager = self._runner, self._connection_manager
        if runner is not None and manager is not None:
            runner.call_soon(manager.schedule_idle_checks)

    # -- starting and stopping ---------------------------------------------------------------

    def bind(self) -> None:
        """Bind the listeners in this thread.

        Clients can connect from now on, and are served after `start`.

        `start` calls this.  Raises `OSError` if a port is taken.
        """
        from lazr.smtptest.net import Listener

        if self._listeners:
            return
        listeners: list[Listener] = []
        try:
            for listen in self._listener_settings.list_listens(self._host, self._port):
                listeners.append(Listener(listen))  # noqa: PERF401 - if one fails, those before it are closed
        except BaseException:
            for listener in listeners:
                listener.close()
            raise
        self._listeners = listeners
        self._port = listeners[0].port
        self._listener_settings.keep_ports(listeners)

    def start(self) -> None:
        """Start the server in a new thread; clients can connect when this returns.

        Raises `OSError` if a port is taken, and `StartError` if the server is running already.
        """
        with self._lock:
            runner = self._prepare_run()
            try:
                runner.start(f"smtptest {self._host}:{self._port}")
            except BaseException:
                self._release_run()
                raise

    def run(self) -> None:
        """Run the server in this thread, until `stop` is called in another thread or in a handler."""
        with self._lock:
            runner = self._prepare_run()
        try:
            runner.run()
        finally:
            if self._runner is runner:  # else `stop` timed out, and another run may have begun
                self._release_run()

    def stop(self, deadline: float = 5.0) -> None:
        """Stop the server; the port is closed and the thread has ended when this returns.

        Pending replies are sent first; other clients get 421.  Without a running server this does nothing.  In the
        server's thread, as in a handler, it only requests the stop.

        Args:
            deadline: The longest time to wait for the thread, in seconds.

        Raises:
            StopTimeout: The thread has not ended after `deadline` seconds.  The port is closed nevertheless.
            BaseException: What a handler raised while the server ran; several exceptions as a group.
            RuleNeverActed: A rule that is not optional never acted.
        """
        runner = self._runner
        if runner is not None and runner.is_in_loop_thread:
            runner.stop(deadline)
            return
        with self._lock:
            runner = self._runner
            if runner is not None and runner.is_forked:
                self._detach_after_fork()  # the server still runs in the parent process
                return
            try:
                if runner is not None:
                    runner.stop(deadline)
            except StopTimeout:
                # Closing the sockets is left to the thread, which may still use them.
                for listener in self._listeners:
                    listener.unlink()
                self._listeners = [listener for listener in self._listeners if not listener.refuse_connections()]
                raise
            finally:
                self._release_run()
        if runner is not None:
            self._raise_failures()

    def _raise_failures(self) -> None:
        """Raise what handlers raised; else, or as a note on it, that a rule never acted."""
        try:
            self.raise_errors()
        except BaseException as error:  # noqa: BLE001 - a handler may raise any exception
            raised = error
        else:
            self.check_rules()
            return
        try:
            self.check_rules()
        except RuleNeverActed as never_acted:
            raised.add_note(f"and {never_acted}")
        raise raised

    def call(self, function: Callable[[], T], timeout: float = 5.0) -> T:
        """Call a function in the server's thread, between two events, and return its result.

        If the server does not run, or this is its thread, the function is called directly.

        Args:
            function: The function to call, without arguments.
            timeout: The longest wait, in seconds.

        Raises:
            TimeoutError: The function has not returned after `timeout` seconds.
            BaseException: What the function raised.
        """
        runner = self._runner
        if runner is None or runner.is_in_loop_thread or not self.running:
            return function()
        return runner.run_in_loop(function, timeout)

    def raise_errors(self) -> None:
        """Raise what handlers have raised since the last call.

        One exception is raised as itself, several as a group.
        """
        self._failures.raise_errors()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._add_seed_note(error)
        try:
            self.stop()
        except BaseException as server_error:  # noqa: BLE001 - a handler may raise any exception
            _raise_or_add_note(error, server_error)

    async def __aenter__(self) -> Self:
        """Run in the current event loop, without a thread.

        Raises:
            StartError: Under trio: only the event loop of asyncio can run a server.
        """
        from lazr.smtptest._util.async_library import is_in_trio

        if is_in_trio():
            raise StartError(
                "`async with MailServer()` needs the event loop of asyncio, and trio runs here; "
                "write `with MailServer() as server:`, which runs in a thread, and `await server.inbox.async_one(…)`"
            )
        with self._lock:
            runner = self._prepare_run()
        try:
            await runner.open()
        except BaseException:
            self._release_run()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._add_seed_note(error)
        runner = self._runner
        if runner is not None and runner.is_forked:
            self._detach_after_fork()
            return
        try:
            if runner is not None:
                await runner.close(5.0)
        finally:
            self._release_run()
        try:
            self._raise_failures()
        except BaseException as server_error:  # noqa: BLE001 - a handler may raise any exception
            _raise_or_add_note(error, server_error)

    def _add_seed_note(self, error: BaseException | None) -> None:
        if error is not None:
            for line in self.rules.explain_dice():
                error.add_note(line)

    def _prepare_run(self) -> Runner:
        if self._runner is not None:
            if self._runner.is_forked:
                self._detach_after_fork()  # to release the run would close the port of the parent process
            elif not self._runner.is_ended:
                raise StartError(f"{self!r} is started already; stop it first")
            else:
                self._release_run()
        self.bind()
        try:
            self._runner = self._create_runner()
        except BaseException:
            self._release_run()
            raise
        if self._switch_interval is not None:
            switch_interval.request_switch_interval(self._switch_interval)
            self._is_switch_interval_set = True
        return self._runner

    def _create_runner(self) -> Runner:
        from lazr.smtptest.net import ConnectionManager, Reactor, Runner

        endpoints = self._listener_settings.build_endpoints(self._listeners, self._build_reading_access)
        if self._first_start_time is None:
            self._first_start_time = monotonic()
        self._end_time = None
        with _live_servers_lock:
            _live_servers.add(self)
        self.rules.start_run()
        decisions, observer, failures = self._decisions, self._observer, self._failures
        reactor = Reactor()
        try:
            manager = ConnectionManager(
                reactor,
                endpoints,
                self._limits,
                create_connection=_create_connection,
                decide=decisions.decide if decisions.has_user_decide else None,
                apply_reply=decisions.apply_reply,
                decide_by_function=decisions.decide_by_function,
                reply_to_error=failures.record_error,
                notify_accepted=self.inbox.notify_waiters,
                add_record=self._sessions.add,
                on_session_end=None if observer is None else failures.guard(observer.on_session_ended),
                rules=self.rules,
                start_time=self._first_start_time,
                record_failed_login=failures.record_failed_login,
                order_notices=self._order_notices,
            )
            self._ready_event.clear()
            runner = Runner(manager, self._loop_kind, on_open=self._ready_event.set)
            self._delivery.start_run(manager, runner.call_soon)
            if self._bounce_service is not None:
                self._bounce_service.start_run(reactor)
        except BaseException:
            reactor.close()
            raise
        self._connection_manager = manager
        return runner

    def _build_reading_access(self, protocol: str) -> ReadingAccess:
        """Return how clients of "imap" or "pop3" reach mail."""
        if self._reading is None:  # pragma: no cover
            raise AssertionError("a listener for reading mail without a store")
        return self._reading.build_access(protocol)

    def _release_run(self) -> None:
        """Clean up after a run, or after a failed start."""
        for listener in self._listeners:
            listener.close()
        self._listeners = []
        if self._runner is not None:
            self._runner.release()
        self._runner = None
        self._end_time = monotonic()
        if self._connection_manager is not None:
            self._connection_manager.close_worker_pool(_WORKERS_CLOSE_TIMEOUT_SECONDS)
        self._delivery.end_run(_STORE_CLOSE_TIMEOUT_SECONDS)
        if self._bounce_service is not None:
            self._bounce_service.end_run(_WORKERS_CLOSE_TIMEOUT_SECONDS)
        self.inbox.notify_waiters()  # a waiter fails now: no mail can arrive any more
        if self._is_switch_interval_set and self._switch_interval is not None:
            self._is_switch_interval_set = False
            switch_interval.release_switch_interval(self._switch_interval)

    def _detach_after_fork(self) -> None:
        """Drop this process's copies in a forked child; the server goes on in the parent."""
        if self._runner is not None:
            self._runner.detach_after_fork()
        for listener in self._listeners:
            listener.close_descriptor()
        self._listeners = []
        self._runner = None
        self._delivery.detach_after_fork()
        self._bounce_lock = threading.Lock()
        if self._bounce_service is not None:
            self._bounce_service.detach_after_fork()


def list_servers_since(moment: float) -> list[MailServer]:
    """Return the servers that have run after a moment, in the order of their first start.

    Args:
        moment: a time of `_util.clock.monotonic`.
    """
    with _live_servers_lock:
        servers = list(_live_servers)
    found = [server for server in servers if server._end_time is None or server._end_time >= moment]
    return sorted(found, key=lambda server: server._first_start_time or 0.0)


def _raise_or_add_note(error: BaseException | None, server_error: BaseException) -> None:
    """Raise the server's error, or note it on the test's own failure.

    This runs at the end of a `with` block.
    """
    if error is None:
        raise server_error
    if isinstance(server_error, RuleNeverActed):
        error.add_note(f"and {server_error}")
    else:
        error.add_note(f"and the server's handler, or its stop, raised {type(server_error).__name__}: {server_error}")


def _describe_open_sessions(sessions: Iterable[SessionRecord], timeout: float) -> str:
    lines = [f"clients are still connected after {timeout:g} s:"]
    for session in [session for session in sessions if session.ended is None][-_MAX_DESCRIBED_SESSIONS:]:
        lines += [f"  {session!r}; its last line:", f"  {session.transcript.last(1)}"]
    return "\n".join(lines)


def _create_connection(manager: ConnectionManager, endpoint: Endpoint) -> Connection:
    """Create a connection; its class is imported with the first one."""
    from lazr.smtptest.net import Connection

    return Connection(manager, endpoint)


def _create_authenticator(dns: DnsSource, spf_ip: str | None) -> Authenticator | None:
    if dns is None and spf_ip is None:
        return None  # the rooms of the checks are not imported
    from lazr.smtptest.mail import Authenticator

    return Authenticator(dns, spf_ip)


def _normalize_auth(auth: AcceptPolicy | Auth | None) -> Auth | None:
    if auth is None:
        return None
    from lazr.smtptest.protocol.smtp import Auth

    return auth if isinstance(auth, Auth) else Auth(auth)
