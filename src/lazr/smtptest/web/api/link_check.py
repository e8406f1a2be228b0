"""Check whether the links of a mail work."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web.api.access_scope import AccessScope, AccessScopeDep
from lazr.smtptest.web.api.memory_limits import hold_mail_turn
from lazr.smtptest.web.api.message_param import EntryDep, MessageRef, open_message
from lazr.smtptest.web.outbound.message_urls import find_message_urls
from lazr.smtptest.web.responses import ApiError, json_response

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])


class LinkStatus(TypedDict):
    """The result for one link.

    The status is 0 without a response, and 451 for a link into a private network.
    """

    URL: str
    StatusCode: int
    Status: str


class LinkCheckResponse(TypedDict):
    """The results for all links, and how many of them are broken."""

    Errors: int
    Links: list[LinkStatus]


@router.get("/api/v1/message/{id}/link-check", responses={200: {"model": LinkCheckResponse}})
async def check_links(
    request: Request,
    scope: AccessScopeDep,
    entry: EntryDep,
    follow: Annotated[str, Query(description="true or 1: follow redirects")] = "",
) -> Response:
    """Request all links of a mail, return their statuses, and mark the mail as read.

    403 if link checks are off; 404 if there is no such mail.
    """
    checker = scope.app_context.link_checker
    if checker is None:
        raise ApiError(
            403,
            "Link checking is off, as it connects to other servers; switch it on with `smtptest serve --check-links`",
        )
    async with hold_mail_turn(request, entry.size):
        urls = await run_in_threadpool(_read_urls, scope, entry.id, checker.max_links)
    checked = await checker.check(urls, follow=follow in ("true", "1"))
    return json_response(
        {
            "Errors": sum(link.is_broken for link in checked),
            "Links": [{"URL": link.url, "StatusCode": link.status, "Status": link.reason} for link in checked],
        }
    )


def _read_urls(scope: AccessScope, id: str, limit: int) -> list[str]:
    # The mail is not kept while its links are requested.
    return list(find_message_urls(open_message(scope, MessageRef(id), mark_read=True).mail, limit))
