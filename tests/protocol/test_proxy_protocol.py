"""The header of the PROXY protocol: its facts, its end, and its faults."""

import socket
from ipaddress import ip_address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.proxy_protocol import (
    MAX_V1_HEADER_BYTES,
    MAX_V2_HEADER_BYTES,
    BadProxyHeader,
    ProxyHeader,
    parse_header,
)

V4 = {"source": ("192.0.2.1", 50000), "destination": ("198.51.100.2", 25)}
V6 = {"source": ("2001:db8::1", 50000), "destination": ("::1", 587)}
SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
INET = bytes([192, 0, 2, 1, 198, 51, 100, 2]) + b"\xc3\x50\x00\x19"
INET6 = bytes.fromhex("20010db8000000000000000000000001") + bytes(15) + b"\x01" + b"\xc3\x50\x02\x4b"
UNIX = b"/run/client.sock".ljust(108, b"\0") + b"/run/smtp.sock".ljust(108, b"\0")


def v2(octets, body, length=None):
    """Build a header of version 2: version and command, family and transport, length, body."""
    return SIGNATURE + bytes.fromhex(octets) + (len(body) if length is None else length).to_bytes(2, "big") + body


def tlv(kind, value, length=None):
    return bytes([kind]) + (len(value) if length is None else length).to_bytes(2, "big") + value


def unix(source):
    return source.ljust(108, b"\0") + bytes(108)


GOOD = [
    # Version 1; the second is the example of the specification, 2.1.
    (b"PROXY TCP4 192.0.2.1 198.51.100.2 50000 25\r\n", ProxyHeader(1, **V4)),
    (
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        ProxyHeader(1, source=("192.168.0.1", 56324), destination=("192.168.0.11", 443)),
    ),
    (
        b"PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n",
        ProxyHeader(1, source=("255.255.255.255", 65535), destination=("0.0.0.0", 0)),
    ),
    (b"PROXY TCP6 2001:db8::1 ::1 50000 587\r\n", ProxyHeader(1, **V6)),
    (b"PROXY TCP6 2001:0DB8:0000:0000:0:0:0:0001 0:0:0:0:0:0:0:1 50000 587\r\n", ProxyHeader(1, **V6)),
    (
        b"PROXY TCP6 ::ffff:192.0.2.1 ::FFFF:c000:201 1 2\r\n",
        ProxyHeader(1, source=("::ffff:192.0.2.1", 1), destination=("::ffff:192.0.2.1", 2)),
    ),
    (
        b"PROXY TCP6 %b %b 65535 65535\r\n" % (b":".join([b"ffff"] * 8), b":".join([b"ffff"] * 8)),
        ProxyHeader(1, source=(":".join(["ffff"] * 8), 65535), destination=(":".join(["ffff"] * 8), 65535)),
    ),
    (b"PROXY UNKNOWN\r\n", ProxyHeader(1)),
    (b"PROXY UNKNOWN \r\n", ProxyHeader(1)),
    (b"PROXY UNKNOWN 192.0.2.1 198.51.100.2 50000 25\r\n", ProxyHeader(1)),
    (b"PROXY UNKNOWN a\rb\nc\0\xff \r\r\n", ProxyHeader(1)),
    (b"PROXY UNKNOWN " + b"x" * (MAX_V1_HEADER_BYTES - 16) + b"\r\n", ProxyHeader(1)),
    # Version 2; the first one was sent by an HAProxy.
    (
        bytes.fromhex("0d0a0d0a000d0a515549540a2111000cac130001ac130003a6520050"),
        ProxyHeader(2, source=("172.19.0.1", 42578), destination=("172.19.0.3", 80)),
    ),
    (v2("2111", INET), ProxyHeader(2, **V4)),
    (v2("2121", INET6), ProxyHeader(2, **V6)),
    (
        v2("2121", bytes(10) + b"\xff\xff\xc0\0\2\1" + bytes(16) + b"\0\1\0\2"),
        ProxyHeader(2, source=("::ffff:192.0.2.1", 1), destination=("::", 2)),
    ),
    (v2("2131", UNIX), ProxyHeader(2, path="/run/client.sock")),
    (v2("2131", unix(b"")), ProxyHeader(2)),
    (v2("2131", unix(b"/a\0left over")), ProxyHeader(2, path="/a")),
    (v2("2131", unix(b"\0hidden\0left over")), ProxyHeader(2, path="@hidden")),
    (v2("2131", unix(b"/\xc3\xbc\x1b[2J\n\xff")), ProxyHeader(2, path="/ü\\x1b[2J\\n\\xff")),
    (v2("2131", unix(b"/" + b"x" * 107)), ProxyHeader(2, path="/" + "x" * 107)),
    # 2.2: if family or transport is unspecified, no addresses follow.
    (v2("2100", b""), ProxyHeader(2)),
    (v2("2100", b"whatever"), ProxyHeader(2)),
    (v2("2110", b""), ProxyHeader(2)),
    (v2("2101", INET), ProxyHeader(2)),
    # 2.2: for LOCAL, the rest is skipped, whatever it is.
    (v2("2000", b""), ProxyHeader(2)),
    (v2("2011", INET), ProxyHeader(2)),
    (v2("2011", b""), ProxyHeader(2)),
    (v2("2021", INET6), ProxyHeader(2)),
    (v2("2031", UNIX), ProxyHeader(2)),
    (v2("20ff", b"\x01"), ProxyHeader(2)),
    (v2("2000", bytes(MAX_V2_HEADER_BYTES - 16)), ProxyHeader(2)),
    # TLVs
    (v2("2111", INET + tlv(2, b"mx.example")), ProxyHeader(2, **V4, tlvs=((2, b"mx.example"),))),
    (
        v2("2121", INET6 + tlv(4, b"") + tlv(0xEA, b"\0\xff") + tlv(4, b"\0")),
        ProxyHeader(2, **V6, tlvs=((4, b""), (0xEA, b"\0\xff"), (4, b"\0"))),
    ),
    (v2("2131", UNIX + tlv(5, b"id")), ProxyHeader(2, path="/run/client.sock", tlvs=((5, b"id"),))),
    (
        v2("2111", INET + tlv(4, b"x" * (MAX_V2_HEADER_BYTES - 31))),
        ProxyHeader(2, **V4, tlvs=((4, b"x" * (MAX_V2_HEADER_BYTES - 31)),)),
    ),
]

