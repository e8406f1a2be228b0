"""Write grades as Markdown: the wrong results with their reasons, and a table of all."""

from __future__ import annotations

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.grading.reports.hints import find_hints
from lazr.smtptest.grading.reports.summary import (
    Mark,
    build_rfc_url,
    describe_score,
    format_reason,
    get_mark,
    group_results,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.grading.reports.baseline import Comparison
    from lazr.smtptest.grading.result import Grades, Result

__all__ = ["escape_markdown", "render_markdown"]

_MARKS = {Mark.RIGHT: "✓", Mark.WRONG: "✗", Mark.NOT_TRIED: "–"}
# Characters that begin markup anywhere in a line, or end a cell of a table.
_MARKUP = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|~#&!$"})


def escape_markdown(text: str) -> str:
    r"""Return untrusted text for one line or one cell of a table, without any markup.

    >>> escape_markdown("<b>|x|\n")
    '\\<b\\>\\|x\\|\\\\n'
    """
    return escape_unprintable(text).translate(_MARKUP)


def render_markdown(grades: Grades, comparison: Comparison | None = None, badge: str = "") -> str:
    """Return the report as Markdown, with the tables of GitHub and GitLab.

    Args:
        grades: The grades of the client.
        comparison: The comparison with a baseline, if there is one.
        badge: The path or URL of the badge that the report shows; none by default.
    """
    score = describe_score(grades)
    name = escape_markdown(grades.client) or "the client"
    lines = [f"# How {name} copes with mail servers", ""]
    if badge:
        lines += [f"![SMTP behavior: {score}](<{escape_unprintable(badge).replace('>', '%3E')}>)", ""]
    lines += [f"**{score}**, graded by `smtptest grade` on {grades.started_at:%Y-%m-%d}.", ""]
    if comparison is not None:
        lines += [*(f"- {escape_markdown(line)}" for line in comparison.describe()), ""]
    hints = find_hints(grades)
    if hints:
        lines += [*(f"- Hint: {escape_markdown(hint)}." for hint in hints), ""]
    wrong = [result for result in grades if get_mark(result) is Mark.WRONG]
    if wrong:
        lines += ["## What is wrong", ""]
        lines += [_render_wrong(result) for result in wrong]
        lines.append("")
    lines += ["## All behaviors", "", "| | behavior | the server | outcome | attempts | seconds | RFC |"]
    lines.append("|---|---|---|---|---|---|---|")
    for group, results in group_results(grades).items():
        lines.append(f"| | **{escape_markdown(group)}** | | | | | |")
        lines += map(_render_row, results)
    return "\n".join(lines) + "\n"


def _render_wrong(result: Result) -> str:
    behavior = result.behavior
    reason, expected = escape_markdown(format_reason(result)), escape_markdown(behavior.expected)
    return f"- **{behavior.name}**: {reason} Expected: {expected} ({_render_reference(behavior.rfc)})"


def _render_row(result: Result) -> str:
    behavior = result.behavior
    cells = (
        _MARKS[get_mark(result)],
        f"`{behavior.name}`",
        escape_markdown(behavior.title),
        result.outcome.value,
        str(result.attempts),
        f"{result.seconds:.1f}",
        _render_reference(behavior.rfc),
    )
    return f"| {' | '.join(cells)} |"


def _render_reference(rfc: str) -> str:
    url = build_rfc_url(rfc)
    return f"[{escape_markdown(rfc)}]({url})" if url else escape_markdown(rfc)
