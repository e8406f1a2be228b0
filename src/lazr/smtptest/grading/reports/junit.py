"""Write grades as JUnit XML, which CI systems show: one test case for each behavior."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.grading.reports.summary import Mark, format_reason, get_mark, render_transcript

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.grading.reports.baseline import Comparison
    from lazr.smtptest.grading.result import Grades, Result

__all__ = ["render_junit"]


def render_junit(grades: Grades, comparison: Comparison | None = None) -> str:
    """Return the grades in the form that Jenkins, GitLab and other CI systems read.

    A wrong result is a failure, with the reason, the RFC and the transcript.  A behavior that was not tried is
    skipped.

    Args:
        grades: The grades of the client.
        comparison: With a baseline, only a result that is worse is a failure; other wrong results are skipped, with a
            message that says so.
    """
    name = escape_unprintable(grades.client) or "client"
    cases = [_build_case(result, comparison) for result in grades]
    totals = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": f"{sum(result.seconds for result in grades):.3f}",
    }
    root = ET.Element("testsuites", {"name": "smtptest grade", **totals})
    timestamp = f"{grades.started_at:%Y-%m-%dT%H:%M:%S}"
    suite = ET.SubElement(root, "testsuite", {"name": name, "timestamp": timestamp, "hostname": "localhost", **totals})
    suite.extend(cases)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _build_case(result: Result, comparison: Comparison | None) -> ET.Element:
    behavior = result.behavior
    case = ET.Element(
        "testcase", classname=f"smtptest.grade.{behavior.group}", name=behavior.name, time=f"{result.seconds:.3f}"
    )
    mark = get_mark(result)
    reason = format_reason(result)
    is_failure = mark is Mark.WRONG if comparison is None else comparison.is_failure(result)
    if is_failure:
        failure = ET.SubElement(case, "failure", message=f"{result.outcome.value}: {reason}", type=result.outcome.value)
        failure.text = "\n".join(
            [
                f"{behavior.title}.",
                f"Outcome: {result.outcome.value}. {reason}",
                f"Expected: {behavior.expected}",
                f"Reference: {behavior.rfc}",
            ]
        )
    elif mark is not Mark.RIGHT:
        note = "" if mark is Mark.NOT_TRIED else "wrong, but not worse than the baseline: "
        ET.SubElement(case, "skipped", message=f"{note}{reason}")
    if mark is Mark.WRONG:
        ET.SubElement(case, "system-out").text = render_transcript(result)
        if result.stderr:
            ET.SubElement(case, "system-err").text = escape_unprintable(result.stderr, multiline=True)
    return case