# Each input ends with the byte that shows the fault.
BAD = [
    # The start
    (b"E", "signature of version 2, got 'E'"),
    (b"\x16", r"signature of version 2, got '\x16'"),
    (b"p", "signature of version 2, got 'p'"),
    (b"PROXX", "signature of version 2, got 'PROXX'"),
    (b"PROXY\r", r"signature of version 2, got 'PROXY\r'"),
    (b"PROXY  ", "signature of version 2, got 'PROXY  '"),
    (b"PROXY UD", "signature of version 2, got 'PROXY UD'"),
    (b"PROXY TCP5", "signature of version 2, got 'PROXY TCP5'"),
    (b"PROXY TCP46", "signature of version 2, got 'PROXY TCP46'"),
    (b"PROXY TCP4\r", r"signature of version 2, got 'PROXY TCP4\r'"),
    (b"PROXY UNKNOWNX", "signature of version 2, got 'PROXY UNKNOWNX'"),
    (b"PROXY UNKNOWN\n", r"signature of version 2, got 'PROXY UNKNOWN\n'"),
    (b"PROXY UNKNOWN\rX", r"signature of version 2, got 'PROXY UNKNOWN\rX'"),
    (b"\r\n\r\n\0\r\nQUIT\r", r"signature of version 2, got '\r\n\r\n\x00\r\nQUIT\r'"),
    (b"\r\n\r\n\r", r"signature of version 2, got '\r\n\r\n\r'"),
    # Lines without an end
    (b"PROXY UNKNOWN " + b"x" * 93, "no CRLF in the first 107 bytes"),
    (b"PROXY UNKNOWN " + b"x" * 92 + b"\r", "no CRLF in the first 107 bytes"),
    (b"PROXY TCP4 " + b"1" * 96, "no CRLF in the first 107 bytes"),
    (b"PROXY TCP4 " + b"1" * 95 + b"\r", "no CRLF in the first 107 bytes"),
    # CR and LF alone, and other bytes that no field allows
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "byte 0x0a in the destination port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r", "byte 0x0d in the destination port"),
    (b"PROXY TCP4 192.0.2.1\n", "byte 0x0a in the source address"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2\t", "byte 0x09 in the destination address"),
    (b"PROXY TCP6 \0", "byte 0x00 in the source address"),
    (b"PROXY TCP6 ::1 ::1 \xd9", "byte 0xd9 in the source port"),  # half of ARABIC-INDIC DIGIT ONE
    # Addresses
    (b"PROXY TCP4 example.com ", "the source address must be an address of TCP4, got 'example.com'"),
    (b"PROXY TCP4 ::1 ", "the source address must be an address of TCP4, got '::1'"),
    (b"PROXY TCP4 192.0.2.1 ::1 ", "the destination address must be an address of TCP4, got '::1'"),
    (b"PROXY TCP4 192.0.2.256 ", "the source address must be an address of TCP4, got '192.0.2.256'"),
    (b"PROXY TCP4 192.0.2.01 ", "the source address must be an address of TCP4, got '192.0.2.01'"),
    (b"PROXY TCP4 192.0.2 ", "the source address must be an address of TCP4, got '192.0.2'"),
    (b"PROXY TCP4 192.0.2.1/32 ", "the source address must be an address of TCP4, got '192.0.2.1/32'"),
    (b"PROXY TCP4  ", "the source address must be an address of TCP4, got ''"),
    (b"PROXY TCP4 192.0.2.1  ", "the destination address must be an address of TCP4, got ''"),
    (b"PROXY TCP6 192.0.2.1 ", "the source address must be an address of TCP6, got '192.0.2.1'"),
    (b"PROXY TCP6 [::1] ", "the source address must be an address of TCP6, got '[::1]'"),
    (b"PROXY TCP6 fe80::1%eth0 ", "the source address must be an address of TCP6, got 'fe80::1%eth0'"),
    (b"PROXY TCP6 1::2::3 ", "the source address must be an address of TCP6, got '1::2::3'"),
    (b"PROXY TCP6 1:2:3:4:5:6:7 ", "the source address must be an address of TCP6, got '1:2:3:4:5:6:7'"),
    (b"PROXY TCP6 ::00001 ", "the source address must be an address of TCP6, got '::00001'"),
    (b"PROXY TCP6 ::1 192.0.2.1 ", "the destination address must be an address of TCP6, got '192.0.2.1'"),
    # Ports
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 ",
        "the source port must be 0 to 65535, without sign or leading zeros, got '65536'",
    ),
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 100000 ",
        "the source port must be 0 to 65535, without sign or leading zeros, got '100000'",
    ),
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 025 ",
        "the source port must be 0 to 65535, without sign or leading zeros, got '025'",
    ),
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 00 ",
        "the source port must be 0 to 65535, without sign or leading zeros, got '00'",
    ),
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 +25 ",
        "the source port must be 0 to 65535, without sign or leading zeros, got '+25'",
    ),
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 -0 ",
        "the source port must be 0 to 65535, without sign or leading zeros, got '-0'",
    ),
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 2_5 ",
        "the source port must be 0 to 65535, without sign or leading zeros, got '2_5'",
    ),
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 0x19 ",
        "the source port must be 0 to 65535, without sign or leading zeros, got '0x19'",
    ),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2  ", "the source port must be 0 to 65535, without sign or leading zeros, got ''"),
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 x\r\n",
        "the destination port must be 0 to 65535, without sign or leading zeros, got 'x'",
    ),
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 x ",
        "the destination port must be 0 to 65535, without sign or leading zeros, got 'x'",
    ),
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n",
        "the destination port must be 0 to 65535, without sign or leading zeros, got ''",
    ),
    # Missing and extra fields
    (b"PROXY TCP4 \r\n", "the source address must be an address of TCP4, got ''"),
    (b"PROXY TCP4 192.0.2.1\r\n", "the line ends before the destination address"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2\r\n", "the line ends before the source port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "the line ends before the destination port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 ", "the line must end after the destination port"),
    # Version 2
    (SIGNATURE + b"\x11", "the version after the signature must be 2, got 1"),
    (SIGNATURE + b"\x31", "the version after the signature must be 2, got 3"),
    (SIGNATURE + b"\x22", "the command must be LOCAL (0x0) or PROXY (0x1), got 0x2"),
    (SIGNATURE + b"\x21\x41", "the address family must be UNSPEC, INET, INET6 or UNIX (0x0 to 0x3), got 0x4"),
    (SIGNATURE + b"\x21\xf2", "the address family must be UNSPEC, INET, INET6 or UNIX (0x0 to 0x3), got 0xf"),
    (SIGNATURE + b"\x21\x12", "the transport must be STREAM (0x1) for SMTP, got DGRAM (0x2)"),
    (SIGNATURE + b"\x21\x02", "the transport must be STREAM (0x1) for SMTP, got DGRAM (0x2)"),
    (SIGNATURE + b"\x21\x13", "the transport must be UNSPEC (0x0) or STREAM (0x1), got 0x3"),
    (v2("2111", b"", 11), "the header must have at least 28 bytes for its family, got 27"),
    (v2("2111", b"", 0), "the header must have at least 28 bytes for its family, got 16"),
    (v2("2121", b"", 35), "the header must have at least 52 bytes for its family, got 51"),
    (v2("2131", b"", 215), "the header must have at least 232 bytes for its family, got 231"),
    (v2("2111", b"", 521), "the header must have at most 536 bytes, got 537"),
    (v2("2000", b"", 65535), "the header must have at most 536 bytes, got 65551"),
    (v2("2111", INET + b"\x02"), "the TLV of type 0x02 exceeds the header"),
    (v2("2111", INET + b"\x0a\0"), "the TLV of type 0x0a exceeds the header"),
    (v2("2111", INET + tlv(3, b"abc", 4)), "the TLV of type 0x03 exceeds the header"),
    (v2("2121", INET6 + tlv(4, b"") + tlv(1, b"", 1)), "the TLV of type 0x01 exceeds the header"),
    (v2("2131", UNIX + b"\xff"), "the TLV of type 0xff exceeds the header"),
]


