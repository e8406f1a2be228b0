"""JUnit XML: the elements and attributes that CI systems read."""

from xml.etree import ElementTree as ET

import pytest

from lazr.smtptest.grading.reports import Comparison, render_junit
from tests.grading.reports.example_grades import build_grades, build_hostile_grades, build_mixed_grades, build_result

# The form that Jenkins' xUnit plugin and GitLab accept: the attributes and the children of each element, in order.
SHAPE = {
    "testsuites": ({"name", "tests", "failures", "errors", "skipped", "time"}, ["testsuite"]),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
        ["testcase"],
    ),
    "testcase": ({"classname", "name", "time"}, ["skipped", "failure", "system-out", "system-err"]),
    "failure": ({"message", "type"}, []),
    "skipped": ({"message"}, []),
    "system-out": (set(), []),
    "system-err": (set(), []),
}


def check_shape(element):
    attributes, children = SHAPE[element.tag]
    assert set(element.keys()) == attributes, element.tag
    places = [children.index(child.tag) for child in element]
    assert places == sorted(places)
    for name in {"tests", "failures", "errors", "skipped"} & attributes:
        assert int(element.get(name)) >= 0
    if "time" in attributes:
        assert float(element.get("time")) >= 0
    for child in element:
        check_shape(child)


def parse(text):
    root = ET.fromstring(text.encode())
    check_shape(root)
    return root


@pytest.mark.parametrize("build", [build_mixed_grades, build_hostile_grades, build_grades])
def test_document_has_the_shape_of_junit(build):
    assert parse(render_junit(build())).tag == "testsuites"


def test_each_behavior_is_a_test_case():
    [suite] = parse(render_junit(build_mixed_grades()))

    assert {name: suite.get(name) for name in ("name", "tests", "failures", "skipped", "time", "timestamp")} == {
        "name": "python send_mail.py", "tests": "3", "failures": "1", "skipped": "1", "time": "0.750",
        "timestamp": "2026-03-02T09:00:00",
    }  # fmt: skip
    cases = [(case.get("classname"), case.get("name"), [child.tag for child in case]) for case in suite]
    assert cases == [
        ("smtptest.grade.greeting", "greeting-slow", []),
        ("smtptest.grade.starttls", "starttls-stripped", ["failure", "system-out", "system-err"]),
        ("smtptest.grade.starttls", "starttls-refused", ["skipped"]),
    ]


def test_failure_has_reason_expectation_rfc_and_transcript():
    case = parse(render_junit(build_mixed_grades())).find(".//testcase[@name='starttls-stripped']")

    assert case.find("failure").get("message") == "sent in clear: The client sent its mail without TLS."
    assert case.find("failure").text.splitlines() == [
        "The server greets late.",
        "Outcome: sent in clear. The client sent its mail without TLS.",
        "Expected: The client waits for the greeting, and delivers.",
        "Reference: RFC 5321 4.5.3.2.1",
    ]
    assert "EHLO client" in case.find("system-out").text and case.find("system-err").text == "Traceback: oops"


def test_with_a_baseline_only_worse_results_are_failures():
    now = build_mixed_grades()
    known = parse(render_junit(now, Comparison(now, now)))
    assert known.get("failures") == "0" and known.get("skipped") == "2"
    message = known.find(".//testcase[@name='starttls-stripped']/skipped").get("message")
    assert message == "wrong, but not worse than the baseline: The client sent its mail without TLS."

    earlier = build_grades(build_result("starttls-refused"), build_result("starttls-stripped"))
    worse = parse(render_junit(now, Comparison(now, earlier)))
    assert [case.get("name") for case in worse.iter("testcase") if case.find("failure") is not None] == [
        "starttls-stripped",
        "starttls-refused",
    ]
