"""Random input, split at random: the session never raises, hangs or grows, and gives the same result."""

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest import Auth, Limits
from lazr.smtptest.protocol.smtp.reply import PENDING, Reply
from lazr.smtptest.protocol.smtp.tls_mode import TlsMode
from tests.helpers.smtp_client import TO_RCPT, RecordedSession

LIMITS = Limits(
    message_size=300, recipients=3, errors=6, commands_without_mail=12, command_flood=900, replies_waiting=200,
    session_memory=2000,
)  # fmt: skip

# Valid and broken commands, so that random input gets further than the first 500.
PIECES = [
    b"EHLO x\r\n", b"HELO x\r\n", b"MAIL FROM:<a@b.example>\r\n", b"MAIL FROM:<> BODY=BINARYMIME SIZE=5\r\n",
    b"RCPT TO:<c@d.example>\r\n", b"RCPT TO:<c@d.example> NOTIFY=NEVER\r\n", b"DATA\r\n", b".\r\n", b"\r\n.\r\n",
    b"..", b".", b"\r", b"\n", b"\r\n", b"\n.\n", b"\r.\r", b"hello\r\n", b"BDAT 5\r\n", b"BDAT 3 LAST\r\n",
    b"BDAT 0 LAST\r\n", b"BDAT 400\r\n", b"BDAT x\r\n", b"abcde", b"RSET\r\n", b"NOOP\r\n", b"VRFY a\r\n",
    b"HELP\r\n", b"QUIT\r\n", b"STARTTLS\r\n", b"GET / HTTP/1.1\r\n", b"x" * 600, b"x" * 1000, b"\x16", b"\x03",
    b"\x00", b"\xff", b"FOO\r\n", TO_RCPT, TO_RCPT + b"DATA\r\n", TO_RCPT + b"DATA\r\nHi\r\n.\r\n", b"LHLO x\r\n",
]  # fmt: skip

# Clients must wait for the reply to these, so their result depends on how the input is split.
IMPATIENT = [
    b"AUTH PLAIN\r\n", b"AUTH LOGIN\r\n", b"AUTH CRAM-MD5\r\n", b"AUTH PLAIN =\r\n", b"AUTH EXTERNAL =\r\n", b"*\r\n",
    b"AUTH PLAIN " + b64encode(b"\0ann\0secret") + b"\r\n", b64encode(b"ann") + b"\r\n",
    b64encode(b"\0ann\0x") + b"\r\n", b"AUTH XOAUTH2 " + b64encode(b"user=ann\1auth=Bearer x\1\1") + b"\r\n",
    b"AUTH SCRAM-SHA-256\r\n",
    b64encode(b"n,,n=ann,r=abc") + b"\r\n", b"AUTH NONE x\r\n", b"STARTTLS\r\n", b"XCLIENT ADDR=192.0.2.9\r\n",
    b"LHLO x\r\n", b"MAIL FROM:<a@b.example>\r\nRCPT TO:<b@c.example>\r\nRCPT TO:<c@c.example>\r\nDATA\r\nx\r\n.\r\n",
    b"EHLO x\r\n", b"\r\n", b"A" * 13_000, b"NOOP\r\n", b"BDAT 3 LAST\r\nabc", b"\xff", b"x\r\n", b"QUIT\r\n",
]  # fmt: skip

conversations = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=25).map(b"".join)
settings_of_servers = st.fixed_dictionaries(
    {
        "bare_line_ends": st.sampled_from(["reject", "accept"]),
        "strict": st.booleans(),
        "extensions": st.sampled_from([None, [], ["CHUNKING"]]),
    }
)


def outcome(data, cuts, server):
    recorded = RecordedSession(limits=LIMITS, **server)
    output = recorded.greeting
    start = 0
    for cut in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        output += recorded.feed(data[start:cut])
        start = cut
        assert recorded.session.unread_size <= len(data)
    output += recorded.session.receive_eof()
    assert recorded.session.is_closing
    return output, recorded.events


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(data=conversations, cuts=st.lists(st.integers(0, 2000), max_size=10), server=settings_of_servers)
def test_result_does_not_depend_on_how_input_is_split(data, cuts, server):
    expected = outcome(data, [], server)
    assert expected == outcome(data, cuts, server)
    assert expected == outcome(data, range(len(data)), server)


