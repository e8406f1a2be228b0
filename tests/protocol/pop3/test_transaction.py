"""The commands on messages (RFC 1939 5, 7)."""

import pytest

from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.pop3.transaction import cut_top
from tests.protocol.pop3.dialogue import DOTTED, SMALL, Dialogue, logged_in


@pytest.mark.parametrize(
    ("line", "response"),
    [
        ("STAT", f"+OK 2 {len(SMALL) + len(DOTTED)}"),
        ("stat ", f"+OK 2 {len(SMALL) + len(DOTTED)}"),
        ("LIST", f"+OK 2 messages (60 octets)\r\n1 {len(SMALL)}\r\n2 {len(DOTTED)}\r\n."),
        ("LIST 2", f"+OK 2 {len(DOTTED)}"),
        ("UIDL", "+OK 2 messages (60 octets)\r\n1 7.1\r\n2 7.2\r\n."),
        ("UIDL 2", "+OK 2 7.2"),
        ("RETR 1", "+OK 25 octets\r\nSubject: small\r\n\r\nHello\r\n."),
        ("RETR 2", "+OK 35 octets\r\nSubject: dots\r\n\r\n..one\r\n..\r\n...three\r\n."),
        ("TOP 1 0", "+OK Top of message follows\r\nSubject: small\r\n\r\n."),
        ("TOP 2 2", "+OK Top of message follows\r\nSubject: dots\r\n\r\n..one\r\n..\r\n."),
        ("TOP 2 9999999999", "+OK Top of message follows\r\nSubject: dots\r\n\r\n..one\r\n..\r\n...three\r\n."),
        ("NOOP", "+OK"),
        ("RSET", "+OK The maildrop has 2 messages (60 octets)"),
        ("DELE 1", "+OK Message 1 will be deleted by QUIT"),
        ("RETR 0", "-ERR There is no such message; the maildrop has 2"),
        ("LIST 3", "-ERR There is no such message; the maildrop has 2"),
        ("DELE 4294967297", "-ERR There is no such message; the maildrop has 2"),
        ("RETR 11111111111", "-ERR Expected a decimal number"),
        ("RETR -1", "-ERR Expected a decimal number"),
        ("RETR ²", "-ERR Expected a decimal number"),
        ("TOP 1 x", "-ERR Expected a decimal number"),
        ("TOP 1", "-ERR TOP takes 2 arguments, got 1"),
        ("LIST 1 2", "-ERR LIST takes 0 to 1 arguments, got 2"),
        ("USER ann", "-ERR Already authenticated"),
        ("AUTH PLAIN", "-ERR Already authenticated"),
        ("STLS", "-ERR STLS is not allowed after authentication"),
        ("UTF8", "-ERR UTF8 is not allowed after authentication"),
    ],
)
def test_response_to_command(line, response):
    assert logged_in(SMALL, DOTTED).send(line) == response


@pytest.mark.parametrize(
    ("content", "response"),
    [
        (b"", b""),
        (b"a", b"a\r\n"),
        (b"a\n", b"a\n\r\n"),
        (b"a\r", b"a\r\r\n"),
        (b"a\n.b\n.\n", b"a\n..b\n..\n\r\n"),
        (b".", b"..\r\n"),
        (b"\r.\r\n", b"\r.\r\n"),
        (b"\x00\xff\r\n", b"\x00\xff\r\n"),
    ],
)
def test_retr_stuffs_dots_and_ends_with_crlf(content, response):
    output = logged_in(content).feed(b"RETR 1\r\n")

    assert output == b"+OK %d octets\r\n%s.\r\n" % (len(content), response)


@pytest.mark.parametrize(
    ("content", "line_count", "top"),
    [
        (b"A: b", 5, b"A: b"),
        (b"A: b\r\n", 0, b"A: b\r\n"),
        (b"\r\nbody\r\nmore", 1, b"\r\nbody\r\n"),
        (b"A: b\n\nx\ny\n", 1, b"A: b\n\nx\n"),
        (b"A: b\n\r\nx", 1, b"A: b\n\r\nx"),
        (b"A: b\r\n\r\n" + b"\n" * 300_000, 200_000, b"A: b\r\n\r\n" + b"\n" * 200_000),
        (b"A: b\r\n\r\n" + b"x" * 300_000, 1, b"A: b\r\n\r\n" + b"x" * 300_000),
    ],
)
def test_top_cuts_after_header_and_lines(content, line_count, top):
    assert cut_top(content, line_count) == top


def test_deleted_messages_vanish_from_all_commands():
    dialogue = logged_in(SMALL, DOTTED, SMALL)
    dialogue.send("DELE 2")

    assert dialogue.send("STAT") == "+OK 2 50"
    assert dialogue.send("LIST") == "+OK 2 messages (50 octets)\r\n1 25\r\n3 25\r\n."
    assert dialogue.send("UIDL") == "+OK 2 messages (50 octets)\r\n1 7.1\r\n3 7.3\r\n."
    for command in ("RETR", "LIST", "UIDL", "DELE"):
        assert dialogue.send(f"{command} 2") == "-ERR Message 2 is already deleted"
    assert dialogue.send("RSET") == "+OK The maildrop has 3 messages (85 octets)"
    assert dialogue.send("RETR 2").startswith("+OK")


