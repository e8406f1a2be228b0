"""Sessions of IMAP with messages: FETCH, STORE, COPY, MOVE and EXPUNGE."""

import pytest

from lazr.smtptest import Limits
from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.reading_session import ReadingReply
from tests.helpers.imap_client import MAIL, ImapClient, make_mail

# -- FETCH -----------------------------------------------------------------------------------


def test_fetch_of_flags_reads_no_content():
    client = ImapClient(MAIL, MAIL)
    client.account.calls.clear()

    assert client.send("FETCH 1:* (UID FLAGS)") == [
        "* 1 FETCH (UID 1 FLAGS ())",
        "* 2 FETCH (UID 2 FLAGS ())",
        "a OK FETCH completed",
    ]
    assert client.account.calls == ["read_flags"]


def test_uid_fetch_has_uids():
    client = ImapClient(MAIL, MAIL, MAIL)
    client.account.inbox.delete([1])
    client.send("NOOP")

    assert client.send("UID FETCH 2:7 FLAGS")[:-1] == ["* 1 FETCH (UID 2 FLAGS ())", "* 2 FETCH (UID 3 FLAGS ())"]
    assert client.send("UID FETCH 9 FLAGS") == ["a OK FETCH completed"]


def test_fetch_of_facts_reads_no_content():
    client = ImapClient(MAIL)

    assert client.send("FETCH 1 (RFC822.SIZE INTERNALDATE)")[0] == (
        f'* 1 FETCH (RFC822.SIZE {len(MAIL)} INTERNALDATE "14-Nov-2023 22:13:21 +0000")'
    )


def test_fetch_of_content_sets_seen():
    client = ImapClient(MAIL, MAIL)

    output = client.feed("a FETCH 1 BODY[]\r\n")

    assert output == b"* 1 FETCH (BODY[] {%d}\r\n%s FLAGS (\\Seen))\r\na OK FETCH completed\r\n" % (len(MAIL), MAIL)
    assert client.account.inbox.messages[1].flags == {"\\Seen"}
    assert client.send("FETCH 1 BODY[]")[-2] == ")"


def test_seen_is_told_with_its_modification_sequence():
    client = ImapClient(MAIL)
    client.send("ENABLE CONDSTORE")

    assert client.send("FETCH 1 (FLAGS RFC822.TEXT)")[-2] == " MODSEQ (3))"


@pytest.mark.parametrize("command", ["FETCH 1 BODY.PEEK[]", "FETCH 1 BODY.PEEK[TEXT]", "FETCH 1 ENVELOPE"])
def test_peek_does_not_set_seen(command):
    client = ImapClient(MAIL)

    client.send(command)

    assert client.account.inbox.messages[1].flags == set()


def test_fetch_after_examine_does_not_set_seen():
    client = ImapClient(MAIL, select="")
    client.send("EXAMINE INBOX")

    assert client.send("FETCH 1 BODY[]")[-2] == ")"
    assert client.account.inbox.messages[1].flags == set()


def test_fetch_of_a_number_that_does_not_exist():
    client = ImapClient(MAIL)

    assert client.send("FETCH 1:2 FLAGS") == [
        "a BAD The folder has 1 messages; use their numbers, or UIDs by UID commands"
    ]


def test_fetch_of_all_in_an_empty_folder():
    assert ImapClient().send("FETCH 1:* FLAGS") == ["a OK FETCH completed"]


def test_fetch_reads_messages_in_batches():
    client = ImapClient(*[make_mail(text="x" * 400_000)] * 5)
    client.account.calls.clear()

    lines = client.send("FETCH 1:* BODY.PEEK[]")

    assert sum(line.startswith("* ") for line in lines) == 5
    assert client.account.calls == ["read_messages"] * 5


def test_fetch_of_many_messages_takes_turns():
    client = ImapClient(*[MAIL] * 3000)

    output = client.session.receive(b"a FETCH 1:* (UID FLAGS)\r\n")
    assert output == b""
    output = client.session.answer(client.session.pending_call())
    assert 20_000 < len(output) < 80_000
    assert client.feed(b"").endswith(b"* 3000 FETCH (UID 3000 FLAGS ())\r\na OK FETCH completed\r\n")
    assert client.transcript[-1] == "S: a OK FETCH completed"


def test_fetch_of_changes_since_a_modification_sequence():
    client = ImapClient(MAIL, MAIL, MAIL)

    assert client.send("FETCH 1:2 (FLAGS) (CHANGEDSINCE 2)") == [
        "* OK [HIGHESTMODSEQ 4] The highest modification sequence",
        "* 2 FETCH (FLAGS () MODSEQ (3))",
        "a OK FETCH completed",
    ]
    client.account.inbox.change_flags([1], "add", ["\\Seen"])
    assert client.send("NOOP")[0] == "* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (5))"


