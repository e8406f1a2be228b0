"""Base subjects (RFC 5256 2.1)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazr.smtptest.protocol.imap.base_subject import parse_base_subject


@pytest.mark.parametrize(
    ("subject", "text", "is_reply"),
    [
        ("", "", False),
        ("Hello", "hello", False),
        ("  Hello \t world ", "hello world", False),
        ("Re: Hello", "hello", True),
        ("RE : Hello", "hello", True),
        ("Fw: Fwd: re: Hello", "hello", True),
        ("Re[2]: Hello", "hello", True),
        ("[list] Re: [list] Hello", "hello", True),
        ("[list] Hello", "hello", False),
        ("[list]", "[list]", False),
        ("[a][b] [c] Hello", "hello", False),
        ("Hello (fwd) (FWD)", "hello", True),
        ("[Fwd: Hello]", "hello", True),
        ("[Fwd: Re: Hello (fwd)]", "hello", True),
        ("Reply: Hello", "reply: hello", False),
        ("Re:", "", True),
        ("[unclosed Re: x", "[unclosed re: x", False),
        ("(fwd) x", "(fwd) x", False),
        ("Stra\N{LATIN SMALL LETTER SHARP S}e", "strasse", False),
    ],
)
def test_subject_loses_leaders_and_trailers(subject, text, is_reply):
    assert parse_base_subject(subject) == (text, is_reply)


@pytest.mark.parametrize("piece", ["[a]", "re:", "[", "[fwd:", "(fwd)", " ", "[a] re", "]"])
def test_long_subjects_take_little_time(piece):
    start = time.process_time()
    parse_base_subject(piece * 100_000)

    assert time.process_time() - start < 0.5


@given(st.text("re:fwd[]() x", max_size=30))
def test_base_subject_of_a_base_subject_is_itself(subject):
    text = parse_base_subject(subject).text

    assert parse_base_subject(text).text == text
