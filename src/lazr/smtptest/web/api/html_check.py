"""Check how well mail programs support the HTML of a mail."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.html_check_response import HTMLCheckResponse, run_html_check
from lazr.smtptest.web.api.message_param import EntryDep, load_mail
from lazr.smtptest.web.responses import ApiError, json_response
from lazr.smtptest.web.sandbox import ChildProcessFailed, ConcurrencyLimit

__all__ = ["HTML_CHECK_LIMIT", "router"]

router: APIRouter = APIRouter(tags=["message"])

# Each check takes a child process.  Waiting requests hold no mail: it is loaded when the turn has come.
HTML_CHECK_LIMIT: ConcurrencyLimit = ConcurrencyLimit(1)
"""How many HTML checks run at once."""


@router.get("/api/v1/message/{id}/html-check", responses={200: {"model": HTMLCheckResponse}})
async def check_html(scope: AccessScopeDep, entry: EntryDep) -> Response:
    """Return how well mail programs support the HTML of a mail, by the data of caniemail.com.

    400 if the mail has no HTML or the check fails; 404 if there is no such mail; 501 if the extra `html-check` is not
    installed; 503 if too many requests wait for checks.
    """

    def build_check_response() -> Response:
        html = load_mail(scope, entry).html
        if not html:
            raise ApiError(400, "message does not contain HTML")
        try:
            return json_response(run_html_check(html))
        except ChildProcessFailed as error:
            raise ApiError(400, f"the HTML cannot be checked: {error}") from None

    return await HTML_CHECK_LIMIT.run_in_thread(build_check_response)
