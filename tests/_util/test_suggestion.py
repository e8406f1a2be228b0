"""Suggestions for unknown names."""

import pytest

from lazr.smtptest._util.suggestion import (
    build_attribute_error,
    compute_edit_distance,
    describe_unknown,
    find_nearest_name,
)

NAMES = ["greylist", "quota_full", "rate_limit", "to", "tls", "END_OF_DATA"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("greylst", "greylist"),  # a letter is missing
        ("greylisst", "greylist"),  # a letter is doubled
        ("gerylist", "greylist"),  # two letters are swapped
        ("grailist", "greylist"),  # two letters are wrong
        ("GreyList", "greylist"),
        (" rate-limit ", "rate_limit"),
        ("end-of-data", "END_OF_DATA"),
        ("tsl", "tls"),
        ("too", "to"),
        ("quota", "quota_full"),
        ("qu", None),
        ("x", None),
        ("", None),
        ("maintenance", None),
        ("greylist" * 1_000_000, None),
    ],
)
def test_the_nearest_name_is_found(name, nearest):
    assert find_nearest_name(name, NAMES) == nearest


def test_an_alias_wins_over_a_similar_name():
    assert find_nearest_name("TOE", NAMES, {"toe": "tls"}) == "tls"


def test_without_known_names_there_is_no_suggestion():
    assert find_nearest_name("x", []) is None
    assert describe_unknown("preset", "x", []) == "unknown preset 'x'; known: "


@pytest.mark.parametrize("value", [None, 5, ["greylist"]])
def test_a_value_that_is_not_a_string_is_shown_without_suggestion(value):
    assert describe_unknown("preset", value, ["greylist"]) == f"unknown preset {value!r}; known: greylist"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("uppr", "'str' object has no attribute 'uppr'; did you mean 'upper'?"),
        ("size", "'str' object has no attribute 'size'; write len(text)"),
        ("_uppr", "'str' object has no attribute '_uppr'"),
        ("__uppr__", "'str' object has no attribute '__uppr__'"),
    ],
)
def test_attribute_error_suggests_an_attribute(name, message):
    error = build_attribute_error("x", name, {"size": "len(text)"})
    assert str(error) == message and error.name == name and error.obj is None


@pytest.mark.parametrize(
    ("first", "second", "distance"), [("", "", 0), ("", "ab", 2), ("ab", "ba", 1), ("abc", "abx", 1), ("ann", "bob", 3)]
)
def test_edit_distance_counts_typing_errors(first, second, distance):
    assert compute_edit_distance(first, second) == compute_edit_distance(second, first) == distance
