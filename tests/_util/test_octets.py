"""Parts of content are joined once, and bare line ends are found whatever stands around them."""

import pytest

from lazr.smtptest._util.octets import count_bare_line_ends, has_bare_line_ends, join_parts


@pytest.mark.parametrize(
    ("content", "bare"),
    [
        (b"", (0, 0)),
        (b"text", (0, 0)),
        (b"one\r\ntwo\r\n", (0, 0)),
        (b"\r", (1, 0)),
        (b"\n", (0, 1)),
        (b"\n\r", (1, 1)),
        (b"\r\r\n", (1, 0)),
        (b"\r\n\n", (0, 1)),
        (b"\r\r\n\n", (1, 1)),
        (b"one\ntwo\nthree\r\n", (0, 2)),
        (b"one\rtwo\rthree\r\n\r", (3, 0)),
        (b"NUL is no line end\x00", (0, 0)),
    ],
)
def test_bare_line_ends_are_counted(content, bare):
    assert count_bare_line_ends(content) == bare
    assert has_bare_line_ends(content) is (bare != (0, 0))


def test_parts_are_joined_in_place():
    parts = [b"a", b"", b"b"]
    joined = join_parts(parts)
    assert joined == b"ab" and parts == [joined]
    assert join_parts(parts) is joined  # joined once


def test_no_parts_are_an_empty_byte_string():
    assert join_parts([]) == b""
