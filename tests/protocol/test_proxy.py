"""The PROXY protocol: what a header says, where it ends, and what is none."""

import socket
from ipaddress import ip_address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.proxy import MOST_V1, MOST_V2, BadProxyHeader, Proxied, read_header

V4 = {"source": ("192.0.2.1", 50000), "destination": ("198.51.100.2", 25)}
V6 = {"source": ("2001:db8::1", 50000), "destination": ("::1", 587)}
SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
INET = bytes([192, 0, 2, 1, 198, 51, 100, 2]) + b"\xc3\x50\x00\x19"
INET6 = bytes.fromhex("20010db8000000000000000000000001") + bytes(15) + b"\x01" + b"\xc3\x50\x02\x4b"
UNIX = b"/run/client.sock".ljust(108, b"\0") + b"/run/smtp.sock".ljust(108, b"\0")


def v2(octets, body, length=None):
    """A header of version 2: version and command, family and transport, and what follows its length."""
    return SIGNATURE + bytes.fromhex(octets) + (len(body) if length is None else length).to_bytes(2, "big") + body


def tlv(kind, value, length=None):
    return bytes([kind]) + (len(value) if length is None else length).to_bytes(2, "big") + value


def unix(source):
    return source.ljust(108, b"\0") + bytes(108)


GOOD = [
    # Version 1; the second is the example of the specification, 2.1.
    (b"PROXY TCP4 192.0.2.1 198.51.100.2 50000 25\r\n", Proxied(1, **V4)),
    (
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        Proxied(1, source=("192.168.0.1", 56324), destination=("192.168.0.11", 443)),
    ),
    (
        b"PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n",
        Proxied(1, source=("255.255.255.255", 65535), destination=("0.0.0.0", 0)),
    ),
    (b"PROXY TCP6 2001:db8::1 ::1 50000 587\r\n", Proxied(1, **V6)),
    (b"PROXY TCP6 2001:0DB8:0000:0000:0:0:0:0001 0:0:0:0:0:0:0:1 50000 587\r\n", Proxied(1, **V6)),
    (
        b"PROXY TCP6 ::ffff:192.0.2.1 ::FFFF:c000:201 1 2\r\n",
        Proxied(1, source=("::ffff:192.0.2.1", 1), destination=("::ffff:192.0.2.1", 2)),
    ),
    (
        b"PROXY TCP6 %b %b 65535 65535\r\n" % (b":".join([b"ffff"] * 8), b":".join([b"ffff"] * 8)),
        Proxied(1, source=(":".join(["ffff"] * 8), 65535), destination=(":".join(["ffff"] * 8), 65535)),
    ),
    (b"PROXY UNKNOWN\r\n", Proxied(1)),
    (b"PROXY UNKNOWN \r\n", Proxied(1)),
    (b"PROXY UNKNOWN 192.0.2.1 198.51.100.2 50000 25\r\n", Proxied(1)),
    (b"PROXY UNKNOWN a\rb\nc\0\xff \r\r\n", Proxied(1)),
    (b"PROXY UNKNOWN " + b"x" * (MOST_V1 - 16) + b"\r\n", Proxied(1)),
    # Version 2; the first is what an HAProxy was seen to send.
    (
        bytes.fromhex("0d0a0d0a000d0a515549540a2111000cac130001ac130003a6520050"),
        Proxied(2, source=("172.19.0.1", 42578), destination=("172.19.0.3", 80)),
    ),
    (v2("2111", INET), Proxied(2, **V4)),
    (v2("2121", INET6), Proxied(2, **V6)),
    (
        v2("2121", bytes(10) + b"\xff\xff\xc0\0\2\1" + bytes(16) + b"\0\1\0\2"),
        Proxied(2, source=("::ffff:192.0.2.1", 1), destination=("::", 2)),
    ),
    (v2("2131", UNIX), Proxied(2, path="/run/client.sock")),
    (v2("2131", unix(b"")), Proxied(2)),
    (v2("2131", unix(b"/a\0left over")), Proxied(2, path="/a")),
    (v2("2131", unix(b"\0hidden\0left over")), Proxied(2, path="@hidden")),
    (v2("2131", unix(b"/\xc3\xbc\x1b[2J\n\xff")), Proxied(2, path="/ü\\x1b[2J\\n\\xff")),
    (v2("2131", unix(b"/" + b"x" * 107)), Proxied(2, path="/" + "x" * 107)),
    # 2.2: either half may be unspecified, and nothing that follows is an address then.
    (v2("2100", b""), Proxied(2)),
    (v2("2100", b"whatever"), Proxied(2)),
    (v2("2110", b""), Proxied(2)),
    (v2("2101", INET), Proxied(2)),
    # 2.2: by LOCAL the proxy speaks for itself; the rest is skipped, whatever it is.
    (v2("2000", b""), Proxied(2)),
    (v2("2011", INET), Proxied(2)),
    (v2("2011", b""), Proxied(2)),
    (v2("2021", INET6), Proxied(2)),
    (v2("2031", UNIX), Proxied(2)),
    (v2("20ff", b"\x01"), Proxied(2)),
    (v2("2000", bytes(MOST_V2 - 16)), Proxied(2)),
    # TLVs
    (v2("2111", INET + tlv(2, b"mx.example")), Proxied(2, **V4, tlvs=((2, b"mx.example"),))),
    (
        v2("2121", INET6 + tlv(4, b"") + tlv(0xEA, b"\0\xff") + tlv(4, b"\0")),
        Proxied(2, **V6, tlvs=((4, b""), (0xEA, b"\0\xff"), (4, b"\0"))),
    ),
    (v2("2131", UNIX + tlv(5, b"id")), Proxied(2, path="/run/client.sock", tlvs=((5, b"id"),))),
    (v2("2111", INET + tlv(4, b"x" * (MOST_V2 - 31))), Proxied(2, **V4, tlvs=((4, b"x" * (MOST_V2 - 31)),))),
]

