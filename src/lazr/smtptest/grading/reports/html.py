"""Write grades as one HTML page, with the transcript and a diagram of each behavior.

The page is one file without external resources.  Its policy (Content Security Policy Level 3) allows only the style
and the script that are in it, by their hashes; so untrusted text in a transcript cannot become active even if an escape
were missing.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.grading.reports.hints import find_hints
from lazr.smtptest.grading.reports.summary import (
    MAX_SHOWN_SESSIONS,
    Mark,
    build_rfc_url,
    count_marks,
    describe_score,
    format_reason,
    get_mark,
    group_results,
    render_transcript,
)
from lazr.smtptest.protocol.smtp import render_sessions_diagram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lazr.smtptest.grading.reports.baseline import Comparison
    from lazr.smtptest.grading.result import Grades, Result
    from lazr.smtptest.protocol.smtp import SessionRecord

__all__ = ["render_html"]

_MARKS = {Mark.RIGHT: ("✓", "is-right"), Mark.WRONG: ("✗", "is-wrong"), Mark.NOT_TRIED: ("–", "is-skip")}
_MAX_DIAGRAM_LINES = 500
_BAR_CLASSES = ((Mark.RIGHT, "right"), (Mark.WRONG, "wrong"), (Mark.NOT_TRIED, "skip"))


def render_html(grades: Grades, comparison: Comparison | None = None) -> str:
    """Return the report as one HTML document.

    Args:
        grades: The grades of the client.
        comparison: The comparison with a baseline, if there is one.
    """
    stylesheet, script = _read_resource("report.css"), _read_resource("report.js")
    # A style attribute would need 'unsafe-inline', so the widths of the bar are rules of the style sheet.
    stylesheet += _build_bar_rules(grades)
    policy = (
        f"default-src 'none'; style-src {_compute_source(stylesheet)}; script-src {_compute_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    title = f"How {_escape_line(grades.client) or 'the client'} copes with mail servers"
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{title}</title>",
        f"<style>{stylesheet}</style>",
        "</head>",
        "<body>",
        *_render_header(grades, title, comparison),
        "<main>",
        *_render_groups(grades, comparison),
        '<p class="absent no-match" role="status" hidden>No behavior matches the filter.</p>',
        "</main>",
        "<footer><p>Made by <code>smtptest grade</code> of lazr.smtptest.</p></footer>",
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _read_resource(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")


def _compute_source(text: str) -> str:
    """Return the source of a policy that allows one inline style or script."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _build_bar_rules(grades: Grades) -> str:
    counts = count_marks(grades)
    total = max(len(grades), 1)
    return "".join(f".bar .{name} {{ width: {100 * counts[mark] / total:.2f}%; }}\n" for mark, name in _BAR_CLASSES)


def _render_header(grades: Grades, title: str, comparison: Comparison | None) -> Iterator[str]:
    counts = count_marks(grades)
    yield "<header>"
    yield f"<h1>{title}</h1>"
    yield f'<p class="score">{describe_score(grades)}</p>'
    yield '<div class="bar" aria-hidden="true">'
    yield from (f'<span class="{name}"></span>' for mark, name in _BAR_CLASSES if counts[mark])
    yield "</div>"
    yield (
        f'<p class="meta">{len(grades)} behaviors of servers, tried on '
        f"{grades.started_at:%Y-%m-%d %H:%M} {grades.started_at:%Z}</p>"
    )
    if comparison is not None:
        yield f'<ul class="changes">{"".join(f"<li>{_escape_line(line)}</li>" for line in comparison.describe())}</ul>'
    hints = find_hints(grades)
    if hints:
        yield f'<ul class="changes">{"".join(f"<li>Hint: {_escape_line(hint)}.</li>" for hint in hints)}</ul>'
    # The script shows the filter.
    yield '<div class="filter" role="group" aria-label="Filter" hidden>'
    yield f'<button type="button" value="" aria-pressed="true">All {len(grades)}</button>'
    for mark in Mark:
        yield (
            f'<button type="button" value="{mark.value}" aria-pressed="false">'
            f"{mark.value.capitalize()} {counts[mark]}</button>"
        )
    options = "".join(f"<option>{_escape_line(group)}</option>" for group in group_results(grades))
    yield f'<select aria-label="Group"><option value="">All groups</option>{options}</select>'
    yield '<input type="search" aria-label="Search behaviors" placeholder="Search behaviors">'
    yield "</div>"
    yield "</header>"


