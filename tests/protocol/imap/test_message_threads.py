"""THREAD: the trees of messages (RFC 5256 3)."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.imap.base_subject import parse_base_subject
from lazr.smtptest.protocol.imap.message_sort import SortFacts
from lazr.smtptest.protocol.imap.message_threads import build_threads, format_threads


def message(uid, message_id=0, references=(), subject="", sent=None):
    sent = uid if sent is None else sent
    base = parse_base_subject(subject)
    return SortFacts(uid, 0.0, 0, float(sent), base, message_id=message_id, references=tuple(references))


def thread(algorithm, *messages):
    return "".join(format_threads(build_threads(algorithm, messages), lambda uid: uid))


@pytest.mark.parametrize(
    ("messages", "threads"),
    [
        ([], ""),
        ([message(1, subject="a")], "(1)"),
        ([message(1, subject="a"), message(2, subject="Re: a"), message(3, subject="b")], "(1 2)(3)"),
        ([message(1, subject="a"), message(2, subject="A"), message(3, subject="a")], "(1 (2)(3))"),
        (
            [message(1, subject="a", sent=9), message(2, subject="a", sent=8), message(3, subject="b", sent=1)],
            "(3)(2 1)",
        ),
    ],
)
def test_threads_by_subject(messages, threads):
    assert thread("ORDEREDSUBJECT", *messages) == threads


@pytest.mark.parametrize(
    ("messages", "threads"),
    [
        ([], ""),
        ([message(1, 11), message(2, 12)], "(1)(2)"),
        ([message(1, 11), message(2, 12, [11]), message(3, 13, [11, 12])], "(1 2 3)"),
        ([message(1, 11), message(2, 12, [11]), message(3, 13, [11])], "(1 (2)(3))"),
        # The parent is not there: one child takes its place, several become siblings under a dummy.
        ([message(1, 11, [99])], "(1)"),
        ([message(1, 11, [99]), message(2, 12, [99])], "((1)(2))"),
        ([message(1, 11), message(2, 12, [11, 99])], "(1 2)"),
        # A reference that has its own parent keeps it.
        ([message(1, 11, [14]), message(2, 12, [13, 11]), message(4, 14)], "(4 1 2)"),
        # Loops, duplicates and messages without an ID.
        ([message(1, 11, [11])], "(1)"),
        ([message(1, 11, [12]), message(2, 12, [11])], "(2 1)"),
        ([message(1, 11), message(2, 11, [11])], "(1 2)"),
        ([message(1, 0), message(2, 0)], "(1)(2)"),
        # By date, not by UID.
        ([message(1, 11, sent=9), message(2, 12, sent=1)], "(2)(1)"),
        ([message(1, 11), message(2, 12, [11], sent=9), message(3, 13, [11], sent=8)], "(1 (3)(2))"),
        # Threads with one base subject.
        ([message(1, 11, subject="a"), message(2, 12, subject="Re: a")], "(1 2)"),
        ([message(1, 11, subject="Re: a"), message(2, 12, subject="a")], "(2 1)"),
        ([message(1, 11, subject="a"), message(2, 12, subject="a")], "((1)(2))"),
        ([message(1, 11, subject="a"), message(2, 12, subject="a"), message(3, 13, subject="Re: a")], "((1)(2)(3))"),
        (
            [
                message(1, 11, [99], "a"),
                message(2, 12, [99], "a"),
                message(3, 13, [98], "a"),
                message(4, 14, [98], "a"),
            ],
            "((1)(2)(3)(4))",
        ),
        ([message(1, 11, subject="a"), message(2, 12, [99], "Re: a"), message(3, 13, [99], "Re: a")], "((1)(2)(3))"),
        # What a message says of itself counts, even where it would close a loop: 3 is no reply to 1.
        ([message(1, 1, sent=3), message(2, 2, [1, 3], sent=1), message(3, 3, [2], sent=2)], "(3 2)(1)"),
    ],
)
def test_threads_by_references(messages, threads):
    assert thread("REFERENCES", *messages) == threads


ids = st.integers(0, 8)
messages_of_any_kind = st.lists(
    st.tuples(
        ids, st.lists(st.integers(1, 8), max_size=4), st.sampled_from(["", "a", "Re: a", "b"]), st.integers(0, 3)
    ),
    max_size=12,
).map(lambda rows: [message(uid, *row) for uid, row in enumerate(rows, 1)])


@settings(deadline=None)
@given(messages_of_any_kind, st.sampled_from(["REFERENCES", "ORDEREDSUBJECT"]))
def test_each_message_is_in_one_thread_once(messages, algorithm):
    text = thread(algorithm, *messages)
    numbers = [int(number) for number in text.replace("(", " ").replace(")", " ").split()]

    assert sorted(numbers) == [facts.uid for facts in messages]
    assert text.count("(") == text.count(")")
    assert "()" not in text and " )" not in text


def test_deep_and_wide_threads_take_little_time():
    deep = [message(uid, uid, [uid - 1]) for uid in range(1, 10_001)]
    looped = [message(uid, uid, [uid % 10_000 + 1, uid - 1]) for uid in range(1, 10_001)]
    wide = [message(uid, uid, [99_999], "a") for uid in range(1, 10_001)]
    start = time.process_time()
    for messages in (deep, deep[::-1], looped, wide):
        thread("REFERENCES", *messages)

    assert time.process_time() - start < 4
