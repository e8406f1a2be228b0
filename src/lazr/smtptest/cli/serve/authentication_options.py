"""Options of `smtptest serve` about DKIM, ARC, SPF and DMARC: where DNS records come from."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lazr.smtptest.cli.config.typer_options import option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.errors import MissingExtra

if TYPE_CHECKING:
    from lazr.smtptest.dns import Resolver

__all__ = ["AuthenticationOptions", "open_resolver"]

_PANEL = "Sender authentication"


def _parse_address(text: object) -> str:
    try:
        return str(ip_address(str(text)))
    except ValueError:
        raise typer.BadParameter(f"an address must be an IP address such as 192.0.2.1, got {str(text)!r}.") from None


@dataclass(frozen=True, kw_only=True)
class AuthenticationOptions:
    """The values of the options; by default the server looks up no DNS records."""

    dns_zone: Annotated[
        Path | None,
        option(
            "--dns-zone",
            help="Zone file (RFC 1035) with the DNS records for DKIM, SPF and DMARC.",
            panel=_PANEL,
            metavar="FILE",
        ),
    ] = None
    dns: Annotated[
        Literal["system"] | None,
        option(
            "--dns",
            metavar="system",
            help="Look up the DNS records for DKIM, SPF and DMARC at the name servers of this machine.",
            panel=_PANEL,
        ),
    ] = None
    spf_ip: Annotated[
        str | None,
        option(
            "--spf-ip",
            help="Address that SPF checks, instead of that of the client.",
            panel=_PANEL,
            parser=_parse_address,
            metavar="ADDRESS",
        ),
    ] = None


def open_resolver(options: AuthenticationOptions) -> "Resolver | None":
    """Return where DNS records come from; None if the options name nothing.

    Raises:
        CommandError: The options contradict each other, or the zone file is missing or invalid.
    """
    if options.dns_zone is not None and options.dns is not None:
        raise CommandError("--dns-zone has the DNS records, and --dns looks them up; leave one out", 2)
    if options.dns_zone is None and options.dns is None:
        return None
    from lazr.smtptest.dns import DnsError, as_resolver

    try:
        return as_resolver(options.dns if options.dns_zone is None else options.dns_zone)
    except OSError as error:
        raise CommandError(f"{options.dns_zone}: {error.strerror or error}", 2) from None
    except UnicodeDecodeError:
        raise CommandError(f"{options.dns_zone} is not a zone file: it must be text in UTF-8", 2) from None
    except (ValueError, DnsError, MissingExtra) as error:
        raise CommandError(f"--dns-zone: {error}" if options.dns_zone else f"--dns: {error}", 2) from None
