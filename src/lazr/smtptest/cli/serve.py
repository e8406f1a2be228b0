"""`smtptest serve`: a server that catches mail, until it is told to stop."""

import contextlib
import errno
import logging
import sys
from collections.abc import Iterator
from typing import TextIO

from lazr.smtptest.cli.announcer import Announcer
from lazr.smtptest.cli.ending import Ending
from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.http import Http, serving
from lazr.smtptest.cli.jsonlog import JsonFormatter, JsonPaint
from lazr.smtptest.cli.keeping import Kept, keeping
from lazr.smtptest.cli.openfiles import raise_limit
from lazr.smtptest.cli.outside import Outside
from lazr.smtptest.cli.paint import Paint, colourful
from lazr.smtptest.cli.plainlog import PlainFormatter
from lazr.smtptest.cli.printer import Printer
from lazr.smtptest.cli.rows import takes
from lazr.smtptest.cli.rulesfile import read_rules
from lazr.smtptest.cli.settings import Settings
from lazr.smtptest.cli.users import read_users
from lazr.smtptest.protocol.smtp.auth import Auth
from lazr.smtptest.protocol.smtp.leniency import Lenient
from lazr.smtptest.protocol.smtp.limits import Limits
from lazr.smtptest.store.contract import Store
from lazr.smtptest.web.exposure import is_exposed

__all__ = ["EXAMPLES", "serve"]

EXAMPLES = (
    "smtptest serve",
    "smtptest serve --smtp-port 2525 --tls starttls",
    "smtptest serve --database sqlite:///mails.sqlite --max-age 7d",
    "smtptest serve --database none",
    "smtptest serve --rules greylisting.toml",
    "smtptest serve --log-json | jq .subject",
)


@takes(settings=Settings, kept=Kept, http=Http, outside=Outside)
def serve(settings: Settings, kept: Kept, http: Http, outside: Outside) -> int:
    """Catch mail, keep it, print it as it arrives, and show it by HTTP; it delivers nothing by itself. Ctrl-C stops."""
    _refuse_exposure(settings)
    _begin_logging(settings)
    raise_limit()
    return _run(settings, kept, http, outside, sys.stdout)


def _run(settings: Settings, kept: Kept, http: Http, outside: Outside, out: TextIO) -> int:
    ending = Ending()
    paint = JsonPaint() if settings.log_json else Paint(colours=colourful(out))
    printer = Printer(out, paint, ending.come)
    # The parts begin in this order, and end in the reverse one: what is there last has all others to rely on.
    with (
        ending,
        printer,
        keeping(kept) as store,
        _mail_server(settings, printer, store) as server,
        serving(http, outside, settings.host, public=settings.insecure_public, server=server, store=store) as web,
    ):
        places = [server.url]
        if settings.tls == "both":
            places.append("smtps://{}:{}".format(*server.tls_address))
        if web is not None:
            places.append(web)
        has = None if store is None else (store.url, store.totals().mails)
        printer.listening(places, has, server.ca_file if settings.tls else None)
        ending.wait()
    return printer.status


@contextlib.contextmanager
def _mail_server(settings: Settings, printer: Printer, store: Store | None) -> Iterator[Announcer]:
    auth = Auth("any", in_clear=True)
    if settings.smtp_auth_file is not None:
        auth = Auth(read_users(settings.smtp_auth_file), in_clear=True)
    # A catcher is to catch: whatever an application under development sends, as far as it can be read.
    server = Announcer(
        settings.host,
        settings.smtp_port,
        printer,
        hostname=settings.hostname,
        limits=Limits(session_memory=1024 * 1024, message_size=settings.max_message_size),
        lenient=Lenient.all(),
        bare_line_ends="accept",
        auth=auth,
        tls=settings.tls,
        store=store,
    )
    if settings.rules is not None:
        server.rules.add(read_rules(settings.rules))
    try:
        server.start()
    except OSError as error:
        hint = "; --smtp-port 0 takes any free one" if error.errno == errno.EADDRINUSE else ""
        raise Failure(f"{error.strerror or error}{hint}") from None
    try:
        yield server
    finally:
        server.stop()


def _refuse_exposure(settings: Settings) -> None:
    if is_exposed(settings.host) and settings.smtp_auth_file is None and not settings.insecure_public:
        raise Failure(
            f"on {settings.host or 'all addresses'} others can reach the server, and anybody may come in: "
            "--smtp-auth-file says who may, --insecure-public that all may",
            2,
        )


def _begin_logging(settings: Settings) -> None:
    """What libraries and the rooms below have to say goes to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.log_json else PlainFormatter())
    logging.basicConfig(level=logging.INFO if settings.log_json else logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # that it starts and stops is said by ourselves
