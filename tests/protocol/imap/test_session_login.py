"""Sessions of IMAP before a folder is selected: greeting, authentication, TLS, decisions and limits."""

from base64 import b64encode

import pytest

from lazr.smtptest import Auth, Limits
from lazr.smtptest.protocol.imap.waiting import Waiting
from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.protocol.smtp import PENDING, TlsFacts, TlsMode
from tests.helpers.imap_client import MAIL, ImapClient

ANN = Auth({"ann": "secret"}, nonce=lambda: "nonce")
FACTS = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384")


def make_client(**settings):
    return ImapClient(login=False, **settings)


def encode(text):
    return b64encode(text.encode()).decode()


def test_logout_reports_no_changes():
    client = ImapClient(MAIL)
    client.account.inbox.add(MAIL)

    assert client.send("LOGOUT") == ["* BYE Logging out", "a OK LOGOUT completed"]


def test_greeting_has_capabilities():
    greeting = make_client().greeting

    assert greeting.startswith(
        b"* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE AUTH=PLAIN AUTH=LOGIN]"
    )
    assert greeting.endswith(b"] localhost IMAP server ready\r\n")


def test_capabilities_grow_after_login():
    client = make_client()

    assert "STATUS=SIZE" not in client.send("CAPABILITY")[0]
    assert client.send("LOGIN ann secret")[-1].startswith("a OK [CAPABILITY IMAP4rev1 ")
    line, end = client.send("CAPABILITY")
    assert "AUTH=" not in line
    assert line.endswith("BINARY UTF8=ACCEPT APPENDLIMIT=33554432")
    assert end == "a OK CAPABILITY completed"


def test_append_limit_without_limit():
    assert ImapClient(limits=Limits(message_size=None)).send("CAPABILITY")[0].endswith(" APPENDLIMIT")


def test_login_opens_the_account_of_the_user():
    client = make_client()

    client.send("LOGIN ann@example.com {6+}\r\nsecret")

    assert client.usernames == ["ann@example.com"]
    assert client.session.account is client.account
    assert client.session.record.auth.username == "ann@example.com"


def test_decision_about_login_gets_the_user():
    client = make_client()

    client.send("LOGIN ann@example.com secret")

    assert client.events[-1].said() == "IMAP LOGIN ann@example.com ***"
    assert client.events[-1].username == "ann@example.com"


def test_command_is_executing_until_its_completion():
    client = make_client()
    client.send("LOGIN ann secret")
    session = client.session
    assert not session.is_executing

    session.receive(b"a SELECT INBOX\r\n")
    assert session.is_executing and session.pending_call is not None

    session.answer(session.pending_call())
    while session.pending_call is not None:
        session.answer(session.pending_call())
    assert not session.is_executing


def test_login_with_wrong_password_is_refused():
    client = make_client(auth=ANN)

    assert client.send("LOGIN ann wrong") == [
        "a NO [AUTHENTICATIONFAILED] Authentication failed: user name or password is wrong"
    ]
    assert client.session.account is None
    assert client.session.record.refusals == 1


def test_secrets_are_not_in_the_transcript():
    client = make_client(auth=ANN)
    client.send("LOGIN ann wrong-secret")
    client.send("LOGIN wrong-secret")
    client.send("LOGIN ann {12+}\r\nwrong-secret")
    client.send(f"AUTHENTICATE PLAIN {encode('wrong-secret')}")
    client.send("AUTHENTICATE PLAIN")
    client.feed(f"{encode('0wrong-secret')}\r\n")
    client.send("LGOIN ann wrong-secret")

    text = "\n".join(client.transcript)
    assert "wrong-secret" not in text and encode("wrong-secret") not in text
    assert "C: a LOGIN ann ***" in text and "C: a AUTHENTICATE PLAIN ***" in text


def test_authenticate_plain_with_initial_response():
    client = make_client(auth=ANN)

    line = client.send(f"AUTHENTICATE PLAIN {encode(chr(0) + 'ann' + chr(0) + 'secret')}")

    assert line[-1].startswith("a OK [CAPABILITY ")
    assert client.usernames == ["ann"]


