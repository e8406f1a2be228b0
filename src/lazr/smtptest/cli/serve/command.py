"""`smtptest serve`: run the mail server with its store, web server and output."""

import contextlib
import errno
import logging
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

from lazr.smtptest import Auth, Lenient, Limits, MailServer, NotificationFailed, Tls, presets
from lazr.smtptest._util.allocator import configure_allocator
from lazr.smtptest._util.fd_limit import raise_fd_limit
from lazr.smtptest.cli.browser import open_browser
from lazr.smtptest.cli.config.typer_options import expand_options
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.json_lines import JsonFormatter, JsonRenderer
from lazr.smtptest.cli.output.plain_log import PlainFormatter
from lazr.smtptest.cli.output.terminal import print_warning
from lazr.smtptest.cli.output.text import TextRenderer, is_color_enabled
from lazr.smtptest.cli.rules_file import read_rules
from lazr.smtptest.cli.serve.authentication_options import AuthenticationOptions, open_resolver
from lazr.smtptest.cli.serve.http_options import HttpOptions
from lazr.smtptest.cli.serve.mail_store import NO_STORE, has_retention, open_store
from lazr.smtptest.cli.serve.mailboxes_file import read_mailboxes
from lazr.smtptest.cli.serve.outbound import build_bounce_settings
from lazr.smtptest.cli.serve.outbound_options import OutboundOptions
from lazr.smtptest.cli.serve.printer import PrinterThread
from lazr.smtptest.cli.serve.printing_observer import PrintingObserver
from lazr.smtptest.cli.serve.reading_options import ReadingOptions
from lazr.smtptest.cli.serve.reading_setup import ReadingSetup, check_reading_options, prepare_reading
from lazr.smtptest.cli.serve.shutdown_signal import ShutdownSignal
from lazr.smtptest.cli.serve.smtp_options import SmtpOptions
from lazr.smtptest.cli.serve.store_options import StoreOptions
from lazr.smtptest.cli.serve.tls_options import TlsOptions, TlsSetup, build_tls
from lazr.smtptest.cli.serve.users_file import read_users_and_options
from lazr.smtptest.cli.serve.web_server import prepare_web_server
from lazr.smtptest.protocol.smtp import TlsMode
from lazr.smtptest.store import Store
from lazr.smtptest.web import is_exposed, parse_allowed_hosts

__all__ = ["EXAMPLES", "serve"]

EXAMPLES = (
    "smtptest serve",
    "smtptest serve --open",
    "smtptest serve --smtp-port 2525 --tls starttls",
    "smtptest serve --database sqlite:///mails.sqlite --max-age 7d",
    "smtptest serve --database none",
    "smtptest serve --rules greylisting.toml",
    "smtptest serve --log-json | jq .subject",
)


# The part of a core that printing may take by default.
_MAX_PRINTING_LOAD = 0.04


@expand_options(
    smtp_options=SmtpOptions,
    tls_options=TlsOptions,
    reading_options=ReadingOptions,
    store_options=StoreOptions,
    http_options=HttpOptions,
    outbound_options=OutboundOptions,
    authentication_options=AuthenticationOptions,
)
def serve(
    *,
    smtp_options: SmtpOptions,
    tls_options: TlsOptions,
    reading_options: ReadingOptions,
    store_options: StoreOptions,
    http_options: HttpOptions,
    outbound_options: OutboundOptions,
    authentication_options: AuthenticationOptions,
) -> int:
    """Catch mail by SMTP, print it, and serve it by HTTP, IMAP and POP3, until Ctrl-C.

    Nothing is delivered, except by --relay.
    """
    if smtp_options.quiet and store_options.database == NO_STORE:
        raise CommandError("--quiet with --database none would keep no copy of a mail; leave one out", 2)
    if smtp_options.quiet and smtp_options.verbose:
        raise CommandError("--quiet prints no mails and --verbose prints all of each mail; leave one out", 2)
    if http_options.open_page and (http_options.no_http or store_options.database == NO_STORE):
        raise CommandError("--open needs the web inbox; leave out --open, or --no-http and --database none", 2)
    if http_options.mcp and (http_options.no_http or store_options.database == NO_STORE):
        raise CommandError("--mcp needs HTTP and a store; leave out --mcp, or --no-http and --database none", 2)
    check_reading_options(reading_options, store_options.database)
    _reject_exposure(smtp_options)
    _configure_logging(smtp_options)
    raise_fd_limit()
    configure_allocator()
    tls = build_tls(tls_options, [smtp_options.hostname, *_read_allowed_names(http_options)])
    options = smtp_options, reading_options, store_options, http_options, outbound_options
    try:
        return _run(*options, authentication_options=authentication_options, tls=tls, out=sys.stdout)
    except _DefaultPortTaken:  # another program has taken it since it was looked at; now it is left out
        return _run(*options, authentication_options=authentication_options, tls=tls, out=sys.stdout)


