"""Compare the grades of a client with earlier ones: what got worse, and what got better."""

from __future__ import annotations

import json

from lazr.smtptest.grading.reports.summary import Mark, get_mark
from lazr.smtptest.grading.result import Grades

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.grading.result import Result

__all__ = ["BaselineError", "Comparison", "parse_grades"]

_RANKS = {mark: rank for rank, mark in enumerate(Mark)}


class BaselineError(ValueError):
    """A file has no grades; the text says what it must be."""


class Comparison:
    """The grades of a client beside earlier ones.

    - `worse`: the results whose mark is worse than before.  A mark is right, not tried or wrong, from the best to the
      worst.
    - `better`: the results whose mark is better than before.
    - `known`: the wrong results that were wrong before, too.
    - `new`: the results of behaviors that the earlier grades do not have; they are not worse, even if they are wrong.

    Args:
        grades: The grades of the client.
        baseline: The earlier grades.
    """

    def __init__(self, grades: Grades, baseline: Grades) -> None:
        self.baseline = baseline
        self._marks_before = {result.behavior.name: get_mark(result) for result in baseline}
        self.worse: list[Result] = []
        self.better: list[Result] = []
        self.known: list[Result] = []
        self.new: list[Result] = []
        for result in grades:
            before, now = self.find_mark_before(result), get_mark(result)
            if before is None:
                self.new.append(result)
            elif _RANKS[now] < _RANKS[before]:
                self.worse.append(result)
            elif _RANKS[now] > _RANKS[before]:
                self.better.append(result)
            elif now is Mark.WRONG:
                self.known.append(result)

    def find_mark_before(self, result: Result) -> Mark | None:
        """Return the earlier mark of the behavior; None if it is new."""
        return self._marks_before.get(result.behavior.name)

    def is_failure(self, result: Result) -> bool:
        """Return whether a result is worse than before."""
        return any(result is one for one in self.worse)

    def describe(self) -> list[str]:
        """Return lines of text: the numbers, and the names of what got worse or better."""
        lines = [
            f"{_format_change(result, self)} than the baseline: {result.behavior.name}" for result in self.worse
        ] + [f"{_format_change(result, self)} than the baseline: {result.behavior.name}" for result in self.better]
        wrong = [result.behavior.name for result in self.new if get_mark(result) is Mark.WRONG]
        lines += [f"new and wrong: {name}" for name in wrong]
        if self.known:
            lines.append(f"{len(self.known)} wrong as in the baseline")
        if not self.worse:
            lines.append("nothing is worse than the baseline")
        return lines


def _format_change(result: Result, comparison: Comparison) -> str:
    before, now = comparison.find_mark_before(result), get_mark(result)
    word = "worse" if comparison.is_failure(result) else "better"
    return f"{word} ({before.value if before else 'new'} → {now.value})"


def parse_grades(text: str | bytes, source: str) -> Grades:
    """Return the grades of a file that `smtptest grade --json` wrote.

    Args:
        text: The content of the file.
        source: The name of the file, for the error.

    Raises:
        BaselineError: The content is not such a file.
    """
    expected = f"{source} must be a file that `smtptest grade --json` wrote"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{expected}, and it is not JSON: {error}") from None
    try:
        return Grades.from_dict(value)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BaselineError(f"{expected}: {error}") from None
