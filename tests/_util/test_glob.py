"""Globs: what they match, and that no glob takes long."""

import subprocess
import sys

import pytest

from lazr.smtptest._util.glob import compile_glob


@pytest.mark.parametrize(
    ("glob", "text", "matches"),
    [
        ("*", "", True),
        ("*", "a\nb", True),
        ("a*c", "abbc", True),
        ("a*c", "abbcd", False),
        ("*a*b*", "xaxbx", True),
        ("*a*b*", "xbxax", False),
        ("*ab", "aab", True),
        ("*a?b", "acbaab", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("?", "\n", True),
        ("a.c", "abc", False),
        ("[ab]", "[ab]", True),
        ("", "", True),
        ("", "a", False),
        ("**", "ab", True),
    ],
)
def test_glob_matches_the_whole_text(glob, text, matches):
    assert (compile_glob(glob).fullmatch(text) is not None) is matches


@pytest.mark.parametrize("piece", ["*a", "*?", "*a?", "**a", "?*a*"])
def test_no_glob_backtracks_exponentially(piece):
    # In another process: a pattern that backtracks exponentially would never end.
    program = "from lazr.smtptest.mail import build_predicate\n"
    program += f"print(build_predicate({piece!r} * 40 + '@b.test', is_address=True)('a' * 400 + '@c.test'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "False\n"
