"""Sessions of IMAP with folders: SELECT, LIST, STATUS, APPEND, and the changes that a client sees."""

import pytest

from lazr.smtptest import Limits
from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.protocol.folder_access import FolderError, FolderInfo
from lazr.smtptest.protocol.reading_session import ReadingReply
from tests.helpers.imap_client import MAIL, ImapClient
from tests.helpers.memory_folders import run_calls

SELECTED = [
    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)",
    "* 2 EXISTS",
    "* 0 RECENT",
    "* OK [UNSEEN 1] The first unread message",
    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags that can be changed",
    "* OK [UIDVALIDITY 7] UIDs are valid",
    "* OK [UIDNEXT 3] The next UID",
    "* OK [HIGHESTMODSEQ 3] The highest modification sequence",
    "a OK [READ-WRITE] SELECT completed",
]


def test_select_describes_the_folder():
    assert ImapClient(MAIL, MAIL, select="").send("SELECT INBOX") == SELECTED


def test_select_of_a_read_folder_has_no_unseen():
    client = ImapClient(MAIL, select="")
    client.account.inbox.change_flags([1], "add", ["\\Seen", "work"])

    lines = client.send("SELECT inbox")

    assert lines[0] == "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)"
    assert not [line for line in lines if "UNSEEN" in line]


def test_examine_is_read_only():
    client = ImapClient(MAIL, select="")

    lines = client.send("EXAMINE INBOX")

    assert lines[-1] == "a OK [READ-ONLY] EXAMINE completed"
    assert "* OK [PERMANENTFLAGS ()] Flags that can be changed" in lines
    assert client.send("STORE 1 +FLAGS (\\Seen)") == ["a NO [READ-ONLY] The folder is open to read only; use SELECT"]
    assert client.send("EXPUNGE")[-1].startswith("a NO [READ-ONLY]")
    assert client.send("MOVE 1 Trash")[-1].startswith("a NO [READ-ONLY]")
    assert client.send("COPY 1 Trash")[-1].startswith("a OK [COPYUID 7 1 2]")


def test_select_in_imap4rev2_has_list_and_no_recent():
    client = ImapClient(MAIL, select="")
    assert client.send("ENABLE IMAP4rev2 FOO") == ["* ENABLED IMAP4rev2", "a OK ENABLE completed"]

    lines = client.send("SELECT INBOX")

    assert '* LIST () "/" "INBOX"' in lines
    assert not [line for line in lines if "RECENT" in line or "[UNSEEN" in line]


def test_select_closes_the_folder_before_it():
    client = ImapClient(MAIL)

    assert client.send("SELECT Nowhere") == [
        "* OK [CLOSED] The folder selected before is closed",
        "a NO [NONEXISTENT] There is no such folder",
    ]
    assert client.send("CHECK") == ["a BAD CHECK needs a selected folder; send SELECT first"]


def test_select_of_a_name_that_no_folder_can_have_closes_the_folder():
    client = ImapClient(MAIL)

    assert client.send("SELECT")[0].startswith("a BAD ")
    assert client.send("FETCH 1 UID") == ["* 1 FETCH (UID 1)", "a OK FETCH completed"]
    closed, end = client.send('SELECT "&"')
    assert closed == "* OK [CLOSED] The folder selected before is closed"
    assert end.startswith("a NO [CANNOT] expected a folder name in modified UTF-7")
    assert client.send("FETCH 1 UID") == ["a BAD FETCH needs a selected folder; send SELECT first"]


def test_select_that_a_rule_refuses_closes_the_folder():
    client = ImapClient(MAIL)
    client.replies = {"IMAP SELECT": ReadingReply("NO", "[INUSE] Try later")}

    assert client.send("SELECT Sent") == [
        "* OK [CLOSED] The folder selected before is closed",
        "a NO [INUSE] Try later",
    ]
    assert client.send("FETCH 1 UID") == ["a BAD FETCH needs a selected folder; send SELECT first"]


