"""Limits and chunks: after a refusal, the session stays in step with the client."""

import pytest

from lazr.smtptest import Limits, Reply
from lazr.smtptest.protocol.smtp.reply import PENDING
from tests.helpers.smtp_client import EHLO_LINE, TO_RCPT, RecordedSession, start_transaction

OK = b"250 2.0.0 Ok\r\n"
LONG = b"500 5.5.2 Command line too long\r\n"
ENDLESS = b"421 4.7.0 Command line has no end, goodbye\r\n"


@pytest.mark.parametrize(
    ("octets", "reply"),
    [(510, OK), (511, LONG), (1000, LONG), (5000, LONG), (65_536, LONG), (65_537, ENDLESS), (200_000, ENDLESS)],
)
@pytest.mark.parametrize("step", [None, 1, 999, 4096])
def test_long_command_line_is_answered_once_and_skipped(octets, reply, step):
    if step == 1 and octets > 10_000:
        step = 37
    line = b"NOOP " + b"x" * (octets - 5) + b"\r\nNOOP\r\n"
    recorded = RecordedSession()
    output = b"".join(recorded.feed(line[i : i + (step or len(line))]) for i in range(0, len(line), step or len(line)))

    assert output == (reply if reply == ENDLESS else reply + OK)


def test_extensions_raise_the_limit_of_mail_and_rcpt():
    orcpt = b"RCPT TO:<bob@example.com> ORCPT=rfc822;"
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE + b"MAIL FROM:<ann@example.com>\r\n")
    assert recorded.feed_command(orcpt + b"x" * 493) == 250
    assert recorded.feed_command(b"RCPT TO:<" + b"x" * 1100 + b"@example.com>") == 500

    without = RecordedSession(extensions=[])
    without.feed(EHLO_LINE + b"MAIL FROM:<ann@example.com>\r\n")
    assert without.feed_command(orcpt + b"x" * 493) == 500


@pytest.mark.parametrize("size", [1, 100, 1000])
def test_long_line_is_masked_alike_however_it_arrives(size):
    data = b"x" * 600 + b".\r\nhello\r\n"  # its start may be base64, and so may be a password
    recorded = RecordedSession(extensions=[])
    for start in range(0, len(data), size):
        recorded.feed(data[start : start + size])

    assert [event.said() for event in recorded.events[1:]] == ["***", "***"]


def test_cr_at_end_of_input_may_be_half_of_a_crlf():
    recorded = RecordedSession(limits=Limits(command_line=20), extensions=[])

    assert recorded.feed(b"x" * 30 + b"\r") == b""
    assert recorded.feed(b"\r") == b""
    assert recorded.feed(b"\nNOOP\r\n").endswith(b"250 Ok\r\n")
    assert recorded.feed(b"x" * 21) == b""
    assert recorded.feed(b"\r") == b""
    assert recorded.feed(b"\n")[:3] == b"500"


def test_accepted_bare_line_ends_end_long_lines():
    recorded = RecordedSession(limits=Limits(command_line=20), extensions=[], bare_line_ends="accept")

    assert [line[:3] for line in recorded.feed(b"x" * 30 + b"\rNOOP\n").splitlines()] == [b"500", b"250"]
    assert recorded.feed(b"x" * 30) == b""
    assert [line[:3] for line in recorded.feed(b"x\r").splitlines()] == [b"500"]
    assert recorded.feed(b"\nNOOP\n") == b"250 Ok\r\n"


def test_content_over_the_limit_is_read_to_its_end_and_552():
    limits = Limits(message_size=100)
    for feed in ("feed", "feed_bytewise"):
        recorded = start_transaction(limits=limits)
        output = getattr(recorded, feed)(b"DATA\r\n" + b"x" * 150 + b"\r\n.\r\nNOOP\r\n")
        assert output.splitlines()[1:] == [b"552 5.3.4 Message too big", b"250 2.0.0 Ok"]
        assert recorded.get_messages() == []


def test_content_of_exactly_the_limit_is_accepted():
    recorded = start_transaction(limits=Limits(message_size=102))
    recorded.feed(b"DATA\r\n" + b"x" * 100 + b"\r\n.\r\n")

    assert recorded.get_messages() == [b"x" * 100 + b"\r\n"]


def test_content_of_twice_the_limit_closes_the_session():
    recorded = start_transaction(limits=Limits(message_size=100))
    recorded.feed(b"DATA\r\n")
    output = b"".join(recorded.feed(b"x" * 50) for _ in range(10))

    assert output == b"421 4.7.0 Message far over the size limit, goodbye\r\n"
    assert recorded.session.is_closing


