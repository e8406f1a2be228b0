"""Options of `smtptest serve` about the SMTP server, access and output."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from lazr.smtptest.cli.config.typer_options import flag, option
from lazr.smtptest.cli.config.value_parsers import parse_port, parse_size

__all__ = ["SmtpOptions"]

_SMTP_PANEL = "SMTP"
_ACCESS_PANEL = "Access"
_OUTPUT_PANEL = "Output"


@dataclass(frozen=True, kw_only=True)
class SmtpOptions:
    """The values of the options; the defaults are those of `smtptest serve` without options."""

    host: Annotated[
        str,
        option("--host", help="Address to listen on, for SMTP, IMAP, POP3 and HTTP.", panel=_SMTP_PANEL),
    ] = "127.0.0.1"
    smtp_port: Annotated[
        int,
        option(
            "--smtp-port",
            help="Port for SMTP; 0 is any free port.",
            panel=_SMTP_PANEL,
            parser=parse_port,
            metavar="PORT",
        ),
    ] = 1025
    hostname: Annotated[
        str,
        option("--hostname", help="Host name of the server in its greeting and replies.", panel=_SMTP_PANEL),
    ] = "localhost"
    max_message_size: Annotated[
        int,
        option(
            "--max-message-size",
            help="Refuse larger messages: bytes, or a number with K, M or G.",
            panel=_SMTP_PANEL,
            parser=parse_size,
            metavar="SIZE",
            show_default="32M",
        ),
    ] = 32 * 1024 * 1024
    max_recipients: Annotated[
        int,
        option(
            "--max-recipients",
            help="Refuse further recipients of a mail with 452.",
            panel=_SMTP_PANEL,
            metavar="NUMBER",
            min=1,
        ),
    ] = 1000
    rules: Annotated[
        Path | None,
        option(
            "--rules", help="JSON or TOML file of rules by which the server misbehaves.", panel=_SMTP_PANEL,
            metavar="FILE",
        ),
    ] = None  # fmt: skip
    smtp_auth: Annotated[
        list[str] | None,
        option(
            "--smtp-auth",
            help="Require SMTP authentication with this user; repeatable. The process list shows it: in production, "
            "use the variable or --smtp-auth-file.",
            panel=_ACCESS_PANEL,
            metavar="USER:PASSWORD",
            show_default=False,
        ),
    ] = None
    smtp_auth_file: Annotated[
        Path | None,
        option(
            "--smtp-auth-file",
            help="Require SMTP authentication with a user of this file: user:password on each line. "
            "By default AUTH is optional and takes any password.",
            panel=_ACCESS_PANEL,
            metavar="FILE",
        ),
    ] = None
    insecure_public: Annotated[
        bool,
        flag(
            "--insecure-public",
            help="Allow a --host that other machines can reach, without authentication.",
            panel=_ACCESS_PANEL,
        ),
    ] = False
    quiet: Annotated[
        bool, flag("--quiet", help="Print the start, the end and errors, and no mails.", panel=_OUTPUT_PANEL)
    ] = False
    verbose: Annotated[
        bool,
        flag(
            "--verbose",
            help="Print each mail with its header, text and attachments. By default, a terminal shows one line with "
            "the Subject, and other outputs one line without anything of the content.",
            panel=_OUTPUT_PANEL,
        ),
    ] = False
    log_json: Annotated[bool, flag("--log-json", help="Print each event as one line of JSON.", panel=_OUTPUT_PANEL)] = (
        False
    )
