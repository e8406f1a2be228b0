"""LMTP (RFC 2033): LHLO, and a reply for each recipient."""

import pytest

from lazr.smtptest import Limits, Reply
from lazr.smtptest.protocol.smtp.events import Delivery, EndOfData
from lazr.smtptest.protocol.smtp.reply import PENDING
from tests.helpers.smtp_client import RecordedSession

FULL = Reply(452, "4.2.2", "Mailbox full")
ACCEPTED = b"250 2.0.0 Message accepted\r\n"
THREE = b"MAIL FROM:<ann@example.com>\r\n" + b"".join(
    b"RCPT TO:<%s@example.com>\r\n" % name for name in (b"b", b"c", b"b")
)


def transaction(decide=None, **settings):
    recorded = RecordedSession(decide, lmtp=True, **settings)
    recorded.feed(b"LHLO client.example\r\n" + THREE)
    recorded.events.clear()
    return recorded


def test_lhlo_is_answered_like_ehlo():
    reply = RecordedSession(lmtp=True).feed(b"LHLO client.example\r\n")

    assert reply == RecordedSession().feed(b"EHLO client.example\r\n")
    # RFC 2033 5: an LMTP server must have these two.
    assert b"250-PIPELINING\r\n" in reply and b"250-ENHANCEDSTATUSCODES\r\n" in reply


@pytest.mark.parametrize("line", [b"EHLO x", b"HELO x"])
def test_ehlo_and_helo_are_refused(line):
    recorded = RecordedSession(lmtp=True)

    assert recorded.feed(line + b"\r\n") == b"500 5.5.1 This is LMTP; say LHLO\r\n"
    assert recorded.feed_command(b"MAIL FROM:<>") == 503
    assert recorded.feed_command(b"LHLO x") == 250
    assert recorded.feed_command(line) == 500
    assert recorded.session.is_lmtp and not RecordedSession().session.is_lmtp


def test_lhlo_is_refused_by_smtp():
    assert RecordedSession().feed(b"LHLO x\r\n") == b"500 5.5.1 This is SMTP; say EHLO\r\n"


@pytest.mark.parametrize(
    "content", [b"DATA\r\nHi\r\n.\r\n", b"BDAT 2\r\nHiBDAT 2 LAST\r\n\r\n", b"BDAT 4 LAST\r\nHi\r\n"]
)
def test_each_recipient_gets_a_reply_even_duplicates(content):
    recorded = transaction()
    replies = recorded.feed(content)

    assert replies.endswith(ACCEPTED * 3) and replies.count(ACCEPTED) == 3
    *deliveries, message = recorded.events[-4:]
    assert [str(d.rcpt.path.mailbox) for d in deliveries] == ["b@example.com", "c@example.com", "b@example.com"]
    assert all(type(d) is Delivery and d.message.content == b"Hi\r\n" for d in deliveries)
    assert type(message) is EndOfData and len(message.rcpts) == 3
    assert recorded.session.state.name == "READY"
    assert recorded.feed_command(b"MAIL FROM:<>") == 250


@pytest.mark.parametrize("content", [b"DATA\r\nHi\r\n.\r\n", b"BDAT 4 LAST\r\nHi\r\n"])
def test_each_reply_can_be_decided(content):
    recorded = transaction(lambda event, reply: FULL if event.verb == "DELIVERY" and "c@" in event.said() else reply)
    replies = recorded.feed(content)

    assert replies.endswith(ACCEPTED + FULL.wire + ACCEPTED)
    assert [rcpt.path.mailbox for rcpt in recorded.events[-1].rcpts] == ["b@example.com", "b@example.com"]


def test_message_refused_for_all_recipients_is_not_accepted():
    recorded = transaction(lambda event, reply: FULL if event.verb == "DELIVERY" else reply)

    assert recorded.feed(b"DATA\r\n.\r\n").endswith(FULL.wire * 3)
    assert recorded.get_messages() == []


def test_refused_message_is_refused_for_every_recipient():
    lost = Reply(451, "4.3.0", "Disk full")

    def decide(event, reply):
        if event.verb == "DELIVERY" and "c@" in event.said():
            return FULL
        return lost if event.verb == "END_OF_DATA" else reply

    assert transaction(decide).feed(b"DATA\r\n.\r\n").endswith(lost.wire + FULL.wire + lost.wire)


@pytest.mark.parametrize("late", [{1}, {2}, {3}, {4}, {1, 2, 3, 4}, {2, 4}])
def test_pending_decisions_change_only_the_timing(late):
    count = 0

    def decide(event, reply):
        nonlocal count
        if event.verb not in ("DELIVERY", "END_OF_DATA"):
            return reply
        count += 1
        return PENDING if count in late else reply

    recorded = transaction(decide)
    output = recorded.feed(b"DATA\r\nHi\r\n.\r\nNOOP\r\n")
    while recorded.session.is_reply_pending:
        assert not output.endswith(ACCEPTED)  # all of them, or none
        output += recorded.session.answer(Reply(250, "2.0.0", "Message accepted"))

    assert output.endswith(ACCEPTED * 3 + b"250 2.0.0 Ok\r\n")


def test_421_for_one_recipient_is_the_last_reply():
    recorded = transaction(
        lambda event, reply: Reply(421, "4.3.0", "Gone") if "c@" in event.said() and event.verb == "DELIVERY" else reply
    )

    assert recorded.feed(b"DATA\r\n.\r\nNOOP\r\n").endswith(ACCEPTED + b"421 4.3.0 Gone\r\n")
    assert recorded.session.is_closing
    # The third recipient gets no reply, so it is not accepted either.
    assert [rcpt.path.mailbox for rcpt in recorded.events[-1].rcpts] == ["b@example.com"]


@pytest.mark.parametrize(
    ("settings", "content", "reply"),
    [
        ({"limits": Limits(message_size=3)}, b"DATA\r\nlong\r\n.\r\n", b"552 5.3.4 Message too big\r\n"),
        ({"limits": Limits(message_size=3)}, b"BDAT 5 LAST\r\nlong!", b"552 5.3.4 Message too big\r\n"),
        ({"strict": True}, b"DATA\r\nbare\n\r\n.\r\n", b"550 5.5.2 Bare CR, bare LF or NUL in the message\r\n"),
    ],
)
def test_refused_content_is_refused_for_each_recipient(settings, content, reply):
    recorded = transaction(**settings)

    assert recorded.feed(content).removeprefix(b"354 End data with <CR><LF>.<CR><LF>\r\n") == reply * 3
    assert recorded.feed_command(b"NOOP") == 250


def test_refused_last_chunk_is_refused_for_each_recipient():
    def decide(event, reply):
        return FULL if event.verb == "BDAT" else reply

    assert transaction(decide).feed(b"BDAT 2\r\nHi") == FULL.wire
    assert transaction(decide).feed(b"BDAT 2 LAST\r\nHi") == FULL.wire * 3
    too_big = transaction(limits=Limits(message_size=3))
    assert too_big.feed(b"BDAT 5\r\nlong!") == b"552 5.3.4 Message too big\r\n"


def test_data_without_recipient_is_out_of_order():
    recorded = RecordedSession(lmtp=True)
    recorded.feed(b"LHLO x\r\nMAIL FROM:<>\r\n")

    assert recorded.feed_command(b"DATA") == 503


def test_thousand_recipients_get_thousand_replies():
    recorded = RecordedSession(lmtp=True)
    recorded.feed(b"LHLO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<b@example.com>\r\n" * 1000)

    assert recorded.feed(b"DATA\r\n.\r\n").count(ACCEPTED) == 1000
