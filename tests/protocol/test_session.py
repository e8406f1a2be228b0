"""Replies of a session, and the order of commands."""

import itertools

import pytest

from lazr.smtptest import Lenient, Limits, Reply
from lazr.smtptest.protocol.smtp import events
from lazr.smtptest.protocol.smtp.reply import PENDING
from lazr.smtptest.protocol.smtp.server_settings import ServerSettings
from lazr.smtptest.protocol.smtp.session import SmtpSession
from lazr.smtptest.protocol.smtp.states import TRANSITIONS, State
from tests.helpers.smtp_client import EHLO_LINE, TO_RCPT, RecordedSession, start_transaction

REACH = {
    State.START: b"",
    State.READY: EHLO_LINE,
    State.MAIL: EHLO_LINE + b"MAIL FROM:<ann@example.com>\r\n",
    State.RCPT: TO_RCPT,
    State.BDAT: TO_RCPT + b"BDAT 2\r\nHi",
}
SAY = {
    "EHLO": b"EHLO x",
    "HELO": b"HELO x",
    "MAIL": b"MAIL FROM:<a@b.example>",
    "RCPT": b"RCPT TO:<a@b.example>",
    "DATA": b"DATA",
    "BDAT": b"BDAT 0",
    "RSET": b"RSET",
    "NOOP": b"NOOP",
    "VRFY": b"VRFY ann",
    "EXPN": b"EXPN list",
    "HELP": b"HELP",
    "QUIT": b"QUIT",
}
CODES = {"DATA": 354, "VRFY": 252, "EXPN": 502, "HELP": 214, "QUIT": 221}


@pytest.mark.parametrize(("state", "verb"), list(itertools.product(REACH, SAY)), ids=lambda v: getattr(v, "name", v))
def test_every_verb_in_every_state_is_accepted_or_503(state, verb):
    recorded = RecordedSession()
    recorded.feed(REACH[state])
    assert recorded.session.state is state

    expected = CODES.get(verb, 250) if (state, verb) in TRANSITIONS else 503
    assert recorded.feed_command(SAY[verb]) == expected
    if expected in (250, 354):
        assert recorded.session.state is TRANSITIONS[(state, verb)]
    else:
        assert recorded.session.state is state


