"""STARTTLS without a handshake: what is offered, what is forgotten, and what is never obeyed."""

import pytest

from lazr.smtptest import Limits, Reply
from lazr.smtptest.protocol.smtp.event import StartTls
from lazr.smtptest.protocol.smtp.profile import Profile
from lazr.smtptest.protocol.smtp.record import TlsFacts
from lazr.smtptest.protocol.smtp.reply import PENDING
from lazr.smtptest.protocol.smtp.session import Session
from talk import GREETED, TO_RCPT, Recorded

READY = b"220 2.0.0 Ready to start TLS\r\n"


def greeted(**settings):
    recorded = Recorded(**({"tls": "offered"} | settings))
    recorded.say(GREETED)
    return recorded


def keywords(recorded, greeting=GREETED):
    return [line[4:].split(" ")[0] for line in recorded.say(greeting).decode().splitlines()[1:]]


def test_it_is_offered_in_clear_only():
    recorded = Recorded(tls="offered")
    assert "STARTTLS" in keywords(recorded) and "REQUIRETLS" not in keywords(recorded)
    recorded.say(b"STARTTLS\r\n")
    recorded.secure()

    inside = keywords(recorded)
    assert "STARTTLS" not in inside and "REQUIRETLS" in inside
    assert "STARTTLS" not in keywords(Recorded())


def test_it_is_accepted_by_220_and_the_driver_takes_over():
    recorded = greeted()

    assert recorded.say(b"STARTTLS\r\n") == READY
    assert recorded.session.handshaking and recorded.session.halted
    assert recorded.events[-1] == StartTls()
    assert recorded.say(b"NOOP\r\n") == b""  # octets of a handshake are the driver's
    assert recorded.session.end_of_input() == b"" and not recorded.session.closing


@pytest.mark.parametrize(
    ("settings", "before", "line", "code"),
    [
        ({}, GREETED, b"STARTTLS now", 501),
        ({}, GREETED, b"starttls ", 220),
        ({}, b"", b"STARTTLS", 503),
        ({}, TO_RCPT, b"STARTTLS", 503),
        ({"tls": "none"}, GREETED, b"STARTTLS", 502),
        ({"tls": "on"}, GREETED, b"STARTTLS", 503),
        ({"tls": "refused"}, GREETED, b"STARTTLS", 454),
        ({"tls": "stripped"}, GREETED, b"STARTTLS", 220),
    ],
)
def test_when_it_may_come(settings, before, line, code):
    recorded = Recorded(**({"tls": "offered"} | settings))
    recorded.say(before)

    assert recorded.code(line) == code
    assert recorded.session.handshaking == (code == 220)


def test_inside_tls_it_is_out_of_order():
    recorded = greeted()
    recorded.say(b"STARTTLS\r\n")
    recorded.secure().say(GREETED)

    assert recorded.say(b"STARTTLS\r\n") == b"503 5.5.1 TLS is active already\r\n"


def test_refused_it_is_offered_and_stripped_it_is_not():
    assert "STARTTLS" in keywords(Recorded(tls="refused"))
    assert "STARTTLS" not in keywords(Recorded(tls="stripped"))


def test_after_the_handshake_all_is_forgotten():
    recorded = greeted()
    recorded.say(b"STARTTLS\r\n")
    recorded.secure()

    assert recorded.record.helo == ""
    assert recorded.say(b"MAIL FROM:<a@b.example>\r\n") == b"503 5.5.1 Say EHLO first\r\n"
    recorded.say(b"HELO again\r\n")
    assert recorded.code(b"MAIL FROM:<a@b.example> SIZE=1") == 555  # it said EHLO before, and that counts no more


