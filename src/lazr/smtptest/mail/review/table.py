"""All rules of the review, in the order of the documentation."""

from __future__ import annotations

from lazr.smtptest.mail.review import (
    authentication_rules,
    defect_rules,
    header_rules,
    html_rules,
    link_rules,
    mime_rules,
    spam_rules,
    unsubscribe_rules,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.mail.review.rule import ReviewRule

__all__ = ["REVIEW_RULES"]

REVIEW_RULES: Final[tuple[ReviewRule, ...]] = (
    *defect_rules.RULES,
    *header_rules.RULES,
    *mime_rules.RULES,
    *html_rules.RULES,
    *link_rules.RULES,
    *unsubscribe_rules.RULES,
    *authentication_rules.RULES,
    *spam_rules.RULES,
)
"""Each rule once; names are unique."""
