"""docs/failures.md shows what failures really say."""

import difflib

import pytest

from failures.examples import EXAMPLES
from failures.page import PAGE, page, said


def test_the_page_shows_what_is_said():
    written, now = PAGE.read_text("utf-8").splitlines(), page().splitlines()

    assert written == now, "make failures\n" + "\n".join(difflib.unified_diff(written, now, lineterm=""))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)
def test_each_failure_fits_a_screen(example):
    lines = said(example).splitlines()

    assert len(lines) <= 25 and max(map(len, lines)) <= 200