def _render_groups(grades: Grades, comparison: Comparison | None) -> Iterator[str]:
    for group, results in group_results(grades).items():
        name = _escape_line(group)
        yield f'<section data-group="{name}">'
        yield f"<h2>{name}</h2>"
        for result in results:
            yield from _render_result(result, comparison)
        yield "</section>"


def _render_result(result: Result, comparison: Comparison | None) -> Iterator[str]:
    behavior, mark = result.behavior, get_mark(result)
    sign, css_class = _MARKS[mark]
    name = _escape_line(behavior.name)
    yield f'<details id="{name}" class="{css_class}" data-mark="{mark.value}">'
    yield (
        f'<summary><span class="mark" role="img" aria-label="{mark.value}">{sign}</span> '
        f'<span class="name">{name}</span> <span class="outcome">{_escape_line(result.outcome.value)}</span> '
        f'<span class="title">{_escape_line(behavior.title)}</span></summary>'
    )
    yield '<div class="body">'
    yield f"<p><strong>{mark.value.capitalize()}:</strong> {escape(format_reason(result))}</p>"
    yield f"<p><strong>Expected:</strong> {_escape_line(behavior.expected)}</p>"
    yield from _render_facts(result, comparison)
    if result.stderr:
        yield f'<h3>What the client said</h3>\n<pre tabindex="0">{_escape_lines(result.stderr)}</pre>'
    if result.transcripts:
        if result.sessions:  # grades from a file have only the text
            diagram = render_sessions_diagram(_select_sessions(result), is_styled=False).strip()
            yield f'<h3>Dialogue</h3>\n<div class="diagram" tabindex="0">{diagram}</div>'
        yield f'<h3>Transcript</h3>\n<pre tabindex="0">{escape(render_transcript(result))}</pre>'
    else:
        yield '<p class="absent">The client did not connect.</p>'
    yield "</div>\n</details>"


def _select_sessions(result: Result) -> list[SessionRecord]:
    """Return the sessions for the diagram: the first one, and more if they are short."""
    sessions: list[SessionRecord] = []
    left = _MAX_DIAGRAM_LINES
    for session in result.sessions[:MAX_SHOWN_SESSIONS]:
        left -= len(session.transcript)
        if sessions and left < 0:
            break
        sessions.append(session)
    return sessions


def _render_facts(result: Result, comparison: Comparison | None) -> Iterator[str]:
    facts = [("RFC", _render_reference(result.behavior.rfc))]
    before = None if comparison is None else comparison.find_mark_before(result)
    if comparison is not None:
        facts.append(("In the baseline", "new" if before is None else before.value))
    facts.append(("Attempts", str(result.attempts)))
    facts.append(("Seconds", f"{result.seconds:.2f}"))
    if result.exit_status is not None:
        facts.append(("Exit status", str(result.exit_status)))
    facts += _list_findings(str(finding) for finding in result.findings)
    yield f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in facts)}</dl>"


def _list_findings(findings: Iterable[str]) -> list[tuple[str, str]]:
    """Return what the client did against an RFC, whatever the verdict is."""
    texts = [_escape_line(text) for text in findings]
    return [("Also", "<br>".join(texts))] if texts else []


def _render_reference(rfc: str) -> str:
    url = build_rfc_url(rfc)
    text = _escape_line(rfc)
    return f'<a href="{escape(url)}" rel="noreferrer">{text}</a>' if url else text


def _escape_line(text: str) -> str:
    return escape(escape_unprintable(text))


def _escape_lines(text: str) -> str:
    return escape(escape_unprintable(text, multiline=True))