def test_quit_deletes_and_marks_as_read():
    dialogue = logged_in(SMALL, DOTTED, SMALL)
    dialogue.feed(b"RETR 1\r\nRETR 2\r\nTOP 3 0\r\nDELE 2\r\n")
    assert list(dialogue.account.inbox.messages) == [1, 2, 3]

    assert dialogue.send("QUIT") == "+OK Goodbye; deleted messages: 1"
    assert {uid: set(message.flags) for uid, message in dialogue.account.inbox.messages.items()} == {
        1: {"\\Seen"},
        3: set(),
    }
    assert dialogue.session.is_orderly_close
    assert dialogue.session.record.ended == "QUIT"


@pytest.mark.parametrize("end", ["receive_eof", "time_out", "shut_down", "abandon"])
def test_lost_connection_deletes_nothing(end):
    dialogue = logged_in(SMALL)
    dialogue.feed(b"RETR 1\r\nDELE 1\r\n")
    getattr(dialogue.session, end)()

    assert dialogue.session.is_closing
    assert "delete" not in dialogue.account.calls
    assert not dialogue.account.inbox.messages[1].flags


def test_quit_deletes_many_messages_in_batches():
    dialogue = logged_in(*[SMALL] * 2500)
    dialogue.session.items_per_turn = 10
    dialogue.feed(b"".join(b"DELE %d\r\n" % number for number in range(1, 2501)))
    dialogue.account.calls.clear()

    assert dialogue.send("QUIT") == "+OK Goodbye; deleted messages: 2500"
    assert dialogue.account.calls == ["delete"] * 3
    assert not dialogue.account.inbox.messages


def test_messages_deleted_elsewhere_are_reported():
    dialogue = logged_in(SMALL, SMALL)
    dialogue.account.inbox.delete([1])

    assert dialogue.send("STAT") == "+OK 2 50"
    assert dialogue.send("RETR 1") == "-ERR Message 1 was deleted outside of this session"
    assert dialogue.send("DELE 1").startswith("+OK")
    assert dialogue.send("QUIT") == "+OK Goodbye"


def test_new_messages_appear_in_the_next_session():
    dialogue = logged_in(SMALL)
    dialogue.account.inbox.add(SMALL)

    assert dialogue.session.notify_change() == b""
    assert dialogue.send("STAT") == "+OK 1 25"


def test_messages_that_vanish_during_login_are_left_out():
    dialogue = Dialogue(SMALL, SMALL)
    dialogue.session.receive(b"USER a\r\nPASS b\r\n")
    for _ in range(2):
        dialogue.session.answer(dialogue.session.pending_call())
    dialogue.account.inbox.delete([1])
    dialogue.session.answer(dialogue.session.pending_call())

    assert dialogue.send("UIDL") == "+OK 1 messages (25 octets)\r\n1 7.2\r\n."


@pytest.mark.parametrize(
    ("error", "response"),
    [
        (FolderError("Come back", "UNAVAILABLE"), "-ERR [SYS/TEMP] Come back"),
        (FolderError("Locked", "INUSE"), "-ERR [IN-USE] Locked"),
        (FolderError("Broken", "CANNOT"), "-ERR [SYS/PERM] Broken"),
        (OSError("disk"), "-ERR [SYS/TEMP] The mail store is not available now"),
    ],
)
def test_failures_of_the_store_have_codes(error, response):
    dialogue = Dialogue(SMALL)
    dialogue.account.errors["read_state"] = error
    dialogue.send("USER ann")
    assert dialogue.send("PASS secret") == response
    dialogue.account.errors.clear()
    dialogue.login().account.errors = {"read_messages": error, "delete": error}

    assert dialogue.send("RETR 1") == response
    dialogue.send("DELE 1")
    assert dialogue.send("QUIT") == f"{response}; some messages were not deleted"
    assert dialogue.session.is_orderly_close


def test_large_lists_and_messages_are_sent_in_pieces():
    content = b"Subject: big\r\n\r\n" + b"x." * 400_000 + b"\r\n"
    dialogue = logged_in(*[SMALL] * 30_000, content)
    session, sizes = dialogue.session, []

    def run(line):
        output = []
        data = session.receive(line)
        while True:
            output.append(data)
            if session.has_backlog:
                data = session.receive(b"")
            elif session.is_reply_pending:
                data = session.answer(session.pending_call())
            else:
                break
        sizes.extend(map(len, output))
        return b"".join(output)

    assert run(b"UIDL\r\nLIST\r\n").count(b"\r\n") == 2 * 30_003
    assert run(b"RETR 30001\r\n") == b"+OK %d octets\r\n%s.\r\n" % (len(content), content)
    assert max(sizes) < 300_000
    assert len(str(session.record.transcript)) < 3000


def test_transcript_can_keep_whole_messages():
    dialogue = logged_in(SMALL, keeps_content=True)
    dialogue.send("RETR 1")

    assert [line.text for line in dialogue.session.record.transcript][-5:] == [
        "+OK 25 octets", "Subject: small", "", "Hello", ".",
    ]  # fmt: skip
