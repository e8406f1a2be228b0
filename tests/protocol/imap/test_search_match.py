"""Searches find what they say, and read no more than they need."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.imap.search_keys import (
    AgeKey,
    AllKey,
    AndKey,
    DateKey,
    FlagKey,
    ModSeqKey,
    NotKey,
    OrKey,
    SequenceKey,
    SizeKey,
    TextKey,
)
from lazr.smtptest.protocol.imap.search_match import find_messages
from lazr.smtptest.protocol.imap.sequence_set import SAVED_RESULT, STAR, SequenceSet, parse_sequence_set
from tests.helpers.memory_folders import MemoryAccount

DAY = 86_400.0
NOON = 20_000 * DAY + DAY / 2
DATE = dt.date(1970, 1, 1) + dt.timedelta(days=20_000)
SEEN, UNSEEN = FlagKey("\\Seen", is_set=True), FlagKey("\\Seen", is_set=False)


def make_folder(count=6):
    """Return a folder: all its messages differ in flags, days, sizes and texts."""
    folder = MemoryAccount().inbox
    for number in range(count):
        sent = DATE + dt.timedelta(days=number)
        content = (
            f"Subject: mail {number}\r\nFrom: {'ann' if number % 2 else 'bob'}\r\nDate: {sent:%d %b %Y} 23:59 -0100\r\n"
            + ("X-Odd:\r\n" if number % 2 else "")
            + f"\r\nbody {'x' * number}\r\n"
        )
        flags = [flag for flag, divisor in (("\\Seen", 2), ("Work", 3)) if number % divisor == 0]
        folder.add(content.encode(), flags, NOON + number * DAY)
    folder.delete([2])  # so that message numbers and UIDs differ
    folder._account.calls.clear()
    return folder


def search(folder, key, **kwargs):
    """Run a search as a session does; return the UIDs."""
    steps = find_messages(folder, key, kwargs.pop("uids", tuple(folder.messages)), **kwargs)
    try:
        call = next(steps)
        while True:
            call = steps.send(call.function())
    except StopIteration as stop:
        return stop.value


def sequence(text, *, is_uid=False):
    return SequenceKey(parse_sequence_set(text), is_uid)


@pytest.mark.parametrize(
    ("key", "uids"),
    [
        (AllKey(), [1, 3, 4, 5, 6]),
        (sequence("2:3"), [3, 4]),
        (sequence("2:3", is_uid=True), [3]),
        (sequence("*"), [6]),
        (sequence("9:*", is_uid=True), [6]),
        (sequence("9:20"), []),
        (SequenceKey(SAVED_RESULT), [1, 5]),
        (SEEN, [1, 3, 5]),
        (UNSEEN, [4, 6]),
        (FlagKey("wOrk", is_set=True), [1, 4]),
        (FlagKey("work", is_set=False), [3, 5, 6]),
        (FlagKey("none", is_set=True), []),
        (FlagKey("\\Recent", is_set=True), [6]),
        (FlagKey("\\Recent", is_set=False), [1, 3, 4, 5]),
        (ModSeqKey(5), [4, 5, 6]),
        (DateKey("ON", DATE), [1]),
        (DateKey("BEFORE", DATE + dt.timedelta(days=3)), [1, 3]),
        (DateKey("SINCE", DATE + dt.timedelta(days=3)), [4, 5, 6]),
        (DateKey("ON", DATE, is_sent=True), [1]),
        (DateKey("BEFORE", DATE + dt.timedelta(days=3), is_sent=True), [1, 3]),
        (DateKey("SINCE", DATE + dt.timedelta(days=3), is_sent=True), [4, 5, 6]),
        (AgeKey(is_older=True, seconds=int(3 * DAY)), [1, 3]),
        (AgeKey(is_older=False, seconds=int(3 * DAY)), [3, 4, 5, 6]),
        (TextKey("SUBJECT", "MAIL 3"), [4]),
        (TextKey("FROM", "ann"), [4, 6]),
        (TextKey("BODY", "body xxx"), [4, 5, 6]),
        (TextKey("TEXT", "from: BOB"), [1, 3, 5]),
        (TextKey("BODY", ""), [1, 3, 4, 5, 6]),
        (TextKey("HEADER", "", "x-odd"), [4, 6]),
        (TextKey("HEADER", "a", "x-odd"), []),
        (NotKey(SEEN), [4, 6]),
        (NotKey(TextKey("FROM", "ann")), [1, 3, 5]),
        (AndKey((SEEN, TextKey("BODY", "xx"))), [3, 5]),
        (OrKey(sequence("1"), TextKey("SUBJECT", "3")), [1, 4]),
        # Tuples of these two types are equal.
        (OrKey(SizeKey(is_larger=True, size=200), AgeKey(is_older=True, seconds=200)), [1, 3, 4, 5]),
    ],
)
def test_keys_find_messages(key, uids):
    kwargs = {"saved_uids": [1, 2, 5], "recent_uids": {6}, "now": NOON + 5 * DAY}

    assert search(make_folder(), key, **kwargs) == uids


def test_sizes_are_compared_without_the_limit():
    folder = make_folder()
    size = folder.messages[4].size

    assert 4 not in search(folder, SizeKey(is_larger=True, size=size))
    assert 4 in search(folder, SizeKey(is_larger=True, size=size - 1))
    assert 4 not in search(folder, SizeKey(is_larger=False, size=size))
    assert 4 in search(folder, SizeKey(is_larger=False, size=size + 1))


@pytest.mark.parametrize("field", ["", "Date: yesterday\r\n", "Date:\r\n"])
@pytest.mark.parametrize("comparison", ["ON", "BEFORE", "SINCE"])
def test_message_without_date_has_no_sent_date(field, comparison):
    folder = MemoryAccount(field.encode() + b"Subject: x\r\n\r\nHi\r\n").inbox

    assert search(folder, DateKey(comparison, DATE, is_sent=True)) == []


@pytest.mark.parametrize(
    ("key", "calls"),
    [
        (AllKey(), []),
        (sequence("1:*"), []),
        (TextKey("BODY", ""), []),
        (AndKey((sequence("9"), TextKey("BODY", "x"))), []),
        (OrKey(AllKey(), SEEN), []),
        (SEEN, ["read_flags"]),
        (AndKey((FlagKey("none", is_set=True), TextKey("BODY", "x"), SizeKey(is_larger=True, size=0))), ["read_flags"]),
        (SizeKey(is_larger=True, size=5), ["read_messages"]),
        (AndKey((SizeKey(is_larger=False, size=5), TextKey("BODY", "x"))), ["read_messages"]),
        (TextKey("BODY", "x"), ["search_text", "read_messages", "read_messages"]),
        (
            AndKey((TextKey("BODY", "x"), SizeKey(is_larger=True, size=5))),
            ["read_messages", "search_text", "read_messages"],
        ),
        (DateKey("ON", DATE, is_sent=True), ["read_messages", "read_messages"]),
    ],
)
def test_search_reads_only_what_it_needs(key, calls):
    folder = make_folder()
    search(folder, key)

    assert folder._account.calls == calls


def test_few_flags_are_read_by_uid(monkeypatch):
    folder = make_folder()
    asked = []
    read_flags = folder.read_flags
    monkeypatch.setattr(folder, "read_flags", lambda uids: (asked.append(uids), read_flags(uids))[1])

    assert search(folder, AndKey((sequence("1,2"), SEEN))) == [1, 3]
    assert search(folder, AndKey((sequence("1:4"), SEEN))) == [1, 3, 5]
    assert asked == [[1, 3], None]


def test_index_is_used_instead_of_contents(monkeypatch):
    folder = make_folder()
    asked = []
    monkeypatch.setattr(folder, "search_text", lambda *args: (asked.append(args), {1, 2, 4, 77})[1])

    assert search(folder, TextKey("HEADER", "Ä", "X-Y")) == [1, 4]
    assert asked == [("HEADER", "X-Y", "Ä")]
    assert folder._account.calls == []


def test_contents_are_read_in_batches(monkeypatch):
    monkeypatch.setattr("lazr.smtptest.protocol.imap.search_match.MAX_MESSAGES_PER_CALL", 3)
    monkeypatch.setattr("lazr.smtptest.protocol.imap.search_match.MAX_CONTENT_BYTES_PER_CALL", 250)
    folder = MemoryAccount(*[b"x" * size for size in (10, 20, 30, 40, 200, 100, 300, 10)]).inbox
    batches = []
    read_messages = folder.read_messages

    def read(uids, *, with_content):
        if with_content:
            batches.append(list(uids))
        return read_messages(uids, with_content=with_content)

    monkeypatch.setattr(folder, "read_messages", read)
    search(folder, TextKey("BODY", "y"))

    assert batches == [[1, 2, 3], [4, 5], [6], [7], [8]]


def test_texts_of_a_message_are_read_once():
    read = []

    def read_text(message, kind, name):
        read.append((message.uid, kind, name))
        return "hello"

    key = OrKey(TextKey("BODY", "x"), OrKey(TextKey("BODY", "HELLO"), TextKey("SUBJECT", "y")))

    assert search(MemoryAccount(b"a", b"b").inbox, key, read_text=read_text) == [1, 2]
    assert read == [(1, "BODY", ""), (2, "BODY", "")]


def test_messages_that_the_client_does_not_know_are_not_found():
    folder = make_folder()

    for key in (SEEN, TextKey("BODY", "body"), AllKey()):
        assert search(folder, key, uids=(1, 2, 3)) in ([1, 3], [1, 2, 3])
    assert search(folder, UNSEEN, uids=(1, 2, 3)) == []  # 2 is gone
    assert search(folder, TextKey("BODY", "body"), uids=(2,)) == []


def test_empty_folder_has_no_matches():
    for key in (AllKey(), SEEN, sequence("*"), sequence("1:*", is_uid=True), NotKey(AllKey()), TextKey("BODY", "x")):
        assert search(MemoryAccount().inbox, key) == []


numbers = st.one_of(st.integers(1, 7), st.just(STAR))
leaves = st.one_of(
    st.just(AllKey()),
    st.builds(
        SequenceKey, st.lists(st.tuples(numbers, numbers), min_size=1, max_size=3).map(SequenceSet), st.booleans()
    ),
    st.builds(FlagKey, st.sampled_from(["\\Seen", "work", "none", "\\Recent"]), st.booleans()),
    st.builds(ModSeqKey, st.integers(0, 9)),
    st.builds(SizeKey, st.booleans(), st.integers(60, 90)),
    st.builds(AgeKey, st.booleans(), st.integers(0, int(6 * DAY))),
    st.builds(
        DateKey,
        st.sampled_from(["ON", "BEFORE", "SINCE"]),
        st.integers(-1, 7).map(lambda days: DATE + dt.timedelta(days=days)),
        st.booleans(),
    ),
    st.builds(
        TextKey, st.sampled_from(["BODY", "TEXT", "SUBJECT", "FROM"]), st.sampled_from(["xx", "mail 1", "ANN", ""])
    ),
    st.builds(TextKey, st.just("HEADER"), st.sampled_from(["", "a"]), st.sampled_from(["X-Odd", "From"])),
)
keys = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(NotKey, inner),
        st.builds(OrKey, inner, inner),
        st.builds(AndKey, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


def matches(key, number, message, folder):
    """Return whether a message matches: each leaf is searched alone."""
    if isinstance(key, NotKey):
        return not matches(key.key, number, message, folder)
    if isinstance(key, OrKey):
        return matches(key.left, number, message, folder) or matches(key.right, number, message, folder)
    if isinstance(key, AndKey):
        return all(matches(part, number, message, folder) for part in key.keys)
    return message.uid in search(folder, key, recent_uids={6}, now=NOON + 5 * DAY)


@settings(max_examples=200, deadline=None)
@given(keys)
def test_combined_keys_match_like_their_parts(key):
    folder = make_folder()
    expected = [
        uid for number, (uid, message) in enumerate(folder.messages.items(), 1) if matches(key, number, message, folder)
    ]

    assert search(folder, key, recent_uids={6}, now=NOON + 5 * DAY) == expected
