"""Lookups through a name server, which runs in the test and answers from a zone file."""

from ipaddress import ip_address

import pytest

from lazr.smtptest.dns import DnsError, SystemResolver
from tests.helpers.name_server import NameServer

ANSWERS = {
    ("example.com.", "TXT"): ['"v=spf1 " "-all"', '"hello"'],
    ("example.com.", "MX"): ["10 mx.example.com."],
    ("mx.example.com.", "A"): ["192.0.2.1"],
    ("www.example.com.", "CNAME"): ["mx.example.com."],
    ("mx.example.com.", "AAAA"): ["2001:db8::1"],
    ("1.2.0.192.in-addr.arpa.", "PTR"): ["mx.example.com."],
    ("many.example.", "A"): [f"192.0.2.{number}" for number in range(255)],
}


@pytest.fixture(scope="module")
def name_server():
    with NameServer(ANSWERS) as server:
        yield server


@pytest.fixture
def resolver(name_server):
    return SystemResolver(nameservers=[name_server.address])


def test_lookups_return_the_records(resolver):
    assert sorted(resolver.find_txt("Example.com")) == [b"hello", b"v=spf1 -all"]
    assert resolver.find_mx("example.com.") == [(10, "mx.example.com")]
    assert resolver.find_addresses("mx.example.com", 4) == [ip_address("192.0.2.1")]
    assert resolver.find_addresses("mx.example.com", 6) == [ip_address("2001:db8::1")]
    assert resolver.find_ptr(ip_address("192.0.2.1")) == ["mx.example.com"]


def test_cname_is_followed(resolver):
    assert resolver.find_addresses("www.example.com", 4) == [ip_address("192.0.2.1")]


def test_missing_name_and_missing_type_have_no_records(resolver):
    assert resolver.find_txt("nothing.example") == resolver.find_txt("mx.example.com") == []


def test_answer_is_cached(resolver, name_server):
    resolver.find_mx("example.com")
    count = len(name_server.queries)

    assert resolver.find_mx("example.com") == [(10, "mx.example.com")]
    assert len(name_server.queries) == count


def test_servfail_raises_dns_error(resolver):
    with pytest.raises(DnsError, match=r"broken\.example TXT failed"):
        resolver.find_txt("broken.example")


def test_silent_name_server_raises_dns_error(name_server):
    with pytest.raises(DnsError, match=r"silent\.example TXT failed"):
        SystemResolver(timeout=0.1, nameservers=[name_server.address]).find_txt("silent.example")


def test_answer_of_too_many_records_raises_dns_error(resolver):
    with pytest.raises(DnsError, match="more than 200"):
        resolver.find_addresses("many.example", 4)


@pytest.mark.parametrize("name", ["", ".", "a..b", "x" * 64 + ".example", "a." * 200, "\udc80.example", "ü" * 64])
def test_impossible_name_is_not_looked_up(resolver, name_server, name):
    count = len(name_server.queries)

    assert resolver.find_txt(name) == []
    assert len(name_server.queries) == count


def test_search_domains_are_not_used(resolver, name_server):
    resolver.find_txt("localname")

    assert name_server.queries[-1] == "localname."


@pytest.mark.parametrize("text", ["ns.example", "127.0.0.1:x", ""])
def test_wrong_name_server_raises_value_error(text):
    with pytest.raises(ValueError, match="must be an IP address"):
        SystemResolver(nameservers=[text])


def test_wrong_timeout_raises_value_error():
    with pytest.raises(ValueError, match="timeout must be"):
        SystemResolver(timeout=0)
