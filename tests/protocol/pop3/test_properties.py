"""Random input, split at random: the session never raises or grows, and gives the same result."""

from base64 import b64encode

from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.pop3.responses import stuff_dots
from lazr.smtptest.protocol.smtp import PENDING, Limits, TlsMode
from tests.protocol.pop3.dialogue import DOTTED, SMALL, Dialogue

LIMITS = Limits(errors=6, auth_failures=3, command_line=60, command_flood=900, replies_waiting=100)
LOGIN = b"USER ann\r\nPASS secret\r\n"

# Valid and broken commands, so that random input gets further than the first error.
PIECES = [
    LOGIN, b"USER ann\r\n", b"PASS secret\r\n", b"PASS x\r\n", b"CAPA\r\n", b"STAT\r\n", b"LIST\r\n", b"UIDL 2\r\n",
    b"RETR 1\r\n", b"RETR 2\r\n", b"RETR 3\r\n", b"TOP 2 1\r\n", b"TOP 2 x\r\n", b"DELE 1\r\n", b"DELE 2\r\n",
    b"RSET\r\n", b"NOOP\r\n", b"QUIT\r\n", b"UTF8\r\n", b"LANG\r\n", b"AUTH\r\n", b"AUTH PLAIN\r\n", b"AUTH LOGIN\r\n",
    b"AUTH CRAM-MD5\r\n", b"*\r\n", b64encode(b"ann") + b"\r\n", b64encode(b"\0ann\0secret") + b"\r\n",
    b"AUTH PLAIN " + b64encode(b"\0ann\0secret") + b"\r\n", b"AUTH SCRAM-SHA-256\r\n", b"APOP ann x\r\n",
    b64encode(b"n,,n=ann,r=abc") + b"\r\n", b"AUTH XOAUTH2 " + b64encode(b"user=ann\1auth=Bearer x\1\1") + b"\r\n",
    b"\r", b"\n", b"\r\n", b"\x16", b"\x03", b"\xff", b"\x00", b"x" * 70, b"x" * 1000, b"A" * 200, b"AUTH ",
    b"GET / HTTP/1.1\r\n", b"FOO bar\r\n",
]  # fmt: skip

conversations = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=25).map(b"".join)


def outcome(data, cuts, late=(), **arguments):
    count = 0

    def decide(command):
        nonlocal count
        count += 1
        return PENDING if count in late else None

    dialogue = Dialogue(SMALL, DOTTED, decide=decide, limits=LIMITS, **arguments)
    session = dialogue.session

    def catch_up(output):
        while session.is_reply_pending and session.pending_call is None:
            output += session.answer(None)
            output += dialogue.feed(b"") if session.is_reply_pending or session.has_backlog else b""
        return output

    output = catch_up(dialogue.greeting)
    start = 0
    for cut in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        output += catch_up(dialogue.feed(data[start:cut]))
        start = cut
        assert session.unread_size <= 12_300
    assert dialogue.feed(b"") == b""
    if not session.is_handshaking:
        output += session.receive_eof()
        assert session.is_closing
    flags = [(message.uid, message.flags) for message in dialogue.account.inbox.messages.values()]
    commands = [command.said() for command in dialogue.commands]
    return output, commands, flags, str(session.record.transcript), session.record.ended


@settings(max_examples=150, deadline=None)
@given(data=conversations, cuts=st.lists(st.integers(0, 2000), max_size=10), logs_in=st.booleans())
def test_result_does_not_depend_on_how_input_is_split(data, cuts, logs_in):
    data = LOGIN * logs_in + data
    accept = {"ann": "secret"}
    expected = outcome(data, [], accept=accept)

    assert expected == outcome(data, cuts, accept=accept)
    assert expected == outcome(data, range(len(data)), accept=accept)


@settings(max_examples=150, deadline=None)
@given(data=conversations, late=st.sets(st.integers(1, 30)))
def test_pending_decision_changes_only_the_timing(data, late):
    accept = {"ann": "secret"}

    assert outcome(data, [], accept=accept) == outcome(data, [], late, accept=accept)


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(st.one_of(st.sampled_from([*PIECES, b"STLS\r\n"]), st.binary(max_size=20)), max_size=25),
    tls_active=st.booleans(),
    accept=st.sampled_from([None, "any", {"ann": "secret"}]),
)
def test_no_input_raises_or_changes_messages_without_quit(pieces, tls_active, accept):
    dialogue = Dialogue(SMALL, DOTTED, accept=accept, limits=LIMITS, tls=TlsMode.STARTTLS, tls_active=tls_active)
    output = dialogue.greeting
    for piece in pieces:
        output += dialogue.feed(piece)
        if dialogue.session.is_handshaking:
            dialogue.complete_handshake()
        if dialogue.session.record.ended != "QUIT":
            assert len(dialogue.account.inbox.messages) == 2
    assert output.endswith(b"\r\n")
    for line in output.removesuffix(b"\r\n").split(b"\r\n"):
        assert len(line) <= 510


@given(content=st.binary(max_size=50) | st.text("\r\n.a", max_size=50).map(str.encode))
def test_stuffed_dots_can_be_removed(content):
    stuffed = stuff_dots(content)
    lines = stuffed.split(b"\n")

    assert not any(line.startswith(b".") and not line.startswith(b"..") for line in lines)
    plain = b"\n".join(line.removeprefix(b".") for line in lines)
    assert plain in (content, content + b"\r\n")
    assert not stuffed or stuffed.endswith(b"\r\n")
