"""Greeting, capabilities, decisions, limits and the end of POP3 sessions."""

import pytest

from lazr.smtptest.protocol.pop3.waiting import Waiting
from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.protocol.smtp import PENDING, Limits, TlsMode
from tests.helpers.memory_folders import run_calls
from tests.protocol.pop3.dialogue import SMALL, Dialogue, logged_in

ALWAYS = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "LANG"]


def capabilities(dialogue):
    first, *names, last, dot = dialogue.send("CAPA").split("\r\n")
    assert (first, last, dot) == ("+OK Capabilities follow", "IMPLEMENTATION lazr.smtptest", ".")
    return names


# -- greeting and capabilities ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "of_auth", "greeting"),
    [
        ({"ann": "secret"}, None, b"+OK mx.example POP3 lazr.smtptest <nonce@mx.example>\r\n"),
        ({"ann": "secret"}, {"mechanisms": ["PLAIN"]}, b"+OK mx.example POP3 lazr.smtptest\r\n"),
        (lambda credentials: True, None, b"+OK mx.example POP3 lazr.smtptest\r\n"),
        ("any", None, b"+OK mx.example POP3 lazr.smtptest\r\n"),
    ],
)
def test_greeting_has_a_timestamp_if_passwords_are_known(accept, of_auth, greeting):
    assert Dialogue(accept=accept, of_auth=of_auth, hostname="mx.example").greeting == greeting


def test_timestamps_differ():
    greetings = {Dialogue().greeting for _ in range(3)}

    assert len(greetings) == 3
    assert all(greeting.startswith(b"+OK localhost POP3 lazr.smtptest <") for greeting in greetings)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, [*ALWAYS, "UTF8 USER", "USER", "SASL PLAIN LOGIN"]),
        (
            {"accept": {"ann": "x"}, "of_auth": {"mechanisms": ["CRAM-MD5"]}},
            [*ALWAYS, "UTF8", "SASL CRAM-MD5"],
        ),
        ({"accept": {"ann": "x"}, "tls": TlsMode.STARTTLS}, [*ALWAYS, "UTF8", "STLS"]),
        ({"tls": TlsMode.STARTTLS}, [*ALWAYS, "UTF8 USER", "USER", "SASL PLAIN LOGIN", "STLS"]),
        (
            {"tls": TlsMode.STARTTLS, "tls_active": True},
            [*ALWAYS, "UTF8 USER", "USER", "SASL PLAIN LOGIN"],
        ),
    ],
)
def test_capabilities_follow_the_settings(settings, names):
    assert capabilities(Dialogue(**settings)) == names


def test_stls_is_not_a_capability_after_login():
    assert "STLS" not in capabilities(logged_in(tls=TlsMode.STARTTLS))


@pytest.mark.parametrize(
    ("line", "response"),
    [
        ("UTF8", "+OK UTF8 enabled"),
        ("LANG", "+OK Languages follow\r\nen English English\r\n."),
        ("LANG *", "+OK en Responses are in English"),
        ("LANG EN", "+OK en Responses are in English"),
        ("LANG en-GB", "+OK en Responses are in English"),
        ("LANG de", "-ERR The only language is en"),
        ("STAT", "-ERR STAT needs authentication first"),
        ("NOOP", "-ERR NOOP needs authentication first"),
        ("XTND XMIT", "-ERR Unknown command"),
        ("", "-ERR Unknown command"),
        (" STAT", "-ERR Unknown command"),
        ("ſtat", "-ERR Unknown command"),
        ("NOOP\0", "-ERR Control characters are not allowed in a command"),
        ("NOOP\rSTAT", "-ERR Bare CR or LF; a command ends with CRLF"),
        ("NOOP\nSTAT", "-ERR Bare CR or LF; a command ends with CRLF"),
        ("STLS", "-ERR STLS is not offered"),
        ("QUIT now", "-ERR QUIT takes 0 arguments, got 1"),
        ("quit", "+OK Goodbye"),
    ],
)
def test_response_before_authentication(line, response):
    assert Dialogue().send(line) == response


def test_line_must_be_utf8():
    assert Dialogue().feed(b"USER \xff\r\n") == b"-ERR A command must be ASCII or UTF-8\r\n"


def test_pipelined_commands_are_answered_in_order():
    output = Dialogue(SMALL).feed(b"USER ann\r\nPASS x\r\nSTAT\r\nRETR 1\r\nFOO\r\nDELE 1\r\nQUIT\r\nSTAT\r\n")

    assert output.splitlines()[:3] == [b"+OK Send PASS", b"+OK Maildrop has 1 messages (25 octets)", b"+OK 1 25"]
    assert output.endswith(
        b"Hello\r\n.\r\n-ERR Unknown command\r\n+OK Message 1 will be deleted by QUIT\r\n"
        b"+OK Goodbye; deleted messages: 1\r\n"
    )


