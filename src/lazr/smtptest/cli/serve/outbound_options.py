"""Options of `smtptest serve` about outgoing connections: checks, relay and bounces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from lazr.smtptest.cli.client.server_url import ServerUrl
from lazr.smtptest.cli.config.typer_options import flag, option
from lazr.smtptest.cli.config.value_parsers import parse_relay, parse_spamd

__all__ = ["OutboundOptions"]

_LINKS_PANEL = "Link checks"
_SPAM_PANEL = "Spam checks"
_RELAY_PANEL = "Relay"
_BOUNCES_PANEL = "Bounces"


@dataclass(frozen=True, kw_only=True)
class OutboundOptions:
    """The values of the options; by default the server opens no outgoing connection."""

    check_links: Annotated[
        bool,
        flag(
            "--check-links", help="Allow clients of the API to check the links of a mail by HTTP.", panel=_LINKS_PANEL
        ),
    ] = False
    spamd: Annotated[
        ServerUrl | None,
        option(
            "--spamd",
            help="SpamAssassin's spamd that checks mails for spam, instead of the offline rules; the default port is "
            "783.",
            panel=_SPAM_PANEL,
            parser=parse_spamd,
            metavar="HOST:PORT",
        ),
    ] = None
    rspamd: Annotated[
        str | None,
        option(
            "--rspamd",
            help="URL of the Rspamd that checks mails for spam, instead of the offline rules, such as "
            "http://127.0.0.1:11333.",
            panel=_SPAM_PANEL,
            metavar="URL",
        ),
    ] = None
    relay: Annotated[
        ServerUrl | None,
        option(
            "--relay",
            help="SMTP server that delivers a mail to real recipients when a client of the API releases it; "
            "the default port is 25, and 465 with smtps://.",
            panel=_RELAY_PANEL,
            parser=parse_relay,
            metavar="HOST:PORT",
        ),
    ] = None
    relay_allow: Annotated[
        list[str] | None,
        option(
            "--relay-allow",
            help="Recipient that the relay may deliver to; * matches any characters; repeatable.",
            panel=_RELAY_PANEL,
            metavar="ADDRESS",
        ),
    ] = None
    relay_tls: Annotated[
        Literal["starttls", "implicit"] | None,
        option(
            "--relay-tls", metavar="starttls|implicit", help="TLS to the relay; none by default.", panel=_RELAY_PANEL
        ),
    ] = None
    relay_ca_file: Annotated[
        Path | None,
        option(
            "--relay-ca-file",
            help="PEM file of CA certificates that are trusted for the relay.",
            panel=_RELAY_PANEL,
            metavar="FILE",
        ),
    ] = None
    relay_user: Annotated[
        str | None, option("--relay-user", help="User name for the relay.", panel=_RELAY_PANEL, metavar="USER")
    ] = None
    relay_password: Annotated[
        str,
        option(
            "--relay-password",
            help="Password for --relay-user.",
            panel=_RELAY_PANEL,
            metavar="PASSWORD",
            show_default=False,
        ),
    ] = ""
    relay_sender: Annotated[
        str | None,
        option(
            "--relay-sender",
            help="Envelope sender of relayed mails; by default the sender of each mail.",
            panel=_RELAY_PANEL,
            metavar="ADDRESS",
        ),
    ] = None
    bounces_to: Annotated[
        str | None,
        option(
            "--bounces-to",
            help="Where bounces, complaints and automatic replies go that rules and clients of the API demand: an SMTP "
            "server, smtp://HOST:PORT, or a webhook, http://… or https://…; by default into the store.",
            panel=_BOUNCES_PANEL,
            metavar="URL",
        ),
    ] = None
    bounces_allow: Annotated[
        list[str] | None,
        option(
            "--bounces-allow",
            help="Network that --bounces-to may connect to, in addition to the addresses of this machine; repeatable.",
            panel=_BOUNCES_PANEL,
            metavar="NETWORK",
        ),
    ] = None
    simulator_addresses: Annotated[
        bool,
        flag(
            "--simulator-addresses",
            help="Let addresses stand for an outcome, such as bounce@simulator.amazonses.com and ann-450@example.com.",
            panel=_BOUNCES_PANEL,
        ),
    ] = False