def parse_or_refuse(data):
    try:
        return parse_header(data)
    except BadProxyHeader as error:
        return str(error)


def parse_prefixes(data):
    """Return the result after each byte."""
    return [parse_or_refuse(data[:size]) for size in range(len(data) + 1)]


@pytest.mark.parametrize(("wire", "header"), GOOD)
@pytest.mark.parametrize("following", [b"", b"EHLO client.example\r\n", b"\x16\x03\x01" + bytes(600), b"\r\n", b"\n"])
def test_header_is_known_at_its_last_byte_whatever_follows(wire, header, following):
    assert parse_prefixes(wire + following) == [None] * len(wire) + [(header, len(wire))] * (len(following) + 1)


@pytest.mark.parametrize(("wire", "text"), BAD)
@pytest.mark.parametrize("following", [b"", b" ", b"\r\n", b"\n", b"PROXY UNKNOWN\r\n", bytes(600)])
def test_bad_header_is_refused_at_the_first_wrong_byte(wire, text, following):
    *before, refusal = parse_prefixes(wire)

    assert before == [None] * len(wire)
    assert text in refusal and refusal.isprintable()
    assert parse_prefixes(wire + following)[len(wire) :] == [refusal] * (len(following) + 1)


# Valid and broken parts of headers, so that random input gets further than the first byte.
PIECES = [
    b"PROXY ", b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN", b"192.0.2.1 ", b"::1 ", b"::ffff:192.0.2.1 ",
    b"25 ", b"25", b"65536", b"%1 ", b"\r\n", b"\r", b"\n", b" ", SIGNATURE, b"\x21", b"\x20", b"\x11", b"\x21",
    b"\x31", b"\0\x0c", b"\0\x24", b"\0\xd8", b"\x02\x08", INET, INET6, UNIX, b"\x04\0\0", b"\x05\0\x02id", b"x" * 100,
]  # fmt: skip
pieces = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=10).map(b"".join)
bodies = st.builds(
    v2,
    st.sampled_from(["2011", "2100", "2111", "2121", "2131"]),
    st.one_of(st.binary(max_size=60), st.binary(min_size=216, max_size=240), st.binary(min_size=500, max_size=530)),
    st.one_of(st.none(), st.integers(0, 600)),
)


