"""Whether one mechanism of an SPF record matches the client (RFC 7208 5)."""

from __future__ import annotations

from ipaddress import ip_network

from lazr.smtptest.authentication.spf.context import MAX_MX_HOSTS, SpfError
from lazr.smtptest.authentication.spf.macro import build_target_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address, IPv6Address

    from lazr.smtptest.authentication.spf.context import SpfContext, Verdict
    from lazr.smtptest.authentication.spf.record import Mechanism

__all__ = ["find_match"]


def find_match(
    mechanism: Mechanism, domain: str, context: SpfContext, check_host: Callable[[str], Verdict]
) -> str | None:
    """Return what matched, for the reason; None if the mechanism does not match.

    Args:
        mechanism: The mechanism.
        domain: The domain whose record has it.
        context: The check; its counters grow.
        check_host: Evaluates the record of a domain, for `include`.

    Raises:
        SpfError: The check ends with `permerror` or `temperror`.
    """
    if mechanism.name == "include":
        return _match_include(mechanism, domain, context, check_host)
    return _MATCHERS[mechanism.name](mechanism, domain, context)


def _match_all(_mechanism: Mechanism, _domain: str, _context: SpfContext) -> str | None:
    return ""


def _match_network(mechanism: Mechanism, _domain: str, context: SpfContext) -> str | None:
    network = mechanism.network
    return "" if network is not None and context.identity.ip in network else None


def _match_include(
    mechanism: Mechanism, domain: str, context: SpfContext, check_host: Callable[[str], Verdict]
) -> str | None:
    target = _expand(mechanism, domain, context)
    if target is None:
        if mechanism.domain is not None and not mechanism.domain.names_local_part:
            raise SpfError("permerror", f"{mechanism.label} in the record of {domain} expands to no domain name")
        return None
    verdict = check_host(target)
    if verdict.result == "none":  # RFC 7208 5.2
        raise SpfError("permerror", f"the record of {domain} has {mechanism.label}, but {verdict.reason}")
    return f"{verdict.mechanism} in the record of {verdict.domain}" if verdict.result == "pass" else None


def _match_address(mechanism: Mechanism, domain: str, context: SpfContext) -> str | None:
    target = _expand(mechanism, domain, context)
    if target is None:
        return None
    addresses = _find_addresses(target, context)
    if not addresses:
        context.count_void_lookup(target, "A" if context.identity.ip.version == 4 else "AAAA")
    return _find_in(addresses, mechanism, context)


def _match_mail_hosts(mechanism: Mechanism, domain: str, context: SpfContext) -> str | None:
    target = _expand(mechanism, domain, context)
    if target is None:
        return None
    hosts = context.find_mail_hosts(target)
    if not hosts:
        context.count_void_lookup(target, "MX")
    if len(hosts) > MAX_MX_HOSTS:
        raise SpfError(
            "permerror",
            f"{target} has {len(hosts)} MX records ({mechanism.label} in the record of {domain}); "
            f"RFC 7208 4.6.4 allows {MAX_MX_HOSTS}",
        )
    for host in hosts:
        name = build_target_name(host)  # None for the host of a null MX (RFC 7505)
        if name is not None and (found := _find_in(_find_addresses(name, context), mechanism, context)):
            return f"{found}, an address of {name}"
    return None


def _match_client_name(mechanism: Mechanism, domain: str, context: SpfContext) -> str | None:
    target = _expand(mechanism, domain, context)
    if target is None:
        return None
    folded = target.lower()
    for name in context.find_validated_names(mechanism.label):
        if f".{name.lower().removesuffix('.')}".endswith(f".{folded}"):
            return f"its name is {name}"
    return None


def _match_existence(mechanism: Mechanism, domain: str, context: SpfContext) -> str | None:
    target = _expand(mechanism, domain, context)
    if target is None:
        return None
    if context.find_addresses(target, 4):  # also for IPv6 clients
        return f"{target} exists"
    context.count_void_lookup(target, "A")
    return None


def _expand(mechanism: Mechanism, domain: str, context: SpfContext) -> str | None:
    context.count_lookup(mechanism.label)
    return context.expand_target(mechanism.domain, domain)


def _find_addresses(name: str, context: SpfContext) -> list[IPv4Address | IPv6Address]:
    return context.find_addresses(name, context.identity.ip.version)


def _find_in(addresses: list[IPv4Address | IPv6Address], mechanism: Mechanism, context: SpfContext) -> str | None:
    ip = context.identity.ip
    prefix = mechanism.prefix4 if ip.version == 4 else mechanism.prefix6
    network = ip_network((ip, prefix), strict=False)
    return next((str(address) for address in addresses if address in network), None)


_MATCHERS: dict[str, Callable[[Mechanism, str, SpfContext], str | None]] = {
    "a": _match_address,
    "all": _match_all,
    "exists": _match_existence,
    "ip4": _match_network,
    "ip6": _match_network,
    "mx": _match_mail_hosts,
    "ptr": _match_client_name,
}
