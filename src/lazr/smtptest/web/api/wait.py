"""Wait for mails with one long request, instead of polling."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import StoreError
from lazr.smtptest.mail import format_headline, format_summary
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.query_params import (
    MAX_MESSAGES_PER_RESPONSE,
    LimitParam,
    TimeZoneParam,
    parse_lenient_search,
)
from lazr.smtptest.web.api.schemas import MessagesSummary
from lazr.smtptest.web.api.wait_hub import Waiter
from lazr.smtptest.web.responses import ApiError, json_response

if TYPE_CHECKING:
    from lazr.smtptest.store import Entry, Totals
    from lazr.smtptest.web.api.access_scope import AccessScope

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["wait"])

MAX_WAIT_SECONDS = 300.0
"""The maximum timeout of a wait."""

# How often a waiting request checks that its client is still connected.
_DISCONNECT_CHECK_SECONDS = 5.0

_MAX_OTHER_MESSAGES = 10

# A search that a wait with a shorter timeout starts may take this long.
_MIN_SEARCH_SECONDS = 1.0
# The report after a timeout leaves out what the store does not answer within this time.
_MAX_REPORT_SECONDS = 0.25


class WaitTimeoutResponse(MessagesSummary):
    """The report of a wait that timed out.

    `messages` are the mails that match, `Others` the latest that do not.  `Explanation` has what the mail server knows
    about missing mails: refused commands, and the ends of the latest transcripts.
    """

    Error: str
    Others: list[str]
    Explanation: list[str]


@router.get("/api/v1/wait", responses={200: {"model": MessagesSummary}, 404: {"model": WaitTimeoutResponse}})
async def wait(
    *,
    request: Request,
    scope: AccessScopeDep,
    zone: TimeZoneParam,
    query: Annotated[str, Query(description="A search, see docs/reference/search.md; all mails by default")] = "",
    timeout: Annotated[float, Query(ge=0, le=MAX_WAIT_SECONDS, description="The timeout in seconds")] = 10.0,  # noqa: ASYNC109 - the name in the URL
    count: Annotated[int, Query(ge=1, le=MAX_MESSAGES_PER_RESPONSE, description="The number of mails to wait for")] = 1,
    limit: LimitParam = 50,
) -> Response:
    """Return the mails that a search finds as soon as there are `count` of them.

    404 with a report after the timeout; 503 if the server stops.  At most 1,000 requests may wait at the same time (503
    beyond), and 200 with the token of the same mailbox (429 beyond).
    """
    search = parse_lenient_search(query, zone)
    started_at = monotonic()
    deadline = started_at + timeout
    with Waiter(scope, search, limit, count) as waiter:
        while waiter.match_count < count:
            # Every request gets one search, if the store answers at all; no later search delays the response.
            is_first_search = not waiter.is_searched
            remaining = (max(deadline, started_at + _MIN_SEARCH_SECONDS) if is_first_search else deadline) - monotonic()
            if remaining <= 0:
                return json_response(await _build_timeout_response(scope, waiter, query, timeout, count), 404)
            await waiter.wait_for_change(min(remaining, _DISCONNECT_CHECK_SECONDS))
            if waiter.is_shutting_down or await request.is_disconnected():
                raise ApiError(503, "The server is stopping")
        return json_response(waiter.build_summary())


async def _build_timeout_response(
    scope: AccessScope,
    waiter: Waiter,
    query: str,
    timeout: float,  # noqa: ASYNC109 - for the report
    count: int,
) -> WaitTimeoutResponse:
    summary = waiter.build_summary()
    match_ids = {message["ID"] for message in summary["messages"]}
    others: list[Entry] = []
    with contextlib.suppress(TimeoutError, StoreError):
        async with asyncio.timeout(_MAX_REPORT_SECONDS):
            totals, latest = await to_thread.run_sync(
                _read_latest, scope, _MAX_OTHER_MESSAGES + len(match_ids), abandon_on_cancel=True
            )
            summary["total"], summary["unread"] = totals.mails, totals.unread
            others = [entry for entry in latest if entry.id not in match_ids][:_MAX_OTHER_MESSAGES]
    criteria = f"with query={query!r}" if query.strip() else ""
    got = summary["messages_count"]
    other_count = max(summary["total"] - got, 0)
    error = format_headline(criteria, got, expected=count, other_count=other_count, timeout=timeout)
    if not waiter.is_searched:
        error += "; the search of the mails from before has no result yet"
    elif summary["pending"]:
        error += f"; {summary['pending']:,} mails are not indexed yet"
    return {
        **summary,
        "Error": error,
        "Others": [
            format_summary(entry.envelope.mail_from, entry.envelope.rcpt_tos[:5], entry.subject) for entry in others
        ],
        "Explanation": [] if scope.mailbox is not None else scope.app_context.server.explain(),
    }


def _read_latest(scope: AccessScope, limit: int) -> tuple[Totals, list[Entry]]:
    return scope.get_totals(), scope.get_page(limit=limit).entries
