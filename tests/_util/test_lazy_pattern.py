"""Regular expressions that are compiled at their first use."""

import re
import subprocess
import sys

import pytest

from lazr.smtptest._util.lazy_pattern import compile_lazily

CALLS = [
    lambda pattern: [match[0] for match in pattern.finditer("a1b22")],
    lambda pattern: pattern.fullmatch("12") is not None,
    lambda pattern: pattern.match("1x")[0],
    lambda pattern: pattern.search("x12", 2)[0],
    lambda pattern: pattern.split("a1b2c", maxsplit=1),
    lambda pattern: pattern.sub("-", "a1b22"),
]


@pytest.mark.parametrize("call", CALLS)
def test_first_and_later_calls_match_like_a_compiled_pattern(call):
    lazy = compile_lazily("[0-9]+")
    expected = call(re.compile("[0-9]+"))

    assert [call(lazy) for _ in range(2)] == [expected, expected]
    assert [other(lazy) for other in CALLS] == [other(re.compile("[0-9]+")) for other in CALLS]


def test_pattern_of_bytes_with_flags():
    assert compile_lazily(b"(?i)bdat").match(b"BDAT 1")[0] == b"BDAT"


def test_pattern_is_compiled_at_its_first_use():
    program = (
        "import sys; before = set(sys.modules); from lazr.smtptest._util.lazy_pattern import compile_lazily;"
        "pattern = compile_lazily('a'); assert 're' not in sys.modules or 're' in before;"
        "pattern.match('a'); print('re' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert output.stdout == "True\n"


def test_invalid_pattern_fails_at_its_first_use():
    with pytest.raises(re.error, match="unterminated"):
        compile_lazily("[").match("a")
