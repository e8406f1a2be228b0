"""Sessions of IMAP that sort and thread."""

import pytest

from tests.helpers.imap_client import ImapClient, make_mail


@pytest.fixture
def client():
    """A client with three messages, whose UIDs are not their numbers."""
    client = ImapClient(
        make_mail("gone"),
        make_mail("Beta", Message_ID="<1@x>"),
        make_mail("Alpha"),
        make_mail("Re: Beta", References="<1@x>"),
    )
    client.account.inbox.delete([1])
    client.send("NOOP")
    return client


@pytest.mark.parametrize(
    ("command", "response"),
    [
        ("SORT (SUBJECT) UTF-8 ALL", "* SORT 2 1 3"),
        ("UID SORT (REVERSE ARRIVAL) US-ASCII NOT DELETED", "* SORT 4 3 2"),
        ("SORT (ARRIVAL) UTF-8 SUBJECT none", "* SORT"),
        ("SORT (REVERSE ARRIVAL) UTF-8 MODSEQ 1", "* SORT 3 2 1 (MODSEQ 5)"),
        ("UID SORT RETURN (MIN MAX COUNT) (SUBJECT) UTF-8 ALL", '* ESEARCH (TAG "a") UID MIN 3 MAX 4 COUNT 3'),
        ("UID SORT RETURN (ALL) (REVERSE SUBJECT) UTF-8 ALL", '* ESEARCH (TAG "a") UID ALL 2,4,3'),
        ("THREAD REFERENCES UTF-8 ALL", "* THREAD (1 3)(2)"),
        ("UID THREAD ORDEREDSUBJECT UTF-8 ALL", "* THREAD (2 4)(3)"),
        ("THREAD REFERENCES UTF-8 SUBJECT none", "* THREAD"),
    ],
)
def test_sort_and_thread(client, command, response):
    assert client.send(command)[-2:] == [response, f"a OK {command.removeprefix('UID ').split()[0]} completed"]


def test_sorted_result_is_saved_by_uid(client):
    client.send("SORT RETURN (SAVE) (SUBJECT) UTF-8 SUBJECT beta")

    assert client.send("UID FETCH $ (UID)")[:-1] == ["* 1 FETCH (UID 2)", "* 3 FETCH (UID 4)"]


def test_sort_in_imap4rev2_has_its_own_response(client):
    client.send("ENABLE IMAP4rev2")

    assert client.send("SORT (ARRIVAL) UTF-8 ALL")[0] == "* SORT 1 2 3"
