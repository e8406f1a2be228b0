"""Run the REST API and the webhooks that the options of `smtptest serve` describe."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.serve.outbound import build_link_checker, build_relay, build_spam_checker
from lazr.smtptest.cli.serve.users_file import parse_user
from lazr.smtptest.errors import MissingExtra, StartError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from lazr.smtptest import MailServer
    from lazr.smtptest.cli.serve.http_options import HttpOptions
    from lazr.smtptest.cli.serve.outbound_options import OutboundOptions
    from lazr.smtptest.store import Store
    from lazr.smtptest.web import Mailboxes, Users, WebhookThread, WebServer

__all__ = ["PageLinks", "PreparedWebServer", "prepare_web_server"]

_USAGE_ERROR = 2


class PageLinks:
    """The URLs of the pages of the web inbox, as people reach them.

    Args:
        public_url: The value of `--public-url`; None is the URL of the web server.
    """

    def __init__(self, public_url: str | None) -> None:
        self._public_url = public_url
        self.web: WebServer | None = None

    @property
    def base_url(self) -> str:
        """The URL of the web inbox, without a slash at the end; "" before it has a port."""
        if self._public_url is not None or self.web is None:
            return self._public_url or ""
        try:
            return self.web.url
        except StartError:  # port 0, and the server has not started yet
            return ""

    def build_mail_url(self, id: str) -> str:
        """Return the URL of the page that shows a mail; "" before the web server has a port."""
        base_url = self.base_url
        return f"{base_url}/mail/{id}" if base_url else ""


class PreparedWebServer:
    """The web server and the webhooks: their options are checked, and no port is open yet."""

    def __init__(self, web: WebServer, webhook_thread: WebhookThread, page_links: PageLinks) -> None:
        self._web = web
        self._webhook_thread = webhook_thread
        self._page_links = page_links

    @property
    def page_url(self) -> str:
        """The URL of the web inbox, with a slash at the end."""
        return f"{self._page_links.base_url}/"

    @contextlib.contextmanager
    def run_webhooks(self) -> Iterator[None]:
        """Run the webhooks in a `with` block; they deliver each mail stored from now on."""
        with self._webhook_thread:
            yield

    @contextlib.contextmanager
    def run_web_server(self) -> Iterator[str]:
        """Run the web server in a `with` block; the value is its URL.

        Raises:
            CommandError: If the port cannot be used.
        """
        try:
            self._web.start()
        except OSError as error:
            hint = ""
            if error.errno == errno.EADDRINUSE:
                hint = (
                    "; choose a port with --http-port (0 is any free port): "
                    f"another server may run at port {self._web.port}"
                )
            raise CommandError(f"HTTP: {error.strerror or error}{hint}") from None
        try:
            yield self._web.url
        finally:
            self._web.stop()


def prepare_web_server(
    http_options: HttpOptions,
    outbound_options: OutboundOptions,
    smtp_host: str,
    *,
    insecure_public: bool,
    ssl_context: ssl.SSLContext | None,
    ca_file: str | None,
    server: MailServer,
    store: Store | None,
    mailboxes: Mailboxes,
) -> PreparedWebServer | None:
    """Check all options, read their files, and return the web server; None without HTTP.

    Args:
        http_options: Port, access and webhooks.
        outbound_options: The relay and the link checks.
        smtp_host: The address that SMTP listens on, which HTTP uses too unless `--http-host` names another.
        insecure_public: Whether an address that other machines can reach is allowed without a login.
        ssl_context: The certificate for HTTPS; None is plain HTTP.
        ca_file: The PEM file of the CA that clients must trust; None without made certificates.
        server: The mail server whose sessions and rules the API shows.
        store: The mails that the API shows.
        mailboxes: The parts of the store that tokens open.

    Raises:
        CommandError: If an option or a file is invalid.
    """
    if http_options.no_http or store is None:
        return None
    # Imported here: this takes longer than everything else that a command does.
    from functools import partial

    from lazr.smtptest.web import (
        AppContext,
        Guard,
        OutboundClient,
        UrlNotAllowed,
        WebhookThread,
        WebServer,
        build_message_summary,
        check_exposure,
        make_app,
    )

    host = smtp_host if http_options.http_host is None else http_options.http_host
    networks = http_options.webhook_network or ()
    page_links = PageLinks(http_options.public_url)
    try:
        users = _read_users(http_options)
        check_exposure(host, has_login=users is not None or bool(mailboxes), insecure_public=insecure_public)
        app_context = AppContext(
            store,
            server,
            label=http_options.label,
            remote_content=http_options.allow_remote_content,
            mailboxes=mailboxes,
            ca_file=ca_file,
            relay=build_relay(outbound_options),
            link_checker=build_link_checker(outbound_options, networks),
            spam_checker=build_spam_checker(outbound_options),
        )
        guard = partial(
            Guard,
            bind_host=host,
            allowed_hosts=http_options.allowed_host or (),
            allowed_origins=http_options.allowed_origin or (),
            users=users,
            mailboxes=app_context.mailboxes,
            trusted_proxies=http_options.trusted_proxy or (),
        )
        webhook_thread = WebhookThread(
            store,
            http_options.webhook or (),
            secret=http_options.webhook_secret,
            summary=lambda entry: {**build_message_summary(entry, "event"), "URL": page_links.build_mail_url(entry.id)},
            client=OutboundClient(networks),
        )
        # The guard wraps the finished app, and is not one of its middlewares: see `WebServer`.
        web = WebServer(
            make_app(app_context, mcp=http_options.mcp),
            host,
            http_options.http_port,
            guard=guard,
            ssl_context=ssl_context,
            webroot=http_options.webroot,
        )
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}", _USAGE_ERROR) from None
    except (ValueError, UrlNotAllowed, MissingExtra) as error:
        raise CommandError(str(error), _USAGE_ERROR) from None
    page_links.web = web
    return PreparedWebServer(web, webhook_thread, page_links)


def _read_users(options: HttpOptions) -> Users | None:
    """Return the users of `--auth-file` and `--auth`; None if no login is required."""
    from lazr.smtptest.web import Users

    if options.auth_file is None and not options.auth:
        return None
    lines = [] if options.auth_file is None else [options.auth_file.read_text("utf-8")]
    pairs = [parse_user(text, "--auth") for text in options.auth or ()]
    lines += [f"{name}:{{PLAIN}}{password}" for name, password in pairs]
    return Users.parse("\n".join(lines), name="--auth" if options.auth_file is None else str(options.auth_file))
