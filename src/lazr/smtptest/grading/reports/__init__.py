"""Reports of a graded client: table, JSON, JUnit, Markdown, HTML, badge, baseline."""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.grading.reports.badge import render_badge
    from lazr.smtptest.grading.reports.baseline import BaselineError, Comparison, parse_grades
    from lazr.smtptest.grading.reports.hints import find_hints
    from lazr.smtptest.grading.reports.html import render_html
    from lazr.smtptest.grading.reports.json_report import render_json
    from lazr.smtptest.grading.reports.junit import render_junit
    from lazr.smtptest.grading.reports.markdown import escape_markdown, render_markdown
    from lazr.smtptest.grading.reports.summary import (
        Mark,
        build_rfc_url,
        count_marks,
        describe_score,
        format_reason,
        get_mark,
        group_results,
        render_transcript,
    )
    from lazr.smtptest.grading.reports.table import render_result_line, render_table

__all__ = [
    "BaselineError",
    "Comparison",
    "Mark",
    "build_rfc_url",
    "count_marks",
    "describe_score",
    "escape_markdown",
    "find_hints",
    "format_reason",
    "get_mark",
    "group_results",
    "parse_grades",
    "render_badge",
    "render_html",
    "render_json",
    "render_junit",
    "render_markdown",
    "render_result_line",
    "render_table",
    "render_transcript",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.grading.reports.badge": ("render_badge",),
        "lazr.smtptest.grading.reports.baseline": ("BaselineError", "Comparison", "parse_grades"),
        "lazr.smtptest.grading.reports.hints": ("find_hints",),
        "lazr.smtptest.grading.reports.html": ("render_html",),
        "lazr.smtptest.grading.reports.json_report": ("render_json",),
        "lazr.smtptest.grading.reports.junit": ("render_junit",),
        "lazr.smtptest.grading.reports.markdown": ("escape_markdown", "render_markdown"),
        "lazr.smtptest.grading.reports.summary": (
            "Mark",
            "build_rfc_url",
            "count_marks",
            "describe_score",
            "format_reason",
            "get_mark",
            "group_results",
            "render_transcript",
        ),
        "lazr.smtptest.grading.reports.table": ("render_result_line", "render_table"),
    },
)
