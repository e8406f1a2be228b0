"""Options of `smtptest serve` about HTTP: the REST API, access to it, and webhooks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from lazr.smtptest.cli.config.typer_options import flag, option
from lazr.smtptest.cli.config.value_parsers import parse_port, parse_public_url, parse_webroot

__all__ = ["HttpOptions"]

_HTTP_PANEL = "HTTP"
_WEBHOOK_PANEL = "Webhooks"


@dataclass(frozen=True, kw_only=True)
class HttpOptions:
    """The values of the options; None instead of a list is an empty list."""

    http_port: Annotated[
        int,
        option(
            "--http-port",
            help="Port for the web inbox and the REST API; 0 is any free port.",
            panel=_HTTP_PANEL,
            parser=parse_port,
            metavar="PORT",
        ),
    ] = 8025
    http_host: Annotated[
        str | None,
        option(
            "--http-host",
            help="Address to listen on for HTTP, if it is another than --host.",
            panel=_HTTP_PANEL,
            metavar="HOST",
            show_default="the value of --host",
        ),
    ] = None
    webroot: Annotated[
        str,
        option(
            "--webroot",
            help="Path of all pages and of the API, such as /mail, behind a proxy that shares one host name.",
            panel=_HTTP_PANEL,
            parser=parse_webroot,
            metavar="PATH",
        ),
    ] = "/"
    public_url: Annotated[
        str | None,
        option(
            "--public-url",
            help="URL by which people reach the web inbox, such as https://mail.example.com/inbox, for links in the "
            "output and in webhooks.",
            panel=_HTTP_PANEL,
            parser=parse_public_url,
            metavar="URL",
            show_default="the address and the path that HTTP listens on",
        ),
    ] = None
    open_page: Annotated[
        bool, flag("--open", help="Open the web inbox in the browser when the server is ready.", panel=_HTTP_PANEL)
    ] = False
    no_http: Annotated[bool, flag("--no-http", help="Run without HTTP.", panel=_HTTP_PANEL)] = False
    auth: Annotated[
        list[str] | None,
        option(
            "--auth",
            help="Require an HTTP login with this user; repeatable. The process list shows it: in production, use the "
            "variable or --auth-file.",
            panel=_HTTP_PANEL,
            metavar="USER:PASSWORD",
            show_default=False,
        ),
    ] = None
    auth_file: Annotated[
        Path | None,
        option(
            "--auth-file",
            help="Require an HTTP login with a user of this file: user:hash on each line, written by `htpasswd -B`.",
            panel=_HTTP_PANEL,
            metavar="FILE",
        ),
    ] = None
    mailboxes: Annotated[
        Path | None,
        option(
            "--mailboxes",
            help="TOML file of mailboxes: parts of the mails, each with an access token (see docs/reference/cli.md).",
            panel=_HTTP_PANEL,
            metavar="FILE",
        ),
    ] = None
    allowed_host: Annotated[
        list[str] | None,
        option(
            "--allowed-host",
            help="Host names, besides localhost, by which clients may call the server: repeatable, or separated by "
            "commas or spaces; * is any name.",
            panel=_HTTP_PANEL,
            metavar="HOST",
        ),
    ] = None
    trusted_proxy: Annotated[
        list[str] | None,
        option(
            "--trusted-proxy",
            help="Network, such as 10.0.0.0/8, of proxies whose X-Forwarded-For has the client's address; repeatable.",
            panel=_HTTP_PANEL,
            metavar="NETWORK",
        ),
    ] = None
    allowed_origin: Annotated[
        list[str] | None,
        option(
            "--allowed-origin",
            help="Origin whose pages may use the API (CORS), such as http://localhost:3000; repeatable.",
            panel=_HTTP_PANEL,
            metavar="ORIGIN",
        ),
    ] = None
    label: Annotated[
        str, option("--label", help="Name of this installation in the API.", panel=_HTTP_PANEL, metavar="TEXT")
    ] = ""
    allow_remote_content: Annotated[
        bool,
        flag(
            "--allow-remote-content",
            help="Let the inbox load pictures of other servers when a mail is opened, which tells these servers that "
            "it was; without this option, a button loads them.",
            panel=_HTTP_PANEL,
        ),
    ] = False
    mcp: Annotated[
        bool,
        flag(
            "--mcp",
            help="Let coding agents use the server with the Model Context Protocol, at /mcp; needs the extra mcp.",
            panel=_HTTP_PANEL,
        ),
    ] = False
    webhook: Annotated[
        list[str] | None,
        option("--webhook", help="URL to notify of each new mail; repeatable.", panel=_WEBHOOK_PANEL, metavar="URL"),
    ] = None
    webhook_secret: Annotated[
        str,
        option(
            "--webhook-secret",
            help="Secret, whsec_…, that signs the notifications.",
            panel=_WEBHOOK_PANEL,
            metavar="SECRET",
            show_default=False,
        ),
    ] = ""
    webhook_network: Annotated[
        list[str] | None,
        option(
            "--webhook-network",
            help="Private network, such as 127.0.0.0/8, that webhooks and link checks may reach; repeatable.",
            panel=_WEBHOOK_PANEL,
            metavar="NETWORK",
        ),
    ] = None
