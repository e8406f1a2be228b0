"""Ask the name servers of the system, through dnspython."""

from __future__ import annotations

from ipaddress import ip_address

from lazr.smtptest._util.host_port import split_host_port
from lazr.smtptest.dns.extra import require_dnspython
from lazr.smtptest.dns.names import build_reverse_name, join_labels, split_labels
from lazr.smtptest.dns.resolver import Address, DnsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dns.nameserver import Nameserver
    from dns.rdata import Rdata

    from lazr.smtptest.dns.resolver import IpVersion

__all__ = ["SystemResolver"]

DNS_PORT = 53
CACHED_NAMES = 1000
# An answer of DNS has at most 64 KiB, but it may hold thousands of short records.
MAX_RECORDS = 200


class SystemResolver:
    """Ask the name servers of the system, or others; needs the extra `checks`.

    Answers are cached for their time to live.  Search domains are not used.

    Args:
        timeout: Seconds that one lookup may take in total.  Default: 5.
        nameservers: The addresses of other name servers, `"192.0.2.53"` or `"127.0.0.1:5353"`.  Default: those of the
            system, such as `/etc/resolv.conf` lists.

    Raises:
        MissingExtra: dnspython is not installed.
        DnsError: The system has no name servers.
        ValueError: A name server is not an address, or the timeout is not a number above 0.

    >>> SystemResolver(nameservers=["192.0.2.53"])
    <SystemResolver: 192.0.2.53>
    """

    def __init__(self, timeout: float = 5.0, nameservers: Iterable[str] | None = None) -> None:
        require_dnspython("DNS lookups")
        import dns.exception
        import dns.resolver

        if not timeout > 0:
            raise ValueError(f"timeout must be a number of seconds > 0, got {timeout!r}")
        try:
            self._resolver = dns.resolver.Resolver(configure=nameservers is None)
        except (dns.exception.DNSException, OSError) as error:
            raise DnsError(
                f"the name servers of the system are not known: {error}; name them, or give DNS records in a zone"
            ) from error
        if nameservers is not None:
            self._resolver.nameservers = [_parse_nameserver(one) for one in nameservers]
        self._resolver.cache = dns.resolver.LRUCache(CACHED_NAMES)
        self._resolver.lifetime = timeout

    def find_txt(self, name: str) -> list[bytes]:
        """Return the TXT records, see `Resolver`."""
        return [b"".join(data.strings) for data in self._find(name, "TXT")]  # type: ignore[attr-defined]

    def find_addresses(self, name: str, version: IpVersion) -> list[Address]:
        """Return the addresses, see `Resolver`."""
        found = self._find(name, "A" if version == 4 else "AAAA")
        return [ip_address(data.address) for data in found]  # type: ignore[attr-defined]

    def find_mx(self, name: str) -> list[tuple[int, str]]:
        """Return the MX records, see `Resolver`."""
        return [
            (data.preference, join_labels(data.exchange.labels))  # type: ignore[attr-defined]
            for data in self._find(name, "MX")
        ]

    def find_ptr(self, address: Address) -> list[str]:
        """Return the names of an address, see `Resolver`."""
        return [join_labels(data.target.labels) for data in self._find(build_reverse_name(address), "PTR")]  # type: ignore[attr-defined]

    def _find(self, name: str, record_type: str) -> Iterator[Rdata]:
        import dns.exception
        import dns.name
        import dns.resolver

        labels = split_labels(name)
        if labels is None:  # no such name can exist
            return
        try:
            answer = self._resolver.resolve(
                dns.name.Name([*labels, b""]), record_type, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return
        except (dns.exception.DNSException, OSError) as error:
            raise DnsError(f"lookup of {name} {record_type} failed: {error}") from error
        for count, data in enumerate(answer.rrset or (), 1):
            if count > MAX_RECORDS:
                raise DnsError(f"lookup of {name} {record_type} failed: more than {MAX_RECORDS} records")
            yield data

    def __repr__(self) -> str:
        return f"<SystemResolver: {', '.join(map(str, self._resolver.nameservers))}>"


def _parse_nameserver(text: str) -> str | Nameserver:
    import dns.nameserver

    host, port = split_host_port(text)
    try:
        address = str(ip_address(host))
        number = int(port or DNS_PORT)
    except ValueError:
        raise ValueError(
            f"a name server must be an IP address, got {text!r}; write it as 192.0.2.53 or 192.0.2.53:5353"
        ) from None
    return dns.nameserver.Do53Nameserver(address, number) if port else address
