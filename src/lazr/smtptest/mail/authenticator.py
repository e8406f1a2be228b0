"""Check DKIM, ARC, SPF and DMARC of a mail, and describe what a test does not find.

`Authenticator` has what the mails of one server share.  `describe_unmet` compares results with what a test demands.
"""

from __future__ import annotations

from ipaddress import ip_address

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest._util.host_port import split_host_port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from lazr.smtptest.authentication import Authentication
    from lazr.smtptest.dns import DnsSource, Resolver
    from lazr.smtptest.mail.envelope import Envelope

    class AuthenticatedMail(Protocol):
        """The part of a `Mail` that the checks need."""

        @property
        def content(self) -> bytes: ...
        @property
        def envelope(self) -> Envelope: ...
        @property
        def timestamp(self) -> float: ...


__all__ = ["Authenticator", "describe_unmet", "format_unauthenticated"]

_MAX_LINE_CHARACTERS = 500
_MAX_LISTED_SIGNATURES = 10


class Authenticator:
    """Check mails with the DNS records of a server.

    Args:
        dns: The DNS records, as for `MailServer(dns=...)`.
        spf_ip: The address that SPF checks; None is the client of each mail.

    Raises:
        ValueError: `spf_ip` is not an IP address, or a DNS record is invalid.
        TypeError: A value has another type.
        OSError: `dns` is a file that cannot be read.
    """

    __slots__ = ("resolver", "spf_ip")

    def __init__(self, dns: DnsSource, spf_ip: str | None = None) -> None:
        self.resolver: Resolver | None = None
        if dns is not None:
            from lazr.smtptest.dns import as_resolver

            self.resolver = as_resolver(dns)
        self.spf_ip: str | None = None if spf_ip is None else _check_address(spf_ip)

    def check(self, mail: AuthenticatedMail, from_domains: list[str]) -> Authentication:
        """Return the results of a mail.

        Time limits of signatures count from when the mail arrived, so the results stay the same later.

        Args:
            mail: The mail.
            from_domains: The domains of its From field.

        Raises:
            MissingExtra: The extra `checks` is not installed.
        """
        from lazr.smtptest.authentication import authenticate
        from lazr.smtptest.dns import as_resolver

        envelope = mail.envelope
        return authenticate(
            mail.content,
            resolver=as_resolver(None) if self.resolver is None else self.resolver,
            client_ip=split_host_port(envelope.peer)[0] if self.spf_ip is None else self.spf_ip,
            helo=envelope.helo,
            mail_from=envelope.mail_from,
            from_domains=from_domains,
            now=mail.timestamp,
        )


def describe_unmet(
    found: Authentication, *, dkim: str | bool | None, spf: str | bool | None, dmarc: bool | None, arc: bool | None
) -> list[str]:
    """Return a line for each demand that the results do not meet, with the reason.

    Args:
        found: The results.
        dkim: True demands a passing signature, a domain one of that domain; None demands nothing.
        spf: True demands that SPF passes, a domain that it does for that domain; None demands nothing.
        dmarc: True demands that DMARC passes; None demands nothing.
        arc: True demands that the ARC chain passes; None demands nothing.

    Raises:
        TypeError: A demand has another type.

    >>> from lazr.smtptest.authentication import Authentication, DkimResult
    >>> found = Authentication((DkimResult("fail", "example.com", "s1", reason="the body changed"),))
    >>> print(*describe_unmet(found, dkim="example.com", spf=None, dmarc=None, arc=None), sep="\\n")
    no DKIM signature of example.com passes:
      dkim=fail d=example.com s=s1: the body changed
    """
    for name, value in (("dkim", dkim), ("spf", spf), ("dmarc", dmarc), ("arc", arc)):
        if not (value is None or value is True or (name in {"dkim", "spf"} and isinstance(value, str) and value)):
            kind = "True or a domain" if name in {"dkim", "spf"} else "True"
            raise TypeError(f"{name} must be {kind}, got {value!r}; leave it out if it may have any result")
    lines: list[str] = []
    if dkim is not None:
        lines += _describe_dkim(found, dkim)
    if spf is not None and not (found.spf.result == "pass" and (spf is True or _is_same(found.spf.domain, str(spf)))):
        domain = "" if spf is True else f" for {spf}"
        lines += [f"SPF does not pass{domain}:", f"  {found.spf}"]
        if found.spf.explanation:
            lines.append(f"  {found.spf.domain} says: {found.spf.explanation}")
        lines += _list_spf_hints(found)
    if dmarc is not None and found.dmarc.result != "pass":
        lines += ["DMARC does not pass:", f"  {found.dmarc}"]
    if arc is not None and found.arc.result != "pass":
        lines += ["ARC does not pass:", f"  {found.arc}"]
    return lines


def format_unauthenticated(summary: str, unmet: list[str]) -> str:
    """Return the text of a failure, with untrusted text escaped."""
    lines = [f"{summary} is not authenticated", *unmet]
    return "\n  ".join(map(_shorten, lines))


def _describe_dkim(found: Authentication, demand: str | bool) -> Iterator[str]:
    of_domain = [one for one in found.dkim if demand is True or _is_same(one.domain, str(demand))]
    if any(one.result == "pass" for one in of_domain):
        return
    domain = "" if demand is True else f" of {demand}"
    if not found.dkim:
        yield f"no DKIM signature{domain} passes: the mail has no DKIM signature"
        return
    yield f"no DKIM signature{domain} passes:"
    for one in found.dkim[:_MAX_LISTED_SIGNATURES]:
        yield f"  {one}" + (
            f" (changed: {one.changed})" if one.changed and one.changed.split()[-1] not in one.reason else ""
        )
    if len(found.dkim) > _MAX_LISTED_SIGNATURES:
        yield f"  … and {len(found.dkim) - _MAX_LISTED_SIGNATURES} more"


def _list_spf_hints(found: Authentication) -> Iterator[str]:
    ip = found.spf.ip
    if not ip or ip_address(ip).is_loopback:
        yield '  SPF needs the address of a client out there: MailServer(spf_ip="192.0.2.1"), PROXY or XCLIENT'


def _is_same(domain: str, other: str) -> bool:
    return domain.lower().removesuffix(".") == other.lower().removesuffix(".")


def _check_address(spf_ip: str) -> str:
    try:
        return str(ip_address(spf_ip))
    except ValueError:
        raise ValueError(f'spf_ip must be an IP address such as "192.0.2.1", got {spf_ip!r}') from None


def _shorten(line: str) -> str:
    text = escape_unprintable(line)
    return text if len(text) <= _MAX_LINE_CHARACTERS else f"{text[:_MAX_LINE_CHARACTERS]}…"