# -- decisions -------------------------------------------------------------------------------


def test_commands_are_decided_on_before_they_are_executed():
    dialogue = logged_in(SMALL)
    dialogue.send("RETR 1")
    dialogue.send("foo bar")
    dialogue.send("TOP 1")

    assert [(command.verb, command.argument, command.username) for command in dialogue.commands] == [
        ("POP3 CONNECT", "192.0.2.1:1025", ""),
        ("POP3 USER", "ann@example.com", "ann@example.com"),
        ("POP3 PASS", "***", "ann@example.com"),
        ("POP3 RETR", "1", "ann@example.com"),
        ("POP3 FOO", "bar", "ann@example.com"),
        ("POP3 TOP", "1", "ann@example.com"),
    ]


@pytest.mark.parametrize(
    ("reply", "response", "is_closing"),
    [
        (ReadingReply("-ERR", "[SYS/TEMP] Later"), b"-ERR [SYS/TEMP] Later\r\n", False),
        (ReadingReply("NO", "No\r\n+OK"), b"-ERR No??+OK\r\n", False),
        (ReadingReply("+OK", "Fine"), b"+OK Fine\r\n", False),
        (ReadingReply("BYE", "Enough"), b"-ERR Enough\r\n", True),
        (ReadingReply("-ERR", "é" * 400), b"-ERR " + "é".encode() * 247 + b"\r\n", False),
    ],
)
@pytest.mark.parametrize("is_late", [False, True])
def test_decision_replaces_the_command(reply, response, is_closing, is_late):
    dialogue = Dialogue(
        SMALL, decide=lambda command: (PENDING if is_late else reply) if command.verb == "POP3 DELE" else None
    ).login()
    output = dialogue.feed(b"DELE 1\r\n")
    if is_late:
        assert dialogue.session.waiting is Waiting.DECISION and output == b""
        output = dialogue.session.answer(reply)

    assert output == response
    assert dialogue.session.is_closing is is_closing
    assert dialogue.session.record.ended == ("rule" if is_closing else None)
    dialogue.send("QUIT")
    assert len(dialogue.account.inbox.messages) == 1


@pytest.mark.parametrize(
    ("reply", "greeting", "ended"),
    [
        (ReadingReply("+OK", "Hello"), b"+OK Hello\r\n", None),
        (ReadingReply("-ERR", "[LOGIN-DELAY] No"), b"-ERR [LOGIN-DELAY] No\r\n", "rule"),
        (ReadingReply("BYE", "No"), b"-ERR No\r\n", "rule"),
    ],
)
def test_decision_replaces_the_greeting(reply, greeting, ended):
    dialogue = Dialogue(decide=lambda command: reply if command.verb == "POP3 CONNECT" else None)

    assert dialogue.greeting == greeting
    assert dialogue.session.record.ended == ended
    assert dialogue.session.is_closing is (ended is not None)


def test_input_waits_for_a_pending_decision():
    dialogue = Dialogue(decide=lambda command: PENDING if command.verb == "POP3 NOOP" else None).login()

    assert dialogue.session.receive(b"NOOP\r\nST") == b""
    assert dialogue.session.receive(b"AT\r\n") == b""
    assert dialogue.session.has_unread_input and dialogue.session.unread_size == 6
    assert dialogue.session.pending_call is None
    assert dialogue.session.is_executing
    assert dialogue.session.answer(None) == b"+OK\r\n+OK 0 0\r\n"


def test_too_much_input_while_waiting_closes():
    dialogue = Dialogue(decide=lambda command: PENDING, limits=Limits(session_memory=10))
    dialogue.session.receive(b"x" * 11)

    assert dialogue.session.answer(None).endswith(b"-ERR Too much input while a response is pending, goodbye\r\n")
    assert dialogue.session.is_closing


def test_exception_of_a_decision_propagates():
    def decide(command):
        if command.verb == "POP3 AUTH":
            raise ZeroDivisionError

    dialogue = Dialogue(decide=decide)
    with pytest.raises(ZeroDivisionError):
        dialogue.send("AUTH PLAIN AGFubgBzZWNyZXQ=")
    assert dialogue.send("CAPA").startswith("+OK")


def test_rule_can_send_a_reply_at_any_time():
    session = logged_in().session

    assert session.interrupt(ReadingReply("-ERR", "Hm")) == b"-ERR Hm\r\n"
    assert session.interrupt(ReadingReply("BYE", "[SYS/TEMP] Now")) == b"-ERR [SYS/TEMP] Now\r\n"
    assert session.is_closing and session.record.ended == "rule"
    assert session.interrupt(ReadingReply("BYE", "Again")) == b""


