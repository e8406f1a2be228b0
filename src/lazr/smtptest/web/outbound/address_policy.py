"""Decide which IP addresses outgoing requests may connect to.

A URL in a message is untrusted input, and must not lead into the network of this machine.  The tables are IANA's
registries of special-purpose addresses (RFC 6890).  Python's `is_global` is not used, because its answers differ
between releases.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv6Address

__all__ = ["AddressPolicy"]

# The reason for which a network is blocked.  The first network that has the address decides.
_SPECIAL_NETWORKS_V4 = {
    IPv4Network(network): reason
    for network, reason in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "carrier-grade NAT",  # RFC 6598
        "127.0.0.0/8": "loopback",
        "168.63.129.16/32": "cloud platform",  # of Azure, although the address looks public
        "169.254.0.0/16": "link-local",  # has the metadata services of clouds, with their secrets
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "reserved",
        "192.0.2.0/24": "documentation",
        "192.88.99.0/24": "6to4 relay",
        "192.168.0.0/16": "private",
        "198.18.0.0/15": "benchmarking",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
    }.items()
}

# Of IPv6, 2000::/3 is the Internet, except for these networks.  An address that carries an IPv4 address is blocked
# whatever that address is: a translator on the way decides where it leads.
_SPECIAL_NETWORKS_V6 = {
    IPv6Network(network): reason
    for network, reason in {
        "::/128": "unspecified",
        "::1/128": "loopback",
        "::ffff:0:0/96": "IPv4 in IPv6",
        "::/96": "IPv4 in IPv6",
        "64:ff9b::/96": "IPv4 over NAT64",  # RFC 6052
        "64:ff9b:1::/48": "IPv4 over NAT64",  # RFC 8215
        "2001::/32": "IPv4 over Teredo",
        "2001::/23": "reserved",
        "2001:db8::/32": "documentation",
        "2002::/16": "IPv4 over 6to4",
        "3fff::/20": "documentation",
        "fc00::/7": "private",
        "fe80::/10": "link-local",
        "fec0::/10": "site-local",
        "ff00::/8": "multicast",
    }.items()
}
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")

# RFC 5214 6.1: the interface identifier begins with one of these if it carries an IPv4 address.
_ISATAP_INTERFACE_PREFIXES = {0x0000_5EFE, 0x0200_5EFE}


class AddressPolicy:
    """Allow addresses of the Internet, and those of `allowed_networks`.

    Raises:
        ValueError: an allowed network is not a network.

    >>> AddressPolicy().find_block_reason("127.0.0.1"), AddressPolicy().find_block_reason("8.8.8.8")
    ('loopback', None)
    >>> AddressPolicy(["127.0.0.0/8"]).find_block_reason("127.0.0.1") is None
    True
    """

    def __init__(self, allowed_networks: Iterable[str] = ()) -> None:
        self._allowed_networks = tuple(ip_network(network) for network in allowed_networks)

    def find_block_reason(self, address: str) -> str | None:
        """Return why an address is blocked; None if it is allowed."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return "not an IP address"
        if any(parsed.version == network.version and parsed in network for network in self._allowed_networks):
            return None
        return _find_block_reason_v4(parsed) if parsed.version == 4 else _find_block_reason_v6(parsed)


def _find_block_reason_v4(address: IPv4Address) -> str | None:
    return next((reason for network, reason in _SPECIAL_NETWORKS_V4.items() if address in network), None)


def _find_block_reason_v6(address: IPv6Address) -> str | None:
    for network, reason in _SPECIAL_NETWORKS_V6.items():
        if address in network:
            return reason
    if address not in _GLOBAL_UNICAST_V6:
        return "reserved"
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP_INTERFACE_PREFIXES:
        return "IPv4 over ISATAP"
    return "scoped to an interface" if address.scope_id else None