def test_change_while_a_folder_is_opened_is_not_lost():
    client = ImapClient(MAIL, select="")
    session = client.session
    session.receive(b"a SELECT INBOX\r\n")
    opened = session.pending_call()  # in a worker thread, so that the store can change before the answer
    client.account.inbox.add(MAIL)
    assert session.notify_change() == b""

    lines = run_calls(session, session.answer(opened)).decode().splitlines()

    assert lines[1] == "* 1 EXISTS"
    assert lines[-3:] == ["* 2 EXISTS", "* 0 RECENT", "a OK [READ-WRITE] SELECT completed"]
    assert client.send("SEARCH ALL") == ["* SEARCH 1 2", "a OK SEARCH completed"]


def test_close_expunges_silently():
    client = ImapClient(MAIL, MAIL)
    client.send("STORE 1 +FLAGS.SILENT (\\Deleted)")

    assert client.send("CLOSE") == ["a OK CLOSE completed"]
    assert [*client.account.inbox.messages] == [2]
    assert client.send("CLOSE")[-1].startswith("a BAD ")


def test_close_after_examine_removes_nothing():
    client = ImapClient(MAIL, select="")
    client.account.inbox.change_flags([1], "add", ["\\Deleted"])
    client.send("EXAMINE INBOX")

    client.send("CLOSE")

    assert [*client.account.inbox.messages] == [1]


def test_unselect_removes_nothing():
    client = ImapClient(MAIL)
    client.send("STORE 1 +FLAGS.SILENT (\\Deleted)")

    assert client.send("UNSELECT") == ["a OK UNSELECT completed"]
    assert [*client.account.inbox.messages] == [1]


# -- changes by others -----------------------------------------------------------------------


def test_noop_reports_new_messages():
    client = ImapClient(MAIL)
    client.account.inbox.add(MAIL)

    assert client.send("NOOP") == ["* 2 EXISTS", "* 0 RECENT", "a OK NOOP completed"]
    assert client.send("NOOP") == ["a OK NOOP completed"]


def test_noop_in_imap4rev2_has_no_recent():
    client = ImapClient(MAIL)
    client.send("ENABLE IMAP4rev2")
    client.account.inbox.add(MAIL)

    assert client.send("NOOP") == ["* 2 EXISTS", "a OK NOOP completed"]


def test_noop_reports_removed_messages():
    client = ImapClient(MAIL, MAIL, MAIL, MAIL)
    client.account.inbox.delete([1, 2, 4])

    assert client.send("NOOP")[:-1] == ["* 1 EXPUNGE", "* 1 EXPUNGE", "* 2 EXPUNGE"]


def test_noop_reports_flags_of_others():
    client = ImapClient(MAIL, MAIL)
    client.account.inbox.change_flags([2], "add", ["\\Seen", "work"])

    assert client.send("CHECK") == [
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)",
        "* 2 FETCH (UID 2 FLAGS (\\Seen work))",
        "a OK CHECK completed",
    ]
    client.send("ENABLE CONDSTORE")
    client.account.inbox.change_flags([2], "remove", ["work"])
    assert client.send("NOOP")[0] == "* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (5))"


def test_own_changes_are_not_reported_again():
    client = ImapClient(MAIL, MAIL)

    client.send("STORE 1 +FLAGS (\\Seen)")
    client.send("FETCH 2 BODY[]")

    assert client.send("NOOP") == ["a OK NOOP completed"]


def test_removed_message_is_reported_after_fetch():
    client = ImapClient(MAIL, MAIL)
    client.account.inbox.delete([1])
    client.session.notify_change()

    assert client.send("FETCH 1:2 (UID)") == [
        "* 2 FETCH (UID 2)",
        "a OK [EXPUNGEISSUED] Some of the messages are gone; send NOOP",
    ]
    assert client.send("STORE 2 +FLAGS (\\Seen)")[0].startswith("* 2 FETCH")
    assert client.send("UID FETCH 2 (UID)") == ["* 2 FETCH (UID 2)", "* 1 EXPUNGE", "a OK FETCH completed"]
    assert client.send("NOOP") == ["a OK NOOP completed"]