# -- limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "response"),
    [
        (b"USER " + b"x" * 505, b"+OK Send PASS\r\n"),
        (b"USER " + b"x" * 506, b"-ERR Command line too long\r\n"),
        (b"x" * 60_000, b"-ERR Command line too long\r\n"),
        (b"AUTH PLAIN " + b"x" * 12_001, b"-ERR Cannot decode base64\r\n"),
        (b"AUTH PLAIN " + b"x" * 13_000, b"-ERR Command line too long\r\n"),
        (b"x" * 65_537, b"-ERR Command line has no end, goodbye\r\n"),
    ],
)
def test_long_lines_are_refused(line, response):
    for size in (len(line) + 2, 1000):
        dialogue = Dialogue()
        data = line + b"\r\n"
        output = b"".join(dialogue.feed(data[start : start + size]) for start in range(0, len(data), size))
        assert output == response
        assert dialogue.session.unread_size == 0
        assert dialogue.session.is_closing is (b"goodbye" in response)


def test_endless_line_is_not_kept():
    dialogue = Dialogue()
    output = b""
    for _ in range(100):
        output += dialogue.feed(b"x" * 1000)
        assert dialogue.session.unread_size < 14_000

    assert output == b"-ERR Command line has no end, goodbye\r\n"
    assert dialogue.session.record.ended == "421"


def test_too_many_errors_in_a_row_close():
    dialogue = logged_in(SMALL, limits=Limits(errors=3))

    assert dialogue.feed(b"A\r\nB\r\nNOOP\r\nRETR 9\r\nA\r\nB\r\n").count(b"-ERR") == 5
    assert dialogue.feed(b"C\r\nNOOP\r\n") == b"-ERR Too many errors, goodbye\r\n"
    assert dialogue.session.record.ended == "421"
    assert dialogue.session.record.refusals == 6


def test_errors_can_be_unlimited():
    dialogue = Dialogue(limits=Limits(errors=None))

    assert dialogue.feed(b"A\r\n" * 100).count(b"-ERR") == 100


def test_session_gives_other_sessions_their_turn():
    session = logged_in().session
    session.items_per_turn = 2

    assert session.receive(b"NOOP\r\n" * 3) == b"+OK\r\n+OK\r\n"
    assert session.has_backlog
    assert session.receive(b"") == b"+OK\r\n"
    assert not session.has_backlog
    assert session.receive(b"NOOP\r\n" * 2) == b"+OK\r\n+OK\r\n"
    assert not session.has_backlog


def test_much_output_waits_for_the_driver():
    session = logged_in(limits=Limits(replies_waiting=20)).session

    first = session.receive(b"CAPA\r\nCAPA\r\nQUIT\r\n")
    assert session.has_backlog and first.count(b"+OK") == 1
    assert session.receive(b"").count(b"+OK") == 1
    assert session.receive(b"") == b"+OK Goodbye\r\n"


@pytest.mark.parametrize("size", [1, 100])
def test_tls_handshake_in_clear_is_explained(size):
    dialogue = Dialogue()
    hello = b"\x16\x03\x01" + bytes(200)
    output = b"".join(dialogue.feed(hello[start : start + size]) for start in range(0, len(hello), size))

    assert output == b"-ERR This is a POP3 server; goodbye\r\n"
    assert "TLS handshake" in dialogue.session.record.tls_failure


def test_first_byte_of_a_handshake_alone_is_an_error():
    assert Dialogue().feed(b"\x16\r\n").startswith(b"-ERR")


def test_web_request_closes():
    dialogue = Dialogue()

    assert dialogue.send("POST / HTTP/1.1") == "-ERR This is a POP3 server; goodbye"
    assert dialogue.session.is_closing


# -- TLS -------------------------------------------------------------------------------------


def test_stls_begins_a_handshake_and_forgets_the_client():
    dialogue = Dialogue(tls=TlsMode.STARTTLS)
    dialogue.send("USER ann")

    assert dialogue.send("STLS") == "+OK Begin TLS"
    assert dialogue.session.is_handshaking and dialogue.session.is_halted
    assert dialogue.session.receive(b"\x16\x03") == b""
    dialogue.complete_handshake()
    assert dialogue.send("PASS x") == "-ERR Send USER before PASS"
    assert dialogue.send("STLS") == "-ERR TLS is already active"
    assert "STLS" not in capabilities(dialogue)


@pytest.mark.parametrize("limits", [Limits(), Limits(replies_waiting=1)])
def test_input_after_stls_is_discarded(limits):
    dialogue = Dialogue(tls=TlsMode.STARTTLS, limits=limits)
    output = dialogue.feed(b"CAPA\r\nSTLS\r\nUSER eve\r\n")

    assert output.endswith(b"-ERR Input in clear after STLS; discarded, goodbye\r\n")
    assert dialogue.session.record.discarded == b"USER eve\r\n"
    assert dialogue.session.is_closing


