"""The badge: its text, its color, and that it is a valid SVG document."""

from xml.etree import ElementTree as ET

import pytest

from lazr.smtptest.grading import Outcome
from lazr.smtptest.grading.reports import render_badge
from tests.grading.reports.example_grades import HOSTILE, build_mixed_grades, build_result

SVG = "{http://www.w3.org/2000/svg}"


def test_badge_shows_the_score_of_the_tried_behaviors():
    root = ET.fromstring(render_badge(build_mixed_grades()))

    assert root.tag == f"{SVG}svg" and root.get("aria-label") == "SMTP behavior: 1 of 2 right"
    assert [text.text for text in root.iter(f"{SVG}text")] == ["SMTP behavior", "1 of 2 right"]


@pytest.mark.parametrize(("right", "wrong"), [(1, 0), (9, 1), (7, 3), (1, 1)])
def test_each_share_of_right_results_has_its_color(right, wrong):
    results = [build_result()] * right + [build_result(outcome=Outcome.LOST)] * wrong
    colors = {(1, 0): "#2f7d32", (9, 1): "#5f7d1e", (7, 3): "#9a6a00", (1, 1): "#b3261e"}

    assert ET.fromstring(render_badge(results)).find(f"{SVG}rect").get("fill") == colors[right, wrong]


def test_label_is_escaped():
    root = ET.fromstring(render_badge([], HOSTILE))

    assert [element.tag for element in root.iter() if "script" in element.tag] == []
