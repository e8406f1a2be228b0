"""What a session waits for: the table of conditions, and the public attributes derived from it."""

import pytest

from lazr.smtptest import Auth, Limits
from lazr.smtptest.protocol.smtp.reply import PENDING, Reply
from lazr.smtptest.protocol.smtp.tls_mode import TlsMode
from lazr.smtptest.protocol.smtp.waiting import CLOSED, WAITING_TRANSITIONS, Step, Waiting
from tests.helpers.smtp_client import EHLO_LINE, TO_RCPT, RecordedSession, start_transaction

ATTRIBUTES = (
    "is_halted", "is_closing", "is_orderly_close", "is_reply_pending", "is_pipelining_forbidden", "is_at_mark",
    "has_backlog", "is_handshaking",
)  # fmt: skip


def wait_for(verb):
    """Return a `decide` that leaves the reply to this verb pending."""
    return lambda event, reply: PENDING if event.verb == verb else reply


def session_at_mark():
    recorded = start_transaction()
    recorded.session.marks = (0,)
    recorded.feed(b"DATA\r\n")
    return recorded


def session_with_backlog():
    recorded = RecordedSession()
    recorded.session.items_per_turn = 1
    recorded.session.receive(b"NOOP\r\nNOOP\r\n")
    return recorded


def fed(recorded, data):
    recorded.feed(data)
    return recorded


# Sessions that wait, and the attributes that are true then.
WAITING_SESSIONS = [
    (Waiting.INPUT, RecordedSession, set()),
    (Waiting.REPLY, lambda: fed(RecordedSession(wait_for("NOOP")), b"NOOP\r\n"), {"is_reply_pending"}),
    (
        Waiting.LONE_REPLY,
        lambda: fed(RecordedSession(wait_for("STARTTLS"), tls=TlsMode.STARTTLS), EHLO_LINE + b"STARTTLS\r\n"),
        {"is_reply_pending", "is_pipelining_forbidden"},
    ),
    (Waiting.MARK, session_at_mark, {"is_reply_pending", "is_at_mark"}),
    (Waiting.TURN, session_with_backlog, {"has_backlog"}),
    (
        Waiting.HANDSHAKE,
        lambda: fed(RecordedSession(tls=TlsMode.STARTTLS), EHLO_LINE + b"STARTTLS\r\n"),
        {"is_handshaking"},
    ),
    (Waiting.CLOSE, lambda: fed(RecordedSession(limits=Limits(errors=1)), b"FOO\r\n"), {"is_closing"}),
    (Waiting.ORDERLY_CLOSE, lambda: fed(RecordedSession(), b"QUIT\r\n"), {"is_closing", "is_orderly_close"}),
]


@pytest.mark.parametrize(("waiting", "make", "expected"), WAITING_SESSIONS)
def test_attributes_follow_from_what_the_session_waits_for(waiting, make, expected):
    session = make().session
    true = {name for name in ATTRIBUTES if getattr(session, name)}

    assert session.waiting is waiting
    assert true == expected | ({"is_halted"} if expected else set())


def test_driver_cannot_change_what_the_session_waits_for():
    session = RecordedSession().session
    for name in {*ATTRIBUTES, "waiting"} - {"is_halted"}:
        with pytest.raises(AttributeError):
            setattr(session, name, True)


