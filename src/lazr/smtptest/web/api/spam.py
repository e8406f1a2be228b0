"""Check a mail for spam, in Mailpit's format."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.memory_limits import hold_mail_turn
from lazr.smtptest.web.api.message_param import EntryDep, load_mail
from lazr.smtptest.web.outbound.spam_check import SpamCheckFailed, SpamVerdict
from lazr.smtptest.web.responses import json_response

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])


class SpamAssassinRule(TypedDict):
    """A rule that the mail matches; the score is negative for a sign of a good mail."""

    Score: float
    Name: str
    Description: str


class SpamAssassinResponse(TypedDict):
    """Whether a mail is spam, its score, and the rules that it matches.

    `Error` is the reason if the program that checks mails gives no answer; empty otherwise.
    """

    IsSpam: bool
    Error: str
    Score: float
    Rules: list[SpamAssassinRule]


@router.get("/api/v1/message/{id}/sa-check", responses={200: {"model": SpamAssassinResponse}})
async def check_spam(request: Request, scope: AccessScopeDep, entry: EntryDep) -> Response:
    """Return whether a mail looks like spam.

    By default, the offline rules of the review decide.  With `serve --spamd` or `--rspamd`, SpamAssassin or Rspamd
    does.  404 if there is no such mail; 503 if too many requests wait for checks.
    """
    async with hold_mail_turn(request, entry.size):
        mail = await run_in_threadpool(load_mail, scope, entry)
        try:
            verdict = await scope.app_context.spam_checker.check(mail)
        except SpamCheckFailed as error:
            # Mailpit also answers with 200 and the reason.
            return json_response({"IsSpam": False, "Error": str(error), "Score": 0, "Rules": []})
    return json_response(_build_response(verdict))


def _build_response(verdict: SpamVerdict) -> SpamAssassinResponse:
    return {
        "IsSpam": verdict.is_spam,
        "Error": "",
        "Score": verdict.score,
        "Rules": [{"Score": sign.score, "Name": sign.name, "Description": sign.description} for sign in verdict.signs],
    }
