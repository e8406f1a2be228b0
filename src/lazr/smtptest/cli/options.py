"""Options that several commands have."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from lazr.smtptest.cli.api import DEFAULT as DEFAULT_API
from lazr.smtptest.cli.api import Api
from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.place import DEFAULT, Place, place_of
from lazr.smtptest.cli.rows import flag, option
from lazr.smtptest.cli.smtp import Access

__all__ = ["Json", "Reach", "Where", "place", "real_place"]

_WHERE = "Which server"
_HERE = place_of(DEFAULT)

Json = Annotated[bool, flag("--json", help="Print JSON.")]


def place(text: object) -> Place:
    """A server, from an option; raises `typer.BadParameter`."""
    return _place(text, _HERE.port)


def real_place(text: object) -> Place:
    """A server that is none of tests, at port 25 or 465 if none is said; raises `typer.BadParameter`."""
    return _place(text, 25)


def _place(text: object, port: int) -> Place:
    try:
        return text if isinstance(text, Place) else place_of(str(text), port=port)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Which running server's REST API, and by which token."""

    api: Annotated[
        str,
        option("--api", variable="SMTPTEST_API", help="Where its REST API is.", panel=_WHERE, metavar="URL"),
    ] = DEFAULT_API
    token: Annotated[
        str | None, option("--token", variable="SMTPTEST_TOKEN", help="The token of a mailbox.", panel=_WHERE)
    ] = None

    def open(self) -> Api:
        """A client; raises `Failure` for a URL that is none."""
        try:
            return Api(self.api, self.token)
        except ValueError as error:
            raise Failure(str(error), 2) from None


@dataclass(frozen=True, kw_only=True)
class Where:
    """Which SMTP server, and how to come in."""

    server: Annotated[
        Place,
        option(
            "--server",
            variable="SMTPTEST_SERVER",
            help="host:port, smtp:// or smtps://, with user:password@ if it has to be.",
            panel=_WHERE,
            parser=place,
            metavar="SERVER",
            show_default=DEFAULT,
        ),
    ] = _HERE
    tls: Annotated[bool, flag("--tls", variable="SMTPTEST_TLS", help="TLS from the first octet on.", panel=_WHERE)] = (
        False
    )
    starttls: Annotated[
        bool, flag("--starttls", variable="SMTPTEST_STARTTLS", help="TLS by STARTTLS.", panel=_WHERE)
    ] = False
    ca_file: Annotated[
        Path | None,
        option("--ca-file", variable="SMTPTEST_CA_FILE", help="Whom to trust.", panel=_WHERE, metavar="FILE"),
    ] = None
    any_certificate: Annotated[
        bool,
        flag("--any-certificate", variable="SMTPTEST_ANY_CERTIFICATE", help="Trust anybody.", panel=_WHERE),
    ] = False
    user: Annotated[str | None, option("--user", variable="SMTPTEST_USER", help="Authenticate.", panel=_WHERE)] = None
    password: Annotated[
        str, option("--password", variable="SMTPTEST_PASSWORD", help="With this.", panel=_WHERE, show_default=False)
    ] = ""

    @property
    def access(self) -> Access:
        """How to come in."""
        return Access(
            tls=self.tls,
            starttls=self.starttls,
            ca_file=None if self.ca_file is None else str(self.ca_file),
            any_certificate=self.any_certificate,
            user=self.user,
            password=self.password,
        )
