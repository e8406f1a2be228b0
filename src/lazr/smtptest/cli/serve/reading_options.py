"""Options of `smtptest serve` about IMAP and POP3, by which mail programs read the mails."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from lazr.smtptest.cli.config.typer_options import flag, option
from lazr.smtptest.cli.config.value_parsers import parse_port

__all__ = ["ReadingOptions"]

_READING_PANEL = "IMAP and POP3"


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """The values of the options; a port of None is the default, which may be in use."""

    imap_port: Annotated[
        int | None,
        option(
            "--imap-port",
            help="Port for IMAP; 0 is any free port.",
            panel=_READING_PANEL,
            parser=parse_port,
            metavar="PORT",
            show_default="1143, if it is free; 0 with --smtp-port 0",
        ),
    ] = None
    pop3_port: Annotated[
        int | None,
        option(
            "--pop3-port",
            help="Port for POP3; 0 is any free port.",
            panel=_READING_PANEL,
            parser=parse_port,
            metavar="PORT",
            show_default="1110, if it is free; 0 with --smtp-port 0",
        ),
    ] = None
    no_imap: Annotated[bool, flag("--no-imap", help="Run without IMAP.", panel=_READING_PANEL)] = False
    no_pop3: Annotated[bool, flag("--no-pop3", help="Run without POP3.", panel=_READING_PANEL)] = False
    imap_auth: Annotated[
        list[str] | None,
        option(
            "--imap-auth",
            help="Require this user for IMAP and POP3; repeatable. By default, the users of --auth or else of "
            "--smtp-auth are required; without any users, every name and password is valid.",
            panel=_READING_PANEL,
            metavar="USER:PASSWORD",
            show_default=False,
        ),
    ] = None
    imap_auth_file: Annotated[
        Path | None,
        option(
            "--imap-auth-file",
            help="Require a user of this file for IMAP and POP3: user:password on each line.",
            panel=_READING_PANEL,
            metavar="FILE",
        ),
    ] = None