# -- BDAT ------------------------------------------------------------------------------------------


def test_chunks_are_joined_to_a_message():
    for feed in ("feed", "feed_bytewise"):
        recorded = start_transaction()
        output = getattr(recorded, feed)(b"BDAT 3\r\na\r\nBDAT 2\r\n.\rBDAT 1 LAST\r\n\nNOOP\r\n")
        assert output == (
            b"250 2.0.0 3 octets received\r\n250 2.0.0 2 octets received\r\n250 2.0.0 Message accepted\r\n" + OK
        )
        assert recorded.get_messages() == [b"a\r\n.\r\n"]


@pytest.mark.parametrize("before", [b"", b"BDAT 3\r\nabc"])
def test_chunk_with_syntax_error_aborts_the_transaction(before):
    recorded = start_transaction()
    recorded.feed(before)

    assert recorded.feed(b"BDAT 3 LASTT\r\ndef")[:3] == b"501"
    assert recorded.feed(b"BDAT 3 LAST\r\nghi")[:3] == b"503"  # a message that lacks a chunk must not be accepted
    assert recorded.get_messages() == []


def test_empty_chunks_are_counted_as_idle_commands():
    recorded = start_transaction(limits=Limits(commands_without_mail=10))
    output = recorded.feed(b"BDAT 0\r\n" * 20)

    assert output.count(b"250") == 9 and b"421 4.7.0 Too many commands" in output
    free = start_transaction(limits=Limits(commands_without_mail=None))
    free.feed(b"BDAT 0\r\n" * 1000)
    free.feed(b"BDAT 2 LAST\r\nhi")
    assert free.events[-1].parts == [b"hi"]


def test_empty_last_chunk_ends_the_message():
    recorded = start_transaction()
    recorded.feed(b"BDAT 2\r\nhiBDAT 0 LAST\r\n")

    assert recorded.get_messages() == [b"hi"]


def test_second_message_by_chunks_has_only_its_own_content():
    recorded = start_transaction()
    recorded.feed(b"BDAT 2 LAST\r\nhi" + TO_RCPT + b"BDAT 5 LAST\r\nworld" + TO_RCPT + b"DATA\r\nx\r\n.\r\n")

    assert recorded.get_messages() == [b"hi", b"world", b"x\r\n"]


BAD_CHUNKS = [
    (EHLO_LINE, b"BDAT 6 LAST\r\nQUIT\r\n", b"503"),  # no transaction
    (TO_RCPT, b"BDAT 6 LATE\r\nQUIT\r\n", b"501"),
    (TO_RCPT, b"BDAT 6 LAST x\r\nQUIT\r\n", b"501"),
    (TO_RCPT, "BDAT 6 LAſT\r\nQUIT\r\n".encode(), b"501"),
    (TO_RCPT, b"BDAT  6\r\nQUIT\r\n", b"501"),
    (EHLO_LINE + b"MAIL FROM:<>\r\nRCPT TO:<@>\r\n", b"BDAT 6 LAST\r\nQUIT\r\n", b"503"),
]


@pytest.mark.parametrize(("before", "chunk", "code"), BAD_CHUNKS)
@pytest.mark.parametrize("feed", ["feed", "feed_bytewise"])
def test_refused_chunk_is_skipped_and_never_executed(before, chunk, code, feed):
    recorded = RecordedSession()
    recorded.feed(before)
    lines = getattr(recorded, feed)(chunk + b"NOOP\r\n").splitlines()

    assert [line[:3] for line in lines] == [code, b"250"]
    assert not recorded.session.is_closing


