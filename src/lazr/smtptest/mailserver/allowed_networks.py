"""Connect only to the networks that are allowed, for notifications that leave the server."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, ip_address, ip_network

from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest.mailserver.delivery_error import DeliveryError
from lazr.smtptest.net import LOOPBACK_NETWORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv4Network, IPv6Network

__all__ = ["AllowedNetworks", "DestinationNotAllowed"]

# RFC 6761 6.3: this name is the loopback addresses, and needs no lookup.
_LOCALHOST = "localhost"
_LOOPBACK_ADDRESSES = ("127.0.0.1", "::1")

# A name server may answer with any number of addresses.
_MAX_ADDRESSES = 8


class DestinationNotAllowed(DeliveryError):
    """None of the addresses of a host is in an allowed network."""


class AllowedNetworks:
    """The networks that connections may go to.

    Args:
        networks: The networks, such as "10.0.0.0/8"; a single address is a network, too.

    Raises:
        TypeError: If `networks` is a string, or an item is not one.
        ValueError: If an item is not a network.

    >>> networks = AllowedNetworks(["127.0.0.0/8"])
    >>> networks.has_address("127.0.0.1"), networks.has_address("192.0.2.1"), networks.has_address("app.example.com")
    (True, False, False)
    """

    def __init__(self, networks: Iterable[str] = LOOPBACK_NETWORKS) -> None:
        if isinstance(networks, str):
            raise TypeError(f"bounces_allow must be a list of networks, got {networks!r}; write [{networks!r}]")
        self._networks = tuple(map(_parse_network, networks))

    def has_address(self, address: str) -> bool:
        """Return whether an IP address is in one of the networks; False for other texts."""
        parsed = _parse_address(address)
        return parsed is not None and any(
            parsed.version == network.version and parsed in network for network in self._networks
        )

    def check_host(self, host: str) -> None:
        """Raise `ValueError` if the host is an IP address that is not allowed."""
        if _parse_address(host) is not None and not self.has_address(host):
            raise ValueError(f"{host} is not in an allowed network ({self}); add it to bounces_allow")

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect to the first allowed address of a host that accepts a connection.

        A name is looked up once, and the connection is made to an address that was checked.  So a name server cannot
        answer differently for the connection (DNS rebinding).

        Args:
            host: An IP address or a host name.
            port: The TCP port.
            timeout: The time limit of each attempt to connect, and later of each read and write, in seconds.

        Raises:
            DestinationNotAllowed: If the host has no address in an allowed network.
            OSError: If the name is unknown, or no connection is possible.
        """
        addresses = self._resolve(host, port)
        allowed = [address for address in addresses if self.has_address(address)]
        if not allowed:
            found = ", ".join(addresses) or "no address"
            raise DestinationNotAllowed(
                f"{host} has {found}, which is not in an allowed network ({self}); add it to bounces_allow"
            )
        failure: OSError = OSError("no address")
        for address in allowed:
            try:
                return socket.create_connection((address, port), timeout)
            except OSError as error:
                failure = error
        raise failure

    def _resolve(self, host: str, port: int) -> list[str]:
        if _parse_address(host) is not None:
            return [host]
        if host.lower().rstrip(".") == _LOCALHOST:
            return list(_LOOPBACK_ADDRESSES)
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (UnicodeError, ValueError, OverflowError) as error:  # a name that DNS cannot encode
            raise OSError(f"{format_host_port(host, port)}: {error}") from None
        return list(dict.fromkeys(str(row[4][0]) for row in rows))[:_MAX_ADDRESSES]

    def __str__(self) -> str:
        return ", ".join(map(str, self._networks)) or "none"

    def __repr__(self) -> str:
        return f"<AllowedNetworks {self}>"


def _parse_network(network: object) -> IPv4Network | IPv6Network:
    if not isinstance(network, str):
        raise TypeError(f'bounces_allow must be networks such as "10.0.0.0/8", got {network!r}')
    try:
        return ip_network(network)
    except ValueError as error:
        raise ValueError(f'bounces_allow must be networks such as "10.0.0.0/8", got {network!r}: {error}') from None


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address; one of IPv4 within IPv6 is that of IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
