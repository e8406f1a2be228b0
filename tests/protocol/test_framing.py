"""Limits and chunks: whatever is refused, the session stays in step with its client."""

import pytest

from lazr.smtptest import Limits
from talk import GREETED, TO_RCPT, Recorded, recipient

OK = b"250 2.0.0 Ok\r\n"
LONG = b"500 5.5.2 Command line too long\r\n"
ENDLESS = b"421 4.7.0 Command line without end, goodbye\r\n"


@pytest.mark.parametrize(
    ("octets", "reply"),
    [(510, OK), (511, LONG), (1000, LONG), (5000, LONG), (65_536, LONG), (65_537, ENDLESS), (200_000, ENDLESS)],
)
@pytest.mark.parametrize("step", [None, 1, 999, 4096])
def test_a_command_line_that_is_too_long_is_answered_once_and_skipped(octets, reply, step):
    if step == 1 and octets > 10_000:
        step = 37
    line = b"NOOP " + b"x" * (octets - 5) + b"\r\nNOOP\r\n"
    recorded = Recorded()
    output = b"".join(recorded.say(line[i : i + (step or len(line))]) for i in range(0, len(line), step or len(line)))

    assert output == (reply if reply == ENDLESS else reply + OK)


def test_extensions_make_mail_and_rcpt_lines_longer():
    orcpt = b"RCPT TO:<bob@example.com> ORCPT=rfc822;"
    recorded = Recorded()
    recorded.say(GREETED + b"MAIL FROM:<ann@example.com>\r\n")
    assert recorded.code(orcpt + b"x" * 493) == 250
    assert recorded.code(b"RCPT TO:<" + b"x" * 1100 + b"@example.com>") == 500

    without = Recorded(extensions=[])
    without.say(GREETED + b"MAIL FROM:<ann@example.com>\r\n")
    assert without.code(orcpt + b"x" * 493) == 500


def test_a_cr_at_the_border_may_be_half_of_the_end_of_a_long_line():
    recorded = Recorded(limits=Limits(command_line=20), extensions=[])

    assert recorded.say(b"x" * 30 + b"\r") == b""
    assert recorded.say(b"\r") == b""
    assert recorded.say(b"\nNOOP\r\n").endswith(b"250 Ok\r\n")
    assert recorded.say(b"x" * 21) == b""
    assert recorded.say(b"\r") == b""
    assert recorded.say(b"\n")[:3] == b"500"


def test_long_lines_end_at_bare_line_ends_where_those_are_accepted():
    recorded = Recorded(limits=Limits(command_line=20), extensions=[], bare_line_ends="accept")

    assert [line[:3] for line in recorded.say(b"x" * 30 + b"\rNOOP\n").splitlines()] == [b"500", b"250"]
    assert recorded.say(b"x" * 30) == b""
    assert [line[:3] for line in recorded.say(b"x\r").splitlines()] == [b"500"]
    assert recorded.say(b"\nNOOP\n") == b"250 Ok\r\n"


def test_a_body_over_the_limit_is_read_to_its_end_and_answered_552():
    limits = Limits(message_size=100)
    for feed in ("say", "bytewise"):
        recorded = recipient(limits=limits)
        output = getattr(recorded, feed)(b"DATA\r\n" + b"x" * 150 + b"\r\n.\r\nNOOP\r\n")
        assert output.splitlines()[1:] == [b"552 5.3.4 Message too big", b"250 2.0.0 Ok"]
        assert recorded.messages() == []


def test_a_body_of_exactly_the_limit_is_accepted():
    recorded = recipient(limits=Limits(message_size=102))
    recorded.say(b"DATA\r\n" + b"x" * 100 + b"\r\n.\r\n")

    assert recorded.messages() == [b"x" * 100 + b"\r\n"]


def test_a_body_of_twice_the_limit_ends_the_session():
    recorded = recipient(limits=Limits(message_size=100))
    recorded.say(b"DATA\r\n")
    output = b"".join(recorded.say(b"x" * 50) for _ in range(10))

    assert output == b"421 4.7.0 Message far too big, goodbye\r\n"
    assert recorded.session.closing


# -- BDAT ------------------------------------------------------------------------------------------


def test_chunks_make_a_message():
    for feed in ("say", "bytewise"):
        recorded = recipient()
        output = getattr(recorded, feed)(b"BDAT 3\r\na\r\nBDAT 2\r\n.\rBDAT 1 LAST\r\n\nNOOP\r\n")
        assert output == (
            b"250 2.0.0 3 octets received\r\n250 2.0.0 2 octets received\r\n250 2.0.0 Message accepted\r\n" + OK
        )
        assert recorded.messages() == [b"a\r\n.\r\n"]


@pytest.mark.parametrize("before", [b"", b"BDAT 3\r\nabc"])
def test_a_chunk_with_a_syntax_error_ends_its_transaction(before):
    recorded = recipient()
    recorded.say(before)

    assert recorded.say(b"BDAT 3 LASTT\r\ndef")[:3] == b"501"
    assert recorded.say(b"BDAT 3 LAST\r\nghi")[:3] == b"503"  # a message with a hole would be a lie
    assert recorded.messages() == []


