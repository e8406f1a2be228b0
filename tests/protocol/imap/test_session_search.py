"""Sessions of IMAP that search."""

import pytest

from tests.helpers.imap_client import MAIL, ImapClient, make_mail


@pytest.fixture
def client():
    client = ImapClient(make_mail("Hello"), make_mail("World"), make_mail("Hello again"))
    client.account.inbox.change_flags([2], "add", ["\\Seen"])
    client.send("NOOP")
    return client


@pytest.mark.parametrize(
    ("command", "response"),
    [
        ("SEARCH ALL", "* SEARCH 1 2 3"),
        ("SEARCH SUBJECT hello", "* SEARCH 1 3"),
        ("UID SEARCH UNSEEN 2:*", "* SEARCH 3"),
        ("SEARCH DELETED", "* SEARCH"),
        ("SEARCH OLDER 1", "* SEARCH"),
        ("SEARCH MODSEQ 4", "* SEARCH 2 3 (MODSEQ 5)"),
        ("SEARCH OR MODSEQ 4 NOT (MODSEQ 3 UNSEEN)", "* SEARCH 1 2 3 (MODSEQ 5)"),
        ("SEARCH MODSEQ 9", "* SEARCH"),
        ("SEARCH RETURN () ALL", '* ESEARCH (TAG "a") ALL 1:3'),
        ("UID SEARCH RETURN (MIN MAX COUNT) ALL", '* ESEARCH (TAG "a") UID MIN 1 MAX 3 COUNT 3'),
        ("SEARCH RETURN (MIN MAX ALL COUNT) DELETED", '* ESEARCH (TAG "a") COUNT 0'),
        ("SEARCH RETURN (MIN) MODSEQ 3", '* ESEARCH (TAG "a") MIN 2 MODSEQ 5'),
        ("SORT (REVERSE ARRIVAL) UTF-8 ALL", "* SORT 3 2 1"),
        ("UID SORT (SUBJECT) UTF-8 2:*", "* SORT 3 2"),
        ("SORT (SIZE) UTF-8 MODSEQ 4", "* SORT 2 3 (MODSEQ 5)"),
        (
            "SORT RETURN (MIN MAX ALL COUNT) (REVERSE DATE) UTF-8 ALL",
            '* ESEARCH (TAG "a") MIN 3 MAX 1 ALL 3,2,1 COUNT 3',
        ),
        ("SORT (DATE) UTF-8 DELETED", "* SORT"),
        ("THREAD ORDEREDSUBJECT UTF-8 ALL", "* THREAD (1)(2)(3)"),
        ("UID THREAD REFERENCES UTF-8 SUBJECT hello", "* THREAD (1)(3)"),
        ("THREAD REFERENCES UTF-8 DELETED", "* THREAD"),
        ("SEARCH RETURN (MAX) MODSEQ 3", '* ESEARCH (TAG "a") MAX 3 MODSEQ 4'),
    ],
)
def test_search(client, command, response):
    name = command.removeprefix("UID ").split()[0]

    lines = [line for line in client.send(command) if "HIGHESTMODSEQ" not in line]
    assert lines == [response, f"a OK {name} completed"]


def test_search_in_imap4rev2_has_esearch(client):
    client.send("ENABLE IMAP4rev2")

    assert client.send("UID SEARCH SUBJECT hello")[0] == '* ESEARCH (TAG "a") UID ALL 1,3'


def test_search_finds_new_messages(client):
    client.account.inbox.add(MAIL)
    client.session.notify_change()

    assert client.send("SEARCH ALL") == ["* 4 EXISTS", "* 0 RECENT", "* SEARCH 1 2 3 4", "a OK SEARCH completed"]


def test_saved_result_names_messages(client):
    assert client.send("FETCH $ (UID)") == ["a OK FETCH completed"]
    assert client.send("SEARCH RETURN (SAVE) SUBJECT hello") == ["a OK SEARCH completed"]
    assert client.send("FETCH $ (UID)")[:-1] == ["* 1 FETCH (UID 1)", "* 3 FETCH (UID 3)"]
    assert client.send("SEARCH $ UNSEEN 2:3")[0] == "* SEARCH 3"
    client.account.inbox.delete([1])
    client.send("NOOP")
    assert client.send("UID FETCH $ (UID)")[:-1] == ["* 2 FETCH (UID 3)"]


def test_saved_result_of_min_is_one_message(client):
    assert client.send("SEARCH RETURN (SAVE MIN) ALL")[0] == '* ESEARCH (TAG "a") MIN 1'
    assert client.send("FETCH $ (UID)")[:-1] == ["* 1 FETCH (UID 1)"]


def test_long_result_is_sent_in_parts():
    client = ImapClient(*[MAIL] * 9000)
    session = client.session

    lines = client.send("SEARCH ALL")

    assert lines[0] == "* SEARCH " + " ".join(map(str, range(1, 9001)))
    assert not session.is_halted
    assert client.transcript[-2].startswith("*: (… ")


def test_time_of_search_is_that_of_the_last_input():
    client = ImapClient(MAIL)  # INTERNALDATE is 1,700,000,001
    record = client.session.record
    record.timestamp = 1_700_000_000.0
    record.transcript.add_timestamp(5.0)
    record.transcript.add_timestamp(105.0)

    assert client.send("SEARCH OLDER 90")[0] == "* SEARCH 1"
    assert client.send("SEARCH OLDER 110")[0] == "* SEARCH"
