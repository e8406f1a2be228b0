"""Which addresses are of this network and not of the Internet: a stranger's URL does not lead us there.

The tables are IANA's registries of special-purpose addresses (RFC 6890), and not Python's `is_global`, whose answers
have changed from release to release.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv6Address

__all__ = ["Reach"]

# Why an address is refused, by its network; the first that it is in tells.
_V4 = {
    IPv4Network(network): what
    for network, what in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "shared by customers of a provider",  # RFC 6598
        "127.0.0.0/8": "loopback",
        "168.63.129.16/32": "a cloud's own",  # Azure's, to its machines, which looks like any other
        "169.254.0.0/16": "link-local",  # where clouds tell machines their secrets
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "reserved",
        "192.0.2.0/24": "for documentation",
        "192.88.99.0/24": "a relay of 6to4",
        "192.168.0.0/16": "private",
        "198.18.0.0/15": "for benchmarks",
        "198.51.100.0/24": "for documentation",
        "203.0.113.0/24": "for documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
    }.items()
}

# Of IPv6, 2000::/3 is the Internet, but for these.  What carries an IPv4 address leads to that one somewhere on the
# way, which nobody here can see: it is refused as such, whatever address it carries.
_V6 = {
    IPv6Network(network): what
    for network, what in {
        "::/128": "unspecified",
        "::1/128": "loopback",
        "::ffff:0:0/96": "an IPv4 address in IPv6",
        "::/96": "an IPv4 address in IPv6",
        "64:ff9b::/96": "an IPv4 address behind NAT64",  # RFC 6052
        "64:ff9b:1::/48": "an IPv4 address behind NAT64",  # RFC 8215
        "2001::/32": "an IPv4 address behind Teredo",
        "2001::/23": "reserved",
        "2001:db8::/32": "for documentation",
        "2002::/16": "an IPv4 address behind 6to4",
        "3fff::/20": "for documentation",
        "fc00::/7": "private",
        "fe80::/10": "link-local",
        "fec0::/10": "site-local",
        "ff00::/8": "multicast",
    }.items()
}
_INTERNET = IPv6Network("2000::/3")

# RFC 5214 6.1: the half that names the interface begins so when an IPv4 address follows in it.
_ISATAP = {0x0000_5EFE, 0x0200_5EFE}


class Reach:
    """Where requests may go: to the Internet, and to the networks that are `allowed`, and no others.

    Raises `ValueError` for an allowed network that is none.

    >>> Reach().refusal("127.0.0.1"), Reach(["127.0.0.0/8"]).refusal("127.0.0.1"), Reach().refusal("8.8.8.8")
    ('loopback', None, None)
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = tuple(ip_network(network) for network in allowed)

    def refusal(self, address: str) -> str | None:
        """Why nothing is sent there; None where it may be."""
        try:
            read = ip_address(address)
        except ValueError:
            return "no address"
        if any(read.version == network.version and read in network for network in self._allowed):
            return None
        return _refusal_v4(read) if read.version == 4 else _refusal_v6(read)


def _refusal_v4(address: IPv4Address) -> str | None:
    return next((what for network, what in _V4.items() if address in network), None)


def _refusal_v6(address: IPv6Address) -> str | None:
    for network, what in _V6.items():
        if address in network:
            return what
    if address not in _INTERNET:
        return "reserved"
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        return "an IPv4 address behind ISATAP"
    return "an address of one interface" if address.scope_id else None