def test_chunks_that_bring_nothing_are_counted_and_keep_nothing():
    recorded = recipient(limits=Limits(commands_without_mail=10))
    output = recorded.say(b"BDAT 0\r\n" * 20)

    assert output.count(b"250") == 9 and b"421 4.7.0 Too many commands" in output
    free = recipient(limits=Limits(commands_without_mail=None))
    free.say(b"BDAT 0\r\n" * 1000)
    assert free.session._content.take() == []


def test_an_empty_last_chunk_ends_the_message():
    recorded = recipient()
    recorded.say(b"BDAT 2\r\nhiBDAT 0 LAST\r\n")

    assert recorded.messages() == [b"hi"]


def test_a_message_after_a_message_by_chunks_has_its_own_content_only():
    recorded = recipient()
    recorded.say(b"BDAT 2 LAST\r\nhi" + TO_RCPT + b"BDAT 5 LAST\r\nworld" + TO_RCPT + b"DATA\r\nx\r\n.\r\n")

    assert recorded.messages() == [b"hi", b"world", b"x\r\n"]


BAD_CHUNKS = [
    (GREETED, b"BDAT 6 LAST\r\nQUIT\r\n", b"503"),  # no transaction
    (TO_RCPT, b"BDAT 6 LATE\r\nQUIT\r\n", b"501"),
    (TO_RCPT, b"BDAT 6 LAST x\r\nQUIT\r\n", b"501"),
    (TO_RCPT, "BDAT 6 LAſT\r\nQUIT\r\n".encode(), b"501"),
    (TO_RCPT, b"BDAT\r\n", b"501"),
    (TO_RCPT, b"BDAT x\r\n", b"501"),
    (TO_RCPT, b"BDAT -1\r\n", b"501"),
    (TO_RCPT, "BDAT ٣\r\n".encode(), b"501"),
]


@pytest.mark.parametrize(("before", "chunk", "code"), BAD_CHUNKS)
@pytest.mark.parametrize("feed", ["say", "bytewise"])
def test_a_refused_chunk_is_skipped_by_its_count_and_never_read_as_commands(before, chunk, code, feed):
    recorded = Recorded()
    recorded.say(before)
    lines = getattr(recorded, feed)(chunk + b"NOOP\r\n").splitlines()

    assert [line[:3] for line in lines] == [code, b"250"]
    assert not recorded.session.closing


def test_a_transaction_of_chunks_over_the_limit_is_552_and_over():
    recorded = recipient(limits=Limits(message_size=10))

    assert recorded.say(b"BDAT 12\r\n" + b"x" * 12)[:9] == b"552 5.3.4"
    assert recorded.say(b"BDAT 1 LAST\r\nx")[:3] == b"503"  # until the next transaction
    recorded.say(TO_RCPT + b"BDAT 1 LAST\r\nx")
    assert recorded.messages() == [b"x"]


def test_chunks_one_by_one_over_the_limit_are_552_at_the_last():
    recorded = recipient(limits=Limits(message_size=10))
    recorded.say(b"BDAT 8\r\n" + b"x" * 8)

    assert recorded.say(b"BDAT 8 LAST\r\n" + b"x" * 8)[:9] == b"552 5.3.4"
    assert recorded.messages() == []


@pytest.mark.parametrize("count", [b"21", b"4294967295", b"99999999999999999999"])
def test_a_chunk_that_is_far_too_big_ends_the_session_at_once(count):
    recorded = recipient(limits=Limits(message_size=10))

    assert recorded.say(b"BDAT " + count + b"\r\nNOOP\r\n") == b"421 4.7.0 Message far too big, goodbye\r\n"
    assert recorded.session.closing


def test_a_count_that_is_no_number_of_octets_at_all_ends_the_session():
    recorded = recipient()

    assert recorded.say(b"BDAT " + b"9" * 21 + b"\r\n")[:3] == b"501"
    assert recorded.session.closing


def test_binarymime_goes_with_bdat_only():
    recorded = Recorded()
    recorded.say(GREETED + b"MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<a@example.com>\r\n")

    assert recorded.code(b"DATA") == 503
    recorded.say(b"BDAT 4 LAST\r\n\r\n.\n")
    assert recorded.messages() == [b"\r\n.\n"]


def test_a_pending_answer_to_a_last_chunk_is_followed_by_the_messages_own():
    from lazr.smtptest import Reply
    from lazr.smtptest.protocol.smtp.reply import PENDING

    recorded = recipient(decide=lambda e, reply: PENDING if e.verb == "BDAT" else reply)
    assert recorded.say(b"BDAT 2 LAST\r\nhi") == b""
    assert recorded.session.answer(Reply(250, "fine")) == b"250 2.0.0 Message accepted\r\n"
    assert recorded.messages() == [b"hi"]


# -- floods ----------------------------------------------------------------------------------------