# Each ends with the octet that shows the fault.
BAD = [
    # The start
    (b"E", "no PROXY header begins with 'E'"),
    (b"\x16", r"no PROXY header begins with '\x16'"),
    (b"p", "no PROXY header begins with 'p'"),
    (b"PROXX", "no PROXY header begins with 'PROXX'"),
    (b"PROXY\r", r"no PROXY header begins with 'PROXY\r'"),
    (b"PROXY  ", "no PROXY header begins with 'PROXY  '"),
    (b"PROXY UD", "no PROXY header begins with 'PROXY UD'"),
    (b"PROXY TCP5", "no PROXY header begins with 'PROXY TCP5'"),
    (b"PROXY TCP46", "no PROXY header begins with 'PROXY TCP46'"),
    (b"PROXY TCP4\r", r"no PROXY header begins with 'PROXY TCP4\r'"),
    (b"PROXY UNKNOWNX", "no PROXY header begins with 'PROXY UNKNOWNX'"),
    (b"PROXY UNKNOWN\n", r"no PROXY header begins with 'PROXY UNKNOWN\n'"),
    (b"PROXY UNKNOWN\rX", r"no PROXY header begins with 'PROXY UNKNOWN\rX'"),
    (b"\r\n\r\n\0\r\nQUIT\r", r"no PROXY header begins with '\r\n\r\n\x00\r\nQUIT\r'"),
    (b"\r\n\r\n\r", r"no PROXY header begins with '\r\n\r\n\r'"),
    # Lines without end
    (b"PROXY UNKNOWN " + b"x" * 93, "no CRLF in the first 107 octets"),
    (b"PROXY UNKNOWN " + b"x" * 92 + b"\r", "no CRLF in the first 107 octets"),
    (b"PROXY TCP4 " + b"1" * 96, "no CRLF in the first 107 octets"),
    (b"PROXY TCP4 " + b"1" * 95 + b"\r", "no CRLF in the first 107 octets"),
    # CR and LF alone, and other octets of no field
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "octet 0x0a in the destination port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r", "octet 0x0d in the destination port"),
    (b"PROXY TCP4 192.0.2.1\n", "octet 0x0a in the source address"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2\t", "octet 0x09 in the destination address"),
    (b"PROXY TCP6 \0", "octet 0x00 in the source address"),
    (b"PROXY TCP6 ::1 ::1 \xd9", "octet 0xd9 in the source port"),  # half of ARABIC-INDIC DIGIT ONE
    # Addresses
    (b"PROXY TCP4 example.com ", "the source address 'example.com' is no address of TCP4"),
    (b"PROXY TCP4 ::1 ", "the source address '::1' is no address of TCP4"),
    (b"PROXY TCP4 192.0.2.1 ::1 ", "the destination address '::1' is no address of TCP4"),
    (b"PROXY TCP4 192.0.2.256 ", "the source address '192.0.2.256' is no address of TCP4"),
    (b"PROXY TCP4 192.0.2.01 ", "the source address '192.0.2.01' is no address of TCP4"),
    (b"PROXY TCP4 192.0.2 ", "the source address '192.0.2' is no address of TCP4"),
    (b"PROXY TCP4 192.0.2.1/32 ", "the source address '192.0.2.1/32' is no address of TCP4"),
    (b"PROXY TCP4  ", "the source address '' is no address of TCP4"),
    (b"PROXY TCP4 192.0.2.1  ", "the destination address '' is no address of TCP4"),
    (b"PROXY TCP6 192.0.2.1 ", "the source address '192.0.2.1' is no address of TCP6"),
    (b"PROXY TCP6 [::1] ", "the source address '[::1]' is no address of TCP6"),
    (b"PROXY TCP6 fe80::1%eth0 ", "the source address 'fe80::1%eth0' is no address of TCP6"),
    (b"PROXY TCP6 1::2::3 ", "the source address '1::2::3' is no address of TCP6"),
    (b"PROXY TCP6 1:2:3:4:5:6:7 ", "the source address '1:2:3:4:5:6:7' is no address of TCP6"),
    (b"PROXY TCP6 ::00001 ", "the source address '::00001' is no address of TCP6"),
    (b"PROXY TCP6 ::1 192.0.2.1 ", "the destination address '192.0.2.1' is no address of TCP6"),
    # Ports
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 ", "'65536' is no source port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 100000 ", "'100000' is no source port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 025 ", "'025' is no source port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 00 ", "'00' is no source port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 +25 ", "'+25' is no source port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 -0 ", "'-0' is no source port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 2_5 ", "'2_5' is no source port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 0x19 ", "'0x19' is no source port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2  ", "'' is no source port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 x\r\n", "'x' is no destination port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 x ", "'x' is no destination port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n", "'' is no destination port"),
    # Fields too few and too many
    (b"PROXY TCP4 \r\n", "the source address '' is no address of TCP4"),
    (b"PROXY TCP4 192.0.2.1\r\n", "the line ends before the destination address"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2\r\n", "the line ends before the source port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "the line ends before the destination port"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 ", "something follows the destination port"),
    # Version 2
    (SIGNATURE + b"\x11", "the signature of version 2, and behind it version 1"),
    (SIGNATURE + b"\x31", "the signature of version 2, and behind it version 3"),
    (SIGNATURE + b"\x22", "command 0x2 is neither LOCAL (0x0) nor PROXY (0x1)"),
    (SIGNATURE + b"\x21\x41", "address family 0x4 is none of"),
    (SIGNATURE + b"\x21\xf2", "address family 0xf is none of"),
    (SIGNATURE + b"\x21\x12", "transport DGRAM (0x2)"),
    (SIGNATURE + b"\x21\x02", "transport DGRAM (0x2)"),
    (SIGNATURE + b"\x21\x13", "transport 0x3 is neither"),
    (v2("2111", b"", 11), "the header has 27 octets; with the addresses of its family it has 28"),
    (v2("2111", b"", 0), "the header has 16 octets; with the addresses of its family it has 28"),
    (v2("2121", b"", 35), "the header has 51 octets; with the addresses of its family it has 52"),
    (v2("2131", b"", 215), "the header has 231 octets; with the addresses of its family it has 232"),
    (v2("2111", b"", 521), "the header has 537 octets; 536 are the most"),
    (v2("2000", b"", 65535), "the header has 65551 octets; 536 are the most"),
    (v2("2111", INET + b"\x02"), "the TLV of type 0x02 goes on past the end of the header"),
    (v2("2111", INET + b"\x0a\0"), "the TLV of type 0x0a goes on past the end of the header"),
    (v2("2111", INET + tlv(3, b"abc", 4)), "the TLV of type 0x03 goes on past the end of the header"),
    (v2("2121", INET6 + tlv(4, b"") + tlv(1, b"", 1)), "the TLV of type 0x01 goes on past the end of the header"),
    (v2("2131", UNIX + b"\xff"), "the TLV of type 0xff goes on past the end of the header"),
]


def outcome(data):
    try:
        return read_header(data)
    except BadProxyHeader as error:
        return str(error)


def outcomes(data):
    """What is known when each octet has come."""
    return [outcome(data[:size]) for size in range(len(data) + 1)]


@pytest.mark.parametrize(("wire", "header"), GOOD)
@pytest.mark.parametrize("behind", [b"", b"EHLO client.example\r\n", b"\x16\x03\x01" + bytes(600), b"\r\n", b"\n"])
def test_a_header_is_known_when_its_last_octet_has_come_whatever_follows(wire, header, behind):
    assert outcomes(wire + behind) == [None] * len(wire) + [(header, len(wire))] * (len(behind) + 1)


@pytest.mark.parametrize(("wire", "text"), BAD)
@pytest.mark.parametrize("behind", [b"", b" ", b"\r\n", b"\n", b"PROXY UNKNOWN\r\n", bytes(600)])
def test_what_is_no_header_is_refused_at_the_octet_that_shows_it(wire, text, behind):
    *before, refusal = outcomes(wire)

    assert before == [None] * len(wire)
    assert text in refusal and refusal.isprintable()
    assert outcomes(wire + behind)[len(wire) :] == [refusal] * (len(behind) + 1)


# Pieces of headers, whole and broken, so that arbitrary input gets further than the first octet.
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
    """A good header in which one octet is another, or missing, or new."""
    wire = draw(st.sampled_from([wire for wire, _ in GOOD]))
    position = draw(st.integers(0, len(wire) - 1))
    return wire[:position] + draw(st.binary(max_size=2)) + wire[position + draw(st.integers(0, 1)) :]


@settings(max_examples=500, deadline=None)
@given(data=st.one_of(st.binary(max_size=700), pieces, bodies, damaged()), behind=st.binary(max_size=40))
@example(data=b"", behind=b"")
def test_no_octets_raise_anything_else_and_what_is_known_stays_known(data, behind):
    known = None
    for size in range(len(data) + len(behind) + 1):
        # `outcome` lets every error but BadProxyHeader out.
        now = outcome((data + behind)[:size])
        assert now == known or known is None
        known = now
        if isinstance(now, str):
            assert now.isprintable()
        elif now is not None:
            assert 15 <= now[1] <= min(size, MOST_V1 if now[0].version == 1 else MOST_V2)
            assert (now[0].source is None) == (now[0].destination is None)
    if len(data) >= MOST_V2:
        assert known is not None


ports = st.integers(0, 65535)


def as_long_as_can_be(address):
    """As 2.1 counts it, 39 octets at most; `exploded` may end in a dotted IPv4 address since Python 3.13."""
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
def test_all_addresses_and_ports_are_read_in_both_versions(addresses, source_port, destination_port, exploded):
    source, destination = addresses
    number = source.version
    texts = [as_long_as_can_be(address) if exploded else str(address) for address in addresses]
    line = f"PROXY TCP{number} {' '.join(texts)} {source_port} {destination_port}\r\n".encode()
    block = source.packed + destination.packed + source_port.to_bytes(2, "big") + destination_port.to_bytes(2, "big")
    binary = v2({4: "2111", 6: "2121"}[number], block)

    for version, wire in ((1, line), (2, binary)):
        header, size = read_header(wire + b"QUIT\r\n")
        assert (header.version, size, header.path, header.tlvs) == (version, len(wire), "", ())
        assert [end[1] for end in (header.source, header.destination)] == [source_port, destination_port]
        kind = socket.AF_INET if number == 4 else socket.AF_INET6
        packed = [socket.inet_pton(kind, end[0]) for end in (header.source, header.destination)]
        assert packed == [source.packed, destination.packed]
    assert read_header(line)[0].source == read_header(binary)[0].source


def test_a_header_is_a_value():
    header = Proxied(2, **V4, tlvs=((2, b"mx.example"),))

    assert header == Proxied(2, **V4, tlvs=((2, b"mx.example"),))
    assert len({header, Proxied(2, **V4, tlvs=((2, b"mx.example"),))}) == 1
    for other in (Proxied(1, **V4), Proxied(2, **V4), Proxied(2), Proxied(2, path="/a"), "header"):
        assert header != other
    assert repr(header) == (
        "Proxied(2, source=('192.0.2.1', 50000), destination=('198.51.100.2', 25), tlvs=((2, b'mx.example'),))"
    )
    assert repr(Proxied(2, path="/a")) == "Proxied(2, path='/a')"
    assert repr(Proxied(1)) == "Proxied(1)"
