"""Count, group and describe the results of a client, for all reports."""

from __future__ import annotations

import re
from enum import Enum

from lazr.smtptest._util.escape import escape_unprintable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lazr.smtptest.grading.result import Grades, Result

__all__ = [
    "MAX_SHOWN_SESSIONS",
    "Mark",
    "build_rfc_url",
    "count_marks",
    "describe_score",
    "format_reason",
    "format_score",
    "get_mark",
    "group_results",
    "render_transcript",
]

_RFC_REFERENCE = re.compile(r"RFC (\d{1,5})(?: ([A-Z]|\d+)((?:\.\d+)*))?")
# Transcripts of more sessions, or of more lines, would hide the report.
MAX_SHOWN_SESSIONS = 6
_MAX_SESSION_LINES = 200


class Mark(Enum):
    """The mark of a result, from the worst to the best."""

    WRONG = "wrong"
    NOT_TRIED = "not tried"
    RIGHT = "right"


def get_mark(result: Result) -> Mark:
    """Return the mark of a result."""
    if result.is_skipped:
        return Mark.NOT_TRIED
    return Mark.RIGHT if result.is_right else Mark.WRONG


def count_marks(results: Iterable[Result]) -> dict[Mark, int]:
    """Return how many results have each mark."""
    counts = dict.fromkeys(Mark, 0)
    for result in results:
        counts[get_mark(result)] += 1
    return counts


def describe_score(results: Iterable[Result]) -> str:
    """Return the score: how many of the tried behaviors are right.

    >>> describe_score([])
    'nothing tried'
    """
    counts = count_marks(results)
    skipped = f", {counts[Mark.NOT_TRIED]} not tried" if counts[Mark.NOT_TRIED] else ""
    return format_score(counts) + skipped


def format_score(counts: Mapping[Mark, int]) -> str:
    """Return how many of the tried behaviors are right: "58 of 62 right", or "nothing tried"."""
    tried = counts[Mark.RIGHT] + counts[Mark.WRONG]
    return f"{counts[Mark.RIGHT]} of {tried} right" if tried else "nothing tried"


def group_results(grades: Grades) -> dict[str, list[Result]]:
    """Return the results by group of behaviors, in the order of their first result."""
    groups: dict[str, list[Result]] = {}
    for result in grades:
        groups.setdefault(result.behavior.group, []).append(result)
    return groups


def build_rfc_url(rfc: str) -> str:
    """Return the URL of the section that a text names first; "" if it names none.

    >>> build_rfc_url("RFC 3207 6")
    'https://www.rfc-editor.org/rfc/rfc3207#section-6'
    >>> build_rfc_url("RFC 5321 A.2"), build_rfc_url("RFC 8314")
    ('https://www.rfc-editor.org/rfc/rfc5321#appendix-A.2', 'https://www.rfc-editor.org/rfc/rfc8314')
    """
    found = _RFC_REFERENCE.match(rfc)
    if found is None:
        return ""
    number, first, rest = found.groups()
    kind = "appendix" if first and first.isalpha() else "section"
    place = f"#{kind}-{first}{rest}" if first else ""
    return f"https://www.rfc-editor.org/rfc/rfc{number}{place}"


def format_reason(result: Result) -> str:
    """Return why a result is what it is, as one sentence that is safe to print."""
    reason = escape_unprintable(result.reason)
    return f"{reason[:1].upper()}{reason[1:]}{'' if reason.endswith('.') else '.'}"


def render_transcript(result: Result) -> str:
    """Return the dialogues of a result as text; the middle of a long dialogue is left out."""
    shown = result.transcripts[:MAX_SHOWN_SESSIONS]
    blocks = []
    for number, transcript in enumerate(shown, 1):
        lines = transcript.splitlines()
        hidden = len(lines) - _MAX_SESSION_LINES
        if hidden > 0:
            half = _MAX_SESSION_LINES // 2
            lines[half:-half] = [f"         * (… {hidden:,} lines …)"]
        blocks.append("\n".join([f"session {number}", *lines]))
    hidden = len(result.transcripts) - len(shown)
    if hidden > 0:
        blocks.append(f"… and {hidden} more session{'' if hidden == 1 else 's'}")
    return escape_unprintable("\n\n".join(blocks), multiline=True)
