"""All checks of one mail: DKIM and ARC on its content, SPF on its envelope, DMARC on both."""

from __future__ import annotations

import time
from ipaddress import ip_address

from lazr.smtptest.authentication.arc import verify_chain
from lazr.smtptest.authentication.bounded_resolver import BoundedResolver
from lazr.smtptest.authentication.dkim.message import parse_message
from lazr.smtptest.authentication.dkim.verification import verify_signatures
from lazr.smtptest.authentication.dmarc import check_dmarc
from lazr.smtptest.authentication.results import Authentication, SpfResult
from lazr.smtptest.authentication.spf.check import check_spf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.dns import Resolver

__all__ = ["authenticate"]


def authenticate(
    content: bytes,
    *,
    resolver: Resolver,
    client_ip: str,
    helo: str,
    mail_from: str,
    from_domains: Iterable[str],
    now: float | None = None,
) -> Authentication:
    """Return what a receiver finds out about the sender of a mail.

    Mails and DNS answers are untrusted: a failed lookup is a `temperror` of the check that needs it, and the number
    and the time of the lookups have limits.

    Args:
        content: The mail as it came over the wire.
        resolver: Finds the DNS records.
        client_ip: The address of the client, for SPF; without one, SPF is `none`.
        helo: What the client said in HELO or EHLO.
        mail_from: The reverse-path without angle brackets; empty for a null reverse-path.
        from_domains: The domains of the From field, for DMARC.
        now: Seconds since 1970, for the time limits of signatures; None is the present time.

    Raises:
        MissingExtra: The extra `checks` is not installed.

    >>> from lazr.smtptest.dns import Zone
    >>> zone = Zone({"example.com": "v=spf1 ip4:192.0.2.1 -all", "_dmarc.example.com": "v=DMARC1; p=reject"})
    >>> result = authenticate(
    ...     b"From: ann@example.com\\r\\n\\r\\n", resolver=zone, client_ip="192.0.2.1", helo="mail.example.com",
    ...     mail_from="ann@example.com", from_domains=["example.com"],
    ... )
    >>> result.dkim, result.arc.result, result.spf.result, result.dmarc.result
    ((), 'none', 'pass', 'pass')
    """
    now = time.time() if now is None else now
    bounded = BoundedResolver(resolver)
    message = parse_message(content)
    dkim = verify_signatures(message, bounded, now)
    spf = (
        check_spf(client_ip, helo, mail_from, bounded, now=now)
        if _is_address(client_ip)
        else SpfResult(
            domain=mail_from.rpartition("@")[2] or helo,
            scope="mfrom" if mail_from else "helo",
            reason="the address of the client is unknown",
        )
    )
    return Authentication(
        dkim=dkim, arc=verify_chain(message, bounded, now), spf=spf, dmarc=check_dmarc(from_domains, dkim, spf, bounded)
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
