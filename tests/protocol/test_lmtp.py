"""LMTP (RFC 2033): LHLO, and a reply for each recipient."""

import pytest

from lazr.smtptest import Limits, Reply
from lazr.smtptest.protocol.smtp.event import Delivery, EndOfData
from lazr.smtptest.protocol.smtp.reply import PENDING
from talk import Recorded

FULL = Reply(452, "4.2.2", "Mailbox full")
ACCEPTED = b"250 2.0.0 Message accepted\r\n"
THREE = b"MAIL FROM:<ann@example.com>\r\n" + b"".join(
    b"RCPT TO:<%s@example.com>\r\n" % name for name in (b"b", b"c", b"b")
)


def transaction(decide=None, **settings):
    recorded = Recorded(decide, lmtp=True, **settings)
    recorded.say(b"LHLO client.example\r\n" + THREE)
    recorded.events.clear()
    return recorded


def test_lhlo_is_answered_as_ehlo_is():
    reply = Recorded(lmtp=True).say(b"LHLO client.example\r\n")

    assert reply == Recorded().say(b"EHLO client.example\r\n")
    # RFC 2033 5: these two an LMTP server has to have.
    assert b"250-PIPELINING\r\n" in reply and b"250-ENHANCEDSTATUSCODES\r\n" in reply


@pytest.mark.parametrize("line", [b"EHLO x", b"HELO x"])
def test_ehlo_and_helo_are_refused(line):
    recorded = Recorded(lmtp=True)

    assert recorded.say(line + b"\r\n") == b"500 5.5.1 This is LMTP; say LHLO\r\n"
    assert recorded.code(b"MAIL FROM:<>") == 503
    assert recorded.code(b"LHLO x") == 250
    assert recorded.code(line) == 500
    assert recorded.session.lmtp and not Recorded().session.lmtp


def test_lhlo_is_refused_by_smtp():
    assert Recorded().say(b"LHLO x\r\n") == b"500 5.5.1 This is SMTP; say EHLO\r\n"


@pytest.mark.parametrize(
    "content", [b"DATA\r\nHi\r\n.\r\n", b"BDAT 2\r\nHiBDAT 2 LAST\r\n\r\n", b"BDAT 4 LAST\r\nHi\r\n"]
)
def test_each_recipient_gets_a_reply_duplicates_too(content):
    recorded = transaction()
    replies = recorded.say(content)

    assert replies.endswith(ACCEPTED * 3) and replies.count(ACCEPTED) == 3
    *deliveries, message = recorded.events[-4:]
    assert [str(d.rcpt.path.mailbox) for d in deliveries] == ["b@example.com", "c@example.com", "b@example.com"]
    assert all(type(d) is Delivery and d.message.content == b"Hi\r\n" for d in deliveries)
    assert type(message) is EndOfData and len(message.rcpts) == 3
    assert recorded.session.state.name == "READY"
    assert recorded.code(b"MAIL FROM:<>") == 250


@pytest.mark.parametrize("content", [b"DATA\r\nHi\r\n.\r\n", b"BDAT 4 LAST\r\nHi\r\n"])
def test_each_reply_can_be_set(content):
    recorded = transaction(lambda event, reply: FULL if event.verb == "DELIVERY" and "c@" in event.said() else reply)
    replies = recorded.say(content)

    assert replies.endswith(ACCEPTED + FULL.wire + ACCEPTED)
    assert [rcpt.path.mailbox for rcpt in recorded.events[-1].rcpts] == ["b@example.com", "b@example.com"]


def test_where_all_are_refused_there_is_no_message():
    recorded = transaction(lambda event, reply: FULL if event.verb == "DELIVERY" else reply)

    assert recorded.say(b"DATA\r\n.\r\n").endswith(FULL.wire * 3)
    assert recorded.messages() == []


def test_a_refused_message_is_refused_for_all_that_were_accepted():
    lost = Reply(451, "4.3.0", "Disk full")

    def decide(event, reply):
        if event.verb == "DELIVERY" and "c@" in event.said():
            return FULL
        return lost if event.verb == "END_OF_DATA" else reply

    assert transaction(decide).say(b"DATA\r\n.\r\n").endswith(lost.wire + FULL.wire + lost.wire)


@pytest.mark.parametrize("late", [{1}, {2}, {3}, {4}, {1, 2, 3, 4}, {2, 4}])
def test_late_answers_change_nothing_but_the_time(late):
    count = 0

    def decide(event, reply):
        nonlocal count
        if event.verb not in ("DELIVERY", "END_OF_DATA"):
            return reply
        count += 1
        return PENDING if count in late else reply

    recorded = transaction(decide)
    output = recorded.say(b"DATA\r\nHi\r\n.\r\nNOOP\r\n")
    while recorded.session.waiting:
        assert not output.endswith(ACCEPTED)  # all of them, or none
        output += recorded.session.answer(Reply(250, "2.0.0", "Message accepted"))

    assert output.endswith(ACCEPTED * 3 + b"250 2.0.0 Ok\r\n")


def test_a_421_in_the_middle_is_the_last_word():
    recorded = transaction(
        lambda event, reply: Reply(421, "4.3.0", "Gone") if "c@" in event.said() and event.verb == "DELIVERY" else reply
    )

    assert recorded.say(b"DATA\r\n.\r\nNOOP\r\n").endswith(ACCEPTED + b"421 4.3.0 Gone\r\n")
    assert recorded.session.closing
    # Nobody is told of the third recipient, so it is not accepted either.
    assert [rcpt.path.mailbox for rcpt in recorded.events[-1].rcpts] == ["b@example.com"]


@pytest.mark.parametrize(
    ("settings", "content", "reply"),
    [
        ({"limits": Limits(message_size=3)}, b"DATA\r\nlong\r\n.\r\n", b"552 5.3.4 Message too big\r\n"),
        ({"limits": Limits(message_size=3)}, b"BDAT 5 LAST\r\nlong!", b"552 5.3.4 Message too big\r\n"),
        ({"strict": True}, b"DATA\r\nbare\n\r\n.\r\n", b"550 5.5.2 Bare CR, bare LF or NUL in the message\r\n"),
    ],
)
def test_content_that_is_refused_is_refused_for_each(settings, content, reply):
    recorded = transaction(**settings)

    assert recorded.say(content).removeprefix(b"354 End data with <CR><LF>.<CR><LF>\r\n") == reply * 3
    assert recorded.code(b"NOOP") == 250


def test_a_chunk_that_is_refused_is_refused_once_and_the_last_one_for_each():
    def decide(event, reply):
        return FULL if event.verb == "BDAT" else reply

    assert transaction(decide).say(b"BDAT 2\r\nHi") == FULL.wire
    assert transaction(decide).say(b"BDAT 2 LAST\r\nHi") == FULL.wire * 3
    too_big = transaction(limits=Limits(message_size=3))
    assert too_big.say(b"BDAT 5\r\nlong!") == b"552 5.3.4 Message too big\r\n"


def test_data_without_a_recipient_is_out_of_order():
    recorded = Recorded(lmtp=True)
    recorded.say(b"LHLO x\r\nMAIL FROM:<>\r\n")

    assert recorded.code(b"DATA") == 503


def test_a_thousand_recipients_get_a_thousand_replies():
    recorded = Recorded(lmtp=True)
    recorded.say(b"LHLO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<b@example.com>\r\n" * 1000)

    assert recorded.say(b"DATA\r\n.\r\n").count(ACCEPTED) == 1000