class _DefaultPortTaken(CommandError):
    """A default port of IMAP or POP3 is in use, which must not end the server."""


def _run(
    smtp_options: SmtpOptions,
    reading_options: ReadingOptions,
    store_options: StoreOptions,
    http_options: HttpOptions,
    outbound_options: OutboundOptions,
    *,
    authentication_options: AuthenticationOptions,
    tls: TlsSetup,
    out: TextIO,
) -> int:
    shutdown_signal = ShutdownSignal()
    printer = _build_printer(smtp_options, out, shutdown_signal, has_store=store_options.database != NO_STORE)
    ca_file = None if tls.ca_file is None else str(tls.ca_file)
    # The parts start in this order and stop in reverse order, so each part can use those above it.  All options are
    # checked before a port opens: a mail that a server has acknowledged must not be followed by a usage error.
    with contextlib.ExitStack() as running:
        running.enter_context(shutdown_signal)
        running.enter_context(printer)
        store = running.enter_context(open_store(store_options))
        smtp_users = read_users_and_options(smtp_options.smtp_auth_file, smtp_options.smtp_auth, "--smtp-auth")
        mailboxes = read_mailboxes(http_options.mailboxes)
        reading = prepare_reading(
            reading_options, smtp_options, http_options, smtp_users=smtp_users, mailboxes=mailboxes, store=store
        )
        server = _build_mail_server(
            smtp_options,
            outbound_options,
            tls.smtp,
            printer,
            store,
            smtp_users=smtp_users,
            reading=reading,
            authentication_options=authentication_options,
        )
        web = prepare_web_server(
            http_options,
            outbound_options,
            smtp_options.host,
            insecure_public=smtp_options.insecure_public,
            ssl_context=tls.http_context,
            ca_file=ca_file,
            server=server,
            store=store,
            mailboxes=mailboxes,
        )
        if web is not None:
            running.enter_context(web.run_webhooks())
        running.enter_context(_run_mail_server(server, reading, reading_options))
        urls = [server.url]
        if tls.smtp is not None and tls.smtp.mode is TlsMode.BOTH:
            urls.append("smtps://{}:{}".format(*server.tls_address))
        if web is not None:
            urls.append(running.enter_context(web.run_web_server()))
        urls += _list_reading_urls(server, reading, tls.smtp)
        store_summary = None if store is None else (store.url, store.get_totals().mails)
        page_url = None if web is None else web.page_url
        limited = store is None or store_options.database == "memory:" or has_retention(store_options)
        printer.enqueue_listening(urls, store_summary, ca_file, page_url=page_url, has_retention=limited)
        if http_options.open_page and page_url is not None:
            _open_page(page_url)
        shutdown_signal.wait()
    return printer.exit_status


def _open_page(url: str) -> None:
    """Open the web inbox; a missing browser is a warning, because the server runs anyway."""

    def run() -> None:
        try:
            open_browser(url)
        except CommandError as error:
            print_warning(str(error))

    # In a thread: some browsers only return when they are closed.
    threading.Thread(target=run, name="smtptest browser", daemon=True).start()


def _build_printer(
    smtp_options: SmtpOptions, out: TextIO, shutdown_signal: ShutdownSignal, *, has_store: bool
) -> PrinterThread:
    if smtp_options.log_json:
        return PrinterThread(out, JsonRenderer(), shutdown_signal.request)
    color = is_color_enabled(out)
    if smtp_options.verbose or not has_store:  # without a store, the output is the only copy of a mail
        return PrinterThread(out, TextRenderer(color=color), shutdown_signal.request)
    renderer = TextRenderer(color=color, detail="summary" if out.isatty() else "line")
    return PrinterThread(out, renderer, shutdown_signal.request, max_load=_MAX_PRINTING_LOAD)


