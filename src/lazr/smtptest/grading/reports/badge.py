"""Draw a badge with the score of a client, as an SVG document."""

from __future__ import annotations

from html import escape

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.grading.reports.summary import Mark, count_marks, format_score

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.grading.result import Result

__all__ = ["render_badge"]

_LABEL = "SMTP behavior"
_HEIGHT = 20
_CHARACTER_WIDTH = 6.6  # of the average character in 11 px Verdana
_PADDING = 10
# The color for a share of right results, from this share on.
_COLORS = ((1.0, "#2f7d32"), (0.9, "#5f7d1e"), (0.7, "#9a6a00"), (0.0, "#b3261e"))
_NOTHING_TRIED_COLOR = "#666"


def render_badge(results: Iterable[Result], label: str = _LABEL) -> str:
    """Return the badge: a label, and how many of the tried behaviors are right.

    Args:
        results: The results of the client.
        label: The text on the left.

    >>> 'aria-label="mail client: nothing tried"' in render_badge([], "mail client")
    True
    """
    counts = count_marks(results)
    right, tried = counts[Mark.RIGHT], counts[Mark.RIGHT] + counts[Mark.WRONG]
    color = next(color for threshold, color in _COLORS if right / tried >= threshold) if tried else _NOTHING_TRIED_COLOR
    label = escape_unprintable(label)
    score = format_score(counts)
    left, all_ = _measure(label), _measure(label) + _measure(score)
    name = escape(f"{label}: {score}")
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{all_}" height="{_HEIGHT}" role="img" aria-label="{name}">
<title>{name}</title>
<rect width="{all_}" height="{_HEIGHT}" rx="3" fill="{color}"/>
<path d="M3 0h{left - 3}v{_HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#444"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{left / 2:g}" y="14" textLength="{left - _PADDING}">{escape(label)}</text>
<text x="{left + (all_ - left) / 2:g}" y="14" textLength="{all_ - left - _PADDING}">{escape(score)}</text>
</g>
</svg>
"""


def _measure(text: str) -> int:
    return round(len(text) * _CHARACTER_WIDTH) + _PADDING
