"""The rate limit for AUTH: by address, over all connections."""

import base64
import smtplib

import pytest

from lazr.smtptest import Limits, MailServer
from lazr.smtptest.net.auth_rate_limit import _MAX_ADDRESSES, AuthRateLimit

PEER = "192.0.2.1:1025"


def test_attempts_within_the_limit_are_not_delayed():
    limit = AuthRateLimit(60)

    assert [limit.start_attempt(PEER, 0.0) for _ in range(60)] == [0.0] * 60


def test_further_attempts_are_delayed_to_the_rate_and_then_refused():
    limit = AuthRateLimit(60)
    delays = [limit.start_attempt(PEER, 0.0) for _ in range(80)]

    assert delays[60:70] == pytest.approx([float(seconds) for seconds in range(1, 11)])
    assert delays[70:] == [None] * 10  # refused attempts are not counted
    assert limit.start_attempt(PEER, 1.0) == pytest.approx(10.0)


def test_time_forgets_failures():
    limit = AuthRateLimit(60)
    for _ in range(60):
        limit.start_attempt(PEER, 0.0)

    assert [limit.start_attempt(PEER, 60.0) for _ in range(60)] == [0.0] * 60


def test_forgiven_attempts_do_not_count():
    limit = AuthRateLimit(1)
    for _ in range(100):
        assert limit.start_attempt(PEER, 0.0) == 0.0
        limit.forgive(PEER)
    limit.forgive("198.51.100.7:25")  # unknown


@pytest.mark.parametrize(
    ("first", "second", "is_shared"),
    [
        ("192.0.2.1:1", "192.0.2.1:2", True),
        ("192.0.2.1:1", "192.0.2.2:1", False),
        ("[2001:db8::1]:1", "[2001:db8::ffff]:2", True),
        ("[2001:db8::1]:1", "[2001:db8:0:1::1]:1", False),
        ("[::ffff:192.0.2.1]:1", "192.0.2.1:2", True),
        ("[fe80::1%eth0]:1", "[fe80::2%eth1]:2", True),
        ("unix", "unix", True),
        ("unknown:0", "unix", False),
    ],
)
def test_address_or_network_has_one_limit(first, second, is_shared):
    limit = AuthRateLimit(1)
    limit.start_attempt(first, 0.0)

    assert (limit.start_attempt(second, 0.0) is None) is is_shared


def test_number_of_addresses_is_bounded():
    limit = AuthRateLimit(1)
    for number in range(_MAX_ADDRESSES + 10):
        limit.start_attempt(f"host{number}:1", 0.0)

    assert len(limit) == _MAX_ADDRESSES
    assert limit.start_attempt("host0:1", 0.0) == 0.0  # forgotten
    assert limit.start_attempt(f"host{_MAX_ADDRESSES}:1", 0.0) is None


def authenticate(server, password):
    """Authenticate in a new connection, and return the reply."""
    with smtplib.SMTP(*server.address) as client:
        client.ehlo()
        code, _ = client.docmd("AUTH PLAIN", base64.b64encode(f"\0ann\0{password}".encode()).decode())
        if code == 421:
            client.close()
        return code


def test_guessing_over_many_connections_ends_in_421():
    with MailServer(auth={"ann": "secret"}, limits=Limits(auth_failures_per_minute=2)) as server:
        assert [authenticate(server, f"guess {number}") for number in range(3)] == [535, 535, 421]
        assert authenticate(server, "secret") == 421  # a right password does not show either


def test_delayed_attempt_is_decided_after_the_delay(monkeypatch):
    delays = iter([0.0, 0.01, 0.01])
    monkeypatch.setattr(AuthRateLimit, "start_attempt", lambda self, peer, now: next(delays))
    with MailServer(auth={"ann": "secret"}, limits=Limits(auth_failures_per_minute=2)) as server:
        assert [authenticate(server, password) for password in ("wrong", "wrong", "secret")] == [535, 535, 235]


@pytest.mark.parametrize("action", ["drop", "reset"])
def test_rule_acts_after_the_delay(action, monkeypatch):
    monkeypatch.setattr(AuthRateLimit, "start_attempt", lambda self, peer, now: 0.01)
    with MailServer(auth={"ann": "secret"}, limits=Limits(auth_failures_per_minute=2)) as server:
        getattr(server.on("AUTH"), action)()
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            authenticate(server, "secret")


def test_stop_does_not_wait_for_delayed_attempts(monkeypatch, connect):
    monkeypatch.setattr(AuthRateLimit, "start_attempt", lambda self, peer, now: 9.0)
    with MailServer(auth={"ann": "secret"}, limits=Limits(auth_failures_per_minute=2)) as server:
        client = connect(server)
        client.send(b"EHLO x\r\nAUTH PLAIN " + base64.b64encode(b"\0ann\0secret") + b"\r\n")
        client.read_reply()
    client.read_to_end()


def test_library_has_no_limit_by_default():
    with MailServer(auth={"ann": "secret"}) as server:
        assert {authenticate(server, f"guess {number}") for number in range(40)} == {535}
