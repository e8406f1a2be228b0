"""XCLIENT: a trusted proxy says who its client is."""

import pytest

from talk import GREETED, TO_RCPT, Recorded


def greeted(**settings):
    recorded = Recorded(**({"xclient": True} | settings))
    recorded.say(GREETED)
    return recorded


def test_it_is_offered_where_it_is_wanted():
    assert b"XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n" in Recorded(xclient=True).say(GREETED)
    without = Recorded()
    assert b"XCLIENT" not in without.say(GREETED)
    assert without.code(b"XCLIENT ADDR=192.0.2.9") == 500
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
def test_what_it_says_is_taken_over(attributes, peer, name, helo, user):
    recorded = greeted()

    assert recorded.say(b"XCLIENT " + attributes + b"\r\n") == b"220 localhost ESMTP lazr.smtptest\r\n"
    record = recorded.record
    assert (record.peer, record.client_name, record.helo) == (peer, name, helo)
    assert (record.auth and record.auth.username) == user
    assert recorded.events[-1].said().startswith("XCLIENT ")


def test_the_session_begins_anew():
    recorded = greeted()
    recorded.say(b"XCLIENT ADDR=198.51.100.7 PORT=2525\r\n")

    assert recorded.code(b"MAIL FROM:<>") == 503
    recorded.say(TO_RCPT + b"DATA\r\n.\r\n")
    assert recorded.events[-1].peer == "198.51.100.7:2525"


def test_what_is_said_later_is_added():
    recorded = greeted()
    recorded.say(b"XCLIENT LOGIN=ann NAME=mail.example\r\n")
    recorded.say(GREETED)
    recorded.say(b"XCLIENT PORT=4000\r\n")

    assert (recorded.record.peer, recorded.record.client_name) == ("192.0.2.1:4000", "mail.example")
    assert recorded.record.auth.username == "ann"


def test_what_is_said_in_clear_does_not_count_inside_tls():
    recorded = greeted(tls="offered")
    recorded.say(b"XCLIENT ADDR=198.51.100.7 LOGIN=ann NAME=mail.example\r\n")
    recorded.say(GREETED)
    recorded.say(b"STARTTLS\r\n")
    recorded.secure()

    record = recorded.record
    assert (record.peer, record.client_name, record.auth) == ("192.0.2.1:1025", "", None)


@pytest.mark.parametrize(
    "attributes",
    [b"", b"ADDR", b"ADDR=", b"FOO=1", b"PORT=1 PORT=2", b"PORT=x", b"PORT=65536", b"PORT=123456", b"NAME=a+zz",
     b"NAME=a+0D+0Ab", "PORT=٣".encode()],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(attributes):
    recorded = greeted()

    assert recorded.code(b"XCLIENT " + attributes) == 501
    assert recorded.record.peer == "192.0.2.1:1025"
    assert recorded.code(b"MAIL FROM:<>") == 250


def test_it_may_not_come_inside_a_transaction_or_before_a_greeting():
    recorded = Recorded(xclient=True)
    assert recorded.code(b"XCLIENT PORT=1") == 503
    recorded.say(TO_RCPT)
    assert recorded.code(b"XCLIENT PORT=1") == 503


def test_a_decision_can_refuse_it():
    from lazr.smtptest import Reply

    no = Reply(550, "5.7.0", "No")
    recorded = Recorded(lambda event, reply: no if event.verb == "XCLIENT" else reply, xclient=True)
    recorded.say(GREETED)

    assert recorded.code(b"XCLIENT PORT=1") == 550
    assert recorded.code(b"MAIL FROM:<>") == 250