def test_new_messages_are_reported_while_others_are_gone():
    client = ImapClient(MAIL, MAIL)
    client.account.inbox.delete([1])
    client.account.inbox.add(MAIL)
    client.session.notify_change()

    assert client.send("FETCH 2 (UID)")[1:3] == ["* 3 EXISTS", "* 0 RECENT"]
    assert client.send("FETCH 3 (UID)")[0] == "* 3 FETCH (UID 3)"
    assert client.send("NOOP")[0] == "* 1 EXPUNGE"
    assert client.view == [2, 3]


def test_message_that_comes_back_is_not_shown_in_the_middle():
    client = ImapClient(MAIL, MAIL, MAIL)
    inbox = client.account.inbox
    messages = {**inbox.messages}
    inbox.delete([2])
    client.send("NOOP")
    inbox.messages = messages
    client.session.notify_change()
    assert client.send("FETCH 2 UID")[0] == "* 2 FETCH (UID 3)"
    inbox.add(MAIL)

    assert client.send("NOOP")[0] == "* 3 EXISTS"
    assert client.view == [1, 3, 4]
    client.send("SELECT INBOX")
    assert client.view == [1, 2, 3, 4]


def test_failed_refresh_is_tried_again():
    client = ImapClient(MAIL)
    client.account.inbox.add(MAIL)
    client.account.errors["read_state"] = StoreUnavailable("the disk is gone")

    assert client.send("NOOP") == ["a OK NOOP completed"]
    del client.account.errors["read_state"]
    assert client.send("CAPABILITY")[1] == "* 2 EXISTS"


# -- IDLE ------------------------------------------------------------------------------------


def test_idle_reports_changes_at_once():
    client = ImapClient(MAIL)

    assert client.send("IDLE") == ["+ Idling; send DONE to end"]
    assert client.session.is_idling
    assert client.change(client.account.inbox.add, MAIL) == ["* 2 EXISTS", "* 0 RECENT"]
    assert client.change(client.account.inbox.delete, [1]) == ["* 1 EXPUNGE"]
    assert client.feed("done\r\n") == b"a OK IDLE completed\r\n"
    assert not client.session.is_idling
    assert client.change(client.account.inbox.add, MAIL) == []


def test_idle_reports_changes_before_it():
    client = ImapClient(MAIL)
    client.account.inbox.add(MAIL)

    assert client.send("IDLE")[1] == "* 2 EXISTS"


def test_idle_without_a_folder():
    client = ImapClient(select="")
    client.send("IDLE")

    assert client.change(client.account.inbox.add, MAIL) == []
    assert client.feed("DONE\r\n") == b"a OK IDLE completed\r\n"


def test_idle_is_ended_by_done_only():
    client = ImapClient()
    client.send("IDLE")

    assert client.feed("a NOOP\r\n") == b"a BAD IDLE is ended by DONE, got another line\r\n"
    assert client.send("NOOP") == ["a OK NOOP completed"]


def test_change_while_idle_reads_is_not_lost():
    client = ImapClient(MAIL)
    client.send("IDLE")
    client.account.inbox.add(MAIL)
    assert client.session.notify_change() == b""
    result = client.session.pending_call()
    client.account.inbox.add(MAIL)
    assert client.session.notify_change() == b""
    assert client.session.receive(b"DONE\r\n") == b""

    output = client.session.answer(result)
    assert output == b"* 2 EXISTS\r\n* 0 RECENT\r\n"
    assert client.session.answer(client.session.pending_call()) == (
        b"* 3 EXISTS\r\n* 0 RECENT\r\na OK IDLE completed\r\n"
    )


