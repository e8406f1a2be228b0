"""Results as JSON, and back."""

import json
from datetime import UTC, datetime

import pytest

from lazr.smtptest.grading import BEHAVIORS, Behavior, Grades, Outcome, Result, grade
from lazr.smtptest.protocol.smtp import Finding
from tests.grading import reference_client

STARTED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def build_grades():
    """Return grades with a right, a wrong and a skipped result."""
    finding = Finding("no_quit", "the client closed the connection without QUIT")
    results = [
        Result(BEHAVIORS[0], Outcome.DELIVERED, True, "the mail arrived", 1, 0.51234),
        Result(BEHAVIORS[1], Outcome.LOST, False, "lost", 2, 1.0, 0, "stderr", (), ("C: QUIT",), (finding,)),
        Result(BEHAVIORS[2], Outcome.SKIPPED, True, "no TLS", 0, 0.0, 1),
    ]
    return Grades("curl 8", results, STARTED_AT)


def test_grades_count_right_wrong_and_skipped():
    grades = build_grades()

    assert (grades.score, len(grades)) == ("1 of 2", 3)
    assert [result.outcome for result in grades.right] == [Outcome.DELIVERED]
    assert [result.outcome for result in grades.wrong] == [Outcome.LOST]
    assert [result.outcome for result in grades.skipped] == [Outcome.SKIPPED]
    assert grades[1:] == tuple(grades)[1:]
    assert repr(grades) == "<Grades of 'curl 8': 1 of 2 right, 1 not tried>"


def test_grades_survive_json():
    grades = build_grades()

    values = json.loads(json.dumps(grades.to_dict()))
    again = Grades.from_dict(values)

    assert again.to_dict() == grades.to_dict()
    assert again[1] == grades[1]
    assert again.started_at == STARTED_AT


def test_real_grades_survive_json():
    grades = grade(reference_client.deliver, only=["content-plain", "starttls-expired"])

    again = Grades.from_dict(json.loads(json.dumps(grades.to_dict())))

    assert again.to_dict() == grades.to_dict()
    assert again[0].sessions == ()
    assert again[0].transcripts == grades[0].transcripts


def test_json_has_a_version_and_what_reports_need():
    values = build_grades().to_dict()

    assert values | {"results": []} == {
        "schema": 1,
        "client": "curl 8",
        "started_at": "2026-03-02T09:00:00+00:00",
        "right": 1,
        "wrong": 1,
        "skipped": 1,
        "results": [],
    }
    assert values["results"][1] == {
        "behavior": BEHAVIORS[1].name,
        "group": BEHAVIORS[1].group,
        "rfc": BEHAVIORS[1].rfc,
        "title": BEHAVIORS[1].title,
        "expected": BEHAVIORS[1].expected,
        "accept": ["delivered"],
        "outcome": "lost",
        "right": False,
        "reason": "lost",
        "attempts": 2,
        "seconds": 1.0,
        "exit_status": 0,
        "stderr": "stderr",
        "findings": [
            {
                "code": "no_quit",
                "text": "the client closed the connection without QUIT",
                "rfc": "RFC 5321 4.1.1.10",
            }
        ],
        "transcripts": ["C: QUIT"],
    }


def test_behavior_of_another_version_is_read_from_json():
    values = build_grades().to_dict()
    values["results"][0]["behavior"] = "greeting-of-the-future"

    behavior = Grades.from_dict(values)[0].behavior

    assert isinstance(behavior, Behavior)
    assert (behavior.name, behavior.title) == ("greeting-of-the-future", BEHAVIORS[0].title)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda values: [], r"expected grades with schema 1, got \[\]"),
        (lambda values: values | {"schema": 2}, "expected grades with schema 1, got 2; grade the client again"),
        (lambda values: values | {"results": 5}, "expected grades as of Grades.to_dict"),
        (lambda values: values | {"started_at": "today"}, "today"),
        (lambda values: values | {"results": [{"behavior": "x"}]}, "expected a result as of Result.to_dict"),
        (lambda values: values | {"results": [values["results"][0] | {"outcome": "eaten"}]}, "eaten"),
        (lambda values: values | {"results": [values["results"][0] | {"findings": [{"code": "x"}]}]}, "Result.to_dict"),
    ],
)
def test_wrong_json_is_refused_with_the_reason(change, text):
    with pytest.raises(ValueError, match=text):
        Grades.from_dict(change(build_grades().to_dict()))
