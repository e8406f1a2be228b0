"""The table for a terminal: lines, reasons, colors and marks."""

from lazr.smtptest.grading import Outcome
from lazr.smtptest.grading.reports import Comparison, render_table
from tests.grading.reports.example_grades import build_grades, build_hostile_grades, build_mixed_grades, build_result

TABLE = """\
greeting
  ✓ greeting-slow      delivered              1 attempt      0.2 s  RFC 5321 4.5.3.2.1

starttls
  ✗ starttls-stripped  sent in clear          2 attempts     0.2 s  RFC 5321 4.5.3.2.1
    The client sent its mail without TLS.
    Expected: The client waits for the greeting, and delivers.
  – starttls-refused   not tried              1 attempt      0.2 s  RFC 5321 4.5.3.2.1

1 of 2 right, 1 not tried"""


def test_table_groups_results_and_explains_wrong_ones():
    assert render_table(build_mixed_grades()) == TABLE


def test_table_has_colors_only_if_asked():
    assert "\x1b[" not in render_table(build_mixed_grades())
    assert "\x1b[31m✗\x1b[0m" in render_table(build_mixed_grades(), color=True)


def test_ascii_table_has_no_other_letters():
    assert render_table(build_mixed_grades(), ascii_only=True).isascii()


def test_sentences_are_wrapped_at_the_width():
    long = build_grades(build_result("data-lost", Outcome.LOST, reason="the client " + "waits " * 40))

    lines = render_table(long, width=50).splitlines()
    assert max(len(line) for line in lines if line.startswith("    ")) <= 50


def test_table_ends_with_the_changes_and_the_score():
    before = build_grades(build_result("starttls-stripped"), build_result("greeting-slow"))
    now = build_mixed_grades()

    assert render_table(now, Comparison(now, before)).splitlines()[-2:] == [
        "worse (right → wrong) than the baseline: starttls-stripped",
        "1 of 2 right, 1 not tried",
    ]


def test_hostile_text_cannot_steer_the_terminal():
    text = render_table(build_hostile_grades())

    assert "\\x1b[31m" in text
    assert all(character.isprintable() or character == "\n" for character in text)


def test_no_results_give_an_empty_score():
    assert render_table(build_grades()) == "nothing tried"
