"""The interface of all sources of DNS records, and the error of a failed lookup."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Literal, Protocol, runtime_checkable

from lazr.smtptest.errors import SmtptestError

__all__ = ["Address", "DnsError", "IpVersion", "NameList", "Resolver"]

Address = IPv4Address | IPv6Address
IpVersion = Literal[4, 6]


class DnsError(SmtptestError):
    """A DNS lookup failed for now: a timeout, SERVFAIL, or no source of records.

    The checks report it as "temperror": a later try may succeed (RFC 8601 2.7).
    """


class Resolver(Protocol):
    """Find DNS records by name.

    A name that does not exist and a name without such records both have an empty list.  Names have any case, with or
    without the last dot.  CNAME records are followed.  Names come from untrusted mails, so each method accepts any
    text.

    Raises:
        DnsError: The lookup failed for now.
    """

    def find_txt(self, name: str) -> list[bytes]:
        """Return the TXT records; the character-strings of a record are joined (RFC 7208 3.3)."""
        ...

    def find_addresses(self, name: str, version: IpVersion) -> list[Address]:
        """Return the addresses of the A records (version 4) or AAAA records (version 6)."""
        ...

    def find_mx(self, name: str) -> list[tuple[int, str]]:
        """Return preference and host of each MX record; the host has no last dot."""
        ...

    def find_ptr(self, address: Address) -> list[str]:
        """Return the names of the PTR records of an address, without the last dot."""
        ...


@runtime_checkable
class NameList(Protocol):
    """A source of DNS records that knows its names, so that errors can list them."""

    def list_names(self, record_type: str, suffix: str) -> list[str]:
        """Return the names that end with a suffix and have records of a type, sorted; at most 10."""
        ...