def test_change_between_turns_is_not_lost():
    client = ImapClient(MAIL)
    client.session.items_per_turn = 1
    client.account.inbox.add(MAIL)
    client.session.receive(b"a IDLE\r\n")
    client.session.answer(client.session.pending_call())
    client.account.inbox.add(MAIL)
    client.session.items_per_turn = 0
    client.session.receive(b"")
    assert client.session.has_backlog and client.session.notify_change() == b""

    client.session.items_per_turn = 1
    assert client.feed(b"").startswith(b"* 3 EXISTS\r\n")


def test_failed_refresh_in_idle_waits_for_the_next_change():
    client = ImapClient(MAIL)
    client.send("IDLE")
    client.account.errors["read_state"] = StoreUnavailable("the disk is gone")
    assert client.change(client.account.inbox.add, MAIL) == []
    del client.account.errors["read_state"]

    assert client.change(client.account.inbox.add, MAIL) == ["* 3 EXISTS", "* 0 RECENT"]


def test_eof_ends_idle():
    client = ImapClient()
    client.send("IDLE")

    assert client.session.receive_eof() == b""
    assert client.session.is_closing and client.session.notify_change() == b""


# -- folders ---------------------------------------------------------------------------------


def test_list_shows_all_folders():
    client = ImapClient(select="")
    client.account.create_folder("Work/2026")
    client.account.subscribed.add("INBOX")

    assert client.send('LIST "" *') == [
        '* LIST (\\HasNoChildren) "/" "INBOX"',
        '* LIST (\\HasNoChildren \\Drafts) "/" "Drafts"',
        '* LIST (\\HasNoChildren \\Junk) "/" "Junk"',
        '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
        '* LIST (\\HasNoChildren \\Trash) "/" "Trash"',
        '* LIST (\\HasChildren) "/" "Work"',
        '* LIST (\\HasNoChildren) "/" "Work/2026"',
        "a OK LIST completed",
    ]
    assert client.send('LIST "" W%')[:-1] == ['* LIST (\\HasChildren) "/" "Work"']
    assert client.send("LIST Work/ %")[:-1] == ['* LIST (\\HasNoChildren) "/" "Work/2026"']
    assert client.send('LIST "" ("inbox" "Work/%") RETURN (SUBSCRIBED)')[:-1] == [
        '* LIST (\\Subscribed \\HasNoChildren) "/" "INBOX"',
        '* LIST (\\HasNoChildren) "/" "Work/2026"',
    ]
    assert client.send('LIST (SPECIAL-USE) "" "*e*"')[:-1] == ['* LIST (\\HasNoChildren \\Sent) "/" "Sent"']


def test_list_shows_levels_without_a_folder():
    client = ImapClient(select="")
    client.account.create_folder("a/b/c")
    del client.account.folders["a"], client.account.folders["a/b"]

    assert client.send('LIST "" a*')[:-1] == [
        '* LIST (\\HasNoChildren) "/" "a/b/c"',
        '* LIST (\\Noselect \\HasChildren) "/" "a"',
        '* LIST (\\Noselect \\HasChildren) "/" "a/b"',
    ]
    assert client.send('LIST () "" % RETURN (CHILDREN)')[-2] == '* LIST (\\NonExistent \\HasChildren) "/" "a"'


@pytest.mark.parametrize("command", ["LIST", "LSUB"])
def test_list_tells_the_delimiter(command):
    assert ImapClient().send(f'{command} "" ""') == [
        f'* {command} (\\Noselect) "/" ""',
        f"a OK {command} completed",
    ]


def test_list_with_status():
    client = ImapClient(MAIL, select="")
    client.account.create_folder("a/b")
    del client.account.folders["a"]

    assert client.send('LIST "" (INBOX a) RETURN (STATUS (MESSAGES UNSEEN))') == [
        '* LIST (\\HasNoChildren) "/" "INBOX"',
        '* STATUS "INBOX" (MESSAGES 1 UNSEEN 1)',
        '* LIST (\\NonExistent \\HasChildren) "/" "a"',
        "a OK LIST completed",
    ]
    client.account.errors["open_folder"] = FolderError("gone")
    assert client.send('LIST "" INBOX RETURN (STATUS (MESSAGES))')[1:] == ["a OK LIST completed"]


