"""A rule of the review: a row of a table, with the function that applies it."""

from __future__ import annotations

import re
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lazr.smtptest.mail.review.finding import Severity
    from lazr.smtptest.mail.review.source import ReviewSource

__all__ = ["Problem", "ReviewRule", "count_of", "shorten"]

_MAX_SHOWN_CHARACTERS = 100
_RFC_REFERENCE = re.compile(r"RFC ([0-9]+)(?: ([0-9.]+))?")


class Problem(NamedTuple):
    """What a rule has found: a sentence, the place, and the line in the source.

    `url` replaces the link of the rule.
    """

    text: str
    where: str
    line: int | None = None
    url: str = ""


class ReviewRule(NamedTuple):
    """A rule of the review.

    - `name`: the name, in kebab-case.
    - `severity`: "error", "warning" or "info".
    - `title`: what is wrong with a mail that breaks the rule.
    - `reference`: the section of an RFC, such as "RFC 5322 3.6", or the name of another text.
    - `find`: returns the places at which a mail breaks the rule.
    - `page`: the page of a reference that is not an RFC.

    >>> ReviewRule("date-missing", "error", "Date is missing.", "RFC 5322 3.6", lambda source: []).url
    'https://www.rfc-editor.org/rfc/rfc5322#section-3.6'
    """

    name: str
    severity: Severity
    title: str
    reference: str
    find: Callable[[ReviewSource], Iterable[Problem]]
    page: str = ""

    @property
    def url(self) -> str:
        """The link to the text that has the rule."""
        match = _RFC_REFERENCE.fullmatch(self.reference)
        if self.page or match is None:
            return self.page
        section = f"#section-{match[2]}" if match[2] else ""
        return f"https://www.rfc-editor.org/rfc/rfc{match[1]}{section}"


def shorten(text: str) -> str:
    """Return the beginning of untrusted text, on one line."""
    text = text if len(text) <= _MAX_SHOWN_CHARACTERS else text[:_MAX_SHOWN_CHARACTERS] + "…"
    return text if text.isprintable() else repr(text)[1:-1]


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count_of(1, "line"), count_of(2000, "line")
    ('1 line', '2,000 lines')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