def test_state_table_matches_rfc_5321():
    # Written out again by hand, so that a missing row of the table is noticed.
    anytime = {"EHLO", "HELO", "LHLO", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT"}
    assert {verb for state, verb in TRANSITIONS if state is State.START} == anytime
    assert {verb for state, verb in TRANSITIONS if state is State.READY} == anytime | {
        "MAIL",
        "STARTTLS",
        "AUTH",
        "XCLIENT",
    }
    assert {verb for state, verb in TRANSITIONS if state is State.MAIL} == anytime | {"RCPT"}
    assert {verb for state, verb in TRANSITIONS if state is State.RCPT} == anytime | {"RCPT", "DATA", "BDAT"}
    assert {verb for state, verb in TRANSITIONS if state is State.BDAT} == anytime | {"BDAT", "END_OF_DATA"}


def test_complete_session():
    recorded = RecordedSession()

    assert recorded.greeting == b"220 localhost ESMTP lazr.smtptest\r\n"
    assert recorded.feed(b"HELO client.example\r\n") == b"250 localhost\r\n"
    assert recorded.feed(b"MAIL FROM:<ann@example.com>\r\n") == b"250 2.1.0 Sender ok\r\n"
    assert recorded.feed(b"RCPT TO:<bob@example.com>\r\n") == b"250 2.1.5 Recipient ok\r\n"
    assert recorded.feed(b"DATA\r\n") == b"354 End data with <CR><LF>.<CR><LF>\r\n"
    assert recorded.session.is_in_content
    assert recorded.feed(b"Subject: Hi\r\n\r\nHi\r\n.\r\n") == b"250 2.0.0 Message accepted\r\n"
    assert not recorded.session.is_in_content
    assert recorded.feed(b"QUIT\r\n") == b"221 2.0.0 Bye\r\n"
    assert recorded.session.is_closing and recorded.session.is_orderly_close
    assert [e.verb for e in recorded.events] == [
        "CONNECT", "HELO", "MAIL", "RCPT", "DATA", "END_OF_DATA", "QUIT",
    ]  # fmt: skip
    message = recorded.events[5]
    assert message.mail.path.mailbox == "ann@example.com"
    assert [rcpt.path.mailbox for rcpt in message.rcpts] == ["bob@example.com"]
    assert (message.helo, message.peer) == ("client.example", "192.0.2.1:1025")
    assert repr(message).endswith("19 octets from 192.0.2.1:1025)")


def test_pipelined_commands_are_answered_in_order_in_one_write():
    output = RecordedSession().feed(TO_RCPT + b"DATA\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\n")

    assert [line[:3] for line in output.splitlines() if line[3:4] != b"-"] == [
        b"250", b"250", b"250", b"354", b"250", b"250", b"221",
    ]  # fmt: skip


def test_input_after_quit_is_ignored():
    recorded = RecordedSession()

    assert recorded.feed(b"QUIT\r\nNOOP\r\n") == b"221 2.0.0 Bye\r\n"
    assert recorded.feed(b"NOOP\r\n") == b""
    assert recorded.session.receive_eof() == b""


def test_duplicate_recipients_are_accepted_and_kept():
    recorded = start_transaction()
    recorded.feed(b"RCPT TO:<bob@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n.\r\n")

    assert [r.path.mailbox for r in recorded.events[-1].rcpts] == ["bob@example.com"] * 3


@pytest.mark.parametrize("again", [b"RSET", b"EHLO again", b"HELO again"])
def test_new_greeting_aborts_the_transaction(again):
    recorded = start_transaction()
    recorded.feed_command(again)

    assert recorded.feed_command(b"DATA") == 503
    recorded.feed(b"MAIL FROM:<new@example.com>\r\nRCPT TO:<new@example.com>\r\nDATA\r\n.\r\n")
    assert recorded.events[-1].mail.path.mailbox == "new@example.com"
    assert len(recorded.events[-1].rcpts) == 1


SYNTAX = [
    (b"EHLO", 501), (b"HELO", 501), (b"EHLO a b", 501), (b"EHLO [192.0.2.1]", 250), (b"EHLO my_laptop", 250),
    (b"EHLO \x01", 501), (b"ehlo x  ", 250), (b"MAIL", 501), (b"MAIL FROM", 501), (b"MAIL FROM: <a@b.example>", 250),
    (b"MAIL TO:<a@b.example>", 501), (b"mail from:<a@b.example>", 250), (b"MAIL FROM:a@b.example", 250),
    (b"MAIL FROM:<a\x00@b.example>", 501), (b"MAIL FROM:<a@b.example> ", 250), (b"MAIL FROM:<>", 250),
    (b"MAIL FROM:<a@b.example>SIZE=1", 501), (b"NOOP anything", 250), (b"NOOP \x07", 501), (b"VRFY", 501),
    (b"EXPN", 502), (b"EXPN list", 502), (b"EXPN \x07", 502), (b"HELP MAIL", 214), (b"RSET x", 501), (b"RSET  ", 250),
    (b"QUIT x", 501), (b"FOO", 500), (b"", 500), (b" ", 500), (b"NO OP", 500), (b"STARTTLS", 502),
    (b"AUTH PLAIN", 502), (b"TURN", 502), (b"\xff\xfe", 500), (b"\xff NOOP", 500), (b"NO\xc3OP x", 500),
    (b"NOOP \xff", 501), (b"FOO \xff", 501), ("RſET".encode(), 500), (b"R\x00SET", 500),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code"), SYNTAX)
def test_replies_to_valid_and_invalid_syntax(line, code):
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE)

    assert recorded.feed_command(line) == code


@pytest.mark.parametrize(
    ("line", "code"),
    [(b"RCPT", 501), (b"RCPT TO:<>", 501), (b"RCPT TO:<Postmaster>", 250), (b"RCPT TO:<ann>", 501),
     (b"MAIL FROM:<x@y.example>", 503),
     (b"rcpt to:<a@b.example>", 250), (b"RCPT FROM:<a@b.example>", 501), (b"DATA now", 501)],
)  # fmt: skip
def test_replies_to_syntax_in_a_transaction(line, code):
    assert start_transaction().feed_command(line) == code


@pytest.mark.parametrize(
    "line", [b"NO\nOP", b"NOOP\r", b"MAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>", b"\n", b"\r"]
)
def test_bare_cr_or_lf_is_answered_500_once(line):
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE)
    before = recorded.session.state

    assert recorded.feed(line + b"\r\n") == b"500 5.5.2 Bare CR or LF; a command ends with CRLF\r\n"
    assert recorded.session.state is before