def test_lsub_shows_subscribed_folders():
    client = ImapClient(select="")
    client.account.create_folder("a/b")
    client.send("SUBSCRIBE INBOX")
    client.send("SUBSCRIBE a/b")
    client.send("SUBSCRIBE Sent")
    client.send("UNSUBSCRIBE Sent")

    assert client.send('LSUB "" *')[:-1] == ['* LSUB () "/" "INBOX"', '* LSUB () "/" "a/b"']
    assert client.send('LSUB "" %')[:-1] == ['* LSUB () "/" "INBOX"', '* LSUB (\\Noselect) "/" "a"']


def test_list_of_subscribed_folders_with_levels():
    client = ImapClient(select="")
    client.account.create_folder("a/b")
    client.send("SUBSCRIBE a/b")

    assert client.send('LIST (SUBSCRIBED) "" *')[:-1] == ['* LIST (\\Subscribed \\HasNoChildren) "/" "a/b"']
    assert client.send('LIST (SUBSCRIBED RECURSIVEMATCH) "" %')[:-1] == [
        '* LIST (\\HasChildren) "/" "a" ("CHILDINFO" ("SUBSCRIBED"))'
    ]


def test_list_has_no_childinfo_for_folders_in_the_result():
    client = ImapClient(select="")
    client.account.create_folder("a/b")
    client.account.create_folder("a/c")
    client.send("SUBSCRIBE a/b")

    below = '* LIST (\\Subscribed \\HasNoChildren) "/" "a/b"'
    assert client.send('LIST (SUBSCRIBED RECURSIVEMATCH) "" a*')[:-1] == [below]
    assert client.send('LIST (SUBSCRIBED RECURSIVEMATCH) "" (a a/b)')[:-1] == [below]
    client.send("SUBSCRIBE a/c")
    assert client.send('LIST (SUBSCRIBED RECURSIVEMATCH) "" (a a/b)')[:-1] == [
        '* LIST (\\HasChildren) "/" "a" ("CHILDINFO" ("SUBSCRIBED"))',
        below,
    ]


def test_subscription_without_a_folder_is_listed():
    client = ImapClient(select="")
    gone = FolderInfo("gone", subscribed=True, exists=False)
    client.account.list_folders = lambda: [FolderInfo("INBOX"), gone]

    assert client.send('LIST (SUBSCRIBED) "" *')[:-1] == [
        '* LIST (\\NonExistent \\Subscribed \\HasNoChildren) "/" "gone"'
    ]
    assert client.send('LSUB "" *')[:-1] == ['* LSUB () "/" "gone"']
    assert client.send('LIST "" *')[:-1] == ['* LIST (\\HasNoChildren) "/" "INBOX"']
    assert client.send('LIST "" gone RETURN (SUBSCRIBED)') == ["a OK LIST completed"]


def test_names_that_no_folder_can_have():
    client = ImapClient(select="")

    assert client.send("SELECT &'+,-")[-1].startswith("a NO [CANNOT] expected a folder name in modified UTF-7")
    assert client.send('LIST "" &\'+,-%*') == ["a OK LIST completed"]
    assert client.send("LIST &'+,-/ *") == ["a OK LIST completed"]
    assert client.send(f'LIST "" {"x" * 5000}')[-1].startswith("a NO [CANNOT]")


