"""Input that comes before the end of the greeting: a note in the transcript, and a finding."""

import socket

import pytest

from lazr.smtptest import MailServer

FINDING = "early_input"


def run_session(prepare, *, early, lines=0):
    """Send EHLO after some lines of the greeting, or after all; return the session."""
    with MailServer() as server:
        prepare(server.on("CONNECT"))
        with socket.create_connection(server.address, timeout=20) as client:
            replies = client.makefile("rb")
            for line in iter(replies.readline if not early or lines else bytes, b""):
                lines -= 1
                if line[3:4] == b" " or (early and not lines):
                    break
            client.sendall(b"EHLO client.example\r\nQUIT\r\n")
            replies.read()
        (session,) = server.settle()
        return session


FAULTS = [
    lambda rule: rule.delay(0.3),
    lambda rule: rule.reply(220, "one", "two", "three", "four").throttle(100, "out"),
]


@pytest.mark.parametrize("prepare", FAULTS, ids=["delay", "throttle"])
def test_input_before_the_greeting_is_found_once(prepare):
    session = run_session(prepare, early=True)

    assert [finding.code for finding in session.findings].count(FINDING) == 1
    assert str(session.transcript).count("*  the client sent input before the end of the greeting") == 1


def test_input_after_the_first_line_of_the_greeting_is_found():
    session = run_session(FAULTS[1], early=True, lines=1)

    assert FINDING in [finding.code for finding in session.findings]


@pytest.mark.parametrize("prepare", FAULTS, ids=["delay", "throttle"])
def test_input_after_the_greeting_is_no_finding(prepare):
    session = run_session(prepare, early=False)

    assert FINDING not in [finding.code for finding in session.findings]


def test_input_during_a_later_delay_is_no_finding():
    with MailServer() as server:
        server.on("EHLO").delay(0.2)
        with socket.create_connection(server.address, timeout=20) as client:
            replies = client.makefile("rb")
            replies.readline()
            client.sendall(b"EHLO client.example\r\n")
            client.sendall(b"QUIT\r\n")
            replies.read()
        (session,) = server.settle()

    assert FINDING not in [finding.code for finding in session.findings]
