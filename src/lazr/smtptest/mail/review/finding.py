"""One finding of a review."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

__all__ = ["SEVERITIES", "ReviewFinding", "Severity"]

Severity = Literal["error", "warning", "info"]

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")
"""The severities, the worst first: an RFC is broken, recipients suffer, good to know."""


class ReviewFinding(NamedTuple):
    """A place at which a mail breaks a rule.

    - `rule`: the name of the rule, such as "date-missing".
    - `severity`: "error" if the mail breaks an RFC or cannot work, "warning" if mailbox providers or readers object to
      it, or "info".
    - `text`: what is wrong, as a sentence.
    - `where`: the place, as `Defect.where` names it: "header Date", "html", "text", "content" or "part 2".
    - `line`: its line in the source, from 1; None if it is nowhere, such as a missing field.
    - `url`: the link to the rule: a section of an RFC, or a page.

    >>> print(ReviewFinding("date-missing", "error", "Date is missing", "header Date", None, "https://example.com/"))
    error: Date is missing (date-missing, header Date)
    """

    rule: str
    severity: Severity
    text: str
    where: str
    line: int | None
    url: str

    def to_dict(self) -> dict[str, object]:
        """Return the finding as values that JSON has."""
        return self._asdict()

    def __str__(self) -> str:
        place = self.where if self.line is None else f"{self.where}, line {self.line:,}"
        return f"{self.severity}: {self.text} ({self.rule}, {place})"
