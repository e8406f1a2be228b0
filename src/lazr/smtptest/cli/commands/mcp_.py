"""`smtptest mcp`: let a coding agent use a server, with the Model Context Protocol."""

import contextlib
import errno
import logging
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from lazr.smtptest import Auth, Lenient, MailServer
from lazr.smtptest.api_client import ApiUnavailable
from lazr.smtptest.cli.config.shared_options import ApiOptions
from lazr.smtptest.cli.config.typer_options import expand_options, flag, option
from lazr.smtptest.cli.config.value_parsers import parse_port
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.plain_log import PlainFormatter
from lazr.smtptest.errors import MissingExtra

__all__ = ["EXAMPLES", "mcp"]

EXAMPLES = (
    "smtptest mcp",
    "smtptest mcp --api http://mail.example.com:8025 --token TOKEN",
    "smtptest mcp --serve --smtp-port 2525",
)

_PANEL = "Server of its own"

# An agent may run for days.
_MAX_MAILS = 10_000


@expand_options(api_options=ApiOptions)
def mcp(
    context: typer.Context,
    api_options: ApiOptions,
    *,
    serve: Annotated[
        bool,
        flag(
            "--serve",
            help="Run a server in this process, with the latest 10,000 mails in memory, instead of --api.",
            panel=_PANEL,
        ),
    ] = False,
    smtp_port: Annotated[
        int,
        option(
            "--smtp-port",
            help="With --serve: port for SMTP; 0 is any free port.",
            panel=_PANEL,
            parser=parse_port,
            metavar="PORT",
        ),
    ] = 1025,
    http_port: Annotated[
        int,
        option(
            "--http-port",
            help="With --serve: port for the web inbox; 0 is any free port.",
            panel=_PANEL,
            parser=parse_port,
            metavar="PORT",
        ),
    ] = 8025,
) -> int:
    """Offer tools to coding agents: the Model Context Protocol on standard input and output.

    An agent starts this command.  It needs a running server or --serve, and the extra mcp.
    """
    from lazr.smtptest.mcp_server import HttpRestApi, check_sdk

    try:
        check_sdk()
    except MissingExtra as error:
        raise CommandError(str(error), 2) from None
    _check_options(context, serve=serve)
    _configure_logging()
    with contextlib.ExitStack() as running:
        if serve:
            api = HttpRestApi(running.enter_context(_run_catcher(smtp_port, http_port)))
        else:
            _check_server(api_options)
            api = HttpRestApi(api_options.api, api_options.token)
        from lazr.smtptest.mcp_server import run_stdio_server

        run_stdio_server(api)
    return 0


def _check_options(context: typer.Context, *, serve: bool) -> None:
    """Check that the command line has only options of the same server.

    Variables and the configuration file may have both: they are for other commands, too.
    """
    names = ("api", "token") if serve else ("smtp_port", "http_port")
    if all(_get_source(context, name) != "COMMANDLINE" for name in names):
        return
    if serve:
        raise CommandError("--serve runs a server of its own; leave out --api and --token, or --serve", 2)
    raise CommandError("--smtp-port and --http-port are for a server of its own; add --serve, or leave them out", 2)


def _get_source(context: typer.Context, name: str) -> str:
    source = context.get_parameter_source(name)
    return "" if source is None else source.name


def _check_server(api_options: ApiOptions) -> None:
    """Check that the server answers, and that it is `smtptest serve`.

    An agent shows why a command exits, and may hide the errors of tools.
    """
    with api_options.open_client() as client:
        try:
            info = client.request_json("GET", "/api/v1/info")
        except ApiUnavailable as error:
            raise CommandError(f"mcp needs a running server (or --serve): {error}") from None
    if not isinstance(info, dict) or "pending" not in info:
        raise CommandError(
            f"{client.url}: this server is not `smtptest serve`; Mailpit has no waits, rules or sessions"
        )


@contextlib.contextmanager
def _run_catcher(smtp_port: int, http_port: int) -> Iterator[str]:
    """Run a mail server with a store in memory and a web inbox; the value is its URL."""
    from lazr.smtptest.store import Maintenance, MemoryStore, Retention
    from lazr.smtptest.web import AppContext, Guard, WebServer, make_app

    with contextlib.ExitStack() as running:
        store = running.enter_context(MemoryStore())
        running.enter_context(Maintenance(store, Retention(max_mails=_MAX_MAILS)))
        server = MailServer(
            "127.0.0.1",
            smtp_port,
            keep_mails=False,
            lenient=Lenient.all(),
            bare_line_ends="accept",
            auth=Auth("any", in_clear=True),
            store=store,
        )
        web = WebServer(make_app(AppContext(store, server)), port=http_port, guard=Guard)
        try:
            running.enter_context(server)
            running.enter_context(web)
        except OSError as error:
            hint = ""
            if error.errno == errno.EADDRINUSE:
                hint = (
                    "; if `smtptest serve` runs already, leave out --serve; if another agent has a server of its own, "
                    "add --smtp-port 0 --http-port 0"
                )
            raise CommandError(f"{error.strerror or error}{hint}") from None
        yield web.url


def _configure_logging() -> None:
    """Send log records to standard error, as standard output is for the protocol."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
