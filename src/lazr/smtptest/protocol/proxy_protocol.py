"""Parse the header of the PROXY protocol (versions 1 and 2), which names the client.

The specification is HAProxy's `proxy-protocol.txt`; section numbers without another name refer to it.

The parser keeps no state: the caller calls again with all bytes received so far.  It reports a fault at the first
byte that shows it.  Bytes after that one change neither the result nor the text of the error, so both are
independent of how the input was split.
"""

from __future__ import annotations

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest._util.lazy_pattern import compile_lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["MAX_V1_HEADER_BYTES", "MAX_V2_HEADER_BYTES", "BadProxyHeader", "ProxyHeader", "parse_header"]

MAX_V1_HEADER_BYTES = 107  # 2.1: the longest valid line, with its CRLF
MAX_V2_HEADER_BYTES = 536  # 2: the header must fit into the smallest TCP segment

_V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_V2_FIXED_BYTES = 16  # 2.2: signature, version and command, family and transport, length

_LOCAL, _PROXY = 0x0, 0x1
_UNSPEC, _INET, _INET6, _UNIX = 0x0, 0x1, 0x2, 0x3
_STREAM, _DGRAM = 0x1, 0x2
# 2.2: size of one address.
_ADDRESS_SIZES = {_UNSPEC: 0, _INET: 4, _INET6: 16, _UNIX: 108}
# 2.2: size of both addresses, and of the ports if the family has them.
_ADDRESS_BLOCK_SIZES = {_UNSPEC: 0, _INET: 12, _INET6: 36, _UNIX: 216}

# 2.1: the fields after the family, in this order, with one space before each.
_V1_FIELD_NAMES = ("source address", "destination address", "source port", "destination port")
_PORT = compile_lazily("0|[1-9][0-9]{0,4}")  # 2.1: no leading zeros, which a parser may take for octal
_NON_GRAPHIC_BYTE = compile_lazily(rb"[^!-~]")


class BadProxyHeader(ValueError):
    """The input is not a PROXY header; the text is one line and names the reason.

    The caller must close the connection (2.1, 2.2).  Otherwise a client could choose its address.
    """


