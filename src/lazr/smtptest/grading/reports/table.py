"""Write grades as a table for a terminal or a log, grouped by kind of behavior."""

from __future__ import annotations

import textwrap

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.grading.reports.hints import find_hints
from lazr.smtptest.grading.reports.summary import Mark, describe_score, format_reason, get_mark, group_results

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.grading.reports.baseline import Comparison
    from lazr.smtptest.grading.result import Grades, Result

__all__ = ["render_result_line", "render_table"]

_COLORS = {Mark.RIGHT: "\x1b[32m", Mark.WRONG: "\x1b[31m", Mark.NOT_TRIED: "\x1b[2m"}
_BOLD, _DIM, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_MARKS = {Mark.RIGHT: "✓", Mark.WRONG: "✗", Mark.NOT_TRIED: "–"}
_ASCII_MARKS = {Mark.RIGHT: "+", Mark.WRONG: "X", Mark.NOT_TRIED: "-"}
_INDENT = "    "
_MIN_WIDTH = 40
_RESULT_WIDTH = len("  +   refused and reported  10 attempts    10.0 s  RFC 5321 4.5.3.1.10")  # without the name


def render_table(
    grades: Grades,
    comparison: Comparison | None = None,
    *,
    color: bool = False,
    width: int = 100,
    ascii_only: bool = False,
) -> str:
    """Return the table, and the score as its last line.

    A wrong result has two more lines: why it is wrong, and what a good client does.  Hints stand before the score.

    Args:
        grades: The grades of the client.
        comparison: The comparison with a baseline, if there is one; its lines stand before the score.
        color: Whether to use the colors of a terminal.
        width: The width of the terminal, in characters: sentences are wrapped, and a line that is longer has no RFC.
        ascii_only: Use ASCII letters as marks, for a terminal without Unicode.
    """
    name_width = max((len(result.behavior.name) for result in grades), default=0)
    lines: list[str] = []
    for group, results in group_results(grades).items():
        lines += ["", _paint(group, _BOLD, color=color)]
        for result in results:
            lines.append(render_result_line(result, name_width, width, color=color, ascii_only=ascii_only))
            if get_mark(result) is Mark.WRONG:
                has_rfc = not _is_wide(name_width, width)
                lines += _render_reason(result, max(width, _MIN_WIDTH), has_rfc=has_rfc, color=color)
    lines.append("")
    hints = find_hints(grades)
    for hint in hints:
        lines += textwrap.wrap(f"hint: {hint}", max(width, _MIN_WIDTH), subsequent_indent="  ", break_on_hyphens=False)
    if hints:
        lines.append("")
    if comparison is not None:
        lines += map(escape_unprintable, comparison.describe())
    lines.append(_paint(describe_score(grades), _BOLD, color=color))
    return "\n".join(lines).lstrip("\n")


def render_result_line(
    result: Result, name_width: int = 0, width: int = 100, *, color: bool = False, ascii_only: bool = False
) -> str:
    """Return the line of one result: mark, behavior, outcome, attempts, seconds and RFC.

    Args:
        result: The result.
        name_width: The width of the column of names, in characters.
        width: The width of the terminal, in characters; a line that would be longer has no RFC.
        color: Whether to use the colors of a terminal.
        ascii_only: Use an ASCII letter as the mark.
    """
    mark = get_mark(result)
    sign = _paint((_ASCII_MARKS if ascii_only else _MARKS)[mark], _COLORS[mark], color=color)
    attempts = f"{result.attempts} attempt{' ' if result.attempts == 1 else 's'}"
    facts = f"{attempts:>11}  {result.seconds:6.1f} s"
    if _is_wide(name_width, width):
        facts += f"  {result.behavior.rfc}"
    outcome = _paint(f"{result.outcome.value:<20}", _COLORS[mark] if mark is Mark.WRONG else "", color=color)
    return f"  {sign} {result.behavior.name:<{name_width}}  {outcome}  {_paint(facts, _DIM, color=color)}"


def _is_wide(name_width: int, width: int) -> bool:
    """Whether the line of a result has room for the RFC; if not, the reason has it."""
    return _RESULT_WIDTH + name_width <= width


def _render_reason(result: Result, width: int, *, has_rfc: bool, color: bool) -> Sequence[str]:
    behavior = result.behavior
    rfc = f" ({behavior.rfc})" if has_rfc else ""
    texts = (format_reason(result), escape_unprintable(f"Expected: {behavior.expected}{rfc}"))
    lines: list[str] = []
    for text, code in zip(texts, ("", _DIM), strict=True):
        wrapped = textwrap.wrap(text, width - len(_INDENT), break_on_hyphens=False)
        lines += [_INDENT + _paint(line, code, color=color) for line in wrapped]
    return lines


def _paint(text: str, code: str, *, color: bool) -> str:
    return f"{code}{text}{_RESET}" if color and code else text
