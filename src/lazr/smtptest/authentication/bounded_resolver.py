"""A limit for the DNS lookups of one mail: how many, and in how much time."""

from __future__ import annotations

import time

from lazr.smtptest.dns import DnsError, NameList

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address
    from typing import Literal

    from lazr.smtptest.dns import Resolver

__all__ = ["MAX_LOOKUPS_PER_MAIL", "BoundedResolver"]

# A mail with many signatures, and an SPF record with ten MX terms of ten hosts, stay below.
MAX_LOOKUPS_PER_MAIL = 300
# RFC 7208 4.6.4: at least 20 seconds.
TIMEOUT_SECONDS = 20.0


class BoundedResolver:
    """Pass lookups on until there are too many, or they take too long; then fail.

    Args:
        resolver: Finds the records.
        timeout: After how many seconds no further lookup begins.

    >>> from lazr.smtptest.dns import Zone
    >>> BoundedResolver(Zone({"example.com": "v=spf1 -all"})).find_txt("example.com")
    [b'v=spf1 -all']
    """

    def __init__(self, resolver: Resolver, timeout: float = TIMEOUT_SECONDS) -> None:
        self._resolver = resolver
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._lookups = 0

    def find_txt(self, name: str) -> list[bytes]:
        """Return the TXT records, see `Resolver`."""
        self._count(name)
        return self._resolver.find_txt(name)

    def find_addresses(self, name: str, version: Literal[4, 6]) -> list[IPv4Address | IPv6Address]:
        """Return the addresses, see `Resolver`."""
        self._count(name)
        return self._resolver.find_addresses(name, version)

    def find_mx(self, name: str) -> list[tuple[int, str]]:
        """Return the MX records, see `Resolver`."""
        self._count(name)
        return self._resolver.find_mx(name)

    def find_ptr(self, address: IPv4Address | IPv6Address) -> list[str]:
        """Return the names of an address, see `Resolver`."""
        self._count(str(address))
        return self._resolver.find_ptr(address)

    def list_names(self, record_type: str, suffix: str) -> list[str]:
        """Return names of records, see `NameList`; they need no lookup."""
        return self._resolver.list_names(record_type, suffix) if isinstance(self._resolver, NameList) else []

    def _count(self, name: str) -> None:
        self._lookups += 1
        if self._lookups > MAX_LOOKUPS_PER_MAIL:
            raise DnsError(f"lookup of {name} failed: the mail needs more than {MAX_LOOKUPS_PER_MAIL} lookups")
        if time.monotonic() >= self._deadline:
            raise DnsError(f"lookup of {name} failed: the lookups of the mail took more than {self._timeout:g} seconds")
