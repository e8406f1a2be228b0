"""What the terms of an SPF check share: identity, macro values, lookups and limits."""

from __future__ import annotations

import time
from typing import NamedTuple

from lazr.smtptest.authentication.spf.macro import MacroError, build_target_name
from lazr.smtptest.dns import DnsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address
    from typing import Literal

    from lazr.smtptest.authentication.spf.macro import MacroString
    from lazr.smtptest.dns import Resolver

__all__ = [
    "MAX_LOOKUPS",
    "MAX_MX_HOSTS",
    "MAX_VOID_LOOKUPS",
    "SpfContext",
    "SpfError",
    "SpfIdentity",
    "Verdict",
    "build_temperror",
]

# RFC 7208 4.6.4.
MAX_LOOKUPS = 10
MAX_VOID_LOOKUPS = 2
MAX_MX_HOSTS = 10
MAX_PTR_NAMES = 10


class SpfError(Exception):
    """The check ends at once; the text says why.

    Args:
        result: `permerror` or `temperror`.
        reason: One sentence.
    """

    def __init__(self, result: Literal["permerror", "temperror"], reason: str) -> None:
        super().__init__(reason)
        self.result: Literal["permerror", "temperror"] = result


class SpfIdentity(NamedTuple):
    """Who sends, and from where.

    Args:
        ip: The address of the client; never an IPv4-mapped one.
        local_part: The local part of the sender, `postmaster` if it has none.
        domain: The domain of the sender.
        helo: What the client said in HELO or EHLO.
        receiver: The host name of the server that checks.
        now: Seconds since 1970; None is the present time.
    """

    ip: IPv4Address | IPv6Address
    local_part: str
    domain: str
    helo: str
    receiver: str = "unknown"
    now: float | None = None


class Verdict(NamedTuple):
    """The result of one record, or of one that it redirects to."""

    result: Literal["none", "neutral", "pass", "fail", "softfail"]
    reason: str
    mechanism: str = ""
    domain: str = ""
    explanation: MacroString | None = None


class SpfContext:
    """One check: expands macros, finds DNS records, and counts the lookups.

    Args:
        identity: The sender and the client.
        resolver: Finds the DNS records.
    """

    def __init__(self, identity: SpfIdentity, resolver: Resolver) -> None:
        self.identity: SpfIdentity = identity
        self.resolver: Resolver = resolver
        self.lookups: int = 0
        self.domains: list[str] = []  # of the records in evaluation, outermost first
        self._void_lookups = 0
        self._validated_names: list[str] | None = None

    def expand_target(self, domain_spec: MacroString | None, domain: str) -> str | None:
        """Return the name that a term looks up; None if no DNS name can be made of it.

        Args:
            domain_spec: The domain-spec of the term; None is the domain itself.
            domain: The domain whose record has the term.

        Raises:
            SpfError: `permerror`, because the macros expand to too much.
        """
        if domain_spec is None:
            return domain
        if domain_spec.names_local_part and not self.identity.local_part.isascii():
            return None  # RFC 8616 4
        try:
            return build_target_name(domain_spec.expand(lambda letter: self.find_value(letter, domain)))
        except MacroError as error:
            raise SpfError("permerror", f"in the record of {domain}, {error}") from None

    def count_lookup(self, term: str) -> None:
        """Count a term that causes DNS lookups (RFC 7208 4.6.4).

        Raises:
            SpfError: `permerror`, because these are too many.
        """
        self.lookups += 1
        if self.lookups > MAX_LOOKUPS:
            within = f" ({term} in the record of {self.domains[-1]})" if len(self.domains) > 1 else f" ({term})"
            raise SpfError(
                "permerror",
                f"the record of {self.domains[0]} needs at least {self.lookups} DNS lookups{within}; "
                f"RFC 7208 4.6.4 allows {MAX_LOOKUPS}",
            )

    def count_void_lookup(self, name: str, types: str) -> None:
        """Count a lookup that found nothing (RFC 7208 4.6.4).

        Raises:
            SpfError: `permerror`, because these are too many.
        """
        self._void_lookups += 1
        if self._void_lookups > MAX_VOID_LOOKUPS:
            raise SpfError(
                "permerror",
                f"the record of {self.domains[0]} names {self._void_lookups} names without DNS records, at last "
                f"{name} ({types}); RFC 7208 4.6.4 allows {MAX_VOID_LOOKUPS}",
            )

    def find_addresses(self, name: str, version: Literal[4, 6]) -> list[IPv4Address | IPv6Address]:
        """Return the addresses of a name.

        Raises:
            SpfError: `temperror`, because the lookup failed.
        """
        try:
            return self.resolver.find_addresses(name, version)
        except DnsError as error:
            raise build_temperror(error) from error

    def find_mail_hosts(self, name: str) -> list[str]:
        """Return the hosts of the MX records of a name, best preference first.

        Raises:
            SpfError: `temperror`, because the lookup failed.
        """
        try:
            return [host for _, host in sorted(self.resolver.find_mx(name))]
        except DnsError as error:
            raise build_temperror(error) from error

    def find_validated_names(self, term: str) -> list[str]:
        """Return the names of the client that lead back to its address (RFC 7208 5.5).

        Failed lookups count as an empty answer there.  The names are looked up once in a check.

        Raises:
            SpfError: `permerror`, because the record needs too many lookups.
        """
        if self._validated_names is None:
            try:
                names = self.resolver.find_ptr(self.identity.ip)
            except DnsError:
                names = []
            self._validated_names = [name for name in names[:MAX_PTR_NAMES] if self._leads_back(name)]
            if not names:
                self.count_void_lookup(self.identity.ip.reverse_pointer, f"PTR, for {term}")
        return self._validated_names

    def find_value(self, letter: str, domain: str) -> str:
        """Return the value of a macro letter (RFC 7208 7.2)."""
        identity = self.identity
        match letter:
            case "s":
                return f"{identity.local_part}@{identity.domain}"
            case "l":
                return identity.local_part
            case "o":
                return identity.domain
            case "d":
                return domain
            case "i":
                return _format_dotted(identity.ip)
            case "p":
                return self._find_client_name(domain)
            case "v":
                return "in-addr" if identity.ip.version == 4 else "ip6"
            case "h":
                return identity.helo
            case "c":
                return str(identity.ip)
            case "r":
                return identity.receiver
            case _:  # "t"
                return str(int(time.time() if identity.now is None else identity.now))

    def _leads_back(self, name: str) -> bool:
        target = build_target_name(name)
        try:
            found = self.resolver.find_addresses(target, self.identity.ip.version) if target else []
        except DnsError:
            return False
        return self.identity.ip in found

    def _find_client_name(self, domain: str) -> str:
        """Return the value of `%{p}`: the validated name nearest to the domain (7.3)."""
        if self._validated_names is None:
            self.count_lookup("%{p}")  # RFC 7208 4.6.4: its PTR lookup counts
        names = [name.removesuffix(".") for name in self.find_validated_names("%{p}")]
        folded = domain.lower()
        for name in names:
            if name.lower() == folded:
                return name
        return next((name for name in names if name.lower().endswith(f".{folded}")), names[0] if names else "unknown")


def _format_dotted(ip: IPv4Address | IPv6Address) -> str:
    return str(ip) if ip.version == 4 else ".".join(f"{int(ip):032X}")


def build_temperror(error: DnsError) -> SpfError:
    """Return the end of a check whose lookup failed for now."""
    return SpfError("temperror", str(error))
