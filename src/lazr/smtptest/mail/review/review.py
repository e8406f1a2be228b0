"""Review a mail by all rules, and hold the findings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.mail.review.finding import SEVERITIES, ReviewFinding
from lazr.smtptest.mail.review.source import ReviewSource
from lazr.smtptest.mail.review.spam_rules import SPAM_THRESHOLD, find_spam_signs
from lazr.smtptest.mail.review.table import REVIEW_RULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import overload

    from lazr.smtptest.authentication import Authentication
    from lazr.smtptest.mail.envelope import Envelope
    from lazr.smtptest.mail.parsed_message import ParsedMessage
    from lazr.smtptest.mail.review.finding import Severity
    from lazr.smtptest.mail.review.rule import Problem, ReviewRule
    from lazr.smtptest.mail.review.spam_rules import SpamSign

__all__ = ["MAX_FINDINGS_PER_RULE", "Review", "review_message"]

MAX_FINDINGS_PER_RULE = 20
"""How many findings of each rule are listed; one more says how many are left out."""

_MAX_COUNTED_PROBLEMS = 10_000


class Review(Sequence[ReviewFinding]):
    r"""The findings about a mail, the worst first: a sequence of `ReviewFinding`.

    `mail.check()` returns it.  The argument `spam_signs` is an attribute.

    Args:
        findings: the findings, in any order.
        spam_signs: the signs of spam that the mail has, the worst first.

    >>> from lazr.smtptest import Mail
    >>> review = Mail.from_bytes(b"From: ann@example.com\nTo: bob@example.com\nSubject: Hi\n\nHello\n").check()
    >>> print(review)
    error: Date is missing (date-missing, header Date)
    warning: Message-ID is missing; replies cannot refer to the mail (message-id-missing, header Message-ID)
    info: The spam score is 2.2 of 5: MISSING_DATE 1.4, MISSING_MESSAGE_ID 0.8 (spam-signs, content)
    >>> review[0].rule, review[0].url
    ('date-missing', 'https://www.rfc-editor.org/rfc/rfc5322#section-3.6')
    """

    __slots__ = ("_findings", "spam_signs")

    def __init__(self, findings: Iterable[ReviewFinding], spam_signs: Iterable[SpamSign] = ()) -> None:
        def get_key(finding: ReviewFinding) -> tuple[int, int]:
            return SEVERITIES.index(finding.severity), finding.line or 0

        self._findings: tuple[ReviewFinding, ...] = tuple(sorted(findings, key=get_key))
        self.spam_signs: tuple[SpamSign, ...] = tuple(spam_signs)

    @property
    def spam_score(self) -> float:
        """The sum of the scores of `spam_signs`; from 5.0 on, the mail looks like spam."""
        return round(sum(sign.score for sign in self.spam_signs), 1)

    @property
    def is_spam(self) -> bool:
        """Whether the spam score is 5.0 or more."""
        return self.spam_score >= SPAM_THRESHOLD

    def select(self, severity: Severity, *, ignore: Collection[str] = ()) -> tuple[ReviewFinding, ...]:
        """Return the findings of a severity and of worse ones.

        Args:
            severity: "error", "warning" for errors and warnings, or "info" for all findings.
            ignore: names of rules whose findings are left out.

        Raises:
            ValueError: if there is no such severity, or no such rule.
            TypeError: if `ignore` is a string.
        """
        if severity not in SEVERITIES:
            raise ValueError(describe_unknown("severity", severity, SEVERITIES))
        if isinstance(ignore, str):
            raise TypeError(f"ignore must be a collection of names of rules, got {ignore!r}; write [{ignore!r}]")
        known = [rule.name for rule in REVIEW_RULES]
        for name in ignore:
            if name not in known:
                raise ValueError(describe_unknown("rule", name, known))
        selected = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return tuple(one for one in self._findings if one.severity in selected and one.rule not in ignore)

    def assert_no(self, severity: Severity = "error", *, ignore: Collection[str] = ()) -> None:
        """Raise an `AssertionError` that lists the findings of a severity and of worse ones.

        Args:
            severity: "error", which is the default; "warning" for errors and warnings; "info" for all findings.
            ignore: names of rules whose findings are allowed.

        Raises:
            AssertionError: if there is such a finding.
            ValueError: if there is no such severity, or no such rule.

        >>> from lazr.smtptest import Mail
        >>> Mail.from_bytes(b"From: ann@example.com\\n\\nHello\\n").check().assert_no("error", ignore=["date-missing"])
        """
        found = self.select(severity, ignore=ignore)
        if found:
            count = f"{len(found)} finding" + ("" if len(found) == 1 else "s")
            worse = "" if severity == "error" else " or worse"
            lines = "\n".join(f"  {finding}\n    {finding.url}" for finding in found)
            raise AssertionError(f'the mail has {count} of severity "{severity}"{worse}:\n{lines}')

    def to_dict(self) -> dict[str, object]:
        """Return the review as values that JSON has."""
        return {
            "findings": [finding.to_dict() for finding in self._findings],
            "spam_score": self.spam_score,
            "spam_threshold": SPAM_THRESHOLD,
            "spam_signs": [
                {"name": sign.name, "score": sign.score, "description": sign.description} for sign in self.spam_signs
            ],
        }

    def __len__(self) -> int:
        return len(self._findings)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> ReviewFinding: ...
        @overload
        def __getitem__(self, index: slice) -> tuple[ReviewFinding, ...]: ...

    def __getitem__(self, index: int | slice) -> ReviewFinding | tuple[ReviewFinding, ...]:
        return self._findings[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Review) and self._findings == other._findings

    def __hash__(self) -> int:
        return hash(self._findings)

    def __str__(self) -> str:
        return "\n".join(map(str, self._findings)) or "no findings"

    def __repr__(self) -> str:
        counts = [f"{sum(one.severity == name for one in self._findings)} {name}" for name in SEVERITIES]
        return f"<Review {', '.join(counts)}>"


def review_message(
    message: ParsedMessage,
    content: bytes,
    envelope: Envelope,
    timestamp: float,
    *,
    html_support: bool = True,
    authentication: Authentication | None = None,
) -> Review:
    """Return the findings of all rules about a message.

    Args:
        message: the parsed message.
        content: its bytes; untrusted input of any length.
        envelope: its envelope.
        timestamp: the time of its arrival, in seconds since 1970.
        html_support: whether to check what mail programs support, in a child process; true by default.
        authentication: the results of DKIM, SPF and DMARC; None, the default, if no DNS records are known.
    """
    source = ReviewSource(
        message, content, envelope, timestamp, checks_html=html_support, authentication=authentication
    )
    findings = [finding for rule in REVIEW_RULES for finding in _apply_rule(rule, source)]
    return Review(findings, find_spam_signs(source))


def _apply_rule(rule: ReviewRule, source: ReviewSource) -> Iterator[ReviewFinding]:
    problems = islice(rule.find(source), _MAX_COUNTED_PROBLEMS)
    last: Problem | None = None
    for last in islice(problems, MAX_FINDINGS_PER_RULE):
        yield ReviewFinding(rule.name, rule.severity, last.text, last.where, last.line, last.url or rule.url)
    omitted = sum(1 for _ in problems)
    if omitted and last is not None:
        text = f"{omitted:,} more places are not listed"
        yield ReviewFinding(rule.name, rule.severity, text, last.where, last.line, rule.url)