@st.composite
def damaged(draw):
    """Return a valid header with one byte changed, removed or added."""
    wire = draw(st.sampled_from([wire for wire, _ in GOOD]))
    position = draw(st.integers(0, len(wire) - 1))
    return wire[:position] + draw(st.binary(max_size=2)) + wire[position + draw(st.integers(0, 1)) :]


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(data=st.one_of(st.binary(max_size=700), pieces, bodies, damaged()), following=st.binary(max_size=40))
@example(data=b"", following=b"")
def test_random_input_raises_only_bad_proxy_header(data, following):
    known = None
    for size in range(len(data) + len(following) + 1):
        # Any other exception than BadProxyHeader fails the test.
        now = parse_or_refuse((data + following)[:size])
        assert now == known or known is None
        known = now
        if isinstance(now, str):
            assert now.isprintable()
        elif now is not None:
            assert 15 <= now[1] <= min(size, MAX_V1_HEADER_BYTES if now[0].version == 1 else MAX_V2_HEADER_BYTES)
            assert (now[0].source is None) == (now[0].destination is None)
    if len(data) >= MAX_V2_HEADER_BYTES:
        assert known is not None


ports = st.integers(0, 65535)


def format_long(address):
    """Return the longest form that 2.1 counts; since Python 3.13, `exploded` may end in a dotted IPv4 address."""
    return str(address) if address.version == 4 else address.packed.hex(":", 2)


