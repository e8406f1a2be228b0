"""Patterns of LIST and LSUB."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.imap.list_pattern import ListPattern


@pytest.mark.parametrize(
    ("reference", "pattern", "matching", "others"),
    [
        ("", "*", ["INBOX", "a", "a/b", "a/b/c"], []),
        ("", "%", ["INBOX", "a"], ["a/b"]),
        ("", "a", ["a"], ["A", "ab", "a/b", "b"]),
        ("", "a/%", ["a/b"], ["a", "a/b/c"]),
        ("a/", "%", ["a/b"], ["a", "a/b/c"]),
        ("a", "*", ["a", "ab", "a/b"], ["b"]),
        ("", "%/b", ["a/b"], ["a/c", "a/a/b"]),
        ("", "*b", ["b", "a/b", "a/a/b"], ["a"]),
        ("", "%%", ["a"], ["a/b"]),
        ("", "%*%", ["a", "a/b"], []),
        ("", "a*c%e", ["ace", "a/b/c/ce", "abcde"], ["ac/e", "acd"]),
        ("", "", [], ["a"]),
        ("", "inbox", ["INBOX"], ["inbox/a"]),
        ("", "Inbox/%", ["INBOX/a"], ["INBOX"]),
        ("", "in%", ["INBOX", "inner"], ["INNER"]),
        ("", "a.c", ["a.c"], ["abc"]),
        ("", "Entw%", ["Entwürfe"], []),
    ],
)
def test_pattern_matches_names(reference, pattern, matching, others):
    compiled = ListPattern(reference, pattern)

    assert [name for name in matching + others if compiled.matches(name)] == matching


@settings(deadline=None)
@given(pattern=st.text("ab/*%", max_size=8), name=st.text("ab/", max_size=8))
def test_matches_are_those_of_a_regular_expression(pattern, name):
    expression = "".join({"*": ".*", "%": "[^/]*"}.get(letter, re.escape(letter)) for letter in pattern)

    assert ListPattern("", pattern).matches(name) is bool(re.fullmatch(expression, name))


@pytest.mark.parametrize("pattern", ["*%" * 500, "*a%b" * 250, "%a" * 500, "*a" * 500 + "c"])
def test_wildcards_do_not_backtrack(pattern):
    compiled = ListPattern("", pattern)
    start = time.process_time()
    compiled.matches("a" * 1000)

    assert time.process_time() - start < 0.1
