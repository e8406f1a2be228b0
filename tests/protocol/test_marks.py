"""Marks in content: the session halts where so many octets have come, however they came."""

import pytest

from lazr.smtptest.protocol.smtp.reply import Reply
from talk import TO_RCPT, Recorded

MESSAGE = b"Subject: Hi\r\n\r\n..dots\r\n.\r\n"  # 22 octets of content: two dots are one
CHUNKS = b"BDAT 10\r\n0123456789BDAT 5 LAST\r\n01234"


def halts(recorded, wire, size):
    """Where it halts, when the octets come in pieces of this size; and all that it says."""
    session, found, said = recorded.session, [], b""
    for start in range(0, len(wire), size):
        said += session.receive(wire[start : start + size])
        while session.at_mark:
            found.append((session.mark, session.content_size))
            assert session.waiting and session.halted
            said += session.read_on()
    return found, said


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
@pytest.mark.parametrize(
    ("wire", "marks", "found"),
    [
        (b"DATA\r\n" + MESSAGE, (0,), [0]),
        (b"DATA\r\n" + MESSAGE, (10,), [10]),
        (b"DATA\r\n" + MESSAGE, (0, 16, 22), [0, 16, 22]),
        (b"DATA\r\n" + MESSAGE, (23,), []),
        (b"DATA\r\n.\r\n", (1,), []),
        (CHUNKS, (0, 3, 10, 12, 15), [0, 3, 10, 12, 15]),
        (b"BDAT 0 LAST\r\n", (0,), []),
        # A second message in one go with the first.
        (b"DATA\r\n" + MESSAGE + TO_RCPT + b"DATA\r\n" + MESSAGE, (5,), [5, 5]),
    ],
)
def test_it_halts_at_exactly_so_many_octets(wire, marks, found, size):
    marked, plain = Recorded(), Recorded()
    for recorded in (marked, plain):
        recorded.say(TO_RCPT)
    marked.session.marks = marks
    said = plain.say(wire)

    assert halts(marked, wire, size) == ([(mark, mark) for mark in found], said)
    assert marked.messages() == plain.messages()


def test_a_chunk_that_is_not_welcome_is_no_content():
    recorded = Recorded()
    recorded.session.marks = (0, 2)

    assert recorded.say(b"EHLO me\r\nBDAT 4\r\nabcdNOOP\r\n").endswith(b"250 2.0.0 Ok\r\n")


def test_a_mark_that_is_passed_already_halts_at_the_next_octet():
    recorded = Recorded()
    recorded.say(TO_RCPT + b"DATA\r\n0123456789")
    recorded.session.marks = (5,)

    recorded.session.receive(b"abc")

    assert (recorded.session.mark, recorded.session.content_size) == (5, 11)


def test_what_comes_meanwhile_waits_and_too_much_of_it_ends_the_session():
    from lazr.smtptest.protocol.smtp.limits import Limits

    recorded = Recorded(limits=Limits(session_memory=100))
    recorded.say(TO_RCPT + b"DATA\r\n")
    recorded.session.marks = (3,)
    assert recorded.session.receive(b"01234") == recorded.session.receive(b"x" * 200) == b""

    assert recorded.session.read_on().startswith(b"421 4.3.1")


def test_nothing_is_read_on_where_nothing_is_marked():
    with pytest.raises(RuntimeError, match="no"):
        Recorded().session.read_on()


def test_an_answer_is_not_due_at_a_mark():
    recorded = Recorded()
    recorded.session.marks = (0,)
    recorded.session.receive(TO_RCPT + b"DATA\r\n")

    with pytest.raises(RuntimeError, match="no answer is due"):
        recorded.session.answer(Reply(250))


def test_a_reply_can_be_other_octets_and_the_last_word():
    odd = Reply(250, "2.0.0", "Ok").but(wire=b"\xff\n", closes=True)
    recorded = Recorded(decide=lambda event, reply: odd if event.verb == "NOOP" else reply)

    assert recorded.say(b"NOOP\r\nNOOP\r\n") == b"\xff\n" and recorded.session.closing
    assert recorded.record.ended == "rule"
    assert str(recorded.record.transcript).endswith("S: \\udcff\\n") or "S: \\xff\\n" in str(recorded.record.transcript)
    assert repr(odd) == "Reply(250, '2.0.0', 'Ok').but(wire=b'\\xff\\n', closes=True)"
    assert odd != Reply(250, "2.0.0", "Ok") and odd == odd.but() and hash(odd) == hash(odd.but())