class ProxyHeader:
    """The facts of a PROXY header.

    `source` and `destination` are None if the header has no addresses for SMTP (LOCAL, UNKNOWN, UNSPEC, AF_UNIX); then
    the addresses of the connection apply.

    Args:
        version: 1 or 2.
        source: The client's address, as `ipaddress` writes it, and its port.
        destination: The address and port that the client has connected to.
        path: AF_UNIX: the path of the client's socket as text; "" if it has none.
        tlvs: Version 2: types and values in order, not interpreted.
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
        self.version: Final = version
        self.source: Final = source
        self.destination: Final = destination
        self.path: Final = path
        self.tlvs: Final = tlvs

    def _field_values(self) -> tuple[object, ...]:
        return (self.version, self.source, self.destination, self.path, self.tlvs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ProxyHeader):
            return NotImplemented
        return self._field_values() == other._field_values()

    def __hash__(self) -> int:
        return hash(self._field_values())

    def __repr__(self) -> str:
        names = ("source", "destination", "path", "tlvs")
        facts = [f", {name}={fact!r}" for name, fact in zip(names, self._field_values()[1:], strict=True) if fact]
        return f"ProxyHeader({self.version}{''.join(facts)})"


def parse_header(data: bytes) -> tuple[ProxyHeader, int] | None:
    """Parse the header at the start of a connection.

    Returns the header and its size in bytes, or None if it is incomplete.  Raises `BadProxyHeader` as soon as the
    input cannot become a valid header.

    >>> parse_header(b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 25\\r\\nEHLO")
    (ProxyHeader(1, source=('192.0.2.1', 50000), destination=('192.0.2.2', 25)), 41)
    """
    for start, read in _PARSERS_BY_PREFIX.items():
        if data.startswith(start):
            return read(data)
    for size in range(1, len(data) + 1):
        if not any(start.startswith(data[:size]) for start in _PARSERS_BY_PREFIX):
            raise BadProxyHeader(
                "a PROXY header must begin with PROXY TCP4, PROXY TCP6, PROXY UNKNOWN, or the signature of version 2, "
                f"got {_quote(data[:size])}"
            )
    return None


# -- version 1 -------------------------------------------------------------------------------


def _parse_v1_unknown(data: bytes) -> tuple[ProxyHeader, int] | None:
    """Parse `PROXY UNKNOWN`, whose rest up to the CRLF is ignored (2.1)."""
    end = data.find(b"\r\n", 0, MAX_V1_HEADER_BYTES)
    if end >= 0:
        return ProxyHeader(1), end + 2
    _reject_overlong_line(data)
    return None


def _parse_v1_tcp(data: bytes) -> tuple[ProxyHeader, int] | None:
    """Parse two addresses and ports, each once the space or CRLF after it has arrived (2.1).

    Before that, a half address looks like a short one.  A byte that no field allows is reported at once: a
    proxy that ends the line with LF alone would never send more.
    """
    end = data.find(b"\r\n", 0, MAX_V1_HEADER_BYTES)
    # A CR at the end of the input may be half of the CRLF.
    line = data[:end] if end >= 0 else data[:MAX_V1_HEADER_BYTES].removesuffix(b"\r")
    _, family, *fields = line.split(b" ")
    ended = len(fields) if end >= 0 else len(fields) - 1
    found: list[str] = []
    for number, (name, field) in enumerate(zip(_V1_FIELD_NAMES, fields, strict=False)):
        invalid = _NON_GRAPHIC_BYTE.search(field)
        if invalid is not None:
            raise BadProxyHeader(f"byte 0x{invalid[0][0]:02x} in the {name}; the line must end with CRLF")
        if number < ended:
            found.append(_parse_field(name, field.decode("ascii"), family.decode("ascii")))
    if len(fields) > len(_V1_FIELD_NAMES):
        raise BadProxyHeader(f"the line must end after the {_V1_FIELD_NAMES[-1]}")
    if end < 0:
        _reject_overlong_line(data)
        return None
    if len(found) < len(_V1_FIELD_NAMES):
        raise BadProxyHeader(f"the line ends before the {_V1_FIELD_NAMES[len(found)]}")
    return ProxyHeader(1, source=(found[0], int(found[2])), destination=(found[1], int(found[3]))), end + 2


def _parse_field(name: str, text: str, family: str) -> str:
    """Return the address or port in its normal form."""
    if name.endswith("port"):
        if _PORT.fullmatch(text) is None or int(text) > 0xFFFF:
            raise BadProxyHeader(f"the {name} must be 0 to 65535, without sign or leading zeros, got {text!r}")
        return text
    try:
        # A zone identifier is local to the sending host; 2.1 has none, but `ipaddress` accepts it.
        address = None if "%" in text else _normalize_address(text, _INET if family == "TCP4" else _INET6)
    except ValueError:
        address = None
    if address is None:
        raise BadProxyHeader(f"the {name} must be an address of {family}, got {text!r}")
    return address


def _reject_overlong_line(data: bytes) -> None:
    """Reject a line that has no CRLF within the limit (2.1)."""
    if len(data) >= MAX_V1_HEADER_BYTES:
        raise BadProxyHeader(f"no CRLF in the first {MAX_V1_HEADER_BYTES} bytes")


# -- version 2 -------------------------------------------------------------------------------


def _parse_v2(data: bytes) -> tuple[ProxyHeader, int] | None:
    """Parse a fixed part that has the length of the rest, then addresses and TLVs (2.2)."""
    if len(data) < 13:
        return None
    version, command = divmod(data[12], 16)
    if version != 2:
        raise BadProxyHeader(f"the version after the signature must be 2, got {version}")
    if command not in (_LOCAL, _PROXY):
        raise BadProxyHeader(f"the command must be LOCAL (0x0) or PROXY (0x1), got 0x{command:x}")
    if len(data) < 14:
        return None
    # 2.2: LOCAL means that the proxy itself is the client; family and addresses are ignored.
    family = _parse_family(data[13]) if command == _PROXY else _UNSPEC
    if len(data) < _V2_FIXED_BYTES:
        return None
    end = _V2_FIXED_BYTES + int.from_bytes(data[14:16], "big")
    if end > MAX_V2_HEADER_BYTES:
        raise BadProxyHeader(f"the header must have at most {MAX_V2_HEADER_BYTES} bytes, got {end}")
    addresses_end = _V2_FIXED_BYTES + _ADDRESS_BLOCK_SIZES[family]
    if end < addresses_end:
        raise BadProxyHeader(f"the header must have at least {addresses_end} bytes for its family, got {end}")
    if len(data) < end:
        return None
    if family == _UNSPEC:
        # The size of addresses of an unknown family is unknown, and so is the start of TLVs: skip both.
        return ProxyHeader(2), end
    tlvs = _parse_tlvs(data[addresses_end:end])
    size = _ADDRESS_SIZES[family]
    source = data[_V2_FIXED_BYTES : _V2_FIXED_BYTES + size]
    if family == _UNIX:
        return ProxyHeader(2, path=_format_socket_path(source), tlvs=tlvs), end
    destination = data[_V2_FIXED_BYTES + size : _V2_FIXED_BYTES + 2 * size]
    return ProxyHeader(
        2,
        source=(_normalize_address(source, family), int.from_bytes(data[addresses_end - 4 : addresses_end - 2], "big")),
        destination=(
            _normalize_address(destination, family),
            int.from_bytes(data[addresses_end - 2 : addresses_end], "big"),
        ),
        tlvs=tlvs,
    ), end


def _parse_family(octet: int) -> int:
    """Return the address family; it is unspecified if the transport is (2.2)."""
    family, transport = divmod(octet, 16)
    if family not in _ADDRESS_SIZES:
        raise BadProxyHeader(f"the address family must be UNSPEC, INET, INET6 or UNIX (0x0 to 0x3), got 0x{family:x}")
    if transport == _DGRAM:
        raise BadProxyHeader("the transport must be STREAM (0x1) for SMTP, got DGRAM (0x2)")
    if transport not in (_UNSPEC, _STREAM):
        raise BadProxyHeader(f"the transport must be UNSPEC (0x0) or STREAM (0x1), got 0x{transport:x}")
    return _UNSPEC if transport == _UNSPEC else family


def _parse_tlvs(octets: bytes) -> tuple[tuple[int, bytes], ...]:
    """Parse TLVs up to the end: a byte for the type, two for the length, the value (2.2)."""
    found = []
    position = 0
    while position < len(octets):
        start = position + 3
        end = start + int.from_bytes(octets[position + 1 : start], "big")
        if start > len(octets) or end > len(octets):
            raise BadProxyHeader(f"the TLV of type 0x{octets[position]:02x} exceeds the header")
        found.append((octets[position], octets[start:end]))
        position = end
    return tuple(found)


def _format_socket_path(octets: bytes) -> str:
    """Return the path of an AF_UNIX socket up to the first NUL, safe for a terminal."""
    # Linux, unix(7): a leading NUL marks a name outside the file system, which tools show as @.
    name, _, abstract = octets.partition(b"\0")
    if not name and (abstract := abstract.partition(b"\0")[0]):
        name = b"@" + abstract
    return escape_unprintable(name.decode("utf-8", "backslashreplace"))


# -- both ------------------------------------------------------------------------------------


def _normalize_address(address: str | bytes, family: int) -> str:
    """Return the address in its normal form; `ValueError` if it is not of the family."""
    # Imported late: few servers use a proxy, and `ipaddress` takes as long to import as half of this package.
    from ipaddress import IPv4Address, IPv6Address

    if family == _INET:
        return str(IPv4Address(address))
    # RFC 5952 5: show an embedded IPv4 address in dotted form, as sockets do.  `ipaddress` does so since Python 3.13.
    found = IPv6Address(address)
    return str(found) if found.ipv4_mapped is None else f"::ffff:{found.ipv4_mapped}"


def _quote(octets: bytes) -> str:
    return repr(octets).removeprefix("b")


# 2.1: UNKNOWN may be followed by the end of the line.
_PARSERS_BY_PREFIX = {
    b"PROXY TCP4 ": _parse_v1_tcp,
    b"PROXY TCP6 ": _parse_v1_tcp,
    b"PROXY UNKNOWN ": _parse_v1_unknown,
    b"PROXY UNKNOWN\r\n": _parse_v1_unknown,
    _V2_SIGNATURE: _parse_v2,
}
