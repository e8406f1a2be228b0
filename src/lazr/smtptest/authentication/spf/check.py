"""Check SPF (RFC 7208): whether the client may send mail with this reverse-path."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from lazr.smtptest.authentication.domain_name import to_ascii_domain
from lazr.smtptest.authentication.results import SpfResult
from lazr.smtptest.authentication.spf.context import SpfContext, SpfError, SpfIdentity
from lazr.smtptest.authentication.spf.evaluation import SpfEvaluation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address
    from typing import Literal

    from lazr.smtptest.dns import Resolver

    SpfVerdict = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]

__all__ = ["check_spf"]

# The envelope has passed the limits of the session; other callers may give anything.
_MAX_IDENTITY_CHARACTERS = 1_000


def check_spf(
    ip: str | IPv4Address | IPv6Address,
    helo: str,
    mail_from: str,
    resolver: Resolver,
    *,
    receiver: str = "unknown",
    now: float | None = None,
) -> SpfResult:
    """Return whether the client may use the reverse-path, and why.

    A null reverse-path is checked as `postmaster` at the name of HELO or EHLO (RFC 7208 2.4); the scope of the result
    is then `helo`.  Records, names and addresses are untrusted: the check ends after a bounded number of lookups.

    Args:
        ip: The address of the client; an IPv4-mapped IPv6 address counts as IPv4.
        helo: What the client said in HELO or EHLO.
        mail_from: The reverse-path without angle brackets; empty for a null reverse-path.
        resolver: Finds the DNS records.
        receiver: The host name for the macro `%{r}` of explanations.
        now: Seconds since 1970 for the macro `%{t}` of explanations; None is the present time.

    Raises:
        ValueError: `ip` is not an IP address.

    >>> from lazr.smtptest.dns import Zone
    >>> zone = Zone({"example.com TXT": "v=spf1 ip4:192.0.2.0/24 -all"})
    >>> result = check_spf("198.51.100.7", "mail.example.com", "ann@example.com", zone)
    >>> result.result, result.mechanism
    ('fail', '-all')
    >>> result.reason
    'no term before -all in the record of example.com matches 198.51.100.7'
    """
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        # Without the zone index of `fe80::1%eth0`, which no record can name.
        address = address.ipv4_mapped or IPv6Address(int(address))
    helo = helo[:_MAX_IDENTITY_CHARACTERS]
    local_part, _, domain = mail_from[-_MAX_IDENTITY_CHARACTERS:].rpartition("@") if mail_from else ("", "", helo)
    domain = to_ascii_domain(domain) or domain
    context = SpfContext(
        SpfIdentity(address, local_part or "postmaster", domain, to_ascii_domain(helo) or helo, receiver, now), resolver
    )
    evaluation = SpfEvaluation(context)
    result: SpfVerdict
    mechanism = explanation = ""
    try:
        verdict = evaluation.check_host(domain)
        result, reason, mechanism = verdict.result, verdict.reason, verdict.mechanism
        explanation = evaluation.explain(verdict)
    except SpfError as error:
        result, reason = error.result, str(error)
    return SpfResult(
        result=result,
        domain=domain,
        ip=str(address),
        scope="mfrom" if mail_from else "helo",
        mechanism=mechanism,
        explanation=explanation,
        lookups=context.lookups,
        reason=reason,
    )