@settings(max_examples=300, deadline=None)
@given(data=conversations, server=settings_of_servers)
def test_replies_are_always_well_formed(data, server):
    output, _ = outcome(data, [], server)

    assert output.endswith(b"\r\n")
    for line in output.removesuffix(b"\r\n").split(b"\r\n"):
        assert line[:3].isdigit() and line[3:4] in (b" ", b"-")
        assert len(line) <= 510 and line[3:].replace(b"\t", b" ").decode("ascii").isprintable()


@settings(max_examples=300, deadline=None)
@given(data=conversations, late=st.sets(st.integers(0, 30)), size=st.integers(1, 50))
def test_pending_decision_changes_only_the_timing(data, late, size):
    count = 0

    def decide(event, reply):
        nonlocal count
        count += 1
        return PENDING if count in late else reply

    suggested = []

    def remember(event, reply):
        suggested.append(reply)
        return decide(event, reply)

    limits = Limits(errors=None, commands_without_mail=None)
    prompt = RecordedSession(limits=limits)
    expected = prompt.greeting + prompt.feed(data)

    count = 0
    pending = RecordedSession(remember, limits=limits)
    output = pending.greeting

    def catch_up(output):
        while pending.session.is_reply_pending or pending.session.has_backlog:
            output += (
                pending.session.answer(suggested[-1])
                if pending.session.is_reply_pending
                else pending.session.receive(b"")
            )
        return output

    output = catch_up(output)
    for start in range(0, len(data), size):
        output = catch_up(output + pending.session.receive(data[start : start + size]))
    assert output == expected
    assert pending.events == prompt.events


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(
    pieces=st.lists(st.one_of(st.sampled_from(IMPATIENT), st.binary(max_size=20)), max_size=20),
    late=st.sets(st.integers(0, 40)),
    server=st.fixed_dictionaries(
        {
            "lmtp": st.booleans(),
            "tls": st.sampled_from([TlsMode.NONE, TlsMode.STARTTLS]),
            "tls_active": st.booleans(),
            "tls_required": st.booleans(),
            "xclient": st.booleans(),
            "auth": st.sampled_from([Auth({"ann": "secret"}), Auth("any", in_clear=True)]),
        }
    ),
)
def test_auth_and_xclient_never_raise_and_replies_are_complete(pieces, late, server):
    count, suggested = 0, []

    def decide(event, reply):
        nonlocal count
        count += 1
        suggested.append(reply)
        return PENDING if count in late else reply

    recorded = RecordedSession(decide, limits=LIMITS, **server)
    session, output = recorded.session, recorded.greeting
    for piece in pieces:
        while session.is_reply_pending:
            output += session.answer(suggested[-1])
        if session.is_handshaking:
            recorded.complete_handshake()
        output += recorded.feed(piece)
        if session.record.discarded:
            assert session.is_closing or session.is_reply_pending
    while session.is_reply_pending:
        output += session.answer(suggested[-1])
    if not session.is_handshaking:
        output += session.receive_eof()
        while session.has_backlog or session.is_reply_pending:
            output += session.answer(suggested[-1]) if session.is_reply_pending else session.receive(b"")
        assert session.is_closing
    assert session.unread_size <= 13_000
    for line in output.removesuffix(b"\r\n").split(b"\r\n") if output else ():
        assert line[:3].isdigit() and line[3:4] in (b" ", b"-") and line.isascii()


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=300), code=st.sampled_from([220, 250, 354, 421, 550]))
def test_text_cannot_break_out_of_its_reply(text, code):
    lines = Reply(code, f"you said {text}", "end").wire.split(b"\r\n")

    assert lines[-1] == b""
    assert all(line.startswith(b"%d-" % code) for line in lines[:-2])
    assert lines[-2] == b"%d end" % code
