"""SPF records (RFC 7208 4.5 and 4.6): find them among TXT records, parse their terms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from lazr.smtptest.authentication.excerpt import shorten
from lazr.smtptest.authentication.spf.macro import MacroError, MacroString, parse_domain_spec, parse_macro_string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final, Literal

__all__ = ["Mechanism", "SpfRecord", "SpfSyntaxError", "is_spf_record", "parse_record", "select_records"]

# A record should fit into 512 octets with all others of its name (RFC 7208 3.4).  This is a limit against hostile ones.
MAX_RECORD_BYTES = 16_384

_RESULTS: Final[dict[str, Literal["pass", "fail", "softfail", "neutral"]]] = {
    "+": "pass",
    "-": "fail",
    "~": "softfail",
    "?": "neutral",
}
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=")
_NAME_END = re.compile(r"[:/]")
# RFC 7208 5.6: no leading zeros.
_PREFIX_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")
_NEEDS_DOMAIN = frozenset({"include", "exists"})
_TAKES_PREFIX = frozenset({"a", "mx"})
_MECHANISMS = frozenset({"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"})


class SpfSyntaxError(ValueError):
    """The record breaks the syntax of RFC 7208; the text names the term."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One mechanism of a record.

    Args:
        text: The term as it is in the record: `~include:_spf.example.com`.
        name: `all`, `include`, `a`, `mx`, `ptr`, `ip4`, `ip6` or `exists`.
        result: What a match means.
        domain: The domain-spec; None is the domain whose record it is.
        network: The network of `ip4` and `ip6`.
        prefix4: How many leading bits of an IPv4 address `a` and `mx` compare.
        prefix6: The same for IPv6.
    """

    text: str
    name: str
    result: Literal["pass", "fail", "softfail", "neutral"]
    domain: MacroString | None = None
    network: IPv4Network | IPv6Network | None = None
    prefix4: int = 32
    prefix6: int = 128

    @property
    def label(self) -> str:
        """The term as reasons name it."""
        return shorten(self.text)


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """The mechanisms of a record, in order, and the domains of its modifiers."""

    mechanisms: tuple[Mechanism, ...]
    redirect: MacroString | None = None
    explanation: MacroString | None = None


def is_spf_record(text: bytes) -> bool:
    """Return whether a TXT record begins with the version of SPF (RFC 7208 4.5).

    >>> is_spf_record(b"V=SPF1 -all"), is_spf_record(b"v=spf1"), is_spf_record(b"v=spf10 -all")
    (True, True, False)
    """
    return text[:6].lower() == b"v=spf1" and text[6:7] in {b"", b" "}


def select_records(texts: Iterable[bytes]) -> list[bytes]:
    """Return the SPF records among the TXT records of a name; more than one is an error."""
    return [text for text in texts if is_spf_record(text)]


def parse_record(text: bytes) -> SpfRecord:
    """Return the terms of an SPF record.

    Args:
        text: The record, which begins with `v=spf1`.

    Raises:
        SpfSyntaxError: A term is invalid (RFC 7208 4.6); errors after a matching term count too.

    >>> record = parse_record(b"v=spf1 a:mail.example.com/24 ip6:2001:db8::/32 ~all")
    >>> [mechanism.name for mechanism in record.mechanisms], record.mechanisms[2].result
    (['a', 'ip6', 'all'], 'softfail')
    >>> parse_record(b"v=spf1 ipv4:192.0.2.1 -all")
    Traceback (most recent call last):
    lazr.smtptest.authentication.spf.record.SpfSyntaxError: 'ipv4:192.0.2.1' is not a mechanism; did you mean ip4?
    """
    if len(text) > MAX_RECORD_BYTES:
        raise SpfSyntaxError(f"it has {len(text)} bytes; this check reads at most {MAX_RECORD_BYTES}")
    try:
        terms = text.decode("ascii").split(" ")[1:]
    except UnicodeDecodeError as error:
        raise SpfSyntaxError(f"the byte {text[error.start]:#04x} in it is not ASCII") from None
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, MacroString] = {}
    for term in filter(None, terms):
        try:
            modifier = _MODIFIER.match(term)
            if modifier is None:
                mechanisms.append(_parse_mechanism(term))
                continue
            name, value = modifier[1].lower(), term[modifier.end() :]
            if name not in {"redirect", "exp"}:
                parse_macro_string(value)  # unknown modifiers have no effect, but their syntax counts (6)
            elif name in modifiers:
                raise SpfSyntaxError(f"{name}= is in it twice")
            else:
                modifiers[name] = parse_domain_spec(value)
        except MacroError as error:
            raise SpfSyntaxError(f"the term {shorten(term)!r} is invalid: {error}") from None
    return SpfRecord(tuple(mechanisms), modifiers.get("redirect"), modifiers.get("exp"))


def _parse_mechanism(term: str) -> Mechanism:
    result = _RESULTS.get(term[0])
    body = term if result is None else term[1:]
    result = result or "pass"
    end = _NAME_END.search(body)
    name = (body if end is None else body[: end.start()]).lower()
    rest = "" if end is None else body[end.start() :]
    if name not in _MECHANISMS:
        raise SpfSyntaxError(f"{shorten(term)!r} is not a mechanism{_suggest(name)}")
    if name in {"ip4", "ip6"}:
        return Mechanism(term, name, result, network=_parse_network(term, name, rest))
    prefix4, prefix6 = 32, 128
    if name in _TAKES_PREFIX:
        rest, prefix6 = _split_prefix(term, rest, "//", 128)
        rest, prefix4 = _split_prefix(term, rest, "/", 32)
    if name == "all" and rest:
        raise SpfSyntaxError(f"{shorten(term)!r} is invalid: all takes no argument")
    domain = None
    if rest.startswith(":"):
        domain = parse_domain_spec(rest[1:])
    elif rest:
        raise SpfSyntaxError(f"{shorten(term)!r} is invalid: {shorten(rest)!r} is not a prefix length")
    elif name in _NEEDS_DOMAIN:
        raise SpfSyntaxError(f"{shorten(term)!r} is invalid: {name} needs a domain name, as in {name}:example.com")
    return Mechanism(term, name, result, domain, None, prefix4, prefix6)


def _split_prefix(term: str, text: str, separator: str, most: int) -> tuple[str, int]:
    """Return the text before a prefix length, and the length; all bits if there is none."""
    head, found, length = text.rpartition(separator)
    if not found or not length.isdigit():  # a `/` may also be in the domain-spec
        return text, most
    if _PREFIX_LENGTH.fullmatch(length) is None or int(length) > most:
        raise SpfSyntaxError(f"{shorten(term)!r} is invalid: the prefix length must be 0 to {most}")
    return head, int(length)


def _parse_network(term: str, name: str, rest: str) -> IPv4Network | IPv6Network:
    kind, bits = (IPv4Address, 32) if name == "ip4" else (IPv6Address, 128)
    address, prefix = rest[1:], bits
    if "/" in address:
        address, prefix = _split_prefix(term, address, "/", bits)
    try:
        # IPv6Address would take a zone index, as in `fe80::1%eth0`.
        return ip_network((kind("" if "%" in address or not rest.startswith(":") else address), prefix), strict=False)
    except ValueError:
        family = "IPv4" if name == "ip4" else "IPv6"
        raise SpfSyntaxError(f"{shorten(term)!r} is invalid: {name} needs an {family} address or network") from None


def _suggest(name: str) -> str:
    others = {"ipv4": "ip4", "ipv6": "ip6", "ip": "ip4", "redirect": "redirect=", "exp": "exp=", "includes": "include"}
    return f"; did you mean {others[name]}?" if name in others else ""
