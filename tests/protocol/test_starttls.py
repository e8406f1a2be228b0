"""STARTTLS in the protocol core: the offer, the reset of the session, and discarded input."""

import pytest

from lazr.smtptest import Limits, Reply
from lazr.smtptest.protocol.smtp.events import StartTls
from lazr.smtptest.protocol.smtp.reply import PENDING
from lazr.smtptest.protocol.smtp.server_settings import ServerSettings
from lazr.smtptest.protocol.smtp.session import SmtpSession
from lazr.smtptest.protocol.smtp.session_record import TlsFacts
from lazr.smtptest.protocol.smtp.tls_mode import TlsMode
from tests.helpers.smtp_client import EHLO_LINE, TO_RCPT, RecordedSession

READY = b"220 2.0.0 Ready to start TLS\r\n"


def greeted(**settings):
    recorded = RecordedSession(**({"tls": TlsMode.STARTTLS} | settings))
    recorded.feed(EHLO_LINE)
    return recorded


def keywords(recorded, greeting=EHLO_LINE):
    return [line[4:].split(" ")[0] for line in recorded.feed(greeting).decode().splitlines()[1:]]


def test_starttls_is_offered_only_in_clear():
    recorded = RecordedSession(tls=TlsMode.STARTTLS)
    assert "STARTTLS" in keywords(recorded) and "REQUIRETLS" not in keywords(recorded)
    recorded.feed(b"STARTTLS\r\n")
    recorded.complete_handshake()

    inside = keywords(recorded)
    assert "STARTTLS" not in inside and "REQUIRETLS" in inside
    assert "STARTTLS" not in keywords(RecordedSession())


def test_220_starts_the_handshake():
    recorded = greeted()

    assert recorded.feed(b"STARTTLS\r\n") == READY
    assert recorded.session.is_handshaking and recorded.session.is_halted
    assert recorded.events[-1] == StartTls()
    assert recorded.feed(b"NOOP\r\n") == b""  # the driver handles the handshake
    assert recorded.session.receive_eof() == b"" and not recorded.session.is_closing


@pytest.mark.parametrize(
    ("settings", "before", "line", "code"),
    [
        ({}, EHLO_LINE, b"STARTTLS now", 501),
        ({}, EHLO_LINE, b"starttls ", 220),
        ({}, b"", b"STARTTLS", 503),
        ({}, TO_RCPT, b"STARTTLS", 503),
        ({"tls": TlsMode.NONE}, EHLO_LINE, b"STARTTLS", 502),
        ({"tls_active": True}, EHLO_LINE, b"STARTTLS", 503),
        ({"starttls_fault": "refused"}, EHLO_LINE, b"STARTTLS", 454),
        ({"starttls_fault": "stripped"}, EHLO_LINE, b"STARTTLS", 220),
    ],
)
def test_starttls_in_and_out_of_order(settings, before, line, code):
    recorded = RecordedSession(**({"tls": TlsMode.STARTTLS} | settings))
    recorded.feed(before)

    assert recorded.feed_command(line) == code
    assert recorded.session.is_handshaking == (code == 220)


def test_starttls_inside_tls_is_503():
    recorded = greeted()
    recorded.feed(b"STARTTLS\r\n")
    recorded.complete_handshake().feed(EHLO_LINE)

    assert recorded.feed(b"STARTTLS\r\n") == b"503 5.5.1 TLS is already active\r\n"


def test_refused_starttls_is_offered_and_stripped_is_not():
    assert "STARTTLS" in keywords(RecordedSession(tls=TlsMode.STARTTLS, starttls_fault="refused"))
    assert "STARTTLS" not in keywords(RecordedSession(tls=TlsMode.STARTTLS, starttls_fault="stripped"))


def test_handshake_resets_the_session():
    recorded = greeted()
    recorded.feed(b"STARTTLS\r\n")
    recorded.complete_handshake()

    assert recorded.record.helo == ""
    assert recorded.feed(b"MAIL FROM:<a@b.example>\r\n") == b"503 5.5.1 Say EHLO first\r\n"
    recorded.feed(b"HELO again\r\n")
    # The EHLO before the handshake does not count.
    assert recorded.feed_command(b"MAIL FROM:<a@b.example> SIZE=1") == 555


def test_implicit_tls_comes_before_the_greeting():
    session = SmtpSession(lambda event, reply: reply, ServerSettings(tls=TlsMode.IMPLICIT))
    session.complete_handshake(
        TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384"), ServerSettings(tls=TlsMode.IMPLICIT, tls_active=True)
    )  # implicit TLS

    assert session.greet("192.0.2.1:1025").startswith(b"220 ")
    assert session.record.peer == "192.0.2.1:1025" and session.record.tls.version == "TLSv1.3"


@pytest.mark.parametrize("rest", [b"MAIL FROM:<evil@b.example>\r\n", b"EHLO x\r\nRSET\r\n", b"\x16", b"\r\n", b"x"])
def test_input_in_clear_after_starttls_is_discarded(rest):
    # CVE-2011-0411, NO STARTTLS: both in one packet.
    recorded = greeted()
    before = len(recorded.events)

    output = recorded.feed(b"STARTTLS\r\n" + rest)

    assert output == b"421 4.7.0 Input in clear after STARTTLS; discarded, goodbye\r\n"
    assert recorded.session.is_closing and not recorded.session.is_handshaking
    assert [e.verb for e in recorded.events[before:]] == ["STARTTLS"]
    assert recorded.record.discarded == rest
    assert "discarded" in repr(recorded.record)


