"""`smtptest bench`: loads a server, and counts."""

import json

import pytest

from cli.smtptest import smtptest


def bench(server, *arguments):
    return smtptest("bench", "--server", "{}:{}".format(*server.address), *arguments)


@pytest.mark.parametrize(("sessions", "mails", "size"), [(1, 1, 100), (3, 10, 2048), (5, 2, 1024)])
def test_it_sends_as_much_as_it_says(server, sessions, mails, size):
    done = bench(server, "--sessions", sessions, "--mails", mails, "--size", size, "--json")
    assert (done.stderr, done.returncode) == ("", 0)
    found = json.loads(done.stdout)
    assert len(server.inbox) == mails == found["mails"]
    assert {mail.size for mail in server.inbox} == {size} == {found["size"]}
    assert len(server.sessions) == min(sessions, mails) == found["sessions"]
    milliseconds = found["milliseconds"]
    assert 0 < milliseconds["p50"] <= milliseconds["p90"] <= milliseconds["p99"] <= milliseconds["max"]
    assert found["mails_per_second"] > 0


def test_it_says_so_in_a_line(server):
    said = bench(server, "--mails", "5", "--size", "1K").stdout
    assert said.startswith("5 mails of 1,024 octets in 5 sessions: ") and " a second; p50 " in said


@pytest.mark.parametrize("host", ["192.0.2.1:25", "[2001:db8::1]:25"])
def test_another_machine_is_not_loaded_by_accident(host):
    done = smtptest("bench", "--server", host)
    assert "--anywhere says that you may load it" in done.stderr and done.returncode == 2


@pytest.mark.parametrize(
    ("when", "reply"), [("CONNECT", (421, "Busy")), ("RCPT", (450, "4.2.1", "Busy")), ("END_OF_DATA", (451, "Later"))]
)
def test_a_refusal_ends_it(server, when, reply):
    server.on(when).reply(*reply)
    done = bench(server, "--mails", "3")
    assert str(reply[0]) in done.stderr and done.stderr.count("\n") == 1 and done.returncode == 1
