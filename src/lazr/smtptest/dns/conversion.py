"""Make a resolver from what users give: a mapping, a zone file, "system", or nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lazr.smtptest.dns.resolver import Address, DnsError, IpVersion, Resolver
from lazr.smtptest.dns.zone import Zone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["DnsSource", "NoResolver", "as_resolver"]

DnsSource = Mapping[str, object] | Resolver | str | os.PathLike[str] | None

_METHODS = ("find_txt", "find_addresses", "find_mx", "find_ptr")


class NoResolver:
    """No DNS records are known: each lookup raises `DnsError`, which says how to give some."""

    __slots__ = ()

    def find_txt(self, name: str) -> list[bytes]:
        """Raise `DnsError`."""
        self._raise(name, "TXT")

    def find_addresses(self, name: str, version: IpVersion) -> list[Address]:
        """Raise `DnsError`."""
        self._raise(name, "A" if version == 4 else "AAAA")

    def find_mx(self, name: str) -> list[tuple[int, str]]:
        """Raise `DnsError`."""
        self._raise(name, "MX")

    def find_ptr(self, address: Address) -> list[str]:
        """Raise `DnsError`."""
        self._raise(str(address), "PTR")

    def _raise(self, name: str, record_type: str) -> NoReturn:
        raise DnsError(
            f"lookup of {name} {record_type} failed: no DNS records are given; give them with MailServer(dns={{...}})"
            " or smtptest serve --dns-zone FILE"
        )

    def __repr__(self) -> str:
        return "<NoResolver>"


def as_resolver(value: DnsSource) -> Resolver:
    """Return the resolver for a value of `MailServer(dns=...)`.

    Args:
        value: A mapping of records, see `Zone`; a `Resolver`; `"system"` for the name servers of the system; the path
            of a zone file; or None: lookups then fail, and the error says how to give records.

    Raises:
        ValueError: A record or the zone file is not valid.
        OSError: The zone file cannot be read.
        TypeError: The value is none of these.

    >>> as_resolver({"example.com TXT": "v=spf1 -all"}).find_txt("example.com")
    [b'v=spf1 -all']
    """
    if value is None:
        return NoResolver()
    if isinstance(value, Mapping):
        return Zone(value)  # type: ignore[arg-type]  # `Zone` checks the values
    if value == "system":
        from lazr.smtptest.dns.system import SystemResolver

        return SystemResolver()
    if isinstance(value, str | os.PathLike):
        return Zone.from_file(value)
    if all(callable(getattr(value, method, None)) for method in _METHODS):
        return value
    raise TypeError(
        f'dns must be a mapping of records, a Zone, "system" or the path of a zone file, got {value!r}; write'
        ' dns={"example.com TXT": "v=spf1 -all"}'
    )
