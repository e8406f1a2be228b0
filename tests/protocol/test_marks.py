"""Marks in content: the session halts at these positions, however the input is split."""

import pytest

from lazr.smtptest.protocol.smtp.reply import Reply
from tests.helpers.smtp_client import TO_RCPT, RecordedSession

MESSAGE = b"Subject: Hi\r\n\r\n..dots\r\n.\r\n"  # 22 bytes of content: two dots are one
CHUNKS = b"BDAT 10\r\n0123456789BDAT 5 LAST\r\n01234"


def halts(recorded, wire, size):
    """Return where the session halts if input arrives in pieces of this size, and its output."""
    session, found, output = recorded.session, [], b""
    for start in range(0, len(wire), size):
        output += session.receive(wire[start : start + size])
        while session.is_at_mark:
            found.append((session.last_mark, session.content_size))
            assert session.is_reply_pending and session.is_halted
            output += session.resume_after_mark()
    return found, output


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
        # Two messages in one input.
        (b"DATA\r\n" + MESSAGE + TO_RCPT + b"DATA\r\n" + MESSAGE, (5,), [5, 5]),
    ],
)
def test_session_halts_exactly_at_each_mark(wire, marks, found, size):
    marked, plain = RecordedSession(), RecordedSession()
    for recorded in (marked, plain):
        recorded.feed(TO_RCPT)
    marked.session.marks = marks
    output = plain.feed(wire)

    assert halts(marked, wire, size) == ([(mark, mark) for mark in found], output)
    assert marked.get_messages() == plain.get_messages()


def test_refused_chunk_does_not_count_as_content():
    recorded = RecordedSession()
    recorded.session.marks = (0, 2)

    assert recorded.feed(b"EHLO me\r\nBDAT 4\r\nabcdNOOP\r\n").endswith(b"250 2.0.0 Ok\r\n")


def test_passed_mark_halts_at_the_next_byte():
    recorded = RecordedSession()
    recorded.feed(TO_RCPT + b"DATA\r\n0123456789")
    recorded.session.marks = (5,)

    recorded.session.receive(b"abc")

    assert (recorded.session.last_mark, recorded.session.content_size) == (5, 11)


def test_input_at_a_mark_waits_up_to_a_limit():
    from lazr.smtptest.protocol.smtp.limits import Limits

    recorded = RecordedSession(limits=Limits(session_memory=100))
    recorded.feed(TO_RCPT + b"DATA\r\n")
    recorded.session.marks = (3,)
    assert recorded.session.receive(b"01234") == recorded.session.receive(b"x" * 200) == b""

    assert recorded.session.resume_after_mark().startswith(b"421 4.3.1")


def test_resume_without_a_mark_raises_runtime_error():
    with pytest.raises(RuntimeError, match="no"):
        RecordedSession().session.resume_after_mark()


def test_answer_at_a_mark_raises_runtime_error():
    recorded = RecordedSession()
    recorded.session.marks = (0,)
    recorded.session.receive(TO_RCPT + b"DATA\r\n")

    with pytest.raises(RuntimeError, match="answer\\(\\) needs a pending reply"):
        recorded.session.answer(Reply(250))


def test_reply_can_be_replaced_by_raw_bytes_and_close():
    odd = Reply(250, "2.0.0", "Ok").replace(wire=b"\xff\n", closes=True)
    recorded = RecordedSession(decide=lambda event, reply: odd if event.verb == "NOOP" else reply)

    assert recorded.feed(b"NOOP\r\nNOOP\r\n") == b"\xff\n" and recorded.session.is_closing
    assert recorded.record.ended == "rule"
    assert str(recorded.record.transcript).endswith("S: \\udcff\\n") or "S: \\xff\\n" in str(recorded.record.transcript)
    assert repr(odd) == "Reply(250, '2.0.0', 'Ok').replace(wire=b'\\xff\\n', closes=True)"
    assert odd != Reply(250, "2.0.0", "Ok") and odd == odd.replace() and hash(odd) == hash(odd.replace())