def test_keywords_of_others_are_told_before_they_are_shown():
    client = ImapClient(MAIL, MAIL)
    client.account.inbox.messages[1].flags = frozenset({"work"})
    known = "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)"

    assert client.send("FETCH 1:2 (FLAGS)")[:2] == [known, "* 1 FETCH (FLAGS (work))"]
    client.account.inbox.messages[2].flags = frozenset({"home"})
    assert client.send("FETCH 2 (FLAGS RFC822.SIZE)")[0] == known.replace("work", "home work")
    client.account.inbox.messages[1].flags = frozenset({"new"})
    assert client.send("STORE 1 -FLAGS (other)")[:3] == [
        known.replace("work", "home other work"),
        known.replace("work", "home new other work"),
        "* 1 FETCH (FLAGS (new))",
    ]


def test_messages_that_are_gone_are_left_out():
    client = ImapClient(MAIL, MAIL)
    client.account.inbox.delete([1])

    assert client.send("FETCH 1:2 (RFC822.SIZE)") == [
        f"* 2 FETCH (RFC822.SIZE {len(MAIL)})",
        "a OK [EXPUNGEISSUED] Some of the messages are gone; send NOOP",
    ]
    assert client.send("FETCH 1:2 BODY[]")[0].startswith("* 2 FETCH")
    assert client.send("UID FETCH 1 FLAGS") == ["a OK FETCH completed"]


def test_part_with_unknown_encoding_is_left_out(monkeypatch):
    client = ImapClient(MAIL, MAIL)
    monkeypatch.setattr("tests.helpers.memory_folders.MemoryPart.encoding", b"X-STRANGE")

    assert client.send("FETCH 1:2 BINARY.PEEK[1]") == [
        "a NO [UNKNOWN-CTE] A part has an unknown transfer encoding; fetch it by BODY[...]"
    ]


def test_failed_fetch_ends_with_no():
    client = ImapClient(MAIL)
    client.account.errors["read_messages"] = FolderError("Try again", "UNAVAILABLE")

    assert client.send("FETCH 1 BODY[]") == ["a NO [UNAVAILABLE] Try again"]


def test_interruption_waits_for_the_end_of_a_response():
    client = ImapClient(make_mail(text="x" * 100_000), limits=Limits(replies_waiting=1000))
    session = client.session
    session.receive(b"a FETCH 1 (BODY.PEEK[] FLAGS)\r\n")
    output = session.answer(session.pending_call())
    assert session.has_backlog and not output.endswith(b")\r\n")
    assert session.interrupt(ReadingReply("OK", "[ALERT] Hello")) == b""

    assert session.receive(b"").endswith(b" FLAGS ())\r\n* OK [ALERT] Hello\r\na OK FETCH completed\r\n")


def test_interruption_by_bye_ends_the_session_after_the_response():
    client = ImapClient(make_mail(text="x" * 100_000), limits=Limits(replies_waiting=1000))
    session = client.session
    session.receive(b"a FETCH 1 (BODY.PEEK[] FLAGS)\r\n")
    session.answer(session.pending_call())
    session.interrupt(ReadingReply("BYE", "Now"))

    assert session.receive(b"").endswith(b" FLAGS ())\r\n* BYE Now\r\n")
    assert session.is_closing


def test_session_that_ends_in_a_response_sends_no_bye():
    client = ImapClient(make_mail(text="x" * 100_000), limits=Limits(replies_waiting=1000))
    client.session.receive(b"a FETCH 1 (BODY.PEEK[] FLAGS)\r\n")
    client.session.answer(client.session.pending_call())

    assert client.session.shut_down() == b""
    assert client.session.is_closing


def test_content_is_not_in_the_transcript():
    client = ImapClient(make_mail(text="words\r\n" * 30_000))
    client.send("FETCH 1 (BODY.PEEK[] FLAGS)")

    assert client.transcript[-4:-1] == [
        "S: * 1 FETCH (BODY[] {210017}",
        "*: (… 210,019 octets …)",
        "*: (… 12 octets …)",
    ]


def test_full_transcript_has_the_content():
    client = ImapClient(make_mail(text="words\r\n" * 20_000), keeps_content=True)
    client.send("FETCH 1 (BODY.PEEK[] FLAGS)")

    assert client.transcript.count("S: words") == 20_000
    assert client.transcript[-2] == "S:  FLAGS ())"


# -- STORE -----------------------------------------------------------------------------------


