"""A host and a port survive the way into "host:port" and back, IPv6 included."""

import pytest

from lazr.smtptest._util.host_port import format_host_port, split_host_port


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("192.0.2.1", "1025", "192.0.2.1:1025"),
        ("localhost", "25", "localhost:25"),
        ("2001:db8::1", "1025", "[2001:db8::1]:1025"),
        ("::", "0", "[::]:0"),
        ("::ffff:192.0.2.1", "25", "[::ffff:192.0.2.1]:25"),
        ("fe80::1%eth0", "25", "[fe80::1%eth0]:25"),
        ("unknown", "0", "unknown:0"),
    ],
)
def test_host_and_port_survive(host, port, text):
    assert format_host_port(host, port) == format_host_port(host, int(port)) == text
    assert split_host_port(text) == (host, port)


@pytest.mark.parametrize(
    ("text", "host"), [("unix", "unix"), ("192.0.2.1", "192.0.2.1"), ("::1", "::1"), ("[::1]", "::1"), ("", "")]
)
def test_text_without_a_port_is_a_host(text, host):
    assert split_host_port(text) == (host, "")