def test_bare_line_ends_can_be_accepted_in_commands():
    replies = [b"250", b"250", b"250"]
    for wire in (b"NOOP\nNOOP\rNOOP\r\n", b"NOOP\r\nNOOP\nNOOP\n", b"NOOP\rNOOP\r\nNOOP\r"):
        for recorded in (RecordedSession(bare_line_ends="accept"), RecordedSession(bare_line_ends="accept")):
            output = recorded.feed(wire) if recorded.events == [] else recorded.feed_bytewise(wire)
            assert [line[:3] for line in output.splitlines()] == replies


def test_accepted_bare_line_ends_do_not_end_content():
    for feed in ("feed", "feed_bytewise"):
        recorded = RecordedSession(bare_line_ends="accept")
        getattr(recorded, feed)(TO_RCPT.replace(b"\r\n", b"\r") + b"DATA\r\na\n.\n\r\n.\r\nNOOP\n")
        assert recorded.get_messages() == [b"a\n.\n\r\n"]
        assert recorded.events[-1].verb == "NOOP"


@pytest.mark.parametrize("content", [b"a\nb", b"a\rb", b"a\0b", b"\n", b"\r"])
def test_strict_server_refuses_bare_octets_in_content(content):
    recorded = start_transaction(strict=True)

    assert recorded.feed(b"DATA\r\n" + content + b"\r\n.\r\nNOOP\r\n").splitlines()[1:] == [
        b"550 5.5.2 Bare CR, bare LF or NUL in the message", b"250 2.0.0 Ok",
    ]  # fmt: skip
    assert recorded.get_messages() == []
    recorded.feed(b"MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<a@b.example>\r\nBDAT 3 LAST\r\na\nb")
    assert recorded.get_messages() == [b"a\nb"]


@pytest.mark.parametrize(
    ("switch", "line", "refused"),
    [
        ("eight_bit_without_smtputf8", "MAIL FROM:<ü@example.com>", 550),
        ("parameters_after_helo", "MAIL FROM:<a@example.com> SIZE=1", 555),
        ("unknown_parameters", "MAIL FROM:<a@example.com> X-FOO=1", 555),
        ("space_before_path", "MAIL FROM: <a@example.com>", 501),
        ("space_before_path", "MAIL  FROM:<a@example.com>", 501),
        ("path_without_brackets", "MAIL FROM:a@example.com", 501),
    ],
)
def test_leniency_accepts_commands(switch, line, refused):
    greeting = b"HELO x\r\n" if switch == "parameters_after_helo" else EHLO_LINE
    strict = RecordedSession(lenient=Lenient(**dict.fromkeys(Lenient.NAMES, False)))
    lenient = RecordedSession(lenient=Lenient(**(dict.fromkeys(Lenient.NAMES, False) | {switch: True})))
    strict.feed(greeting)
    lenient.feed(greeting)

    assert strict.feed_command(line.encode()) == refused
    assert lenient.feed_command(line.encode()) == 250


@pytest.mark.parametrize("value", ["=abc", "=-5", "=1.5", "=\u0663", "=\u00b2", "=" + "9" * 21, ""])
def test_size_that_is_no_number_is_ignored_where_not_offered(value):
    recorded = RecordedSession(lenient=Lenient.all(), extensions=["HELP"])
    recorded.feed(EHLO_LINE)

    assert recorded.feed_command(f"MAIL FROM:<a@example.com> SIZE{value}".encode()) == 250
    assert recorded.events[-1].declared_size is None
    recorded.feed(b"RCPT TO:<b@example.com>\r\nDATA\r\nHi\r\n.\r\n")
    assert [finding.code for finding in recorded.record.findings] == ["unknown_parameter"]