def test_a_handshake_can_come_before_the_greeting():
    session = Session(lambda event, reply: reply, Profile(tls="offered"))
    session.secured(TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384"), Profile(tls="on"))  # implicit TLS

    assert session.greet("192.0.2.1:1025").startswith(b"220 ")
    assert session.record.peer == "192.0.2.1:1025" and session.record.tls.version == "TLSv1.3"


@pytest.mark.parametrize("behind", [b"MAIL FROM:<evil@b.example>\r\n", b"EHLO x\r\nRSET\r\n", b"\x16", b"\r\n", b"x"])
def test_what_comes_behind_it_in_clear_is_discarded_and_never_run(behind):
    # CVE-2011-0411, NO STARTTLS: in one packet.
    recorded = greeted()
    before = len(recorded.events)

    output = recorded.say(b"STARTTLS\r\n" + behind)

    assert output == b"421 4.7.0 Octets in clear behind STARTTLS; discarded, goodbye\r\n"
    assert recorded.session.closing and not recorded.session.handshaking
    assert [e.verb for e in recorded.events[before:]] == ["STARTTLS"]
    assert recorded.record.discarded == behind
    assert "discarded" in repr(recorded.record)


def test_what_comes_while_the_answer_is_due_is_discarded_too():
    recorded = Recorded(lambda event, reply: PENDING if event.verb == "STARTTLS" else reply, tls="offered")
    recorded.say(GREETED)
    assert not recorded.session.hushed
    assert recorded.say(b"STARTTLS\r\nMAIL") == b""
    assert recorded.session.hushed
    assert recorded.say(b" FROM:<>\r\n") == b""

    assert recorded.session.answer(Reply(220, "Go")).startswith(b"421 4.7.0 Octets in clear")
    assert recorded.record.discarded == b"MAIL FROM:<>\r\n"


def test_a_late_220_starts_the_handshake_too():
    recorded = Recorded(lambda event, reply: PENDING if event.verb == "STARTTLS" else reply, tls="offered")
    recorded.say(GREETED)
    recorded.say(b"STARTTLS\r\n")

    assert recorded.session.answer(Reply(220, "Go")) == b"220 Go\r\n"
    assert recorded.session.handshaking


def test_a_decision_can_refuse_it_and_the_session_goes_on():
    refusal = Reply(454, "4.7.0", "Not today")
    recorded = Recorded(lambda event, reply: refusal if event.verb == "STARTTLS" else reply, tls="offered")
    recorded.say(GREETED)

    assert recorded.say(b"STARTTLS\r\n") == refusal.wire
    assert not recorded.session.handshaking
    assert recorded.code(b"NOOP") == 250


def test_behind_a_refused_starttls_nothing_is_obeyed_either():
    recorded = Recorded(tls="refused")
    recorded.say(GREETED)

    assert recorded.say(b"STARTTLS\r\nNOOP\r\n").splitlines() == [
        b"454 4.7.0 TLS not available due to temporary reason",
        b"421 4.7.0 Octets behind a command that did not wait for its reply; discarded, goodbye",
    ]


@pytest.mark.parametrize("line", [b"MAIL FROM:<>", b"RCPT TO:<a@b.example>", b"DATA", b"VRFY a", b"EXPN a", b"HELP",
                                  b"HELO x", b"AUTH PLAIN", b"BDAT 0"])  # fmt: skip
def test_where_tls_is_required_nothing_else_is_answered_before(line):
    recorded = greeted(tls_required=True)

    assert recorded.say(line + b"\r\n") == b"530 5.7.0 Must issue a STARTTLS command first\r\n"
    assert recorded.session.state.name == "READY"
    recorded.say(b"STARTTLS\r\n")
    recorded.secure().say(GREETED)
    assert recorded.code(b"MAIL FROM:<>") == 250


def test_where_tls_is_required_harmless_commands_go_through():
    recorded = Recorded(tls="offered", tls_required=True)

    assert [recorded.code(line) for line in (b"EHLO x", b"NOOP", b"RSET", b"EHLO x")] == [250] * 4
    assert recorded.say(b"BDAT 5 LAST\r\nHELP\nNOOP\r\n").startswith(b"530")  # the chunk is skipped, not run
    assert recorded.code(b"QUIT") == 221


def test_requiretls_is_a_parameter_of_mail_inside_tls_only():
    recorded = greeted()
    assert recorded.code(b"MAIL FROM:<a@b.example> REQUIRETLS") == 555
    recorded.say(b"STARTTLS\r\n")
    recorded.secure().say(GREETED)

    assert recorded.code(b"MAIL FROM:<a@b.example> REQUIRETLS=yes") == 501
    assert recorded.code(b"MAIL FROM:<a@b.example> REQUIRETLS") == 250
    assert recorded.events[-1].parameters == {"REQUIRETLS": ""}


def test_mail_in_clear_is_a_fact():
    clear, secure = greeted(), greeted()
    clear.say(TO_RCPT + b"DATA\r\n.\r\n")
    too_big = greeted(limits=Limits(message_size=1))
    too_big.say(TO_RCPT + b"DATA\r\nsecret\r\n.\r\n")
    assert too_big.record.sent_in_clear == {"mail"}  # refused, and sent all the same
    secure.say(b"STARTTLS\r\n")
    secure.secure().say(TO_RCPT + b"DATA\r\n.\r\n")

    assert clear.record.sent_in_clear == {"mail"} and clear.record.tls is None
    assert secure.record.sent_in_clear == frozenset() and secure.record.tls.version == "TLSv1.3"
    assert "mail in clear" in repr(clear.record) and "TLSv1.3" in repr(secure.record)


def test_the_switches_of_tls_and_auth_do_not_depend_on_the_chosen_extensions():
    assert keywords(Recorded(tls="offered", extensions=["SIZE"])) == ["STARTTLS", "SIZE"]
    assert keywords(Recorded(tls="offered", extensions=["SIZE", "STARTTLS"])) == ["SIZE", "STARTTLS"]
    assert keywords(Recorded(extensions=["STARTTLS", "SIZE"])) == ["SIZE"]


def test_the_facts_of_a_handshake_are_a_value():
    facts = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", server_name="mx.example")
    same = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", server_name="mx.example")
    other = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", server_name="mx2.example")

    assert facts == same and hash(facts) == hash(same)
    assert facts not in (other, "TLSv1.3")
