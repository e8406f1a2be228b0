"""SORT: the order of messages, and what is read for it."""

import pytest

from lazr.smtptest.folders import read_structure
from lazr.smtptest.protocol.imap.command_types import SortCriterion
from lazr.smtptest.protocol.imap.message_sort import read_sort_facts, sort_messages
from tests.helpers.memory_folders import MemoryAccount


def finish(steps):
    try:
        call = next(steps)
        while True:
            call = steps.send(call.function())
    except StopIteration as stop:
        return stop.value


@pytest.fixture
def folder(monkeypatch):
    """A folder with four messages, with their real structure."""
    contents = [
        "Subject: Re: beta\r\nFrom: Zoe <zoe@x.example>\r\nDate: 3 Jan 2026 00:00 +0000\r\nTo: b@x.example\r\n",
        "Subject: Alpha\r\nFrom: ann@x.example\r\nDate: 1 Jan 2026 00:00 +0000\r\nMessage-ID: <2@x>\r\n",
        (
            "Subject: Beta\r\nFrom: Bob@x.example\r\nDate: 1 Jan 2026 00:00 +0100\r\nTo: team:c@x.example;\r\n"
            "In-Reply-To: <2@x> <9@x>\r\n"
        ),
        "Cc: a@x.example\r\nReferences: <1@x>\r\n <2@x> no <3@x>\r\nIn-Reply-To: <9@x>\r\n",
    ]
    folder = MemoryAccount().inbox
    for number, content in enumerate(contents):
        folder.add(content.encode() + b"\r\n" + b"x" * (10 - 2 * number), internal_date=10.0 - number)
    monkeypatch.setattr("tests.helpers.memory_folders.MemoryPart", read_structure)
    folder._account.calls.clear()
    return folder


@pytest.mark.parametrize(
    ("criteria", "uids"),
    [
        ("ARRIVAL", [4, 3, 2, 1]),
        ("-ARRIVAL", [1, 2, 3, 4]),
        ("DATE", [4, 3, 2, 1]),
        ("SUBJECT", [4, 2, 1, 3]),
        ("SUBJECT DATE", [4, 2, 3, 1]),
        ("-SUBJECT", [1, 3, 2, 4]),
        ("FROM", [4, 2, 3, 1]),
        ("TO", [2, 4, 1, 3]),
        ("CC", [1, 2, 3, 4]),
        ("-CC", [4, 1, 2, 3]),
    ],
)
def test_messages_are_sorted(folder, criteria, uids):
    parsed = [SortCriterion(each.strip("-"), each.startswith("-")) for each in criteria.split()]

    assert finish(sort_messages(folder, parsed, [1, 2, 3, 4])) == uids


def test_sizes_need_no_content(folder):
    by_size = sorted(folder.messages, key=lambda uid: folder.messages[uid].size)

    assert finish(sort_messages(folder, [SortCriterion("SIZE")], [1, 2, 3, 4, 77])) == by_size
    assert folder._account.calls == ["read_messages"]


def test_references_are_those_of_one_field(folder):
    first, second, third, fourth = finish(read_sort_facts(folder, [1, 2, 3, 4]))

    assert first.message_id == 0
    assert first.references == ()
    assert third.references == (second.message_id,)
    assert len(fourth.references) == 3
    assert fourth.references[1] == second.message_id
    assert first.sent - second.sent == 2 * 86_400
    assert fourth.sent == fourth.arrival


def test_contents_are_read_in_batches(folder, monkeypatch):
    monkeypatch.setattr("lazr.smtptest.protocol.imap.message_sort.MAX_MESSAGES_PER_CALL", 2)
    finish(read_sort_facts(folder, [1, 2, 3, 4]))
    monkeypatch.setattr("lazr.smtptest.protocol.imap.message_sort.MAX_CONTENT_BYTES_PER_CALL", 1)
    finish(read_sort_facts(folder, [1, 2, 3, 4]))
    finish(read_sort_facts(folder, []))

    assert folder._account.calls == ["read_messages"] * (3 + 5)


def test_letters_come_before_signs():
    folder = MemoryAccount(
        b"Subject: _\r\n\r\n", b"Subject: [x]\r\n\r\n", b"Subject: b\r\n\r\n", b"Subject: A\r\n\r\n"
    ).inbox

    assert finish(sort_messages(folder, [SortCriterion("SUBJECT")], [1, 2, 3, 4])) == [4, 3, 2, 1]
