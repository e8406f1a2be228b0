"""Waiting for mail over HTTP, in place of asking again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from lazr.smtptest.clock import monotonic
from lazr.smtptest.web.answers import Refused, as_json
from lazr.smtptest.web.asked import MOST, Limit, Zone, some_of
from lazr.smtptest.web.ear import Ear
from lazr.smtptest.web.messages import listed
from lazr.smtptest.web.scope import Scoped
from lazr.smtptest.web.shapes import MessagesSummary

if TYPE_CHECKING:
    from lazr.smtptest.web.scope import Scope

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["wait"])

LONGEST = 300.0
"""Nobody waits for longer, in seconds."""

# A client that has given up is noticed after so many seconds.
_LOOK = 5.0

_OTHERS = 10


class Nothing(MessagesSummary):
    """What came instead: `messages` are those that were found, `Others` the latest that were not looked for.

    `Explanation` is what the mail server knows: refused commands, the ends of the latest dialogues.
    """

    Error: str
    Others: list[str]
    Explanation: list[str]


@router.get("/api/v1/wait", responses={200: {"model": MessagesSummary}, 404: {"model": Nothing}})
async def wait(
    *,
    request: Request,
    scope: Scoped,
    zone: Zone,
    query: Annotated[str, Query(description="A search; empty is any mail")] = "",
    timeout: Annotated[float, Query(ge=0, le=LONGEST, description="Seconds")] = 10.0,  # noqa: ASYNC109 - a client's word
    count: Annotated[int, Query(ge=1, le=MOST, description="So many mails at least")] = 1,
    limit: Limit = 50,
) -> Response:
    """The mails that a search finds, as soon as there are so many; 404 with what came instead when time is up."""
    search = some_of(query, zone)
    deadline = monotonic() + timeout
    with Ear(scope) as ear:
        while True:
            found = await run_in_threadpool(listed, scope, search, "search", limit=limit)
            if found["messages_count"] >= count:
                return as_json(found)
            left = deadline - monotonic()
            if left <= 0:
                return as_json(await run_in_threadpool(_nothing, scope, found, query, timeout, count), 404)
            await ear.listen(min(left, _LOOK))
            if ear.leaving or await request.is_disconnected():
                raise Refused(503, "This server is about to stop")


def _nothing(scope: Scope, found: MessagesSummary, query: str, timeout: float, count: int) -> Nothing:
    known = {one["ID"] for one in found["messages"]}
    others = [one for one in scope.page(limit=_OTHERS + len(known)).entries if one.id not in known][:_OTHERS]
    what = f"mail that {query!r} finds" if query.strip() else "mail"
    came = f"{found['messages_count']} came, and {found['total'] - found['messages_count']} others"
    return {
        **found,
        "Error": f"no {count if count > 1 else ''} {what} within {timeout:g} s; {came}".replace("no  ", "no "),
        "Others": [
            f"{one.envelope.mail_from or '<>'} -> {', '.join(one.envelope.rcpt_tos[:5])} {one.subject!r}"
            for one in others
        ],
        "Explanation": [] if scope.mailbox is not None else scope.catcher.server.explain(),
    }