def test_recipients_over_the_limit_are_452_and_the_earlier_ones_stay():
    recorded = recipient(limits=Limits(recipients=2))

    assert recorded.code(b"RCPT TO:<two@example.com>") == 250
    assert recorded.say(b"RCPT TO:<three@example.com>\r\n") == b"452 4.5.3 Too many recipients\r\n"
    recorded.say(b"DATA\r\n.\r\n")
    assert [r.path.mailbox for r in recorded.events[-1].rcpts] == ["bob@example.com", "two@example.com"]


def test_errors_over_the_limit_end_the_session():
    recorded = Recorded(limits=Limits(errors=3))

    assert [recorded.code(line) for line in (b"FOO", b"MAIL", b"RCPT TO:<a@b.example>")] == [500, 503, 421]
    assert recorded.session.closing


def test_twenty_errors_are_too_many_by_default():
    assert Recorded().say(b"FOO\r\n" * 30).splitlines()[19] == b"421 4.7.0 Too many errors, goodbye"


def test_what_a_tester_refuses_is_no_error_of_the_clients():
    from lazr.smtptest import Reply

    recorded = recipient(
        limits=Limits(errors=1), decide=lambda e, reply: Reply(550, "5.1.1", "No") if e.verb == "RCPT" else reply
    )
    assert [recorded.code(b"RCPT TO:<a@b.example>") for _ in range(5)] == [550] * 5


def test_commands_without_mail_are_limited_and_a_mail_starts_the_count_again():
    recorded = Recorded(limits=Limits(commands_without_mail=5))
    recorded.say(GREETED + b"NOOP\r\n" * 4)
    recorded.say(TO_RCPT[len(GREETED) :] + b"DATA\r\n.\r\n")

    output = recorded.say(b"NOOP\r\n" * 10)
    assert output == OK * 5 + b"421 4.7.0 Too many commands without mail, goodbye\r\n"


def test_commands_that_differ_are_counted_like_those_that_came_before():
    recorded = Recorded(limits=Limits(commands_without_mail=3))

    assert [recorded.code(b"NOOP %d" % number) for number in range(4)] == [250, 250, 250, 421]


def test_a_hundred_commands_without_mail_are_too_many_by_default():
    output = Recorded().say(b"NOOP\r\n" * 150)

    assert output.count(b"250 ") == 100 and b"421 4.7.0" in output


def test_floods_can_be_allowed():
    recorded = Recorded(limits=Limits(errors=None, commands_without_mail=None, recipients=None, message_size=None))

    assert recorded.say(b"FOO\r\nNOOP\r\n" * 1000).count(b"\r\n") == 2000
    recorded.say(TO_RCPT + b"RCPT TO:<a@b.example>\r\n" * 2000 + b"BDAT 3\r\nabcBDAT 3 LAST\r\ndef")
    assert recorded.messages() == [b"abcdef"]
    assert len(recorded.events[-1].rcpts) == 2001


def test_output_is_cut_short_when_much_of_it_waits():
    recorded = Recorded(limits=Limits(replies_waiting=100, commands_without_mail=None))
    output = recorded.session.receive(b"NOOP\r\n" * 100)

    assert len(output) < 200
    assert recorded.session.backlog
    rest = b""
    while recorded.session.backlog:
        rest += recorded.session.receive(b"")
    assert output + rest == OK * 100


def test_what_waits_behind_the_backlog_or_an_answer_is_never_lost():
    from lazr.smtptest.protocol.smtp.reply import PENDING

    limits = Limits(replies_waiting=10, session_memory=50, commands_without_mail=None)
    assert Recorded(limits=limits).say(b"NOOP\r\n" * 100) == OK * 100

    pending = Recorded(lambda e, reply: PENDING if e.verb == "RSET" else reply, limits=limits)
    pending.session.receive(b"RSET\r\n" + b"NOOP\r\n" * 100)
    from lazr.smtptest import Reply

    output = pending.session.answer(Reply(250, "2.0.0", "Ok"))
    while pending.session.backlog:
        output += pending.session.receive(b"")
    assert output == OK * 101


def test_the_end_of_input_waits_for_the_backlog():
    recorded = Recorded(limits=Limits(replies_waiting=10))
    recorded.session.receive(b"NOOP\r\n" * 3)

    assert recorded.session.end_of_input() == b""
    assert not recorded.session.closing
    assert recorded.session.receive(b"") == OK
    assert recorded.session.receive(b"") == OK
    assert recorded.session.receive(b"") == b""
    assert recorded.session.closing


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
def test_a_browser_or_a_tls_handshake_is_sent_away_at_once(first):
    for recorded in (Recorded(), Recorded()):
        output = recorded.say(first) if len(recorded.events) == 1 else recorded.bytewise(first)
        assert output == b"421 4.7.0 This is an SMTP server; goodbye\r\n"
        assert [e.verb for e in recorded.events] == ["CONNECT"]


def test_an_octet_22_alone_is_no_handshake():
    recorded = Recorded()

    assert recorded.say(b"\x16") == b""
    assert recorded.say(b"\r\n")[:3] == b"500"
    assert recorded.say(b"\x16\x03\r\n")[:3] == b"500"  # not the first octets any more
    assert recorded.say(b"GET the thing\r\n")[:3] == b"500"