def test_authenticate_with_challenges():
    client = make_client(auth=ANN)

    assert client.send("AUTHENTICATE LOGIN") == [f"+ {encode('Username:')}"]
    assert client.feed(encode("ann") + "\r\n") == f"+ {encode('Password:')}\r\n".encode()
    assert client.feed(encode("secret") + "\r\n").startswith(b"a OK ")


def test_authenticate_can_be_cancelled():
    client = make_client(auth=ANN)
    client.send("AUTHENTICATE LOGIN")

    assert client.feed("*\r\n").startswith(b"a BAD ")
    assert client.send("NOOP") == ["a OK NOOP completed"]


def test_long_line_of_authenticate_is_refused():
    client = make_client(auth=ANN)
    client.send("AUTHENTICATE LOGIN")

    assert client.feed(b"A" * 20_000 + b"\r\n").startswith(b"a BAD expected a line of at most 12288 octets")
    assert client.send("NOOP") == ["a OK NOOP completed"]


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("SELECT INBOX", "a BAD SELECT needs authentication; send LOGIN or AUTHENTICATE first"),
        ("STARTTLS", "a BAD STARTTLS is not offered here"),
        ("AUTHENTICATE GSSAPI", "a NO [CANNOT] Unknown mechanism; offered: PLAIN LOGIN"),
    ],
)
def test_command_in_the_wrong_state_is_refused(command, reply):
    assert make_client().send(command) == [reply]


def test_login_after_login_is_refused():
    assert ImapClient().send("LOGIN ann x") == ["a BAD LOGIN is possible only before authentication"]


def test_failed_logins_end_the_session():
    client = make_client(auth=ANN, limits=Limits(auth_failures=2))
    client.send("LOGIN ann x")
    client.send("LOGIN ann x")

    assert client.send("LOGIN ann secret") == ["* BYE Too many failed authentications, goodbye"]
    assert client.session.is_closing and not client.session.is_orderly_close
    assert client.session.record.ended == "BYE"


def test_login_is_disabled_without_a_mechanism_of_passwords():
    client = make_client(auth=Auth({"ann": "secret"}, mechanisms=["CRAM-MD5"]))

    assert b" LOGINDISABLED AUTH=CRAM-MD5]" in client.greeting
    assert client.send("LOGIN ann secret")[0].startswith("a NO [CANNOT] Plain passwords are not accepted")


# -- TLS -------------------------------------------------------------------------------------


def test_starttls_restarts_the_session_inside_tls():
    client = make_client(auth=ANN, tls=TlsMode.STARTTLS)
    assert b"STARTTLS LOGINDISABLED]" in client.greeting
    assert client.send("LOGIN ann secret") == ["a NO [PRIVACYREQUIRED] Authentication needs TLS here; start TLS first"]

    assert client.send("STARTTLS") == ["a OK Begin the TLS handshake"]
    assert client.session.is_handshaking and client.session.waiting is Waiting.HANDSHAKE
    assert client.feed(b"\x16\x03\x01") == b""
    assert client.session.interrupt(ReadingReply("OK", "Not in clear")) == b""
    client.session.complete_handshake(FACTS, client.session.settings.replace(tls_active=True))

    assert not client.session.is_halted
    assert "STARTTLS" not in client.send("CAPABILITY")[0]
    assert client.send("STARTTLS") == ["a BAD TLS is active already"]
    assert client.send("LOGIN ann secret")[-1].startswith("a OK")
    assert client.session.record.tls is FACTS


def test_input_after_starttls_is_discarded():
    client = make_client(tls=TlsMode.STARTTLS)

    output = client.feed("a STARTTLS\r\nb LOGIN ann secret\r\n")

    assert output == b"* BYE Input in clear after STARTTLS; discarded, goodbye\r\n"
    assert client.session.record.discarded == b"b LOGIN ann secret\r\n"
    assert client.session.account is None


def test_implicit_tls_comes_before_the_greeting():
    client = make_client(tls=TlsMode.IMPLICIT)
    client.session.complete_handshake(FACTS, client.session.settings.replace(tls_active=True))

    assert client.send("NOOP") == ["a OK NOOP completed"]


