"""The PROXY protocol, versions 1 and 2: whom a proxy speaks for, from the octets it sends first.

The law is HAProxy's `proxy-protocol.txt`; sections without another name are its own.

Nothing is kept between calls: whoever reads the connection calls again with all that has come.
So each fault has to be found at the octet that shows it, and what stands behind that octet has no
say, not even in the error's text; otherwise the outcome would depend on how the octets were cut.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["MOST_V1", "MOST_V2", "BadProxyHeader", "Proxied", "read_header"]

MOST_V1 = 107  # 2.1: octets of the longest line that a sender can have reason for, with its CRLF
MOST_V2 = 536  # 2: octets that fit into the smallest segment of TCP, for which the header is made

_V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_V2_FIXED = 16  # 2.2: the signature, version and command, family and transport, and a length of two octets

_LOCAL, _PROXY = 0x0, 0x1
_UNSPEC, _INET, _INET6, _UNIX = 0x0, 0x1, 0x2, 0x3
_STREAM, _DGRAM = 0x1, 0x2
# 2.2: the octets of one address.
_ADDRESS_SIZES = {_UNSPEC: 0, _INET: 4, _INET6: 16, _UNIX: 108}
# 2.2: the octets of both addresses, and of the ports where the family has them.
_BLOCK_SIZES = {_UNSPEC: 0, _INET: 12, _INET6: 36, _UNIX: 216}

# 2.1: what follows the family, in this order, with one space before each.
_FIELDS = ("source address", "destination address", "source port", "destination port")
_PORT = re.compile("0|[1-9][0-9]{0,4}")  # 2.1: no zeros ahead, which some would take for octal
_NOT_GRAPHIC = re.compile(rb"[^!-~]")


class BadProxyHeader(ValueError):
    """No PROXY header, and none can come of it; the text is one line and says why.

    The connection is to be closed (2.1, 2.2): to take it for a client's own would let that client
    choose its address.
    """


class Proxied:
    """What a PROXY header says of the connection behind the proxy.

    `source` and `destination` are None where the header names none that SMTP could use, and the
    connection's own addresses hold: LOCAL, UNKNOWN, UNSPEC, and sockets of AF_UNIX.
    """

    __slots__ = ("destination", "path", "source", "tlvs", "version")

    def __init__(
        self,
        version: int,
        *,
        source: tuple[str, int] | None = None,
        destination: tuple[str, int] | None = None,
        path: str = "",
        tlvs: tuple[tuple[int, bytes], ...] = (),
    ) -> None:
        self.version: Final = version  # 1 or 2
        self.source: Final = source  # the client's address as `ipaddress` writes it, and its port
        self.destination: Final = destination  # what the client has connected to
        self.path: Final = path  # AF_UNIX: the client's socket, for people; "" where it has no name
        self.tlvs: Final = tlvs  # version 2: types and values, in order, neither judged nor decoded

    def _facts(self) -> tuple[object, ...]:
        return (self.version, self.source, self.destination, self.path, self.tlvs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Proxied):
            return NotImplemented
        return self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash(self._facts())

    def __repr__(self) -> str:
        names = ("source", "destination", "path", "tlvs")
        facts = [f", {name}={fact!r}" for name, fact in zip(names, self._facts()[1:], strict=True) if fact]
        return f"Proxied({self.version}{''.join(facts)})"


def read_header(data: bytes) -> tuple[Proxied, int] | None:
    """The header that a connection begins with, and how many octets it took; None if more must come.

    Raises `BadProxyHeader` as soon as it is clear that these octets begin no header.

    >>> read_header(b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 25\\r\\nEHLO")
    (Proxied(1, source=('192.0.2.1', 50000), destination=('192.0.2.2', 25)), 41)
    """
    for start, read in _STARTS.items():
        if data.startswith(start):
            return read(data)
    for size in range(1, len(data) + 1):
        if not any(start.startswith(data[:size]) for start in _STARTS):
            raise BadProxyHeader(
                f"no PROXY header begins with {_quoted(data[:size])}; it would be PROXY TCP4, PROXY TCP6, "
                "PROXY UNKNOWN, or the signature of version 2"
            )
    return None


# -- version 1 -------------------------------------------------------------------------------


def _read_unknown(data: bytes) -> tuple[Proxied, int] | None:
    """2.1: whatever stands before the CRLF is ignored; a CR or LF alone is no end here either."""
    end = data.find(b"\r\n", 0, MOST_V1)
    if end >= 0:
        return Proxied(1), end + 2
    _refuse_endless(data)
    return None


def _read_tcp(data: bytes) -> tuple[Proxied, int] | None:
    """2.1: two addresses and two ports, each judged when the space or the CRLF behind it has come.

    Half an address cannot be told from a short one.  An octet that belongs in no field need not
    wait for that: a proxy that ends its line with LF alone would never send what we waited for.
    """
    end = data.find(b"\r\n", 0, MOST_V1)
    # A CR at the very end may be half of the line's end: it waits.
    line = data[:end] if end >= 0 else data[:MOST_V1].removesuffix(b"\r")
    _, family, *fields = line.split(b" ")
    ended = len(fields) if end >= 0 else len(fields) - 1
    found: list[str] = []
    for number, (name, field) in enumerate(zip(_FIELDS, fields, strict=False)):
        odd = _NOT_GRAPHIC.search(field)
        if odd is not None:
            raise BadProxyHeader(f"octet 0x{odd[0][0]:02x} in the {name}; the line ends with CRLF and nothing else")
        if number < ended:
            found.append(_field(name, field.decode("ascii"), family.decode("ascii")))
    if len(fields) > len(_FIELDS):
        raise BadProxyHeader(f"something follows the {_FIELDS[-1]}, where the line has to end")
    if end < 0:
        _refuse_endless(data)
        return None
    if len(found) < len(_FIELDS):
        raise BadProxyHeader(f"the line ends before the {_FIELDS[len(found)]}")
    return Proxied(1, source=(found[0], int(found[2])), destination=(found[1], int(found[3]))), end + 2


def _field(name: str, text: str, family: str) -> str:
    """The address or port that `text` is, in the one form that each has."""
    if name.endswith("port"):
        if _PORT.fullmatch(text) is None or int(text) > 0xFFFF:
            raise BadProxyHeader(f"{text!r} is no {name}: 0 to 65535, without sign or leading zeros")
        return text
    try:
        # A zone is of the host that wrote it, and not in 2.1's grammar; `ipaddress` would take it.
        address = None if "%" in text else _address(text, _INET if family == "TCP4" else _INET6)
    except ValueError:
        address = None
    if address is None:
        raise BadProxyHeader(f"the {name} {text!r} is no address of {family}")
    return address


def _refuse_endless(data: bytes) -> None:
    """2.1: a line whose CRLF is not among the first octets is invalid."""
    if len(data) >= MOST_V1:
        raise BadProxyHeader(f"no CRLF in the first {MOST_V1} octets")


# -- version 2 -------------------------------------------------------------------------------


def _read_v2(data: bytes) -> tuple[Proxied, int] | None:
    """2.2: fixed octets that say how many follow, and then addresses and TLVs, read when all are there."""
    if len(data) < 13:
        return None
    version, command = divmod(data[12], 16)
    if version != 2:
        raise BadProxyHeader(f"the signature of version 2, and behind it version {version}")
    if command not in (_LOCAL, _PROXY):
        raise BadProxyHeader(f"command 0x{command:x} is neither LOCAL (0x0) nor PROXY (0x1)")
    if len(data) < 14:
        return None
    # 2.2: the proxy speaks for itself by LOCAL, and the family is ignored together with its addresses.
    family = _family(data[13]) if command == _PROXY else _UNSPEC
    if len(data) < _V2_FIXED:
        return None
    end = _V2_FIXED + int.from_bytes(data[14:16], "big")
    if end > MOST_V2:
        raise BadProxyHeader(f"the header has {end} octets; {MOST_V2} are the most")
    behind = _V2_FIXED + _BLOCK_SIZES[family]
    if end < behind:
        raise BadProxyHeader(f"the header has {end} octets; with the addresses of its family it has {behind}")
    if len(data) < end:
        return None
    if family == _UNSPEC:
        # Where addresses of no known family end, and TLVs might begin, cannot be told: all is skipped.
        return Proxied(2), end
    tlvs = _tlvs(data[behind:end])
    size = _ADDRESS_SIZES[family]
    source = data[_V2_FIXED : _V2_FIXED + size]
    if family == _UNIX:
        return Proxied(2, path=_path(source), tlvs=tlvs), end
    destination = data[_V2_FIXED + size : _V2_FIXED + 2 * size]
    return Proxied(
        2,
        source=(_address(source, family), int.from_bytes(data[behind - 4 : behind - 2], "big")),
        destination=(_address(destination, family), int.from_bytes(data[behind - 2 : behind], "big")),
        tlvs=tlvs,
    ), end


def _family(octet: int) -> int:
    """The address family, which an unspecified transport makes unspecified too (2.2)."""
    family, transport = divmod(octet, 16)
    if family not in _ADDRESS_SIZES:
        raise BadProxyHeader(f"address family 0x{family:x} is none of UNSPEC, INET, INET6 and UNIX (0x0 to 0x3)")
    if transport == _DGRAM:
        raise BadProxyHeader("transport DGRAM (0x2); SMTP needs a STREAM (0x1)")
    if transport not in (_UNSPEC, _STREAM):
        raise BadProxyHeader(f"transport 0x{transport:x} is neither UNSPEC (0x0) nor STREAM (0x1)")
    return _UNSPEC if transport == _UNSPEC else family


def _tlvs(octets: bytes) -> tuple[tuple[int, bytes], ...]:
    """2.2: a type of one octet, a length of two, and as many octets of value, until all is used up."""
    found = []
    position = 0
    while position < len(octets):
        start = position + 3
        end = start + int.from_bytes(octets[position + 1 : start], "big")
        if start > len(octets) or end > len(octets):
            raise BadProxyHeader(f"the TLV of type 0x{octets[position]:02x} goes on past the end of the header")
        found.append((octets[position], octets[start:end]))
        position = end
    return tuple(found)


def _path(octets: bytes) -> str:
    """The name of a socket of AF_UNIX, as C would end it, with nothing that could steer a terminal."""
    # Linux, unix(7): a NUL begins a name outside the file system, and people's tools show it as @.
    name, _, abstract = octets.partition(b"\0")
    if not name and (abstract := abstract.partition(b"\0")[0]):
        name = b"@" + abstract
    text = name.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


# -- both ------------------------------------------------------------------------------------


def _address(address: str | bytes, family: int) -> str:
    """The text of an address, the same for all ways to write it; `ValueError` if it is not of the family."""
    # Few servers are behind a proxy, and `ipaddress` takes as long to import as half of this package.
    from ipaddress import IPv4Address, IPv6Address

    if family == _INET:
        return str(IPv4Address(address))
    # RFC 5952 5: what holds an IPv4 address shows it, as sockets do.  `ipaddress` does so since Python 3.13.
    found = IPv6Address(address)
    return str(found) if found.ipv4_mapped is None else f"::ffff:{found.ipv4_mapped}"


def _quoted(octets: bytes) -> str:
    return repr(octets).removeprefix("b")


# How each header begins.  2.1: UNKNOWN may be all that its line says.
_STARTS = {
    b"PROXY TCP4 ": _read_tcp,
    b"PROXY TCP6 ": _read_tcp,
    b"PROXY UNKNOWN ": _read_unknown,
    b"PROXY UNKNOWN\r\n": _read_unknown,
    _V2_SIGNATURE: _read_v2,
}
