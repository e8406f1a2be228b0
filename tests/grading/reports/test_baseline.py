"""The baseline: which changes are worse, and which files are refused."""

import json

import pytest

from lazr.smtptest.grading import Outcome
from lazr.smtptest.grading.reports import BaselineError, Comparison, parse_grades, render_json
from tests.grading.reports.example_grades import build_grades, build_hostile_grades, build_mixed_grades, build_result

RIGHT, WRONG, SKIPPED = Outcome.DELIVERED, Outcome.LOST, Outcome.SKIPPED


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (RIGHT, RIGHT, None),
        (RIGHT, WRONG, "worse"),
        (RIGHT, SKIPPED, "worse"),
        (SKIPPED, WRONG, "worse"),
        (SKIPPED, RIGHT, "better"),
        (WRONG, RIGHT, "better"),
        (WRONG, SKIPPED, "better"),
        (WRONG, WRONG, "known"),
        (WRONG, Outcome.HUNG, "known"),
        (None, RIGHT, "new"),
        (None, WRONG, "new"),
    ],
)
def test_each_change_of_a_mark_has_one_kind(before, now, change):
    earlier = build_grades(*([] if before is None else [build_result("data-lost", before)]))
    comparison = Comparison(build_grades(build_result("data-lost", now)), earlier)

    kinds = [kind for kind in ("worse", "better", "known", "new") if getattr(comparison, kind)]
    assert kinds == ([] if change is None else [change])


def test_comparison_names_what_changed():
    earlier = build_grades(build_result("a-1"), build_result("b-1", WRONG), build_result("c-1", WRONG))
    now = build_grades(
        build_result("a-1", WRONG), build_result("b-1"), build_result("c-1", WRONG), build_result("d-1", WRONG)
    )

    assert Comparison(now, earlier).describe() == [
        "worse (right → wrong) than the baseline: a-1",
        "better (wrong → right) than the baseline: b-1",
        "new and wrong: d-1",
        "1 wrong as in the baseline",
    ]
    assert Comparison(now, now).describe() == ["3 wrong as in the baseline", "nothing is worse than the baseline"]


@pytest.mark.parametrize("grades", [build_mixed_grades(), build_hostile_grades()], ids=["mixed", "hostile"])
def test_json_is_ascii_and_keeps_every_mark(grades):
    text = render_json(grades)

    assert text.isascii() and json.loads(text)["schema"] == 1
    again = parse_grades(text, "grades.json")
    assert [(one.behavior.name, one.outcome, one.is_right) for one in again] == [
        (one.behavior.name, one.outcome, one.is_right) for one in grades
    ]
    assert Comparison(grades, again).worse == []


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"1",
        b"[" * 100_000,
        b'{"schema": 2}',
        b'{"schema": 1}',
        b'{"schema": 1, "client": "", "started_at": "x", "results": []}',
        b'{"schema": 1, "client": "", "started_at": 1, "results": [1]}',
        b'{"schema": 1, "client": "", "started_at": "2026-03-02", "results": [{"behavior": "x"}]}',
        b'{"schema": 1, "client": "", "started_at": "2026-03-02", "results": 5}',
    ],
)
def test_other_content_is_refused_with_the_name_of_the_file(text):
    with pytest.raises(BaselineError, match=r"old\.json must be a file that `smtptest grade --json` wrote"):
        parse_grades(text, "old.json")
