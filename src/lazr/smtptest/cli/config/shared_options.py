"""Options that several commands share: the SMTP server, the REST API, and JSON output."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from lazr.smtptest.api_client import DEFAULT_API_URL, ApiClient
from lazr.smtptest.cli.client.server_url import DEFAULT_SERVER_URL, ServerUrl, parse_server_url
from lazr.smtptest.cli.client.smtp import ConnectionSettings
from lazr.smtptest.cli.config.typer_options import flag, option
from lazr.smtptest.cli.config.value_parsers import parse_server
from lazr.smtptest.cli.errors import CommandError

__all__ = ["ApiOptions", "JsonOption", "SmtpServerOptions"]

_SERVER_PANEL = "Server"
_DEFAULT_SERVER = parse_server_url(DEFAULT_SERVER_URL)

JsonOption = Annotated[bool, flag("--json", help="Print JSON.")]


@dataclass(frozen=True, kw_only=True)
class ApiOptions:
    """The REST API of a running server, and the token for it."""

    api: Annotated[
        str,
        option(
            "--api", envvar="SMTPTEST_API", help="URL of the server's REST API.", panel=_SERVER_PANEL, metavar="URL"
        ),
    ] = DEFAULT_API_URL
    token: Annotated[
        str | None,
        option(
            "--token",
            envvar="SMTPTEST_TOKEN",
            help="Token of a mailbox (see serve --mailboxes).",
            panel=_SERVER_PANEL,
        ),
    ] = None

    def open_client(self) -> ApiClient:
        """Return a client for the REST API.

        Raises:
            CommandError: If the URL is invalid.
        """
        try:
            return ApiClient(self.api, self.token)
        except ValueError as error:
            raise CommandError(str(error), 2) from None


@dataclass(frozen=True, kw_only=True)
class SmtpServerOptions:
    """The SMTP server to send to: its address, TLS and credentials."""

    server: Annotated[
        ServerUrl,
        option(
            "--server",
            envvar="SMTPTEST_SERVER",
            help="SMTP server: host:port, or smtp://USER:PASSWORD@host:port; smtps:// for TLS from the first byte.",
            panel=_SERVER_PANEL,
            parser=parse_server,
            metavar="SERVER",
            show_default=DEFAULT_SERVER_URL,
        ),
    ] = _DEFAULT_SERVER
    tls: Annotated[
        bool,
        flag(
            "--tls",
            envvar="SMTPTEST_TLS",
            help="Use TLS from the first byte, as smtps:// does.",
            panel=_SERVER_PANEL,
        ),
    ] = False
    starttls: Annotated[
        bool,
        flag("--starttls", envvar="SMTPTEST_STARTTLS", help="Start TLS with STARTTLS.", panel=_SERVER_PANEL),
    ] = False
    ca_file: Annotated[
        Path | None,
        option(
            "--ca-file",
            envvar="SMTPTEST_CA_FILE",
            help="PEM file of trusted CA certificates, instead of the system's.",
            panel=_SERVER_PANEL,
            metavar="FILE",
        ),
    ] = None
    any_certificate: Annotated[
        bool,
        flag(
            "--any-certificate",
            envvar="SMTPTEST_ANY_CERTIFICATE",
            help="Accept any certificate of the server, without verification.",
            panel=_SERVER_PANEL,
        ),
    ] = False
    user: Annotated[
        str | None, option("--user", envvar="SMTPTEST_USER", help="User name for AUTH.", panel=_SERVER_PANEL)
    ] = None
    password: Annotated[
        str,
        option(
            "--password",
            envvar="SMTPTEST_PASSWORD",
            help="Password for --user.",
            panel=_SERVER_PANEL,
            show_default=False,
        ),
    ] = ""

    @property
    def connection_settings(self) -> ConnectionSettings:
        """TLS and credentials for the SMTP client."""
        return ConnectionSettings(
            tls=self.tls,
            starttls=self.starttls,
            ca_file=None if self.ca_file is None else str(self.ca_file),
            any_certificate=self.any_certificate,
            user=self.user,
            password=self.password,
        )