def test_input_during_a_pending_starttls_is_discarded():
    recorded = RecordedSession(
        lambda event, reply: PENDING if event.verb == "STARTTLS" else reply, tls=TlsMode.STARTTLS
    )
    recorded.feed(EHLO_LINE)
    assert not recorded.session.is_pipelining_forbidden
    assert recorded.feed(b"STARTTLS\r\nMAIL") == b""
    assert recorded.session.is_pipelining_forbidden
    assert recorded.feed(b" FROM:<>\r\n") == b""

    assert recorded.session.answer(Reply(220, "Go")).startswith(b"421 4.7.0 Input in clear")
    assert recorded.record.discarded == b"MAIL FROM:<>\r\n"


def test_pending_220_starts_the_handshake():
    recorded = RecordedSession(
        lambda event, reply: PENDING if event.verb == "STARTTLS" else reply, tls=TlsMode.STARTTLS
    )
    recorded.feed(EHLO_LINE)
    recorded.feed(b"STARTTLS\r\n")

    assert recorded.session.answer(Reply(220, "Go")) == b"220 Go\r\n"
    assert recorded.session.is_handshaking


def test_only_220_starts_the_handshake():
    recorded = RecordedSession(
        lambda event, reply: Reply(250, "Ok") if event.verb == "STARTTLS" else reply, tls=TlsMode.STARTTLS
    )
    recorded.feed(EHLO_LINE)

    assert recorded.feed(b"STARTTLS\r\n") == b"250 Ok\r\n"
    assert not recorded.session.is_handshaking and recorded.feed_command(b"NOOP") == 250


def test_decision_can_refuse_starttls():
    refusal = Reply(454, "4.7.0", "Not today")
    recorded = RecordedSession(
        lambda event, reply: refusal if event.verb == "STARTTLS" else reply, tls=TlsMode.STARTTLS
    )
    recorded.feed(EHLO_LINE)

    assert recorded.feed(b"STARTTLS\r\n") == refusal.wire
    assert not recorded.session.is_handshaking
    assert recorded.feed_command(b"NOOP") == 250


def test_input_after_a_refused_starttls_is_discarded():
    recorded = RecordedSession(tls=TlsMode.STARTTLS, starttls_fault="refused")
    recorded.feed(EHLO_LINE)

    assert recorded.feed(b"STARTTLS\r\nNOOP\r\n").splitlines() == [
        b"454 4.7.0 TLS not available due to temporary reason",
        b"421 4.7.0 Input after a command that must wait for its reply; discarded, goodbye",
    ]


@pytest.mark.parametrize("line", [b"MAIL FROM:<>", b"RCPT TO:<a@b.example>", b"DATA", b"VRFY a", b"EXPN a", b"HELP",
                                  b"HELO x", b"AUTH PLAIN", b"BDAT 0"])  # fmt: skip
def test_required_tls_refuses_other_commands_with_530(line):
    recorded = greeted(tls_required=True)

    assert recorded.feed(line + b"\r\n") == b"530 5.7.0 Must issue a STARTTLS command first\r\n"
    assert recorded.session.state.name == "READY"
    recorded.feed(b"STARTTLS\r\n")
    recorded.complete_handshake().feed(EHLO_LINE)
    assert recorded.feed_command(b"MAIL FROM:<>") == 250


def test_required_tls_allows_harmless_commands():
    recorded = RecordedSession(tls=TlsMode.STARTTLS, tls_required=True)

    assert [recorded.feed_command(line) for line in (b"EHLO x", b"NOOP", b"RSET", b"EHLO x")] == [250] * 4
    assert recorded.feed(b"BDAT 5 LAST\r\nHELP\nNOOP\r\n").startswith(b"530")  # the chunk is skipped, not executed
    assert recorded.feed_command(b"QUIT") == 221


def test_requiretls_parameter_works_only_inside_tls():
    recorded = greeted()
    assert recorded.feed_command(b"MAIL FROM:<a@b.example> REQUIRETLS") == 555
    recorded.feed(b"STARTTLS\r\n")
    recorded.complete_handshake().feed(EHLO_LINE)

    assert recorded.feed_command(b"MAIL FROM:<a@b.example> REQUIRETLS=yes") == 501
    assert recorded.feed_command(b"MAIL FROM:<a@b.example> REQUIRETLS") == 250
    assert recorded.events[-1].parameters == {"REQUIRETLS": ""}


def test_mail_in_clear_is_recorded():
    clear, secure = greeted(), greeted()
    clear.feed(TO_RCPT + b"DATA\r\n.\r\n")
    too_big = greeted(limits=Limits(message_size=1))
    too_big.feed(TO_RCPT + b"DATA\r\nsecret\r\n.\r\n")
    assert too_big.record.sent_in_clear == {"mail"}  # refused, but sent
    secure.feed(b"STARTTLS\r\n")
    secure.complete_handshake().feed(TO_RCPT + b"DATA\r\n.\r\n")

    assert clear.record.sent_in_clear == {"mail"} and clear.record.tls is None
    assert secure.record.sent_in_clear == frozenset() and secure.record.tls.version == "TLSv1.3"
    assert "mail in clear" in repr(clear.record) and "TLSv1.3" in repr(secure.record)


def test_tls_and_auth_do_not_depend_on_selected_extensions():
    assert keywords(RecordedSession(tls=TlsMode.STARTTLS, extensions=["SIZE"])) == ["STARTTLS", "SIZE"]
    assert keywords(RecordedSession(tls=TlsMode.STARTTLS, extensions=["SIZE", "STARTTLS"])) == ["SIZE", "STARTTLS"]
    assert keywords(RecordedSession(extensions=["STARTTLS", "SIZE"])) == ["SIZE"]


def test_tls_facts_with_equal_fields_are_equal():
    facts = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", server_name="mx.example")
    same = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", server_name="mx.example")
    other = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", server_name="mx2.example")

    assert facts == same and hash(facts) == hash(same)
    assert facts not in (other, "TLSv1.3")