def test_decide_sees_that_pipelining_is_forbidden():
    seen = []

    def decide(event, reply):
        seen.append((event.verb, recorded.session.waiting, recorded.session.is_pipelining_forbidden))
        return reply

    recorded = RecordedSession(auth=Auth("any", in_clear=True))
    recorded.session = type(recorded.session)(decide, recorded.settings)
    recorded.session.greet("x")
    recorded.feed(EHLO_LINE + b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n")

    assert seen[-1] == ("AUTH", Waiting.GROUP_END, True) and seen[0] == ("CONNECT", Waiting.INPUT, False)


def test_every_condition_is_reached_and_every_step_is_used():
    reached = {Waiting.INPUT}
    for _ in Waiting:
        reached |= {following for (waiting, _), following in WAITING_TRANSITIONS.items() if waiting in reached}

    assert reached == set(Waiting)
    assert {step for _, step in WAITING_TRANSITIONS} == set(Step)


def test_closed_session_stays_closed_and_every_session_can_close():
    for waiting in Waiting:
        following = {end for (start, _), end in WAITING_TRANSITIONS.items() if start is waiting}
        assert following & CLOSED
        assert waiting not in CLOSED or following <= CLOSED


@pytest.mark.parametrize("is_pending", [False, True])
def test_handshake_begins_although_much_output_waits(is_pending):
    recorded = RecordedSession(
        decide=wait_for("STARTTLS") if is_pending else None, tls=TlsMode.STARTTLS, limits=Limits(replies_waiting=5)
    )
    recorded.feed(EHLO_LINE)
    recorded.session.receive(b"STARTTLS\r\n")
    if is_pending:
        recorded.session.answer(Reply(220, "2.0.0", "go"))

    assert recorded.session.is_handshaking and not recorded.session.has_backlog
    recorded.complete_handshake()
    assert recorded.session.waiting is Waiting.INPUT
    assert recorded.session.receive_eof() == b"" and recorded.session.is_orderly_close


def test_no_handshake_follows_a_220_that_closes():
    last = Reply(220, "2.0.0", "go").replace(closes=True)
    recorded = RecordedSession(lambda event, reply: last if event.verb == "STARTTLS" else reply, tls=TlsMode.STARTTLS)

    assert recorded.feed(EHLO_LINE + b"STARTTLS\r\n").endswith(b"220 2.0.0 go\r\n")
    assert recorded.session.waiting is Waiting.CLOSE and not recorded.session.is_handshaking


@pytest.mark.parametrize("verb", ["DATA", "NOTHING"])
@pytest.mark.parametrize("size", [1, 100])
def test_lf_after_the_cr_of_a_pending_command_is_no_content(verb, size):
    recorded = start_transaction(decide=wait_for(verb), bare_line_ends="accept")
    wire = b"DATA\r\nHi\r\n.\r\n"
    for start in range(0, len(wire), size):
        recorded.session.receive(wire[start : start + size])
        if recorded.session.is_reply_pending:
            recorded.session.answer(Reply(354, "go"))

    assert recorded.get_messages() == [b"Hi\r\n"]


def test_input_after_the_last_auth_is_recorded_although_session_closes():
    recorded = RecordedSession(auth=Auth("any", in_clear=True), limits=Limits(errors=1))
    output = recorded.feed(EHLO_LINE + b"AUTH NONE\r\n" + TO_RCPT)

    assert output.endswith(b"421 4.7.0 Too many errors, goodbye\r\n")
    assert recorded.record.discarded == TO_RCPT
    assert recorded.session.waiting is Waiting.CLOSE


def test_session_continues_after_an_exception_of_decide():
    def decide(event, reply):
        if event.verb == "AUTH":
            raise ZeroDivisionError
        return reply

    recorded = RecordedSession(decide, auth=Auth("any", in_clear=True))
    recorded.feed(EHLO_LINE)
    with pytest.raises(ZeroDivisionError):
        recorded.feed(b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n")

    assert recorded.feed(b"NOOP\r\n").endswith(b"250 2.0.0 Ok\r\n")


def test_end_of_input_in_handshake_ends_session_after_next_line():
    recorded = RecordedSession(tls=TlsMode.STARTTLS)
    recorded.feed(EHLO_LINE + b"STARTTLS\r\n")
    assert recorded.session.receive_eof() == b"" and recorded.session.is_handshaking
    recorded.complete_handshake()

    assert recorded.feed(b"NOOP\r\n") == b"250 2.0.0 Ok\r\n"
    assert recorded.session.is_orderly_close


def test_unread_size_counts_input_that_waits():
    recorded = RecordedSession(wait_for("NOOP"))
    assert recorded.session.unread_size == 0 and not recorded.session.has_unread_input

    recorded.session.receive(b"NOOP\r\nRSET\r\nHE")
    assert recorded.session.unread_size == 8 and recorded.session.has_unread_input


def test_thousands_of_replies_to_one_command_are_sent_in_order():
    recorded = RecordedSession(lmtp=True, limits=Limits(recipients=None))
    recorded.feed(b"LHLO me\r\nMAIL FROM:<>\r\n" + b"".join(b"RCPT TO:<a%d@b.example>\r\n" % n for n in range(3000)))
    output = recorded.feed(b"DATA\r\nHi\r\n.\r\n")

    assert output.count(b"250 2.0.0 Message accepted\r\n") == 3000
