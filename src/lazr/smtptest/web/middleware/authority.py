"""Parse the host and port that `Host` and `Origin` carry (RFC 3986 3.2)."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

__all__ = ["parse_allowed_hosts", "parse_ip_address", "parse_network", "split_authority"]

# RFC 9110 7.2: uri-host [ ":" port ].
_AUTHORITY_PATTERN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{0,5}))?")


def split_authority(authority: str) -> tuple[str, int | None]:
    """Return the host in lower case, and the port.

    The port is None if the text does not have one; both are empty if the text is not an authority.

    >>> split_authority("LocalHost:8025"), split_authority("[::1]"), split_authority("user@localhost")
    (('localhost', 8025), ('[::1]', None), ('', None))
    """
    matched = _AUTHORITY_PATTERN.fullmatch(authority)
    if matched is None:
        return "", None
    host, port = matched.groups()
    return host.lower(), int(port) if port else None


def parse_ip_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is, with or without brackets; None for a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """Return the network that a text names.

    The text is an address, or an address and the length of a prefix.

    Raises:
        ValueError: the text is not a network.

    >>> parse_network("10.0.0.0/8"), parse_network("::1")
    (IPv4Network('10.0.0.0/8'), IPv6Network('::1/128'))
    """
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(f"a network must be like 10.0.0.0/8 or 192.0.2.1, got {text!r}") from None


def parse_allowed_hosts(texts: Iterable[str]) -> Iterator[str]:
    """Yield the names and addresses of a list of hosts, in lower case and without ports.

    Each text may have several, separated by commas or spaces; "*" is yielded unchanged.

    Raises:
        ValueError: one of them is not a name or an address.

    >>> list(parse_allowed_hosts(["Mail.test, mailpit:8025", "2001:DB8::1", "*"]))
    ['mail.test', 'mailpit', '2001:db8::1', '*']
    """
    for authority in re.split(r"[,\s]+", ",".join(texts)):
        if authority in ("", "*"):
            yield from authority
            continue
        host, _ = split_authority(_add_brackets(authority))
        if not host:
            raise ValueError(f"an allowed host must be a name or an address, such as mail.test, got {authority!r}")
        address = parse_ip_address(host)
        yield host.removesuffix(".") if address is None else str(address)


def _add_brackets(authority: str) -> str:
    address = parse_ip_address(authority)
    return f"[{address}]" if address is not None and address.version == 6 else authority
