r"""Tests of `\Recent`, which IMAP4rev1 has (RFC 3501 2.3.2)."""

import pytest

from tests.helpers.imap_client import ImapClient, make_mail

MAIL = make_mail()


def make_client(count=2, **settings):
    client = ImapClient(*[MAIL] * count, select="", **settings)
    client.account.inbox.claimed_uid = 0
    return client


def test_the_first_session_sees_messages_as_recent():
    client = make_client()

    assert "* 2 RECENT" in client.send("SELECT INBOX")
    assert client.send("FETCH 1 (FLAGS)")[0] == "* 1 FETCH (FLAGS (\\Recent))"
    assert client.send("FETCH 1 (FLAGS RFC822.SIZE)")[0] == f"* 1 FETCH (FLAGS (\\Recent) RFC822.SIZE {len(MAIL)})"
    assert client.send("STORE 2 +FLAGS (\\Seen)")[0] == "* 2 FETCH (FLAGS (\\Seen \\Recent))"
    assert client.send("SEARCH RECENT")[0] == "* SEARCH 1 2"
    assert client.send("SEARCH NEW")[0] == "* SEARCH 1"
    assert client.send("SEARCH OLD")[0] == "* SEARCH"
    client.account.inbox.change_flags([1], "add", ["\\Flagged"])
    assert client.send("NOOP")[0] == "* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent))"


def test_a_later_session_sees_them_no_more():
    client = make_client()
    client.send("SELECT INBOX")

    assert "* 0 RECENT" in client.send("SELECT INBOX")
    assert client.send("SEARCH RECENT")[0] == "* SEARCH"


def test_examine_leaves_recent_messages_to_others():
    client = make_client()

    assert "* 2 RECENT" in client.send("EXAMINE INBOX")
    assert client.send("NOOP") == ["a OK NOOP completed"]
    assert client.send("FETCH 1 (FLAGS)")[0] == "* 1 FETCH (FLAGS (\\Recent))"
    assert "* 2 RECENT" in client.send("SELECT INBOX")


def test_new_messages_are_recent_and_expunged_ones_are_not():
    client = make_client()
    client.send("SELECT INBOX")

    client.account.inbox.add(MAIL)
    assert client.send("NOOP")[:2] == ["* 3 EXISTS", "* 3 RECENT"]
    client.account.inbox.delete([1, 2])
    client.account.inbox.add(MAIL)
    assert client.send("NOOP")[2:4] == ["* 2 EXISTS", "* 2 RECENT"]


@pytest.mark.parametrize("commands", [("ENABLE IMAP4rev2", "SELECT INBOX"), ("SELECT INBOX", "ENABLE IMAP4rev2")])
def test_imap4rev2_has_no_recent_messages(commands):
    client = make_client()
    for command in commands:
        client.send(command)

    assert client.send("FETCH 1 (FLAGS)")[0] == "* 1 FETCH (FLAGS ())"
    client.account.inbox.add(MAIL)
    assert client.send("NOOP") == ["* 3 EXISTS", "a OK NOOP completed"]