def test_names_are_in_utf7_or_utf8():
    client = ImapClient(select="")
    client.send("CREATE Entw&APw-rfe")

    assert client.send('LIST "" Entw*')[0] == '* LIST (\\HasNoChildren) "/" "Entw&APw-rfe"'
    client.send("ENABLE UTF8=ACCEPT")
    assert client.send('LIST "" "Entwü%"')[0] == '* LIST (\\HasNoChildren) "/" "Entwürfe"'
    client.account.create_folder('a\x01"')
    assert client.feed('a LIST "" "a*"\r\n').startswith(b'* LIST (\\HasNoChildren) "/" {3}\r\na\x01"\r\n')


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("CREATE Work/", "a OK CREATE completed"),
        ("CREATE INBOX", "a NO [ALREADYEXISTS] The folder exists already"),
        (
            "CREATE Out (USE (\\Sent))",
            "a NO [USEATTR] The special use of folders is fixed: Drafts, Junk, Sent and Trash have it",
        ),
        ("DELETE Trash", "a OK DELETE completed"),
        ("DELETE Nowhere", "a NO [NONEXISTENT] There is no such folder"),
        ("DELETE INBOX", "a NO [CANNOT] INBOX cannot be deleted"),
        ("RENAME Trash Old", "a OK RENAME completed"),
        ("SUBSCRIBE Trash", "a OK SUBSCRIBE completed"),
        ("STATUS Nowhere (MESSAGES)", "a NO [NONEXISTENT] There is no such folder"),
    ],
)
def test_folder_commands(command, reply):
    assert ImapClient().send(command) == [reply]


def test_rename_of_inbox_is_seen_in_the_view():
    client = ImapClient(MAIL)

    assert client.send("RENAME INBOX Old") == ["* 1 EXPUNGE", "a OK RENAME completed"]


def test_status_has_all_numbers():
    client = ImapClient(MAIL, select="")

    assert client.send(
        "STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ APPENDLIMIT)"
    )[0] == (
        '* STATUS "INBOX" (MESSAGES 1 RECENT 0 UIDNEXT 2 UIDVALIDITY 7 UNSEEN 1 DELETED 0'
        f" SIZE {len(MAIL)} HIGHESTMODSEQ 2 APPENDLIMIT 33554432)"
    )


def test_status_without_an_append_limit():
    client = ImapClient(limits=Limits(message_size=None))

    assert client.send("STATUS INBOX (APPENDLIMIT)")[0] == '* STATUS "INBOX" (APPENDLIMIT NIL)'


def test_namespace_and_id():
    client = ImapClient()

    assert client.send("NAMESPACE")[0] == '* NAMESPACE (("" "/")) NIL NIL'
    assert client.send('ID ("name" "test")')[0] == '* ID ("name" "lazr.smtptest")'


# -- APPEND ----------------------------------------------------------------------------------


def test_append_stores_a_message():
    client = ImapClient()

    assert client.send(f"APPEND INBOX (\\Seen) {{{len(MAIL)}}}") == ["+ Ready for the literal"]
    assert client.feed(MAIL + b"\r\n").decode().splitlines() == [
        "* 1 EXISTS",
        "* 0 RECENT",
        "a OK [APPENDUID 7 1] APPEND completed",
    ]
    message = client.account.inbox.messages[1]
    assert message.content == MAIL and message.flags == {"\\Seen"}
    assert f"C: a APPEND INBOX (\\Seen) {{{len(MAIL)}}}" in client.transcript


def test_append_to_another_folder_without_selection():
    client = ImapClient(select="")

    assert client.send("APPEND Sent {2+}\r\nHi") == ["a OK [APPENDUID 7 1] APPEND completed"]


def test_append_to_a_missing_folder_hints_at_create():
    client = ImapClient(select="")

    assert client.send("APPEND Nowhere {2+}\r\nHi") == ["a NO [TRYCREATE] There is no such folder"]
    client.account.errors["open_folder"] = FolderError("The disk is full", "OVERQUOTA")
    assert client.send("APPEND Nowhere {2+}\r\nHi") == ["a NO [OVERQUOTA] The disk is full"]


def test_unavailable_store_is_told():
    client = ImapClient(select="")
    client.account.errors["open_folder"] = StoreUnavailable("the disk is gone")

    assert client.send("SELECT INBOX") == ["a NO [UNAVAILABLE] The store is unavailable; try again later"]


def test_fault_of_the_server_is_raised_again():
    client = ImapClient(select="")
    client.account.errors["open_folder"] = ZeroDivisionError("a fault")

    with pytest.raises(ZeroDivisionError):
        client.send("SELECT INBOX")
