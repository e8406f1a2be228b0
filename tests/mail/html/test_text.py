"""The text of HTML, in lines."""

import pytest

from lazr.smtptest.mail.html.text import render_text
from tests.mail.html.text_examples import DECISIONS, EXAMPLES


@pytest.mark.parametrize(("html", "text"), [*EXAMPLES, *((html, text) for html, text, _ in DECISIONS)])
def test_html_is_rendered_in_lines(html, text):
    assert render_text(html, pytest.fail)[0] == f"{text}\n"


def test_indentation_of_nested_lists_is_limited():
    lines = render_text("<ul><li>a" * 100, pytest.fail)[0].splitlines()

    assert lines[1] == "  - a"
    assert max(len(line) for line in lines) == len(lines[99]) == 43