def test_handshake_without_starttls_is_refused():
    client = make_client()

    assert client.feed(b"\x16\x03\x01\x02\x00").startswith(b"* BYE expected a command, got a TLS handshake")


# -- decisions -------------------------------------------------------------------------------


def test_decide_sees_commands_without_secrets():
    client = ImapClient()
    client.send("UID FETCH 1:* (FLAGS)")

    described = [(event.verb, event.argument, event.username) for event in client.events]
    assert described == [
        ("IMAP CONNECT", "192.0.2.1:1025", ""),
        ("IMAP LOGIN", "ann@example.com ***", "ann@example.com"),
        ("IMAP SELECT", "INBOX", "ann@example.com"),
        ("IMAP FETCH", "1:* (FLAGS)", "ann@example.com"),
    ]


def test_decision_replaces_a_command():
    client = ImapClient(replies={"IMAP NOOP": ReadingReply("NO", "[INUSE] Try later")})

    assert client.send("NOOP") == ["a NO [INUSE] Try later"]
    assert client.send("CHECK") == ["a OK CHECK completed"]


def test_decision_with_bye_closes():
    client = ImapClient(replies={"IMAP NOOP": ReadingReply("BYE", "Too many connections")})

    assert client.send("NOOP") == ["* BYE Too many connections"]
    assert client.session.is_closing
    assert client.session.record.ended == "rule"
    assert client.send("NOOP") == []


@pytest.mark.parametrize("status", ["OK", "NO", "BAD", "BYE"])
def test_decision_replaces_the_greeting(status):
    client = make_client(replies={"IMAP CONNECT": ReadingReply(status, "Hello")})

    assert client.greeting == f"* {status} Hello\r\n".encode()


def test_decision_can_authenticate_at_once():
    client = make_client(replies={"IMAP CONNECT": ReadingReply("PREAUTH", "Hello")})

    assert client.greeting == b"* PREAUTH Hello\r\n"
    assert client.send("SELECT INBOX")[-1] == "a OK [READ-WRITE] SELECT completed"


def test_pending_decision_holds_the_input():
    client = ImapClient(replies={"IMAP NOOP": PENDING})

    assert client.send("NOOP") == []
    assert client.session.is_reply_pending and client.session.pending_call is None
    assert client.session.waiting is Waiting.DECISION
    assert client.feed("b CHECK\r\n") == b""
    assert client.session.has_unread_input and client.session.unread_size == 9
    output = client.session.answer(None)
    assert client.session.pending_call is not None
    assert output == b""


def test_pending_decision_can_refuse():
    client = ImapClient(replies={"IMAP NOOP": PENDING})
    client.send("NOOP")

    assert client.session.answer(ReadingReply("BAD", "No")) == b"a BAD No\r\n"


def test_too_much_input_while_a_decision_is_pending():
    client = ImapClient(replies={"IMAP NOOP": PENDING}, limits=Limits(session_memory=100))
    client.send("NOOP")

    assert client.feed(b"x" * 101).startswith(b"* BYE Too much input")


def test_interrupt_sends_a_response_in_between():
    client = ImapClient()

    assert client.session.interrupt(ReadingReply("OK", "[ALERT] Soon")) == b"* OK [ALERT] Soon\r\n"
    assert client.session.interrupt(ReadingReply("BYE", "Now")) == b"* BYE Now\r\n"
    assert client.session.is_closing
    assert client.session.interrupt(ReadingReply("BYE", "Now")) == b""


def test_answer_without_a_pending_decision_is_an_error():
    session = ImapClient().session

    with pytest.raises(RuntimeError, match="answer"):
        session.answer(None)
    with pytest.raises(RuntimeError, match="fail"):
        session.fail(ValueError())


# -- limits and the end ----------------------------------------------------------------------


def test_logout_is_orderly():
    client = ImapClient()

    assert client.send("LOGOUT") == ["* BYE Logging out", "a OK LOGOUT completed"]
    assert client.session.is_orderly_close
    assert client.session.record.ended == "LOGOUT"