def test_any_helo_name_is_accepted_by_default():
    assert RecordedSession(lenient=Lenient(any_helo_domain=False)).feed_command(b"EHLO my_laptop") == 501


@pytest.mark.parametrize("line", ["MAIL FROM:<ü@example.com>", "RCPT TO:<ü@example.com>"])
def test_utf8_addresses_without_smtputf8_count_as_errors(line):
    recorded = RecordedSession(limits=Limits(errors=2))
    recorded.feed(EHLO_LINE + b"MAIL FROM:<a@example.com>\r\n" if line[0] == "R" else EHLO_LINE)
    recorded.feed_command(line.encode())

    assert recorded.feed_command(line.encode()) == 421


# Paths that are ambiguous or dangerous are refused, however lenient the server is.
BAD_PATHS = [
    "<<a@b.example>>", "<a@b.example", "a@b.example>", "<a@b.example>>", "< a@b.example>", "<a@b.example >",
    "Ann <a@b.example>", "<a@b.example> <c@d.example>", "a@b.example c@d.example", "a@b.example,c@d.example",
    "<a@b.example>,<c@d.example>", "\t<a@b.example>", "<a\x00@b.example>", "a\x00@b.example", "<a@b.example\x07>",
    "a b@c.example", "(comment)a@b.example", "", " ", "@b.example", "a@", "a@b@c.example", "<a@b.example>SIZE=1",
    '"a@b.example', "a@b..example", "<a\x7f@b.example>",
]  # fmt: skip


@pytest.mark.parametrize("path", BAD_PATHS)
@pytest.mark.parametrize("lenient", [Lenient(), Lenient.all(), Lenient.none()])
def test_ambiguous_or_dangerous_path_is_always_refused(lenient, path):
    recorded = RecordedSession(lenient=lenient, limits=Limits(errors=None))
    recorded.feed(EHLO_LINE)
    for command in ("MAIL FROM:", "RCPT TO:"):
        for space in ("", " ", "  "):
            assert recorded.feed_command(f"{command}{space}{path}".encode()) in (501, 555)
        recorded.feed(b"MAIL FROM:<x@y.example>\r\n")


PATHS = ["<a@b.example>", "a@b.example", "<@r.example:a@b.example>", '"a b"@c.example', "<a@b.example> "]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("command", ["MAIL FROM:", "RCPT TO:"])
def test_path_after_spaces_or_without_brackets_is_accepted(command, path):
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE if command[0] == "M" else EHLO_LINE + b"MAIL FROM:<x@y.example>\r\n")

    assert recorded.feed_command(f"{command}  {path}".encode()) == 250
    assert recorded.events[-1].path.mailbox in ("a@b.example", '"a b"@c.example')


def test_null_path_needs_brackets():
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE)

    assert recorded.feed_command(b"MAIL FROM: ") == 501
    assert recorded.feed_command(b"MAIL FROM: <>") == 250


def test_utf8_addresses_need_smtputf8():
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE)

    assert recorded.feed_command("MAIL FROM:<jürgen@example.com>".encode()) == 550  # RFC 6531 3.5
    assert recorded.feed_command("MAIL FROM:<jürgen@example.com> SMTPUTF8".encode()) == 250
    assert recorded.feed_command("RCPT TO:<bøb@example.com>".encode()) == 250
    recorded.feed(b"RSET\r\nMAIL FROM:<a@example.com>\r\n")
    assert recorded.feed_command("RCPT TO:<bøb@example.com>".encode()) == 553


# -- decisions ---------------------------------------------------------------------------------


