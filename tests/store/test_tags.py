"""Tags are split at commas, cleaned and limited."""

import pytest

from lazr.smtptest.store import check_tags, parse_single_tag, parse_tags


@pytest.mark.parametrize(
    ("values", "tags"),
    [
        ([], ()),
        (["", ",", " , "], ()),
        (["a, b", "A,c"], ("a", "b", "c")),
        ([" two \t words "], ("two words",)),
        (["x" * 101], ("x" * 100,)),
        ([",".join(map(str, range(199)))], tuple(map(str, range(100)))),
        (["a\0b", "\ud800"], ("a\ufffdb", "\ufffd")),
    ],
)
def test_tags_are_split_at_commas_and_deduplicated(values, tags):
    assert parse_tags(values) == tags


def test_single_tag_rejects_none_and_several():
    assert parse_single_tag("  two words ") == "two words"
    for text in ("", " ", "a,b"):
        with pytest.raises(ValueError, match="must not be empty or contain a comma"):
            parse_single_tag(text)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["a"] * 200, None),
        (list(map(str, range(100))), None),
        ([",".join(map(str, range(100))), "A", " 5 "], "at most 100 tags, got 101"),
        (list(map(str, range(101))), "at most 100 tags, got 101"),
        (["x" * 100, ""], None),
        (["a,b", "a, " + "x" * 101], "at most 100 characters, got 101"),
    ],
)
def test_check_rejects_tags_that_would_be_dropped_or_cut(values, problem):
    if problem is None:
        check_tags(values)
        return
    with pytest.raises(ValueError, match=problem):
        check_tags(values)