@settings(deadline=None)
@given(
    addresses=st.one_of(
        st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4)), st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6))
    ),
    source_port=ports,
    destination_port=ports,
    exploded=st.booleans(),
)
@example(
    addresses=(ip_address("::ffff:192.0.2.100"), ip_address("::ffff:198.51.100.200")),
    source_port=10000,
    destination_port=10000,
    exploded=True,
)
def test_both_versions_read_all_addresses_and_ports(addresses, source_port, destination_port, exploded):
    source, destination = addresses
    number = source.version
    texts = [format_long(address) if exploded else str(address) for address in addresses]
    line = f"PROXY TCP{number} {' '.join(texts)} {source_port} {destination_port}\r\n".encode()
    block = source.packed + destination.packed + source_port.to_bytes(2, "big") + destination_port.to_bytes(2, "big")
    binary = v2({4: "2111", 6: "2121"}[number], block)

    for version, wire in ((1, line), (2, binary)):
        header, size = parse_header(wire + b"QUIT\r\n")
        assert (header.version, size, header.path, header.tlvs) == (version, len(wire), "", ())
        assert [endpoint[1] for endpoint in (header.source, header.destination)] == [source_port, destination_port]
        kind = socket.AF_INET if number == 4 else socket.AF_INET6
        packed = [socket.inet_pton(kind, endpoint[0]) for endpoint in (header.source, header.destination)]
        assert packed == [source.packed, destination.packed]
    assert parse_header(line)[0].source == parse_header(binary)[0].source


def test_headers_with_equal_facts_are_equal():
    header = ProxyHeader(2, **V4, tlvs=((2, b"mx.example"),))

    assert header == ProxyHeader(2, **V4, tlvs=((2, b"mx.example"),))
    assert len({header, ProxyHeader(2, **V4, tlvs=((2, b"mx.example"),))}) == 1
    for other in (ProxyHeader(1, **V4), ProxyHeader(2, **V4), ProxyHeader(2), ProxyHeader(2, path="/a"), "header"):
        assert header != other
    assert repr(header) == (
        "ProxyHeader(2, source=('192.0.2.1', 50000), destination=('198.51.100.2', 25), tlvs=((2, b'mx.example'),))"
    )
    assert repr(ProxyHeader(2, path="/a")) == "ProxyHeader(2, path='/a')"
    assert repr(ProxyHeader(1)) == "ProxyHeader(1)"