def test_decision_replaces_the_suggested_reply():
    def decide(happened, reply):
        if isinstance(happened, events.Rcpt) and happened.path.mailbox.startswith("full"):
            return Reply(452, "4.2.2", "Mailbox full")
        if isinstance(happened, events.Unknown) and happened.command == "STAT":
            return Reply(250, "all is well")
        return reply

    recorded = RecordedSession(decide)
    recorded.feed(EHLO_LINE + b"MAIL FROM:<>\r\n")

    assert recorded.feed(b"RCPT TO:<full@example.com>\r\n") == b"452 4.2.2 Mailbox full\r\n"
    assert recorded.feed_command(b"DATA") == 503  # no recipient was accepted
    assert recorded.feed(b"STAT\r\n") == b"250 all is well\r\n"


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA", "END_OF_DATA", "RSET", "BDAT"])
def test_refusal_keeps_the_state(verb):
    def decide(happened, reply):
        return Reply(450, "4.0.0", "no") if happened.verb == verb else reply

    recorded = RecordedSession(decide)
    recorded.feed(b"HELO x\r\n" if verb == "EHLO" else b"")
    before = {"END_OF_DATA": State.READY, "BDAT": State.READY}
    recorded.feed(TO_RCPT)
    if verb in ("DATA", "END_OF_DATA"):
        recorded.feed(b"DATA\r\n")
    elif verb == "BDAT":
        assert recorded.feed(b"BDAT 2\r\nhi") == b"450 4.0.0 no\r\n"
    if verb == "END_OF_DATA":
        recorded.feed(b"hi\r\n.\r\n")
    if verb == "RSET":
        recorded.feed(b"RSET\r\n")
    reached = {"EHLO": State.RCPT, "MAIL": State.READY, "RCPT": State.MAIL, "DATA": State.RCPT, "RSET": State.RCPT}
    assert recorded.session.state is before.get(verb, reached.get(verb))


def test_refused_greeting_allows_only_quit():
    recorded = RecordedSession(lambda e, reply: Reply(554, "No SMTP service here") if e.verb == "CONNECT" else reply)

    assert recorded.greeting == b"554 No SMTP service here\r\n"
    assert recorded.session.state is State.REFUSED
    assert recorded.feed_command(b"EHLO x") == 503
    assert recorded.feed_command(b"QUIT") == 221


def test_any_421_closes_the_session():
    recorded = RecordedSession(lambda e, reply: Reply(421, "4.3.2", "Bye") if e.verb == "NOOP" else reply)

    assert recorded.feed(b"NOOP\r\nNOOP\r\n") == b"421 4.3.2 Bye\r\n"
    assert recorded.session.is_closing and not recorded.session.is_orderly_close


def test_only_354_starts_content():
    recorded = start_transaction(decide=lambda e, reply: Reply(250, "what?") if e.verb == "DATA" else reply)

    assert recorded.feed(b"DATA\r\nNOOP\r\n") == b"250 what?\r\n250 2.0.0 Ok\r\n"


def test_pending_holds_the_input_until_the_answer():
    suggested = []

    def decide(happened, reply):
        if happened.verb == "RCPT":
            suggested.append(reply)
            return PENDING
        return reply

    session = SmtpSession(decide)
    session.greet("x")
    output = session.receive(TO_RCPT + b"RCPT TO:<c@example.com>\r\nNOOP\r\n")
    assert session.is_reply_pending and session.is_halted
    assert output.endswith(b"250 2.1.0 Sender ok\r\n")
    assert session.receive(b"NO") == b""

    assert session.answer(Reply(450, "4.0.0", "no")) == b"450 4.0.0 no\r\n"
    assert session.is_reply_pending
    assert session.answer(suggested[-1]) == b"250 2.1.5 Recipient ok\r\n250 2.0.0 Ok\r\n"
    assert not session.is_reply_pending
    assert session.receive(b"OP\r\n") == b"250 2.0.0 Ok\r\n"
    with pytest.raises(RuntimeError, match="answer\\(\\) needs a pending reply"):
        session.answer(suggested[-1])


def test_commands_before_a_pending_greeting_wait():
    session = SmtpSession(lambda e, reply: PENDING if e.verb == "CONNECT" else reply)

    assert session.greet("x") == b""
    assert session.receive(b"NOOP\r\n") == b""
    assert session.answer(Reply(220, "hello")) == b"220 hello\r\n250 2.0.0 Ok\r\n"


