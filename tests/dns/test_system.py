"""Lookups through a name server, which runs in the test and answers from a zone file."""

import socket
import threading
from ipaddress import ip_address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest

from lazr.smtptest.dns import DnsError, SystemResolver

ANSWERS = {
    ("example.com.", "TXT"): ['"v=spf1 " "-all"', '"hello"'],
    ("example.com.", "MX"): ["10 mx.example.com."],
    ("mx.example.com.", "A"): ["192.0.2.1"],
    ("mx.example.com.", "AAAA"): ["2001:db8::1"],
    ("1.2.0.192.in-addr.arpa.", "PTR"): ["mx.example.com."],
    ("many.example.", "A"): [f"192.0.2.{number}" for number in range(255)],
}


class NameServer:
    """A name server for UDP on a free port."""

    def __init__(self):
        self.queries = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._socket.sendto(b"stop", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _run(self):
        while (received := self._socket.recvfrom(4096))[0] != b"stop":
            data, client = received
            query = dns.message.from_wire(data)
            question = query.question[0]
            name, record_type = question.name.to_text().lower(), question.rdtype.name
            self.queries.append(name)
            if name.startswith("silent."):
                continue
            response = dns.message.make_response(query)
            response.flags |= dns.flags.RA
            if name.startswith("broken."):
                response.set_rcode(dns.rcode.SERVFAIL)
            elif name == "www.example.com.":
                response.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", "mx.example.com."))
                response.answer.append(dns.rrset.from_text("mx.example.com.", 60, "IN", "A", "192.0.2.1"))
            elif (name, record_type) in ANSWERS:
                response.answer.append(
                    dns.rrset.from_text(question.name, 60, "IN", record_type, *ANSWERS[name, record_type])
                )
            elif not any(known == name for known, _ in ANSWERS):
                response.set_rcode(dns.rcode.NXDOMAIN)
            self._socket.sendto(response.to_wire(max_size=65535), client)


@pytest.fixture(scope="module")
def name_server():
    with NameServer() as server:
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