def test_input_while_the_reply_to_stls_is_late_is_discarded():
    dialogue = Dialogue(tls=TlsMode.STARTTLS, decide=lambda c: PENDING if c.verb == "POP3 STLS" else None)
    dialogue.session.receive(b"STLS\r\n")
    dialogue.session.receive(b"USER eve\r\n")

    assert dialogue.session.answer(None).endswith(b"discarded, goodbye\r\n")


def test_implicit_tls_is_recorded_before_the_greeting():
    dialogue = Dialogue(tls=TlsMode.IMPLICIT, tls_active=True).complete_handshake()

    assert dialogue.session.record.tls.version == "TLSv1.3"
    assert dialogue.send("CAPA").startswith("+OK")


# -- the end ---------------------------------------------------------------------------------


def test_end_of_input_ends_the_session():
    dialogue = logged_in(SMALL)

    assert dialogue.session.receive_eof() == b""
    assert dialogue.session.is_orderly_close and dialogue.session.record.ended == "EOF"
    assert dialogue.session.receive(b"NOOP\r\n") == b""


@pytest.mark.parametrize("rest", [b"CAPA\n", b"CAPA\rx"])
def test_bare_line_end_is_explained_at_the_end_of_input(rest):
    session = Dialogue().session
    session.receive(rest)

    assert session.receive_eof() == b"-ERR Bare CR or LF; a command ends with CRLF\r\n"
    assert session.is_orderly_close


def test_end_of_input_waits_for_a_call():
    dialogue = logged_in(SMALL)
    dialogue.session.receive(b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
    assert dialogue.session.receive_eof() == b""

    assert run_calls(dialogue.session).endswith(b"deleted messages: 1\r\n")
    assert dialogue.session.record.ended == "QUIT"


def test_timeout_sends_nothing():
    dialogue = logged_in()

    assert dialogue.session.time_out() == b""
    assert dialogue.session.is_closing and not dialogue.session.is_orderly_close
    assert dialogue.session.record.ended == "timeout"


def test_shutdown_is_explained_unless_a_response_is_unfinished():
    idle, waiting, writing = (logged_in(SMALL * 10_000) for _ in range(3))
    waiting.session.receive(b"RETR 1\r\n")
    writing.session.receive(b"RETR 1\r\n")
    writing.session.answer(writing.session.pending_call())
    assert writing.session.has_backlog
    farewell = b"-ERR [SYS/TEMP] Server shutting down, goodbye\r\n"

    assert [dialogue.session.shut_down() for dialogue in (idle, waiting, writing)] == [farewell, farewell, b""]
    assert {dialogue.session.record.ended for dialogue in (idle, waiting, writing)} == {"stop"}
    assert idle.session.shut_down() == b""
    assert idle.session.abandon() is None


@pytest.mark.parametrize("method", ["answer", "fail"])
def test_result_needs_a_session_that_waits(method):
    with pytest.raises(RuntimeError, match="is_reply_pending"):
        getattr(Dialogue().session, method)(None)


def test_transcript_shows_no_secrets():
    dialogue = Dialogue(SMALL)
    for line in (
        "PASS hunter2", "user ann", "USER ann hunter2", "pass hunter2 hunter2", "APOP ann hunter2", "PAS hunter2",
        "APOP", "PASS", "AUTH PLAIN hunter2", "AUTH hunter2", "AUTH LOGIN", "hunter2", "STAT",
    ):  # fmt: skip
        dialogue.send(line)
    transcript = dialogue.session.record.transcript

    assert "hunter2" not in str(transcript)
    assert [line.text for line in transcript if line.who == "C"] == [
        "PASS ***", "user ann", "USER ann ***", "pass ***", "APOP ann ***", "PAS ***", "APOP", "PASS", "AUTH PLAIN ***",
        "AUTH ***", "AUTH LOGIN", "***", "STAT",
    ]  # fmt: skip
    assert not [command for command in dialogue.commands if "hunter2" in command.said().lower()]


def test_record_of_the_session_can_be_shown():
    dialogue = logged_in(SMALL)
    dialogue.feed(b"RETR 1\r\nFOO\r\nQUIT\r\n")
    record = dialogue.session.record

    assert record.auth.username == "ann@example.com"
    assert record.sent_in_clear == {"credentials"}
    assert record.refusals == 1
    assert record.to_svg().startswith("<svg")
    assert record.commands == () and record.findings == ()


def test_command_is_executing_until_its_response_is_complete():
    session = logged_in(SMALL).session
    assert not session.is_executing

    session.receive(b"RETR 1\r\n")
    assert session.is_executing and session.pending_call is not None

    run_calls(session, b"")
    assert not session.is_executing