def test_store_changes_flags():
    client = ImapClient(MAIL, MAIL)

    assert client.send("STORE 1:2 +FLAGS (\\Seen work)") == [
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)",
        "* 1 FETCH (FLAGS (\\Seen work))",
        "* 2 FETCH (FLAGS (\\Seen work))",
        "a OK STORE completed",
    ]
    assert client.send("UID STORE 2 -FLAGS (work)")[0] == "* 2 FETCH (UID 2 FLAGS (\\Seen))"
    assert client.send("STORE 1 FLAGS (\\Flagged)")[0] == "* 1 FETCH (FLAGS (\\Flagged))"
    assert client.send("STORE 1 FLAGS.SILENT ()") == ["a OK STORE completed"]


def test_silent_store_tells_the_modification_sequence():
    client = ImapClient(MAIL)
    client.send("ENABLE CONDSTORE")

    assert client.send("STORE 1 +FLAGS.SILENT (\\Seen)")[0] == "* 1 FETCH (MODSEQ (3))"
    assert client.send("UID STORE 1 +FLAGS.SILENT (\\Draft)")[0] == "* 1 FETCH (UID 1 MODSEQ (4))"


def test_silent_store_tells_the_changes_of_others():
    client = ImapClient(MAIL, MAIL)
    client.account.inbox.change_flags([2], "add", ["\\Flagged"])

    assert client.send("STORE 1:2 +FLAGS.SILENT (\\Seen)") == ["a OK STORE completed"]
    assert client.send("NOOP") == ["* 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen))", "a OK NOOP completed"]


def test_store_leaves_out_messages_that_changed():
    client = ImapClient(MAIL, MAIL)
    client.account.inbox.change_flags([1], "add", ["\\Seen"])

    assert client.send("STORE 1:2 (UNCHANGEDSINCE 3) +FLAGS (\\Draft)") == [
        "* OK [HIGHESTMODSEQ 3] The highest modification sequence",
        "* 2 FETCH (FLAGS (\\Draft) MODSEQ (5))",
        "a OK [MODIFIED 1] Messages that changed meanwhile are left out",
    ]
    assert client.send("UID STORE 1:2 (UNCHANGEDSINCE 3) +FLAGS (\\Draft)")[-1].startswith("a OK [MODIFIED 1:2]")


def test_store_of_messages_that_are_gone():
    client = ImapClient(MAIL, MAIL)
    client.account.inbox.delete([1])

    assert client.send("STORE 1:2 +FLAGS (\\Seen)") == [
        "* 2 FETCH (FLAGS (\\Seen))",
        "a NO [EXPUNGEISSUED] Some of the messages have been deleted; send NOOP",
    ]


# -- EXPUNGE, COPY, MOVE ---------------------------------------------------------------------


def test_expunge_removes_messages():
    client = ImapClient(MAIL, MAIL, MAIL, MAIL)
    client.send("STORE 2:4 +FLAGS.SILENT (\\Deleted)")

    assert client.send("UID EXPUNGE 1:2") == ["* 2 EXPUNGE", "a OK EXPUNGE completed"]
    assert client.send("EXPUNGE") == ["* 2 EXPUNGE", "* 2 EXPUNGE", "a OK EXPUNGE completed"]
    assert client.view == [1]


def test_copy_tells_the_new_uids():
    client = ImapClient(MAIL, MAIL)

    assert client.send("COPY 1:2 Trash") == ["a OK [COPYUID 7 1:2 3:4] COPY completed"]
    assert client.send("UID COPY 9 Trash") == ["a OK COPY completed"]
    assert client.send("COPY 1 Nowhere") == ["a NO [TRYCREATE] There is no such folder"]


def test_copy_into_the_same_folder_is_seen():
    client = ImapClient(MAIL)

    assert client.send("COPY 1 INBOX") == ["* 2 EXISTS", "* 0 RECENT", "a OK [COPYUID 7 1 2] COPY completed"]


def test_copy_of_a_message_that_is_gone():
    client = ImapClient(MAIL)
    client.account.inbox.delete([1])

    assert client.send("COPY 1 Trash")[-1] == "a OK [EXPUNGEISSUED] Some of the messages are gone; send NOOP"


def test_move_tells_the_new_uids_before_it_expunges():
    client = ImapClient(MAIL, MAIL, MAIL)

    assert client.send("MOVE 1,3 Trash") == [
        "* OK [COPYUID 7 1,3 4:5] Messages moved",
        "* 1 EXPUNGE",
        "* 2 EXPUNGE",
        "a OK MOVE completed",
    ]
    assert client.send("NOOP") == ["a OK NOOP completed"]
    assert [*client.account.folders["Trash"].messages] == [4, 5]
