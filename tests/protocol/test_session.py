"""What a session says, and in which order things may come."""

import itertools

import pytest

from lazr.smtptest import Lenient, Limits, Reply
from lazr.smtptest.protocol.smtp import event
from lazr.smtptest.protocol.smtp.profile import Profile
from lazr.smtptest.protocol.smtp.reply import PENDING
from lazr.smtptest.protocol.smtp.session import Session
from lazr.smtptest.protocol.smtp.state import NEXT, State
from talk import GREETED, TO_RCPT, Recorded, recipient

REACH = {
    State.START: b"",
    State.READY: GREETED,
    State.MAIL: GREETED + b"MAIL FROM:<ann@example.com>\r\n",
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
    recorded = Recorded()
    recorded.say(REACH[state])
    assert recorded.session.state is state

    expected = CODES.get(verb, 250) if (state, verb) in NEXT else 503
    assert recorded.code(SAY[verb]) == expected
    if expected in (250, 354):
        assert recorded.session.state is NEXT[(state, verb)]
    else:
        assert recorded.session.state is state


def test_the_table_says_what_rfc_5321_says():
    # Spelled out once more, by hand: a table that lost a row would otherwise agree with itself.
    anytime = {"EHLO", "HELO", "LHLO", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT"}
    assert {verb for state, verb in NEXT if state is State.START} == anytime
    assert {verb for state, verb in NEXT if state is State.READY} == anytime | {"MAIL", "STARTTLS", "AUTH", "XCLIENT"}
    assert {verb for state, verb in NEXT if state is State.MAIL} == anytime | {"RCPT"}
    assert {verb for state, verb in NEXT if state is State.RCPT} == anytime | {"RCPT", "DATA", "BDAT"}
    assert {verb for state, verb in NEXT if state is State.BDAT} == anytime | {"BDAT", "END_OF_DATA"}


def test_a_whole_session():
    recorded = Recorded()

    assert recorded.greeting == b"220 localhost ESMTP lazr.smtptest\r\n"
    assert recorded.say(b"HELO client.example\r\n") == b"250 localhost\r\n"
    assert recorded.say(b"MAIL FROM:<ann@example.com>\r\n") == b"250 2.1.0 Sender ok\r\n"
    assert recorded.say(b"RCPT TO:<bob@example.com>\r\n") == b"250 2.1.5 Recipient ok\r\n"
    assert recorded.say(b"DATA\r\n") == b"354 End data with <CR><LF>.<CR><LF>\r\n"
    assert recorded.session.in_content
    assert recorded.say(b"Subject: Hi\r\n\r\nHi\r\n.\r\n") == b"250 2.0.0 Message accepted\r\n"
    assert not recorded.session.in_content
    assert recorded.say(b"QUIT\r\n") == b"221 2.0.0 Bye\r\n"
    assert recorded.session.closing and recorded.session.orderly
    assert [e.verb for e in recorded.events] == [
        "CONNECT", "HELO", "MAIL", "RCPT", "DATA", "END_OF_DATA", "QUIT",
    ]  # fmt: skip
    message = recorded.events[5]
    assert message.mail.path.mailbox == "ann@example.com"
    assert [rcpt.path.mailbox for rcpt in message.rcpts] == ["bob@example.com"]
    assert (message.helo, message.peer) == ("client.example", "192.0.2.1:1025")
    assert repr(message).endswith("19 octets from 192.0.2.1:1025)")


def test_a_pipelined_group_is_answered_in_one_piece_and_in_order():
    output = Recorded().say(TO_RCPT + b"DATA\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\n")

    assert [line[:3] for line in output.splitlines() if line[3:4] != b"-"] == [
        b"250", b"250", b"250", b"354", b"250", b"250", b"221",
    ]  # fmt: skip


def test_nothing_is_read_behind_quit():
    recorded = Recorded()

    assert recorded.say(b"QUIT\r\nNOOP\r\n") == b"221 2.0.0 Bye\r\n"
    assert recorded.say(b"NOOP\r\n") == b""
    assert recorded.session.end_of_input() == b""


def test_duplicate_recipients_are_accepted_and_kept():
    recorded = recipient()
    recorded.say(b"RCPT TO:<bob@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n.\r\n")

    assert [r.path.mailbox for r in recorded.events[-1].rcpts] == ["bob@example.com"] * 3


@pytest.mark.parametrize("again", [b"RSET", b"EHLO again", b"HELO again"])
def test_a_new_start_forgets_the_transaction(again):
    recorded = recipient()
    recorded.code(again)

    assert recorded.code(b"DATA") == 503
    recorded.say(b"MAIL FROM:<new@example.com>\r\nRCPT TO:<new@example.com>\r\nDATA\r\n.\r\n")
    assert recorded.events[-1].mail.path.mailbox == "new@example.com"
    assert len(recorded.events[-1].rcpts) == 1


SYNTAX = [
    (b"EHLO", 501), (b"HELO", 501), (b"EHLO a b", 501), (b"EHLO [192.0.2.1]", 250), (b"EHLO my_laptop", 250),
    (b"EHLO \x01", 501), (b"ehlo x  ", 250), (b"MAIL", 501), (b"MAIL FROM", 501), (b"MAIL FROM: <a@b.example>", 501),
    (b"MAIL TO:<a@b.example>", 501), (b"mail from:<a@b.example>", 250), (b"MAIL FROM:a@b.example", 501),
    (b"MAIL FROM:<a\x00@b.example>", 501), (b"MAIL FROM:<a@b.example> ", 250), (b"MAIL FROM:<>", 250),
    (b"MAIL FROM:<a@b.example>SIZE=1", 501), (b"NOOP anything", 250), (b"NOOP \x07", 501), (b"VRFY", 501),
    (b"EXPN", 501), (b"HELP MAIL", 214), (b"RSET x", 501), (b"RSET  ", 250), (b"QUIT x", 501), (b"FOO", 500),
    (b"", 500), (b" ", 500), (b"NO OP", 500), (b"STARTTLS", 502), (b"AUTH PLAIN", 502), (b"TURN", 502),
    (b"\xff\xfe", 501), (b"NOOP \xff", 501), ("RſET".encode(), 500), (b"R\x00SET", 500),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code"), SYNTAX)
def test_syntax(line, code):
    recorded = Recorded()
    recorded.say(GREETED)

    assert recorded.code(line) == code


@pytest.mark.parametrize(
    ("line", "code"),
    [(b"RCPT", 501), (b"RCPT TO:<>", 501), (b"RCPT TO:<Postmaster>", 250), (b"RCPT TO:<ann>", 501),
     (b"MAIL FROM:<x@y.example>", 503),
     (b"rcpt to:<a@b.example>", 250), (b"RCPT FROM:<a@b.example>", 501), (b"DATA now", 501)],
)  # fmt: skip
def test_syntax_inside_a_transaction(line, code):
    assert recipient().code(line) == code


@pytest.mark.parametrize(
    "line", [b"NO\nOP", b"NOOP\r", b"MAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>", b"\n", b"\r"]
)
def test_a_bare_cr_or_lf_is_answered_500_by_default_and_once(line):
    recorded = Recorded()
    recorded.say(GREETED)
    before = recorded.session.state

    assert recorded.say(line + b"\r\n") == b"500 5.5.2 A bare CR or LF; a command ends with CRLF\r\n"
    assert recorded.session.state is before


def test_bare_line_ends_can_be_accepted_in_commands():
    replies = [b"250", b"250", b"250"]
    for wire in (b"NOOP\nNOOP\rNOOP\r\n", b"NOOP\r\nNOOP\nNOOP\n", b"NOOP\rNOOP\r\nNOOP\r"):
        for recorded in (Recorded(bare_line_ends="accept"), Recorded(bare_line_ends="accept")):
            output = recorded.say(wire) if recorded.events == [] else recorded.bytewise(wire)
            assert [line[:3] for line in output.splitlines()] == replies


def test_accepting_bare_line_ends_changes_nothing_about_content():
    for feed in ("say", "bytewise"):
        recorded = Recorded(bare_line_ends="accept")
        getattr(recorded, feed)(TO_RCPT.replace(b"\r\n", b"\r") + b"DATA\r\na\n.\n\r\n.\r\nNOOP\n")
        assert recorded.messages() == [b"a\n.\n\r\n"]
        assert recorded.events[-1].verb == "NOOP"


def test_a_strict_server_refuses_bare_octets_in_content_and_stays_in_step():
    recorded = recipient(strict=True)

    assert recorded.say(b"DATA\r\na\nb\r\n.\r\nNOOP\r\n").splitlines()[1:] == [
        b"550 5.5.2 Bare CR, bare LF or NUL in the message", b"250 2.0.0 Ok",
    ]  # fmt: skip
    assert recorded.messages() == []
    recorded.say(b"MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<a@b.example>\r\nBDAT 3 LAST\r\na\nb")
    assert recorded.messages() == [b"a\nb"]


@pytest.mark.parametrize(
    ("switch", "line", "refused"),
    [
        ("eight_bit_without_smtputf8", "MAIL FROM:<ü@example.com>", 553),
        ("parameters_after_helo", "MAIL FROM:<a@example.com> SIZE=1", 555),
        ("unknown_parameters", "MAIL FROM:<a@example.com> X-FOO=1", 555),
        ("space_before_path", "MAIL FROM: <a@example.com>", 501),
        ("space_before_path", "MAIL  FROM:<a@example.com>", 501),
    ],
)
def test_leniency_of_commands(switch, line, refused):
    greeting = b"HELO x\r\n" if switch == "parameters_after_helo" else GREETED
    strict, lenient = Recorded(), Recorded(lenient=Lenient(**{switch: True}))
    strict.say(greeting)
    lenient.say(greeting)

    assert strict.code(line.encode()) == refused
    assert lenient.code(line.encode()) == 250


def test_a_helo_name_may_be_anything_unless_the_server_is_strict_about_it():
    assert Recorded(lenient=Lenient(any_helo_domain=False)).code(b"EHLO my_laptop") == 501


def test_utf8_addresses_need_smtputf8():
    recorded = Recorded()
    recorded.say(GREETED)

    assert recorded.code("MAIL FROM:<jürgen@example.com>".encode()) == 553
    assert recorded.code("MAIL FROM:<jürgen@example.com> SMTPUTF8".encode()) == 250
    assert recorded.code("RCPT TO:<bøb@example.com>".encode()) == 250
    recorded.say(b"RSET\r\nMAIL FROM:<a@example.com>\r\n")
    assert recorded.code("RCPT TO:<bøb@example.com>".encode()) == 553


# -- deciding ----------------------------------------------------------------------------------


def test_a_decision_takes_the_place_of_the_suggestion():
    def decide(happened, reply):
        if isinstance(happened, event.Rcpt) and happened.path.mailbox.startswith("full"):
            return Reply(452, "4.2.2", "Mailbox full")
        if isinstance(happened, event.Unknown) and happened.verb == "STAT":
            return Reply(250, "all is well")
        return reply

    recorded = Recorded(decide)
    recorded.say(GREETED + b"MAIL FROM:<>\r\n")

    assert recorded.say(b"RCPT TO:<full@example.com>\r\n") == b"452 4.2.2 Mailbox full\r\n"
    assert recorded.code(b"DATA") == 503  # nobody was accepted
    assert recorded.say(b"STAT\r\n") == b"250 all is well\r\n"


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA", "END_OF_DATA", "RSET", "BDAT"])
def test_a_refusal_changes_no_state(verb):
    def decide(happened, reply):
        return Reply(450, "4.0.0", "no") if happened.verb == verb else reply

    recorded = Recorded(decide)
    recorded.say(b"HELO x\r\n" if verb == "EHLO" else b"")
    before = {"END_OF_DATA": State.READY, "BDAT": State.READY}
    recorded.say(TO_RCPT)
    if verb in ("DATA", "END_OF_DATA"):
        recorded.say(b"DATA\r\n")
    elif verb == "BDAT":
        assert recorded.say(b"BDAT 2\r\nhi") == b"450 4.0.0 no\r\n"
    if verb == "END_OF_DATA":
        recorded.say(b"hi\r\n.\r\n")
    if verb == "RSET":
        recorded.say(b"RSET\r\n")
    reached = {"EHLO": State.RCPT, "MAIL": State.READY, "RCPT": State.MAIL, "DATA": State.RCPT, "RSET": State.RCPT}
    assert recorded.session.state is before.get(verb, reached.get(verb))


def test_a_refused_greeting_leaves_only_quit():
    recorded = Recorded(lambda e, reply: Reply(554, "No SMTP service here") if e.verb == "CONNECT" else reply)

    assert recorded.greeting == b"554 No SMTP service here\r\n"
    assert recorded.session.state is State.UNWELCOME
    assert recorded.code(b"EHLO x") == 503
    assert recorded.code(b"QUIT") == 221


def test_421_closes_whoever_says_it():
    recorded = Recorded(lambda e, reply: Reply(421, "4.3.2", "Bye") if e.verb == "NOOP" else reply)

    assert recorded.say(b"NOOP\r\nNOOP\r\n") == b"421 4.3.2 Bye\r\n"
    assert recorded.session.closing and not recorded.session.orderly


def test_only_354_lets_content_come():
    recorded = recipient(decide=lambda e, reply: Reply(250, "what?") if e.verb == "DATA" else reply)

    assert recorded.say(b"DATA\r\nNOOP\r\n") == b"250 what?\r\n250 2.0.0 Ok\r\n"


def test_pending_holds_the_rest_of_the_input_until_the_answer():
    asked = []

    def decide(happened, reply):
        if happened.verb == "RCPT":
            asked.append(reply)
            return PENDING
        return reply

    session = Session(decide)
    session.greet("x")
    output = session.receive(TO_RCPT + b"RCPT TO:<c@example.com>\r\nNOOP\r\n")
    assert session.waiting and session.halted
    assert output.endswith(b"250 2.1.0 Sender ok\r\n")
    assert session.receive(b"NO") == b""

    assert session.answer(Reply(450, "4.0.0", "no")) == b"450 4.0.0 no\r\n"
    assert session.waiting
    assert session.answer(asked[-1]) == b"250 2.1.5 Recipient ok\r\n250 2.0.0 Ok\r\n"
    assert not session.waiting
    assert session.receive(b"OP\r\n") == b"250 2.0.0 Ok\r\n"
    with pytest.raises(RuntimeError, match="no answer is due"):
        session.answer(asked[-1])


def test_pending_at_the_greeting_lets_early_commands_wait():
    session = Session(lambda e, reply: PENDING if e.verb == "CONNECT" else reply)

    assert session.greet("x") == b""
    assert session.receive(b"NOOP\r\n") == b""
    assert session.answer(Reply(220, "hello")) == b"220 hello\r\n250 2.0.0 Ok\r\n"


def test_input_without_end_behind_a_question_is_not_kept():
    session = Session(
        lambda e, reply: PENDING if e.verb == "NOOP" else reply, Profile(limits=Limits(session_memory=100))
    )
    session.greet("x")
    session.receive(b"NOOP\r\n")
    for _ in range(10):
        assert session.receive(b"x" * 50) == b""

    assert session.answer(Reply(250)) == b"250 \r\n421 4.3.1 Too much input while a reply is due, goodbye\r\n"
    assert session.closing


def test_a_question_that_is_answered_with_421_outlives_an_overflow():
    session = Session(
        lambda e, reply: PENDING if e.verb == "NOOP" else reply, Profile(limits=Limits(session_memory=10))
    )
    session.greet("x")
    session.receive(b"NOOP\r\n" + b"x" * 50)

    assert session.answer(Reply(421, "bye")) == b"421 bye\r\n"


# -- the end -----------------------------------------------------------------------------------


def test_the_end_of_input_closes_and_drops_what_is_unfinished():
    recorded = recipient()
    recorded.say(b"DATA\r\nhalf a mess")

    assert recorded.session.end_of_input() == b""
    assert recorded.session.closing and recorded.session.orderly
    assert recorded.messages() == []


def test_it_is_known_whether_something_waits_to_be_read():
    recorded = Recorded(lambda event, reply: PENDING if event.verb == "NOOP" else reply)
    recorded.say(b"NOOP\r\n")
    assert not recorded.session.has_unread
    recorded.say(b"RSET\r\n")
    assert recorded.session.has_unread
    recorded.session.answer(Reply(250, "Ok"))
    assert not recorded.session.has_unread


def test_of_a_client_that_is_gone_nothing_is_held():
    recorded = recipient()
    recorded.say(b"DATA\r\nhalf a mess")

    recorded.session.abandon()

    assert recorded.session.closing and not recorded.session.orderly
    assert recorded.session.content_size == 0 and not recorded.session.backlog
    assert recorded.say(b"age\r\n.\r\n") == b"" and recorded.messages() == []
    recorded.session.abandon()  # once is enough, twice harmless


def test_a_transaction_can_be_looked_at():
    recorded = recipient()
    mail, rcpts = recorded.session.transaction

    assert str(mail.path) == "<ann@example.com>" and [str(rcpt.path) for rcpt in rcpts] == ["<bob@example.com>"]
    recorded.say(b"RSET\r\n")
    assert recorded.session.transaction == (None, ())


def test_half_a_command_at_the_end_of_input_is_dropped():
    recorded = Recorded()
    recorded.say(b"NOOP\r\nNO")

    assert recorded.session.end_of_input() == b""
    assert recorded.session.closing
    assert recorded.events[-1].verb == "NOOP"


@pytest.mark.parametrize("line", [b"NOOP\n", b"EHLO x\nQUIT\n", b"NOOP\r"])
def test_who_ends_lines_with_lf_hears_of_it_at_the_end_at_least(line):
    recorded = Recorded()

    assert recorded.say(line) == b""
    assert recorded.session.end_of_input()[:9] == b"500 5.5.2"
    assert recorded.session.closing


def test_replies_that_are_due_at_the_end_of_input_still_come():
    session = Session(lambda e, reply: PENDING if e.verb == "NOOP" else reply)
    session.greet("x")
    session.receive(b"NOOP\r\nRSET\r\n")

    assert session.end_of_input() == b""
    assert not session.closing
    assert session.answer(Reply(250)) == b"250 \r\n250 2.0.0 Ok\r\n"
    assert session.closing


def test_a_clock_or_a_stop_end_the_session_once():
    recorded = Recorded()
    assert recorded.session.time_out() == b"421 4.4.2 Timeout, goodbye\r\n"
    assert recorded.session.shut_down() == b""

    other = Recorded(extensions=[])
    assert other.session.shut_down() == b"421 Server shutting down, goodbye\r\n"


def test_events_are_values():
    recorded = recipient()
    mail = event.Mail(recorded.session._mail.path, {})

    assert mail == recorded.session._mail
    assert mail != event.Rcpt(mail.path, {})
    assert event.Noop("x") != event.Help("x")
    assert event.Noop("x") != "x"
    assert len({event.Noop("x"), event.Noop("x"), event.Help("x")}) == 2
    assert repr(event.Bdat(3, last=True)) == "Bdat(last=True, size=3)"


def test_a_profile_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match='bare_line_ends is "reject" or "accept"'):
        Profile(bare_line_ends="maybe")
    with pytest.raises(ValueError, match="the limit errors is 0"):
        Limits(errors=0)
    with pytest.raises(TypeError, match="the limit recipients is '5'"):
        Limits(recipients="5")


def test_a_line_that_came_before_is_held_to_the_order_and_the_grammar_of_now():
    recorded = Recorded()
    recorded.say(GREETED)
    utf8 = "MAIL FROM:<jürgen@example.com>".encode()

    assert recorded.code(b"MAIL FROM:<a@b.example> SIZE=5") == 250
    assert recorded.code(b"MAIL FROM:<a@b.example> SIZE=5") == 503
    assert recorded.code(b"HELO x") == 250
    assert recorded.code(b"MAIL FROM:<a@b.example> SIZE=5") == 555  # EHLO's grammar, and this is HELO's
    assert recorded.code(b"EHLO x") == 250
    assert recorded.code(b"MAIL FROM:<a@b.example> SMTPUTF8") == 250
    to = "RCPT TO:<bøb@example.com>".encode()
    assert recorded.code(to) == 250
    recorded.say(b"RSET\r\nMAIL FROM:<a@b.example>\r\n")
    assert recorded.code(to) == 553
    assert recorded.code(utf8) == 503
    assert recorded.events[-1].verb == "MAIL"


def test_a_server_remembers_so_many_lines_and_no_more():
    recorded = Recorded(limits=Limits(recipients=None))
    recorded.say(GREETED + b"MAIL FROM:<a@b.example>\r\n")
    for number in range(1000):
        assert recorded.code(b"RCPT TO:<n%d@example.com>" % number) == 250
    assert sum(map(len, recorded.session._profile.known.values())) <= 256 + 2
    assert [rcpt.path.mailbox for rcpt in recorded.session._rcpts] == [f"n{n}@example.com" for n in range(1000)]


@pytest.mark.parametrize(
    ("happened", "said"),
    [
        (event.Noop("x\x1b"), r"NOOP x\x1b"),
        (event.Ehlo("me"), "EHLO me"),
        (event.Data(), "DATA"),
        (event.Malformed("FOO", b"FOO \xff"), r"FOO \xff"),
        (event.Malformed("", b""), "an empty line"),
        (event.Malformed("END_OF_DATA", b""), "END_OF_DATA"),
        (event.Unknown("X" * 100, ""), "X" * 80 + "…"),
    ],
)
def test_an_event_can_be_told_to_people_and_steers_no_terminal(happened, said):
    assert happened.said() == said


def test_a_path_is_told_as_it_was_said():
    recorded = recipient()

    assert recorded.session._mail.said() == "MAIL FROM:<ann@example.com>"
    assert recorded.session._rcpts[0].said() == "RCPT TO:<bob@example.com>"


def test_the_size_of_content_is_known_while_it_comes():
    recorded = recipient()
    recorded.say(b"DATA\r\n12345")

    assert recorded.session.content_size == 5


def test_a_message_remembers_who_its_client_was_then():
    recorded = Recorded()
    for name in (b"one.example", b"two.example"):
        recorded.say(b"EHLO %s\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n.\r\n" % name)

    assert [e.helo for e in recorded.events if e.verb == "END_OF_DATA"] == ["one.example", "two.example"]