def test_many_bad_commands_in_a_row_close():
    client = ImapClient(limits=Limits(errors=3))
    client.send("FOO")
    client.send("FOO")
    client.send("NOOP")
    client.send("FOO")
    client.send("FOO")

    assert client.send("FOO")[1:] == ["* BYE Too many bad commands, goodbye"]


def test_bad_commands_without_a_limit():
    client = ImapClient(limits=Limits(errors=None))

    assert all(len(client.send("FOO")) == 1 for _ in range(50))


def test_eof_ends_the_session():
    client = ImapClient()

    assert client.session.receive_eof() == b""
    assert client.session.is_orderly_close
    assert client.session.record.ended == "EOF"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("time_out", b"* BYE Timeout, goodbye\r\n", "timeout"),
        ("shut_down", b"* BYE [UNAVAILABLE] Server shutting down, goodbye\r\n", "stop"),
    ],
)
def test_server_ends_the_session(name, text, reason):
    session = ImapClient().session

    assert getattr(session, name)() == text
    assert session.record.ended == reason
    assert getattr(session, name)() == b""


def test_abandoned_session_is_closed():
    session = ImapClient().session

    session.abandon()
    session.abandon()

    assert session.is_closing and session.answer(None) == session.fail(ValueError()) == b""


def test_literal_before_login_is_limited():
    client = make_client()

    assert client.send("LOGIN {70000}")[0].startswith("a NO [TOOBIG]")
    assert client.send("LOGIN {3}") == ["+ Ready for the literal"]
    assert client.session.is_in_content
    client.feed("an")
    assert client.session.content_size == 2
    assert client.feed("n secret\r\n").startswith(b"a OK")


def test_huge_non_synchronizing_literal_closes():
    assert ImapClient().send("APPEND INBOX {4294967295+}")[0].startswith("* BYE [TOOBIG]")


def test_items_per_turn_limits_a_turn():
    client = ImapClient()
    client.session.items_per_turn = 2

    output = client.session.receive(b"a CAPABILITY\r\nb CAPABILITY\r\nc CAPABILITY\r\n")

    assert client.session.has_backlog and b"c OK" not in output
    assert client.session.receive(b"").endswith(b"c OK CAPABILITY completed\r\n")


def test_driver_sees_no_facts_of_smtp():
    session = ImapClient().session

    assert not session.is_pipelining_forbidden and not session.is_at_mark
    assert session.transaction == (None, ())


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "POST /x HTTP/1.1", "CONNECT localhost:143 HTTP/1.1"])
def test_request_of_a_browser_closes(line):
    client = make_client()

    output = client.feed(f"{line}\r\nHost: localhost\r\n\r\na LOGIN ann secret\r\n")

    assert output == b"* BYE This is an IMAP server, goodbye\r\n"
    assert client.session.account is None


def test_append_without_a_limit_of_size():
    client = ImapClient(limits=Limits(message_size=None))

    assert client.send("APPEND INBOX {70000000}") == ["+ Ready for the literal"]


def test_exception_in_authentication_is_raised():
    def accept(credentials):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make_client(auth=Auth(accept, mechanisms=["PLAIN"])).send("LOGIN ann x")


def test_literals_are_limited_by_command():
    client = ImapClient()

    assert client.send("SEARCH SUBJECT {2000000}")[0].startswith("a NO [TOOBIG]")


@pytest.mark.parametrize("command", ["AUTHENTICATE NONE", "AUTHENTICATE", "AUTHENTICATE PLAIN !"])
def test_line_after_refused_authenticate_is_not_repeated(command):
    client = make_client()
    client.send(command)

    assert client.feed("YW5u\r\n") == client.feed("c2VjcmV0\r\n")
    assert client.feed("c2VjcmV0\r\n").startswith(b"* BAD ")
    assert "c2VjcmV0" not in "".join(client.transcript)
    assert client.send("NOOP") == ["a OK NOOP completed"]
    assert client.feed("a\r\n").startswith(b"a BAD ")