# After these lines, a chunk of unknown size follows.
UNSIZED_CHUNKS = [
    b"BDAT", b"BDAT ", b"BDAT x", b"BDAT five", b"BDAT -1", b"BDAT +5", b"BDAT 5x LAST", b"BDAT 5,LAST", b"BDAT 0x5",
    b"BDAT LAST", b"BDAT 5\tLAST", b"bdat 5.0", b"BDAT \xff", b"BDAT 5\xff LAST", "BDAT ٣".encode(), b"BDAT\t5",
    b"BDAT5", b" BDAT 5", b"\tBDAT 5", b"\x00BDAT 5", b"\xffBDAT 5", b"BDAT:5", b"BDAT 5\n", b"BDAT 5\nLAST",
    b"BDAT 5\rLAST", b"BDAT " + b"9" * 21, b"BDAT 5" + b" " * 1000, b"BDAT " + b"5" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("line", UNSIZED_CHUNKS)
@pytest.mark.parametrize("settings", [{}, {"extensions": ["SIZE"]}, {"lmtp": True}])
def test_chunk_of_unknown_size_closes_and_nothing_is_executed(settings, line):
    for before in (b"", EHLO_LINE, TO_RCPT, TO_RCPT + b"BDAT 5\r\nHello"):
        for feed in ("feed", "feed_bytewise") if len(line) < 100 else ("feed",):
            recorded = RecordedSession(**settings)
            recorded.feed(before.replace(b"EHLO", b"LHLO") if settings.get("lmtp") else before)
            recorded.events.clear()
            output = getattr(recorded, feed)(line + b"\r\nVRFY root\r\n" + TO_RCPT + b"BDAT 5 LAST\r\nWorld")

            assert output.count(b"\r\n") == 1 and output[:3] in (b"500", b"521")
            assert [event.verb for event in recorded.events] == ["MALFORMED"]
            assert recorded.session.is_closing and recorded.record.ended == "421"


@pytest.mark.parametrize("is_pending", [False, True])
def test_decision_cannot_keep_open_after_chunk_of_unknown_size(is_pending):
    ok = Reply(250, "fine")

    def decide(event, reply):
        if event.verb != "MALFORMED":
            return reply
        return PENDING if is_pending else ok

    recorded = start_transaction(decide=decide)
    output = recorded.feed(b"BDAT five\r\nVRFY root\r\n")

    assert output + (recorded.session.answer(ok) if is_pending else b"") == b"250 fine\r\n"
    assert recorded.session.is_closing
    assert [event.verb for event in recorded.events] == ["MALFORMED"]


def test_chunk_of_unknown_size_as_last_error_gets_the_421():
    recorded = RecordedSession(limits=Limits(errors=1))

    assert recorded.feed(b"BDAT five\r\nNOOP\r\n") == b"421 4.7.0 Too many errors, goodbye\r\n"


def test_chunks_over_the_limit_are_552():
    recorded = start_transaction(limits=Limits(message_size=10))

    assert recorded.feed(b"BDAT 12\r\n" + b"x" * 12)[:9] == b"552 5.3.4"
    assert recorded.feed(b"BDAT 1 LAST\r\nx")[:3] == b"503"  # until the next transaction
    recorded.feed(TO_RCPT + b"BDAT 1 LAST\r\nx")
    assert recorded.get_messages() == [b"x"]


def test_last_chunk_over_the_limit_is_552():
    recorded = start_transaction(limits=Limits(message_size=10))
    recorded.feed(b"BDAT 8\r\n" + b"x" * 8)

    assert recorded.feed(b"BDAT 8 LAST\r\n" + b"x" * 8)[:9] == b"552 5.3.4"
    assert recorded.get_messages() == []


@pytest.mark.parametrize("count", [b"21", b"4294967295", b"99999999999999999999"])
def test_huge_chunk_closes_the_session(count):
    recorded = start_transaction(limits=Limits(message_size=10))

    assert (
        recorded.feed(b"BDAT " + count + b"\r\nNOOP\r\n") == b"421 4.7.0 Message far over the size limit, goodbye\r\n"
    )
    assert recorded.session.is_closing


def test_binarymime_needs_bdat():
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE + b"MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<a@example.com>\r\n")

    assert recorded.feed_command(b"DATA") == 503
    recorded.feed(b"BDAT 4 LAST\r\n\r\n.\n")
    assert recorded.get_messages() == [b"\r\n.\n"]


def test_pending_last_chunk_is_followed_by_the_message_decision():
    recorded = start_transaction(decide=lambda e, reply: PENDING if e.verb == "BDAT" else reply)
    assert recorded.feed(b"BDAT 2 LAST\r\nhi") == b""
    assert recorded.session.answer(Reply(250, "fine")) == b"250 2.0.0 Message accepted\r\n"
    assert recorded.get_messages() == [b"hi"]


# -- floods ----------------------------------------------------------------------------------------


def test_rcpt_limit_returns_452_and_keeps_earlier_recipients():
    recorded = start_transaction(limits=Limits(recipients=2))

    assert recorded.feed_command(b"RCPT TO:<two@example.com>") == 250
    assert recorded.feed(b"RCPT TO:<three@example.com>\r\n") == b"452 4.5.3 Too many recipients\r\n"
    recorded.feed(b"DATA\r\n.\r\n")
    assert [r.path.mailbox for r in recorded.events[-1].rcpts] == ["bob@example.com", "two@example.com"]


def test_error_limit_closes_the_session():
    recorded = RecordedSession(limits=Limits(errors=3))

    assert [recorded.feed_command(line) for line in (b"FOO", b"MAIL", b"RCPT TO:<a@b.example>")] == [500, 503, 421]
    assert recorded.session.is_closing


