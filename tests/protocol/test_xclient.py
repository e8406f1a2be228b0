"""XCLIENT: a trusted proxy names its client."""

import pytest

from lazr.smtptest.protocol.smtp.tls_mode import TlsMode
from tests.helpers.smtp_client import EHLO_LINE, TO_RCPT, RecordedSession


def greeted(**settings):
    recorded = RecordedSession(**({"xclient": True} | settings))
    recorded.feed(EHLO_LINE)
    return recorded


def test_xclient_is_offered_if_enabled():
    assert b"XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n" in RecordedSession(xclient=True).feed(
        EHLO_LINE
    )
    without = RecordedSession()
    assert b"XCLIENT" not in without.feed(EHLO_LINE)
    assert without.feed_command(b"XCLIENT ADDR=192.0.2.9") == 500
    assert without.record.peer == "192.0.2.1:1025"


@pytest.mark.parametrize(
    ("attributes", "peer", "name", "helo", "user"),
    [
        (b"ADDR=198.51.100.7 PORT=2525", "198.51.100.7:2525", "", "", None),
        (b"addr=198.51.100.7", "198.51.100.7:0", "", "", None),
        (b"ADDR=IPV6:2001:db8::1 PORT=9", "[2001:db8::1]:9", "", "", None),
        (b"PORT=9", "192.0.2.1:9", "", "", None),
        (b"ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]", "unknown:0", "", "", None),
        (b"NAME=mail.example HELO=me.example", "192.0.2.1:1025", "mail.example", "me.example", None),
        (b"LOGIN=ann+2Btag", "192.0.2.1:1025", "", "", "ann+tag"),
        (b"LOGIN=[UNAVAILABLE]", "192.0.2.1:1025", "", "", None),
        (b"PROTO=ESMTP DESTADDR=IPV6:::1 DESTPORT=25", "192.0.2.1:1025", "", "", None),
    ],
)
def test_xclient_facts_are_recorded(attributes, peer, name, helo, user):
    recorded = greeted()

    assert recorded.feed(b"XCLIENT " + attributes + b"\r\n") == b"220 localhost ESMTP lazr.smtptest\r\n"
    record = recorded.record
    assert (record.peer, record.client_name, record.helo) == (peer, name, helo)
    assert (record.auth and record.auth.username) == user
    assert recorded.events[-1].said().startswith("XCLIENT ")


def test_xclient_starts_the_session_again():
    recorded = greeted()
    recorded.feed(b"XCLIENT ADDR=198.51.100.7 PORT=2525\r\n")

    assert recorded.feed_command(b"MAIL FROM:<>") == 503
    recorded.feed(TO_RCPT + b"DATA\r\n.\r\n")
    assert recorded.events[-1].peer == "198.51.100.7:2525"


def test_later_xclient_adds_facts():
    recorded = greeted()
    recorded.feed(b"XCLIENT LOGIN=ann NAME=mail.example\r\n")
    recorded.feed(EHLO_LINE)
    recorded.feed(b"XCLIENT PORT=4000\r\n")

    assert (recorded.record.peer, recorded.record.client_name) == ("192.0.2.1:4000", "mail.example")
    assert recorded.record.auth.username == "ann"


def test_xclient_in_clear_does_not_count_inside_tls():
    recorded = greeted(tls=TlsMode.STARTTLS)
    recorded.feed(b"XCLIENT ADDR=198.51.100.7 LOGIN=ann NAME=mail.example\r\n")
    recorded.feed(EHLO_LINE)
    recorded.feed(b"STARTTLS\r\n")
    recorded.complete_handshake()

    record = recorded.record
    assert (record.peer, record.client_name, record.auth) == ("192.0.2.1:1025", "", None)


@pytest.mark.parametrize(
    "attributes",
    [b"", b"ADDR", b"ADDR=", b"FOO=1", b"PORT=1 PORT=2", b"PORT=x", b"PORT=65536", b"PORT=123456", b"NAME=a+zz",
     b"NAME=a+0D+0Ab", "PORT=٣".encode()],
)  # fmt: skip
def test_invalid_xclient_is_refused(attributes):
    recorded = greeted()

    assert recorded.feed_command(b"XCLIENT " + attributes) == 501
    assert recorded.record.peer == "192.0.2.1:1025"
    assert recorded.feed_command(b"MAIL FROM:<>") == 250


def test_xclient_in_transaction_or_before_greeting_is_503():
    recorded = RecordedSession(xclient=True)
    assert recorded.feed_command(b"XCLIENT PORT=1") == 503
    recorded.feed(TO_RCPT)
    assert recorded.feed_command(b"XCLIENT PORT=1") == 503


def test_decision_can_refuse_xclient():
    from lazr.smtptest import Reply

    no = Reply(550, "5.7.0", "No")
    recorded = RecordedSession(lambda event, reply: no if event.verb == "XCLIENT" else reply, xclient=True)
    recorded.feed(EHLO_LINE)

    assert recorded.feed_command(b"XCLIENT PORT=1") == 550
    assert recorded.feed_command(b"MAIL FROM:<>") == 250
