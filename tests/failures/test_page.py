"""docs/reference/failures.md shows the real messages of failures."""

import difflib

import pytest

from tests.failures.examples import EXAMPLES
from tests.failures.render_page import PAGE, render_message, render_page


@pytest.mark.slow
def test_page_is_up_to_date():
    written, rendered = PAGE.read_text("utf-8").splitlines(), render_page().splitlines()

    assert written == rendered, "make failures\n" + "\n".join(difflib.unified_diff(written, rendered, lineterm=""))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)
def test_each_message_fits_on_a_screen(example):
    lines = render_message(example).splitlines()

    assert len(lines) <= 25 and max(map(len, lines)) <= 200
