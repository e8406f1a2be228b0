"""Review a mail: what breaks RFCs, or what mailbox providers and readers object to.

- `finding`, `review`: the result, a list of findings.
- `rule`, `table`: all rules; the files named `…_rules` have those of one topic each.
- `source`: what rules read, and the lines of places in the mail's source.
- `message_checks`: the checks of the REST route `checks`, which also lists what passed.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.mail.review.finding import SEVERITIES, ReviewFinding, Severity
    from lazr.smtptest.mail.review.message_checks import Check, check_message
    from lazr.smtptest.mail.review.review import MAX_FINDINGS_PER_RULE, Review
    from lazr.smtptest.mail.review.rule import ReviewRule
    from lazr.smtptest.mail.review.spam_rules import SPAM_RULES, SPAM_THRESHOLD, SpamRule, SpamSign
    from lazr.smtptest.mail.review.table import REVIEW_RULES

__all__ = [
    "MAX_FINDINGS_PER_RULE",
    "REVIEW_RULES",
    "SEVERITIES",
    "SPAM_RULES",
    "SPAM_THRESHOLD",
    "Check",
    "Review",
    "ReviewFinding",
    "ReviewRule",
    "Severity",
    "SpamRule",
    "SpamSign",
    "check_message",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.mail.review.finding": ("SEVERITIES", "ReviewFinding", "Severity"),
        "lazr.smtptest.mail.review.message_checks": ("Check", "check_message"),
        "lazr.smtptest.mail.review.review": ("MAX_FINDINGS_PER_RULE", "Review"),
        "lazr.smtptest.mail.review.rule": ("ReviewRule",),
        "lazr.smtptest.mail.review.spam_rules": ("SPAM_RULES", "SPAM_THRESHOLD", "SpamRule", "SpamSign"),
        "lazr.smtptest.mail.review.table": ("REVIEW_RULES",),
    },
)
