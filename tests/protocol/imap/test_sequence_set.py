"""Sequence sets: grammar, and the messages that they select."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.imap.parse_error import ParseError
from lazr.smtptest.protocol.imap.sequence_set import (
    MAX_NUMBER,
    SAVED_RESULT,
    STAR,
    SequenceSet,
    format_sequence_set,
    parse_sequence_set,
)

numbers = st.one_of(st.integers(1, 40), st.just(STAR), st.just(MAX_NUMBER))
sets = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6).map(SequenceSet)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("1", [(1, 1)]),
        ("*", [(STAR, STAR)]),
        ("2:4", [(2, 4)]),
        ("4:2", [(4, 2)]),
        ("3:*", [(3, STAR)]),
        ("1,3:5,*:7", [(1, 1), (3, 5), (STAR, 7)]),
        ("1:4294967295", [(1, MAX_NUMBER)]),
    ],
)
def test_set_is_parsed_as_ranges_and_written_again(text, ranges):
    parsed = parse_sequence_set(text)

    assert parsed == SequenceSet(ranges)
    assert str(parsed) == text
    assert repr(parsed) == f"SequenceSet({text!r})"
    assert hash(parsed) == hash(SequenceSet(ranges))


def test_dollar_is_the_saved_result():
    assert parse_sequence_set("$") == SAVED_RESULT
    assert str(SAVED_RESULT) == "$"
    assert SequenceSet(()) != SAVED_RESULT
    assert SAVED_RESULT != "$"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "01",
        "1,",
        ",1",
        "1:",
        ":1",
        "1:2:3",
        "a",
        "-1",
        "1;2",
        "4294967296",
        "9" * 5000,
        "$,1",
        "1,$",
        "1 ",
        "²",
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(ParseError, match=r"expected a sequence set .* at position 7"):
        parse_sequence_set(text, 7)


@pytest.mark.parametrize(
    ("text", "count", "found", "is_within"),
    [
        ("1:*", 3, [1, 2, 3], True),
        ("*", 3, [3], True),
        ("*", 0, [], False),
        ("1:*", 0, [], False),
        ("5:*", 3, [3], False),
        ("*:2", 3, [2, 3], True),
        ("3,1,2:3,1:2", 4, [1, 2, 3], True),
        ("2:9", 4, [2, 3, 4], False),
        ("1:4294967295", 2, [1, 2], False),
        ("7", 2, [], False),
        ("$", 2, [], True),
    ],
)
def test_message_numbers_are_found(text, count, found, is_within):
    messages = parse_sequence_set(text)

    assert messages.find_numbers(count) == found
    assert messages.is_within(count) is is_within


@pytest.mark.parametrize(
    ("text", "uids", "found"),
    [
        ("1:*", [3, 7, 9], [3, 7, 9]),
        ("*", [3, 7, 9], [9]),
        ("100:*", [3, 7, 9], [9]),  # RFC 9051 6.4.9: always at least the last one
        ("4:8,3", [3, 7, 9], [3, 7]),
        ("1:4294967295", [], []),
        ("5", [3, 7, 9], []),
    ],
)
def test_uids_are_found(text, uids, found):
    assert parse_sequence_set(text).find_uids(uids) == found


@settings(deadline=None)
@given(messages=sets, uids=st.sets(st.integers(1, 50)).map(sorted))
def test_ranges_are_found_like_single_numbers(messages, uids):
    def contains(number, largest):
        pairs = ([largest if n == STAR else n for n in pair] for pair in messages.ranges)
        return any(min(pair) <= number <= max(pair) for pair in pairs if 0 not in pair)

    largest = uids[-1] if uids else 0
    assert messages.find_uids(uids) == [uid for uid in uids if contains(uid, largest)]
    assert messages.find_numbers(len(uids)) == [n for n in range(1, len(uids) + 1) if contains(n, len(uids))]


@settings(deadline=None)
@given(sets)
def test_parse_inverts_str(messages):
    assert parse_sequence_set(str(messages)) == messages


@settings(deadline=None)
@given(st.lists(st.integers(1, 60), unique=True, min_size=1))
def test_format_keeps_numbers_and_their_order(listed):
    ranges = parse_sequence_set(format_sequence_set(listed)).ranges

    assert [n for first, last in ranges for n in range(first, last + 1)] == listed


def test_formatted_sets_are_short():
    assert format_sequence_set(range(1, 100_001)) == "1:100000"
    assert format_sequence_set([7, 5, 6]) == "7,5:6"
    assert format_sequence_set([]) == ""


def test_overlapping_ranges_take_linear_time():
    messages = parse_sequence_set(",".join(["1:4294967295"] * 5000))
    uids = range(1, 100_001)
    start = time.process_time()

    assert len(messages.find_uids(uids)) == len(messages.find_numbers(100_000)) == 100_000
    assert time.process_time() - start < 1
