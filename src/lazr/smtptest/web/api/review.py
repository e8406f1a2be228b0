"""The review of one mail: broken RFCs, links, HTML support and signs of spam."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest._util.extras import EXTRAS
from lazr.smtptest.dns import Zone
from lazr.smtptest.mail import SPAM_THRESHOLD
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.html_check import HTML_CHECK_LIMIT
from lazr.smtptest.web.api.message_param import EntryDep, load_mail
from lazr.smtptest.web.responses import json_response

if TYPE_CHECKING:
    from lazr.smtptest.mail import Review

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])


class ReviewItem(TypedDict):
    """A finding: a place at which the mail breaks a rule.

    `Where` is the place, as in `Defect`: `header Date`, `html`, `text`, `content` or `part 2`.  `Line` is its line in
    the source, from 1; it is null for something that is missing.  `URL` links to the rule.
    """

    Rule: str
    Severity: Literal["error", "warning", "info"]
    Text: str
    Where: str
    Line: int | None
    URL: str


class ReviewSpamRule(TypedDict):
    """A sign of spam that the mail has."""

    Name: str
    Score: float
    Description: str


class ReviewResponse(TypedDict):
    """The findings, the worst first, and the signs of spam by the offline rules.

    From the score `SpamThreshold` on, the mail looks like spam.
    """

    Errors: int
    Warnings: int
    Infos: int
    Findings: list[ReviewItem]
    SpamScore: float
    SpamThreshold: float
    SpamRules: list[ReviewSpamRule]


@router.get("/api/v1/message/{id}/review", responses={200: {"model": ReviewResponse}})
async def get_review(scope: AccessScopeDep, entry: EntryDep) -> Response:
    """Return what a reviewer would say about a mail, with the lines and links to the rules.

    404 if there is no such mail; 503 if too many requests wait for checks.  Without the extra `html-check`, one finding
    says that the support of mail programs was not checked.  DKIM, SPF and DMARC are in it with `serve --dns-zone`.
    """
    server = scope.app_context.server

    def build_response() -> Response:
        mail = load_mail(scope, entry)
        authentication = None
        # A zone answers at once.  Name servers can be slow, and only one review runs at a time.
        if isinstance(server.dns, Zone) and EXTRAS["checks"].is_installed():
            authentication = mail.authenticate(server.dns, server.spf_ip)
        return json_response(_build_review_response(mail.check(authentication=authentication)))

    return await HTML_CHECK_LIMIT.run_in_thread(build_response)


def _build_review_response(review: Review) -> ReviewResponse:
    severities = [finding.severity for finding in review]
    return {
        "Errors": severities.count("error"),
        "Warnings": severities.count("warning"),
        "Infos": severities.count("info"),
        "Findings": [
            {
                "Rule": finding.rule,
                "Severity": finding.severity,
                "Text": finding.text,
                "Where": finding.where,
                "Line": finding.line,
                "URL": finding.url,
            }
            for finding in review
        ],
        "SpamScore": review.spam_score,
        "SpamThreshold": SPAM_THRESHOLD,
        "SpamRules": [
            {"Name": rule.name, "Score": rule.score, "Description": rule.description} for rule in review.spam_signs
        ],
    }
