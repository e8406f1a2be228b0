"""The Markdown report, read by a real parser of Markdown."""

import itertools

import pytest

from lazr.smtptest.grading.reports import Comparison, render_markdown
from tests.grading.reports.example_grades import build_grades, build_hostile_grades, build_mixed_grades, build_result

markdown_it = pytest.importorskip("markdown_it")


def parse(text):
    return markdown_it.MarkdownIt("gfm-like", {"linkify": False}).parse(text)


def list_rows(tokens):
    """Return the text of the cells of each row."""
    rows = []
    for before, token in itertools.pairwise(tokens):
        if before.type == "tr_open":
            rows.append([])
        if before.type in ("th_open", "td_open"):
            rows[-1].append("".join(child.content for child in token.children))
    return rows


def test_table_has_a_row_for_each_group_and_behavior():
    rows = list_rows(parse(render_markdown(build_mixed_grades())))

    assert rows[0] == ["", "behavior", "the server", "outcome", "attempts", "seconds", "RFC"]
    assert [row[:2] for row in rows[1:]] == [
        ["", "greeting"],
        ["✓", "greeting-slow"],
        ["", "starttls"],
        ["✗", "starttls-stripped"],
        ["–", "starttls-refused"],
    ]
    assert {len(row) for row in rows} == {7}


def test_wrong_results_come_first_with_reason_and_link():
    text = render_markdown(build_mixed_grades())

    assert text.index("## What is wrong") < text.index("## All behaviors")
    assert (
        "- **starttls-stripped**: The client sent its mail without TLS. Expected: The client waits for the greeting, "
        "and delivers. ([RFC 5321 4.5.3.2.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2.1))"
    ) in text


def test_all_right_has_no_section_of_faults():
    assert "What is wrong" not in render_markdown(build_grades(build_result()))


def test_badge_line_shows_the_score():
    tokens = parse(render_markdown(build_mixed_grades(), badge="badges/my badge.svg"))

    [image] = [child for token in tokens for child in token.children or () if child.type == "image"]
    assert image.attrs["src"] == "badges/my%20badge.svg"
    assert image.content == "SMTP behavior: 1 of 2 right, 1 not tried"


def test_changes_since_the_baseline_are_a_list():
    now = build_mixed_grades()
    assert "- nothing is worse than the baseline\n" in render_markdown(now, Comparison(now, now))


def test_hostile_text_has_no_markup():
    tokens = parse(render_markdown(build_hostile_grades()))

    kinds = {child.type for token in tokens for child in token.children or ()}
    assert not {"html_inline", "image"} & kinds and "html_block" not in {token.type for token in tokens}
    links = [child.attrs["href"] for token in tokens for child in token.children or () if child.type == "link_open"]
    assert set(links) == {"https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2.1"}
