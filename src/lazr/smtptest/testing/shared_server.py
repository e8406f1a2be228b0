"""A running `smtptest serve` that many tests share, as one of these tests sees it.

Two things identify the mails of a test: the user name with which a client logs in, and the domain of the recipients.
Each is a mailbox at the server, which is made when the test asks for the user or the domain, and removed at its end.  A
`MailboxFeed` reads each mailbox, and an ordinary `Inbox` gets the mails.  For a server that is used by this test alone,
one mailbox has the mails to all recipients.
"""

from __future__ import annotations

import re
import secrets
import tempfile
import threading
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest._util.host_port import format_host_port, split_host_port
from lazr.smtptest.api_client import ApiClient, ApiError, ApiUnavailable
from lazr.smtptest.client_settings import build_client_environment
from lazr.smtptest.errors import SmtptestError, StartError
from lazr.smtptest.mail import Inbox
from lazr.smtptest.protocol.smtp import TlsMode
from lazr.smtptest.testing.mailbox_feed import MailboxFeed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any, Self

__all__ = ["SERVER_OPTION", "LocalServerNeeded", "SharedServer", "parse_smtp_address"]

SERVER_OPTION = "--smtptest-server"

# RFC 2606 2 reserves it.  Unlike .invalid and .test, validators of addresses accept it.
_BASE_DOMAIN = "smtptest.example"

_MAX_NAME_CHARACTERS = 40  # with the suffix, it fits a label of DNS (RFC 1035 2.3.4)
_SUFFIX_BYTES = 4
_UNSAFE_CHARACTERS = re.compile(r"[^a-z0-9]+")
_LOCAL_HOSTS = frozenset({"", "0.0.0.0", "::", "127.0.0.1", "::1", "localhost"})  # noqa: S104 - compared only

_MAX_OTHER_MAILS = 5
_MAX_EXPLANATION_LINES = 40

_HOW_TO_MARK_MAILS = (
    "configure the application with the login of smtptest.env(), or send to addresses in the fixture smtptest_domain"
)

# Attributes of `MailServer` that a test cannot have of a server that others use too.
_LOCAL_ATTRIBUTES = frozenset(
    {"on", "rules", "check_rules", "seed", "sessions", "settle", "async_settle", "refusals", "call", "run", "bind"}
    | {"listeners", "client_certificate", "explain_dice"}
)


class LocalServerNeeded(SmtptestError, NotImplementedError):
    """A test needs what only a server in its own process can do; the text says how to get one."""