def _read_allowed_names(http_options: HttpOptions) -> list[str]:
    try:
        return [name for name in parse_allowed_hosts(http_options.allowed_host or ()) if name != "*"]
    except ValueError as error:
        raise CommandError(f"--allowed-host: {error}", 2) from None


def _build_mail_server(
    smtp_options: SmtpOptions,
    outbound_options: OutboundOptions,
    tls: Tls | None,
    printer: PrinterThread,
    store: Store | None,
    *,
    smtp_users: dict[str, str],
    reading: ReadingSetup,
    authentication_options: AuthenticationOptions,
) -> MailServer:
    # Accept everything that an application under development sends, as far as it can be parsed.
    server = MailServer(
        smtp_options.host,
        smtp_options.smtp_port,
        observer=PrintingObserver(printer, has_store=store is not None, prints_mails=not smtp_options.quiet),
        keep_mails=False,
        hostname=smtp_options.hostname,
        limits=Limits(
            session_memory=1024 * 1024,
            content_memory=32 * 1024 * 1024,
            message_size=smtp_options.max_message_size,
            recipients=smtp_options.max_recipients,
            auth_failures_per_minute=30,
        ),
        lenient=Lenient.all(),
        bare_line_ends="accept",
        auth=Auth(smtp_users or "any", in_clear=True),
        tls=tls,
        store=store,
        imap=reading.imap or False,
        pop3=reading.pop3 or False,
        reading_auth=reading.auth,
        mailboxes=reading.mailboxes,
        dns=open_resolver(authentication_options),
        spf_ip=authentication_options.spf_ip,
        **build_bounce_settings(outbound_options),
    )
    if smtp_options.rules is not None:
        server.rules.add(read_rules(smtp_options.rules))
    if outbound_options.simulator_addresses:
        server.rules.add(presets.simulator_addresses())
    return server


def _list_reading_urls(server: MailServer, reading: ReadingSetup, tls: Tls | None) -> list[str]:
    """Return the URLs of IMAP and POP3, as far as they run."""
    urls = []
    for name, _ in reading.list_listens():
        address = server.imap if name == "imap" else server.pop3
        urls.append(address.url)
        if tls is not None and tls.mode is TlsMode.BOTH:
            urls.append("{}s://{}:{}".format(name, *address.tls_address))
    return urls


@contextlib.contextmanager
def _run_mail_server(server: MailServer, reading: ReadingSetup, reading_options: ReadingOptions) -> Iterator[None]:
    try:
        server.start()
    except OSError as error:
        hint = ""
        if error.errno == errno.EADDRINUSE:
            options = {f":{listen.port}": f"--{name}-port" for name, listen in reading.list_listens()}
            option = next((options[end] for end in options if str(error.strerror).endswith(end)), "--smtp-port")
            hint = f"; choose a port with {option} (0 is any free port)"
            defaults = {"--imap-port": reading_options.imap_port, "--pop3-port": reading_options.pop3_port}
            if defaults.get(option, 0) is None:
                raise _DefaultPortTaken(f"{error.strerror}{hint}") from None
        raise CommandError(f"{error.strerror or error}{hint}") from None
    try:
        yield
    finally:
        _stop_mail_server(server)


def _stop_mail_server(server: MailServer) -> None:
    """Stop the server; bounces that failed are in the log, and no reason to fail."""
    try:
        server.stop()
    except* NotificationFailed:
        pass


def _reject_exposure(smtp_options: SmtpOptions) -> None:
    has_users = smtp_options.smtp_auth_file is not None or bool(smtp_options.smtp_auth)
    if is_exposed(smtp_options.host) and not has_users and not smtp_options.insecure_public:
        raise CommandError(
            f"other machines can reach {smtp_options.host or 'all addresses'}, and SMTP requires no login; "
            "set SMTP users with --smtp-auth or --smtp-auth-file and HTTP users with --auth or --auth-file, "
            "or use --insecure-public",
            2,
        )


def _configure_logging(smtp_options: SmtpOptions) -> None:
    """Send the log records of all libraries to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if smtp_options.log_json else PlainFormatter())
    logging.basicConfig(
        level=logging.INFO if smtp_options.log_json else logging.WARNING, handlers=[handler], force=True
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # we print start and stop ourselves
    logging.getLogger("mcp").setLevel(logging.WARNING)  # the access log has its requests
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # the store reports a lost connection, once
