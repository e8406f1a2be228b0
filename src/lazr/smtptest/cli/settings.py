"""What `smtptest serve` can be told, an option a row."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from lazr.smtptest.cli.rows import flag, option

__all__ = ["Settings", "octets", "port"]

_SMTP = "SMTP"
_WHO = "Who may come"
_OUTPUT = "Output"


def port(text: object) -> int:
    """A port, from an option; raises `typer.BadParameter`."""
    said = str(text)
    if not said.isascii() or not said.isdecimal() or int(said) > 65535:
        raise typer.BadParameter(f"{said!r} is no port; a port is a number from 0 to 65535.")
    return int(said)


def octets(text: object) -> int:
    """A size, from an option: octets, or with K or M behind; raises `typer.BadParameter`.

    >>> octets("10M")
    10485760
    """
    said = str(text).upper().removesuffix("B")
    unit = {"K": 1024, "M": 1024 * 1024, "G": 1024**3}.get(said[-1:], 1)
    number = said[:-1] if unit > 1 else said
    if not number.isascii() or not number.isdecimal() or int(number) == 0:
        raise typer.BadParameter(f"{str(text)!r} is no size; a size is a number of octets, such as 500K or 10M.")
    return int(number) * unit


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All of it; the defaults are what `smtptest serve` alone does."""

    host: Annotated[str, option("--host", help="The address to listen on.", panel=_SMTP)] = "127.0.0.1"
    smtp_port: Annotated[
        int, option("--smtp-port", help="The port, 0 for any free one.", panel=_SMTP, parser=port, metavar="PORT")
    ] = 1025
    hostname: Annotated[str, option("--hostname", help="What the server calls itself.", panel=_SMTP)] = "localhost"
    tls: Annotated[
        Literal["starttls", "implicit", "both"] | None,
        option(
            "--tls",
            metavar="starttls|implicit|both",
            help="Offer TLS, with a certificate made for this run.",
            panel=_SMTP,
        ),
    ] = None
    max_message_size: Annotated[
        int,
        option(
            "--max-message-size",
            help="What is larger is refused: octets, or with K or M behind.",
            panel=_SMTP,
            parser=octets,
            metavar="SIZE",
        ),
    ] = 32 * 1024 * 1024
    rules: Annotated[
        Path | None,
        option("--rules", help="A file of rules to misbehave by, JSON or TOML.", panel=_SMTP, metavar="FILE"),
    ] = None
    smtp_auth_file: Annotated[
        Path | None,
        option(
            "--smtp-auth-file",
            help="Clients have to authenticate as one of these: user:password, a line each. Without it, anybody may.",
            panel=_WHO,
            metavar="FILE",
        ),
    ] = None
    insecure_public: Annotated[
        bool, flag("--insecure-public", help="Listen where others can reach it, and let anybody in.", panel=_WHO)
    ] = False
    log_json: Annotated[
        bool, flag("--log-json", help="Print what happens as JSON, an object a line.", panel=_OUTPUT)
    ] = False
