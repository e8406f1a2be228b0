"""A zone in memory: its records, wildcards, CNAMEs, failing lookups, and the errors of wrong records."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazr.smtptest.dns import DnsError, Zone

EXAMPLE = Zone(
    {
        "example.com": ["v=spf1 -all", "hello"],
        "example.com MX": ["20 mx2.example.com.", (10, "MX1.example.com")],
        "mx1.example.com A": ["192.0.2.1", ip_address("192.0.2.2")],
        "mx1.example.com AAAA": "2001:db8::1",
        "192.0.2.1 PTR": "mx1.example.com.",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR": ["mx1.example.com"],
        "www.example.com CNAME": "MX1.Example.Com.",
        "null.example MX": "0 .",
        "*.wild.example TXT": "wild",
        "a.b.wild.example A": "192.0.2.9",
        "slow.example TXT": TimeoutError("the name server is slow"),
        "dead.example ANY": OSError(),
        "old.example SPF": "ignored",
    }
)


@pytest.mark.parametrize(
    ("lookup", "expected"),
    [
        (lambda zone: zone.find_txt("example.com"), [b"v=spf1 -all", b"hello"]),
        (lambda zone: zone.find_txt("EXAMPLE.com."), [b"v=spf1 -all", b"hello"]),
        (lambda zone: zone.find_txt("mx1.example.com"), []),
        (lambda zone: zone.find_txt("nothing.example"), []),
        (lambda zone: zone.find_mx("example.com"), [(20, "mx2.example.com"), (10, "mx1.example.com")]),
        (lambda zone: zone.find_mx("null.example"), [(0, "")]),
        (lambda zone: zone.find_addresses("mx1.example.com", 4), [ip_address("192.0.2.1"), ip_address("192.0.2.2")]),
        (lambda zone: zone.find_addresses("mx1.example.com", 6), [ip_address("2001:db8::1")]),
        (lambda zone: zone.find_addresses("www.example.com", 6), [ip_address("2001:db8::1")]),
        (lambda zone: zone.find_ptr(ip_address("192.0.2.1")), ["mx1.example.com"]),
        (lambda zone: zone.find_ptr(ip_address("2001:db8::1")), ["mx1.example.com"]),
        (lambda zone: zone.find_ptr(ip_address("192.0.2.200")), []),
        (lambda zone: zone.find_txt("x.wild.example"), [b"wild"]),
        (lambda zone: zone.find_txt("x.y.wild.example"), [b"wild"]),
        # RFC 4592 3.3.1: `b.wild.example` exists, because a name below it does, so it is the closest encloser.
        (lambda zone: zone.find_txt("b.wild.example"), []),
        (lambda zone: zone.find_txt("x.b.wild.example"), []),
        (lambda zone: zone.find_txt("a.b.wild.example"), []),
        (lambda zone: zone.find_txt("old.example"), []),
    ],
)
def test_lookup_returns_the_records(lookup, expected):
    assert lookup(EXAMPLE) == expected


def test_exception_makes_the_lookup_fail():
    with pytest.raises(DnsError, match=r"slow\.example TXT failed: the name server is slow"):
        EXAMPLE.find_txt("Slow.Example")
    assert EXAMPLE.find_mx("slow.example") == []


def test_any_makes_all_lookups_fail():
    for lookup in (EXAMPLE.find_txt, EXAMPLE.find_mx, lambda name: EXAMPLE.find_addresses(name, 6)):
        with pytest.raises(DnsError, match="OSError"):
            lookup("dead.example")


def test_cname_loop_raises_dns_error():
    zone = Zone({"a.example CNAME": "b.example", "b.example CNAME": "a.example"})

    with pytest.raises(DnsError, match="CNAME"):
        zone.find_txt("a.example")


def test_cname_to_a_missing_name_has_no_records():
    assert Zone({"a.example CNAME": "b.example"}).find_txt("a.example") == []


@pytest.mark.parametrize("name", ["bücher.example", "xn--bcher-kva.example", "BÜCHER.Example."])
def test_unicode_name_is_its_a_label(name):
    assert Zone({"Bücher.example": "text"}).find_txt(name) == [b"text"]


@pytest.mark.parametrize(
    "text",
    ['"v=DKIM1; " "p=AB\\"C"', '("v=DKIM1; "\n\t"p=AB\\"C" )', 'v=DKIM1; p=AB"C', b'v=DKIM1; p=AB"C'],
)
def test_txt_record_may_be_quoted(text):
    assert Zone({"example.com": text}).find_txt("example.com") == [b'v=DKIM1; p=AB"C']


@pytest.mark.parametrize(
    ("records", "error"),
    [
        ({"example.com TXTT": "x"}, "did you mean 'TXT'"),
        ({"example.com NS": "x"}, "known: A, AAAA"),
        ({"": "x"}, "a name and a type"),
        ({"a b TXT": "x"}, "a name and a type"),
        ({"a..b TXT": "x"}, "domain name"),
        ({"x" * 64: "x"}, "1 to 63"),
        ({"example.com A": "2001:db8::1"}, "its type is AAAA"),
        ({"example.com AAAA": "192.0.2.1"}, "its type is A"),
        ({"example.com A": "here"}, "such as '192.0.2.1'"),
        ({"example.com MX": "mx.example.com"}, 'write "10 mx.example.com"'),
        ({"example.com MX": "70000 mx.example.com"}, "preference"),
        ({"example.com CNAME": ""}, "name of a host"),
        ({"192.0.2.1 PTR": "a..b"}, "name of a host"),
        ({"example.com CNAME": "a.example", "example.com": "x"}, "remove one of them"),
        ({"example.com CNAME": ["a.example", "b.example"]}, "remove one of them"),
        ({"example.com": '"open'}, "closing quote"),
        ({"example.com": '"a" b'}, "follow each other"),
        ({"example.com ANY": "x"}, "must be an exception"),
    ],
)
def test_wrong_record_raises_a_clear_error(records, error):
    with pytest.raises(ValueError, match=error):
        Zone(records)


def test_txt_record_of_another_type_raises_type_error():
    with pytest.raises(TypeError, match="must be a text, got 5"):
        Zone({"example.com": 5})


@given(st.text())
def test_any_name_has_an_answer(name):
    assert isinstance(EXAMPLE.find_txt(name), list)
    assert isinstance(EXAMPLE.find_mx(name + ".wild.example"), list)


def test_names_with_a_suffix_are_listed():
    assert EXAMPLE.list_names("A", ".example.com") == ["mx1.example.com"]
    assert EXAMPLE.list_names("TXT", ".EXAMPLE") == ["*.wild.example"]
    assert len(Zone({f"s{number}.example": "x" for number in range(50)}).list_names("TXT", ".example")) == 10


def test_repr_counts_records_and_names():
    assert repr(Zone({"a.example": ["1", "2"], "b.example": TimeoutError()})) == "<Zone: 3 records, 2 names>"