class SharedServer:
    """A running `smtptest serve`, and the mails of one test there.

    A mail is of this test if its client has logged in as `user`, or if a recipient is in `domain`.  `inbox` has these
    mails alone.  Their `id` is that of the server, and they have no `session`.

    Args:
        url: the URL of the server's web inbox and REST API.  It can have the user and the password of a login that may
            create mailboxes: `http://ann:secret@mail:8025`.
        name: the name of the test, from which `user` and `domain` are made.
        smtp: the host and port that clients connect to, of the server's first listener; by default those that the
            server reports.
        timeout: the default timeout of all waits, in seconds; 5 by default.
        keep_mails: True, the default, keeps all mails in the inbox; a number keeps that many, the latest ones.
        keep_bytes: the total size of content in the inbox, in bytes; no limit by default.
        all_mails: True puts every mail at the server into the inbox, also earlier ones.  It is for a server that no
            other test uses, such as a container; False by default.

    Raises:
        ValueError: if the URL or the address is invalid.

    >>> import smtplib
    >>> from lazr.smtptest import MailServer
    >>> from lazr.smtptest.store import MemoryStore
    >>> from lazr.smtptest.web import AppContext, WebServer, make_app
    >>> store = MemoryStore()
    >>> with MailServer(store=store) as smtp, WebServer(make_app(AppContext(store, smtp))) as web:
    ...     with SharedServer(web.url) as server, smtplib.SMTP(*server.address) as client:
    ...         _ = client.sendmail("app@example.com", f"ann@{server.domain}", "Subject: Hi")
    ...         server.inbox.one().subject
    'Hi'
    """

    def __init__(
        self,
        url: str,
        name: str = "test",
        *,
        smtp: str | None = None,
        timeout: float = 5.0,
        keep_mails: bool | int = True,
        keep_bytes: int | None = None,
        all_mails: bool = False,
    ) -> None:
        self._has_all_mails = all_mails
        self._api = ApiClient(url, option=SERVER_OPTION)
        self._api_lock = threading.Lock()
        self._given_smtp = None if smtp is None else parse_smtp_address(smtp)
        self._smtp = self._given_smtp
        self._tls_mode = TlsMode.NONE
        self._tls_address: tuple[str, int] | None = None
        self._timeout = timeout
        readable = _UNSAFE_CHARACTERS.sub("-", name.lower())[-_MAX_NAME_CHARACTERS:].strip("-") or "test"
        self._name = f"{readable}-{secrets.token_hex(_SUFFIX_BYTES)}"
        self._feeds: dict[str, MailboxFeed] = {}  # by the name of the mailbox
        self._feeds_lock = threading.Lock()
        self._known_ids: set[str] = set()
        self._refresh_lock = threading.Lock()
        self._is_running = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._inbox = Inbox(
            self,
            keep_mails=None if isinstance(keep_mails, bool) else keep_mails,
            keep_bytes=keep_bytes,
            refresh=self._refresh,
        )

    # -- start and stop ----------------------------------------------------------------------

    def start(self) -> None:
        """Check that the server runs, and read its SMTP address; do nothing if that is done.

        Raises:
            ApiUnavailable: if it does not run, or refuses the login.
        """
        if self._is_running:
            return
        settings = self._request_json("GET", "/api/v1/webui")
        if not isinstance(settings, dict) or "SMTP" not in settings:
            raise ApiUnavailable(
                f"{self._api.url}: {SERVER_OPTION} must be the URL of a `smtptest serve`, got another server, which "
                "has no mailboxes for tests"
            )
        listeners = [one for one in settings["SMTP"] if one["Port"]]  # port 0 is that of a Unix socket
        addresses = [(self._resolve_host(one["Host"]), one["Port"]) for one in listeners]
        modes = [_parse_tls_mode(one["TLS"]) for one in listeners]
        if self._given_smtp is not None:  # that of the first listener; those of the others are unknown
            addresses, modes = [self._given_smtp], modes[:1] or [TlsMode.NONE]
        elif not addresses:
            raise ApiUnavailable(f"{self._api.url}: the server receives no mail by TCP; set --smtptest-smtp HOST:PORT")
        self._smtp, self._tls_mode = addresses[0], modes[0]
        self._tls_address = dict(zip(reversed(modes), reversed(addresses), strict=True)).get(TlsMode.IMPLICIT)
        self._is_running = True
        if self._has_all_mails:
            self._open_mailbox(self._name, recipient="*")

    def _resolve_host(self, reported_host: str) -> str:
        """Return the host for clients: that of the web inbox, or another reported one."""
        host = urlsplit(self._api.url).hostname or ""
        return host if reported_host in _LOCAL_HOSTS else reported_host

    def stop(self) -> None:
        """Remove the mailboxes of this test.  Its mails stay at the server, and in `inbox`."""
        if not self._is_running:
            return
        with suppress(ApiUnavailable):
            self._refresh()
        self._is_running = False
        with self._feeds_lock:
            feeds, self._feeds = self._feeds, {}
        for name, feed in feeds.items():
            feed.stop()
            with suppress(ApiUnavailable):  # it is gone with its server
                self._request("DELETE", f"/api/v1/mailboxes/{quote(name, safe='')}")
        self._api.close()
        self._inbox.notify_waiters()  # a waiter fails now: no mail can arrive any more
        if self._folder is not None:
            self._folder.cleanup()

    def forget(self) -> None:
        """Forget the mails so far, for the next test.  They stay at the server."""
        self._inbox.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<SharedServer {self._api.url} {'running' if self._is_running else 'stopped'}, {self._inbox!r}>"

    # -- the mails of this test ----------------------------------------------------------------

    @property
    def inbox(self) -> Inbox:
        """The mails of this test: `server.inbox.one(to="ann@example.com")` waits for one."""
        return self._inbox

    @property
    def user(self) -> str:
        """The user name for AUTH; mails of clients that log in with it are in the inbox."""
        self._open_mailbox(f"{self._name} user", user=self._name)
        return self._name

    @property
    def password(self) -> str:
        """The password for `user`; `smtptest serve` without SMTP users accepts any."""
        return self._name

    @property
    def domain(self) -> str:
        """The domain of this test; mails to recipients in it are in the inbox."""
        domain = f"{self._name}.{_BASE_DOMAIN}"
        self._open_mailbox(f"{self._name} domain", recipient=f"*@{domain}")
        return domain

    # -- for clients -----------------------------------------------------------------------------

    @property
    def address(self) -> tuple[str, int]:
        """The host and port to connect to: `smtplib.SMTP(*server.address)`.

        Raises:
            StartError: if the server is not started.
        """
        if self._smtp is None:
            raise StartError("the address is unknown before the start; use `with SharedServer(url) as server:`")
        return self._smtp

    @property
    def host(self) -> str:
        """The host that clients connect to."""
        return self.address[0]

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return self.address[1]

    @property
    def tls_address(self) -> tuple[str, int]:
        """The host and port with implicit TLS, for `smtplib.SMTP_SSL`.

        Raises:
            StartError: if the server has none, or is not started; with `smtp`, only that address is known.
        """
        if self._tls_address is None:
            where = "" if self._given_smtp is None else f" at {format_host_port(*self._given_smtp)}"
            raise StartError(f"the server has no implicit TLS{where}; start it with `smtptest serve --tls implicit`")
        return self._tls_address

    @property
    def url(self) -> str:
        """The URL `smtp://host:port` that clients connect to; `smtps` with implicit TLS."""
        scheme = "smtps" if self._tls_mode is TlsMode.IMPLICIT else "smtp"
        return f"{scheme}://{format_host_port(*self.address)}"

    @property
    def running(self) -> bool:
        """Whether the server is started and not yet stopped."""
        return self._is_running

    def env(self) -> dict[str, str]:
        """Return environment variables that make a subprocess send its mail as `user`.

        They are those of `MailServer.env()`.  If the inbox has all mails, they have no user.
        """
        user = None if self._has_all_mails else (self.user, self.password)
        return build_client_environment(self.address, self.url, tls_mode=self._tls_mode, user=user)

    @property
    def ca_file(self) -> str:
        """The path of a PEM file with the CA certificate that clients must trust.

        Raises:
            ApiError: if the server has no TLS, or a certificate of another CA.
        """
        if self._folder is None:
            content = self._request("GET", "/api/v1/ca.pem")
            self._folder = tempfile.TemporaryDirectory(prefix="smtptest-")
            Path(self._folder.name, "ca.pem").write_bytes(content)
        return str(Path(self._folder.name, "ca.pem"))

    def client_context(self) -> ssl.SSLContext:
        """Return a client's `ssl.SSLContext` that trusts only the server's CA.

        Raises:
            ApiError: if the server has no TLS, or a certificate of another CA.
        """
        import ssl

        return ssl.create_default_context(cafile=self.ca_file)

    # -- pages -----------------------------------------------------------------------------------

    def list_page_urls(self) -> list[str]:
        """Return the URLs of the pages with the mails of this test, and of all sessions."""
        urls = [self._api.build_mail_url(mail.id) for mail in self._inbox]
        return [*urls, f"{self._api.url}/sessions"]

    # -- what the inbox uses ----------------------------------------------------------------------

    def raise_errors(self) -> None:
        """Do nothing: the handlers are in another process."""

    def check_started(self) -> None:
        """Raise `StartError` if the server was never started."""
        if self._smtp is None:
            raise StartError("the server was never started; write `with SharedServer(url) as server:`")

    @property
    def is_receiving(self) -> bool:
        """Whether more mails can arrive."""
        return self._is_running

    @property
    def default_timeout(self) -> float:
        """The default timeout of all waits, in seconds: the argument `timeout`."""
        return self._timeout

    @property
    def is_in_loop_thread(self) -> bool:
        """Whether the current thread runs the server: never."""
        return False

    def explain(self) -> list[str]:
        """Return lines that may explain why a mail did not arrive."""
        with self._feeds_lock:
            kinds = {name.rpartition(" ")[2] for name in self._feeds}
        ways = [f"of clients that log in as {self._name}"] if "user" in kinds else []
        ways += [f"to *@{self._name}.{_BASE_DOMAIN}"] if "domain" in kinds else []
        if self._has_all_mails:
            lines = [f"the inbox has all mails at {self._api.url}"]
        elif ways:
            lines = [f"mails of this test at {self._api.url}: those {', and those '.join(ways)}"]
        else:
            lines = [f"no mail at {self._api.url} can be identified as one of this test: {_HOW_TO_MARK_MAILS}"]
        return [*lines, *self._describe_server(), f"all sessions: {self._api.url}/sessions"]

    def _describe_server(self) -> list[str]:
        """Return the latest mails of other tests, and what the server reports about missing mails."""
        try:
            self._request("GET", "/api/v1/wait", query={"query": f"message-id:{self._name}", "timeout": 0})
        except ApiError as error:
            report = error.parse_body()
        except ApiUnavailable as error:
            return [str(error)]
        else:
            return []
        others = [str(line) for line in report.get("Others", [])][:_MAX_OTHER_MAILS]
        lines = ["the latest mails at the server, of all tests:", *(f"  {line}" for line in others)] if others else []
        lines += [str(line) for line in report.get("Explanation", [])][:_MAX_EXPLANATION_LINES]
        return [escape_unprintable(line) for line in lines]

    # -- inside ----------------------------------------------------------------------------------

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name: str) -> object:
            if name in _LOCAL_ATTRIBUTES:
                raise LocalServerNeeded(
                    f"`{name}` is of a server in the process of the test, and {SERVER_OPTION} selects a shared one: "
                    f"use smtptest_factory(), which starts a MailServer, or run without {SERVER_OPTION}"
                )
            raise AttributeError(f"'SharedServer' object has no attribute {name!r}")

    def _open_mailbox(self, name: str, **content: str) -> None:
        with self._feeds_lock:
            if name in self._feeds:
                return
            if not self._is_running:
                raise StartError("the server is not started; use `with SharedServer(url) as server:`")
            body = {"Name": name, **{key.capitalize(): value for key, value in content.items()}}
            created = self._request_json("POST", "/api/v1/mailboxes", body)
            self._feeds[name] = MailboxFeed(self._api.url, created["Token"], self._refresh)

    def _refresh(self) -> None:
        """Append the mails that are new in the mailboxes, in the order of their arrival."""
        if not self._is_running:
            return
        with self._refresh_lock:
            with self._feeds_lock:
                feeds = list(self._feeds.values())
            new: dict[str, tuple[float, MailboxFeed]] = {}
            for feed in feeds:
                for summary in reversed(feed.list_new(self._known_ids)):
                    new.setdefault(summary["ID"], (_parse_time(summary["Created"]), feed))
            for mail_id, (received_at, feed) in sorted(new.items(), key=lambda item: item[1][0]):
                mail = feed.fetch(mail_id, received_at)
                self._known_ids.add(mail_id)
                if mail is not None:
                    self._inbox.append(mail)
        if new:
            self._inbox.notify_waiters()

    def _request(self, method: str, path: str, body: object = None, query: dict[str, object] | None = None) -> bytes:
        with self._connected() as api:
            return api.request(method, path, body, query=query)

    def _request_json(self, method: str, path: str, body: object = None) -> Any:
        with self._connected() as api:
            return api.request_json(method, path, body)

    @contextmanager
    def _connected(self) -> Iterator[ApiClient]:
        """Let one thread use the connection.

        Before the start and after the stop, it is closed at the end: nothing else would close it.
        """
        with self._api_lock:
            try:
                yield self._api
            finally:
                if not self._is_running:
                    self._api.close()


def parse_smtp_address(text: str) -> tuple[str, int]:
    """Return the host and the port of `HOST:PORT`.

    Raises:
        ValueError: if the text is something else.

    >>> parse_smtp_address("mail:2525"), parse_smtp_address("[::1]:1025")
    (('mail', 2525), ('::1', 1025))
    """
    host, port = split_host_port(text)
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(f"the SMTP address of a shared server must be HOST:PORT, such as mail:1025, got {text!r}")
    return host, int(port)


def _parse_time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _parse_tls_mode(value: object) -> TlsMode:
    """Return what a client must do; `TlsMode.NONE` for an unknown value."""
    modes = {"starttls": TlsMode.STARTTLS, "both": TlsMode.STARTTLS, "implicit": TlsMode.IMPLICIT}
    return modes.get(str(value).lower(), TlsMode.NONE)