def test_input_over_the_limit_during_pending_is_dropped():
    session = SmtpSession(
        lambda e, reply: PENDING if e.verb == "NOOP" else reply, ServerSettings(limits=Limits(session_memory=100))
    )
    session.greet("x")
    session.receive(b"NOOP\r\n")
    for _ in range(10):
        assert session.receive(b"x" * 50) == b""

    assert session.answer(Reply(250)) == b"250 \r\n421 4.3.1 Too much input while a reply is pending, goodbye\r\n"
    assert session.is_closing


def test_421_as_pending_answer_replaces_the_overflow_reply():
    session = SmtpSession(
        lambda e, reply: PENDING if e.verb == "NOOP" else reply, ServerSettings(limits=Limits(session_memory=10))
    )
    session.greet("x")
    session.receive(b"NOOP\r\n" + b"x" * 50)

    assert session.answer(Reply(421, "bye")) == b"421 bye\r\n"


# -- end of a session --------------------------------------------------------------------------


def test_end_of_input_closes_and_drops_an_unfinished_message():
    recorded = start_transaction()
    recorded.feed(b"DATA\r\nhalf a mess")

    assert recorded.session.receive_eof() == b""
    assert recorded.session.is_closing and recorded.session.is_orderly_close
    assert recorded.get_messages() == []


def test_has_unread_input():
    recorded = RecordedSession(lambda events, reply: PENDING if events.verb == "NOOP" else reply)
    recorded.feed(b"NOOP\r\n")
    assert not recorded.session.has_unread_input
    recorded.feed(b"RSET\r\n")
    assert recorded.session.has_unread_input
    recorded.session.answer(Reply(250, "Ok"))
    assert not recorded.session.has_unread_input


def test_abandoned_session_holds_no_input():
    recorded = start_transaction()
    recorded.feed(b"DATA\r\nhalf a mess")

    recorded.session.abandon()

    assert recorded.session.is_closing and not recorded.session.is_orderly_close
    assert recorded.session.content_size == 0 and not recorded.session.has_backlog
    assert recorded.feed(b"age\r\n.\r\n") == b"" and recorded.get_messages() == []
    recorded.session.abandon()  # a second call is harmless


def test_transaction_is_readable():
    recorded = start_transaction()
    mail, rcpts = recorded.session.transaction

    assert str(mail.path) == "<ann@example.com>" and [str(rcpt.path) for rcpt in rcpts] == ["<bob@example.com>"]
    recorded.feed(b"RSET\r\n")
    assert recorded.session.transaction == (None, ())


def test_unfinished_command_at_end_of_input_is_dropped():
    recorded = RecordedSession()
    recorded.feed(b"NOOP\r\nNO")

    assert recorded.session.receive_eof() == b""
    assert recorded.session.is_closing
    assert recorded.events[-1].verb == "NOOP"


@pytest.mark.parametrize("line", [b"NOOP\n", b"EHLO x\nQUIT\n", b"NOOP\r"])
def test_bare_lf_lines_are_answered_at_end_of_input(line):
    recorded = RecordedSession()

    assert recorded.feed(line) == b""
    assert recorded.session.receive_eof()[:9] == b"500 5.5.2"
    assert recorded.session.is_closing


def test_pending_replies_are_sent_after_end_of_input():
    session = SmtpSession(lambda e, reply: PENDING if e.verb == "NOOP" else reply)
    session.greet("x")
    session.receive(b"NOOP\r\nRSET\r\n")

    assert session.receive_eof() == b""
    assert not session.is_closing
    assert session.answer(Reply(250)) == b"250 \r\n250 2.0.0 Ok\r\n"
    assert session.is_closing


def test_timeout_or_shutdown_ends_the_session_once():
    recorded = RecordedSession()
    assert recorded.session.time_out() == b"421 4.4.2 Timeout, goodbye\r\n"
    assert recorded.session.shut_down() == b""

    other = RecordedSession(extensions=[])
    assert other.session.shut_down() == b"421 Server shutting down, goodbye\r\n"