def test_default_error_limit_is_twenty():
    assert RecordedSession().feed(b"FOO\r\n" * 30).splitlines()[19] == b"421 4.7.0 Too many errors, goodbye"


def test_decided_refusals_are_not_counted_as_errors():
    recorded = start_transaction(
        limits=Limits(errors=1), decide=lambda e, reply: Reply(550, "5.1.1", "No") if e.verb == "RCPT" else reply
    )
    assert [recorded.feed_command(b"RCPT TO:<a@b.example>") for _ in range(5)] == [550] * 5


def test_commands_without_mail_are_limited_until_the_next_mail():
    recorded = RecordedSession(limits=Limits(commands_without_mail=5))
    recorded.feed(EHLO_LINE + b"NOOP\r\n" * 4)
    recorded.feed(TO_RCPT[len(EHLO_LINE) :] + b"DATA\r\n.\r\n")

    output = recorded.feed(b"NOOP\r\n" * 10)
    assert output == OK * 5 + b"421 4.7.0 Too many commands without mail, goodbye\r\n"


def test_new_and_cached_commands_are_counted_alike():
    recorded = RecordedSession(limits=Limits(commands_without_mail=3))

    assert [recorded.feed_command(b"NOOP %d" % number) for number in range(4)] == [250, 250, 250, 421]


def test_default_limit_of_commands_without_mail_is_hundred():
    output = RecordedSession().feed(b"NOOP\r\n" * 150)

    assert output.count(b"250 ") == 100 and b"421 4.7.0" in output


def test_limits_of_floods_can_be_removed():
    recorded = RecordedSession(
        limits=Limits(errors=None, commands_without_mail=None, recipients=None, message_size=None)
    )

    assert recorded.feed(b"FOO\r\nNOOP\r\n" * 1000).count(b"\r\n") == 2000
    recorded.feed(TO_RCPT + b"RCPT TO:<a@b.example>\r\n" * 2000 + b"BDAT 3\r\nabcBDAT 3 LAST\r\ndef")
    assert recorded.get_messages() == [b"abcdef"]
    assert len(recorded.events[-1].rcpts) == 2001


def test_reading_stops_at_the_backlog_limit():
    recorded = RecordedSession(limits=Limits(replies_waiting=100, commands_without_mail=None))
    output = recorded.session.receive(b"NOOP\r\n" * 100)

    assert len(output) < 200
    assert recorded.session.has_backlog
    rest = b""
    while recorded.session.has_backlog:
        rest += recorded.session.receive(b"")
    assert output + rest == OK * 100


def test_input_after_backlog_or_pending_reply_is_kept():
    limits = Limits(replies_waiting=10, session_memory=50, commands_without_mail=None)
    assert RecordedSession(limits=limits).feed(b"NOOP\r\n" * 100) == OK * 100

    pending = RecordedSession(lambda e, reply: PENDING if e.verb == "RSET" else reply, limits=limits)
    pending.session.receive(b"RSET\r\n" + b"NOOP\r\n" * 100)
    output = pending.session.answer(Reply(250, "2.0.0", "Ok"))
    while pending.session.has_backlog:
        output += pending.session.receive(b"")
    assert output == OK * 101


def test_end_of_input_waits_for_the_backlog():
    recorded = RecordedSession(limits=Limits(replies_waiting=10))
    recorded.session.receive(b"NOOP\r\n" * 3)

    assert recorded.session.receive_eof() == b""
    assert not recorded.session.is_closing
    assert recorded.session.receive(b"") == OK
    assert recorded.session.receive(b"") == OK
    assert recorded.session.receive(b"") == b""
    assert recorded.session.is_closing


# -- not SMTP --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /mail HTTP/1.0\r\n\r\nMAIL FROM:<a@b.example>\r\n",
        b"connect localhost:25 http/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_http_request_or_tls_handshake_is_refused_at_once(first):
    for recorded in (RecordedSession(), RecordedSession()):
        output = recorded.feed(first) if len(recorded.events) == 1 else recorded.feed_bytewise(first)
        assert output == b"421 4.7.0 This is an SMTP server; goodbye\r\n"
        assert [e.verb for e in recorded.events] == ["CONNECT"]


def test_byte_0x16_alone_is_not_a_handshake():
    recorded = RecordedSession()

    assert recorded.feed(b"\x16") == b""
    assert recorded.feed(b"\r\n")[:3] == b"500"
    assert recorded.feed(b"\x16\x03\r\n")[:3] == b"500"  # only the first bytes can be a handshake
    assert recorded.feed(b"GET the thing\r\n")[:3] == b"500"