def test_events_with_equal_fields_are_equal():
    recorded = start_transaction()
    recorded_mail, _ = recorded.session.transaction
    mail = events.Mail(recorded_mail.path, {})

    assert mail == recorded_mail
    assert mail != events.Rcpt(mail.path, {})
    assert events.Noop("x") != events.Help("x")
    assert events.Noop("x") != "x"
    assert len({events.Noop("x"), events.Noop("x"), events.Help("x")}) == 2
    assert repr(events.Bdat(3, last=True)) == "Bdat(last=True, size=3)"


def test_invalid_settings_are_rejected():
    with pytest.raises(ValueError, match='bare_line_ends must be "reject" or "accept"'):
        ServerSettings(bare_line_ends="maybe")
    with pytest.raises(ValueError, match=r"the limit errors must be greater than 0.*got 0"):
        Limits(errors=0)
    with pytest.raises(TypeError, match=r"the limit recipients must be a whole number.*got '5'"):
        Limits(recipients="5")


def test_cached_lines_obey_the_current_state_and_grammar():
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE)
    utf8 = "MAIL FROM:<jürgen@example.com>".encode()

    assert recorded.feed_command(b"MAIL FROM:<a@b.example> SIZE=5") == 250
    assert recorded.feed_command(b"MAIL FROM:<a@b.example> SIZE=5") == 503
    assert recorded.feed_command(b"HELO x") == 250
    assert recorded.feed_command(b"MAIL FROM:<a@b.example> SIZE=5") == 555  # parsed after EHLO; not valid after HELO
    assert recorded.feed_command(b"EHLO x") == 250
    assert recorded.feed_command(b"MAIL FROM:<a@b.example> SMTPUTF8") == 250
    to = "RCPT TO:<bøb@example.com>".encode()
    assert recorded.feed_command(to) == 250
    recorded.feed(b"RSET\r\nMAIL FROM:<a@b.example>\r\n")
    assert recorded.feed_command(to) == 553
    assert recorded.feed_command(utf8) == 503
    assert recorded.events[-1].command == "MAIL"


def test_cache_of_parsed_lines_is_bounded():
    recorded = RecordedSession(limits=Limits(recipients=None))
    recorded.feed(EHLO_LINE + b"MAIL FROM:<a@b.example>\r\n")
    for number in range(1000):
        assert recorded.feed_command(b"RCPT TO:<n%d@example.com>" % number) == 250
    assert sum(map(len, recorded.session.settings.parsed_lines.values())) <= 256 + 2
    _, rcpts = recorded.session.transaction
    assert [rcpt.path.mailbox for rcpt in rcpts] == [f"n{n}@example.com" for n in range(1000)]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (events.Noop("x\x1b"), r"NOOP x\x1b"),
        (events.Ehlo("me"), "EHLO me"),
        (events.Data(), "DATA"),
        (events.Malformed("FOO", b"FOO \xff"), r"FOO \xff"),
        (events.Malformed("", b""), "an empty line"),
        (events.Malformed("END_OF_DATA", b""), "END_OF_DATA"),
        (events.Unknown("X" * 100, ""), "X" * 80 + "…"),
    ],
)
def test_text_of_events_is_short_and_escaped(event, text):
    assert event.said() == text


def test_text_of_mail_and_rcpt_has_the_path():
    mail, rcpts = start_transaction().session.transaction

    assert mail.said() == "MAIL FROM:<ann@example.com>"
    assert rcpts[0].said() == "RCPT TO:<bob@example.com>"


def test_content_size_grows_while_content_arrives():
    recorded = start_transaction()
    recorded.feed(b"DATA\r\n12345")

    assert recorded.session.content_size == 5


def test_message_keeps_the_client_facts_of_its_arrival():
    recorded = RecordedSession()
    for name in (b"one.example", b"two.example"):
        recorded.feed(b"EHLO %s\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n.\r\n" % name)

    assert [e.helo for e in recorded.events if e.verb == "END_OF_DATA"] == ["one.example", "two.example"]
