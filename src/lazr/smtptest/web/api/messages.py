"""Many mails: lists and searches, read marks, deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.store import NEWEST_FIRST
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.memory_limits import hold_list_turn
from lazr.smtptest.web.api.query_params import (
    LINK_RESPONSE_HEADERS,
    MAX_MESSAGES_PER_RESPONSE,
    BeforeParam,
    LimitParam,
    ListSlice,
    ListSliceParam,
    SearchParam,
    StrictSearchParam,
    TimeZoneParam,
    build_next_link,
    parse_strict_search,
)
from lazr.smtptest.web.api.request_body import RequestBodyDep, build_request_body_schema
from lazr.smtptest.web.api.schemas import MAX_LISTED_CHARACTERS, Cursors, MessagesSummary, build_message_summary
from lazr.smtptest.web.responses import ApiError, json_response, ok_response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from lazr.smtptest.store import Page, Search, Totals
    from lazr.smtptest.web.api.access_scope import AccessScope

__all__ = ["build_messages_summary", "build_page_summary", "router"]

router: APIRouter = APIRouter(tags=["messages"])

MAX_DELAY_SECONDS = 60.0
"""The maximum delay of a deletion."""


async def _hold_list_turn(limit: LimitParam = 50) -> AsyncIterator[None]:
    async with hold_list_turn(limit or MAX_MESSAGES_PER_RESPONSE):
        yield


LONG_LIST_TURN: Any = Depends(_hold_list_turn, scope="function")


class SetReadStatusRequest(TypedDict, total=False):
    """Which mails to mark: those of `IDs`, or those that `Search` finds.

    Without both, all mails are marked.
    """

    Read: bool
    IDs: list[str]
    Search: str


class DelayedDeletion(TypedDict):
    """A deletion that `POST /api/v1/undo/{token}` can undo.

    `Undo` is the token, and `Seconds` how long it is good.  It is empty if the mails are deleted already: with a delay
    of 0, or if a search finds more than 100,000 mails.  It also is if there are none to delete.  With a delay of 0,
    `Deleted` is the number of mails.
    """

    Undo: str
    Seconds: float
    Deleted: NotRequired[int]


class DeleteMessagesRequest(TypedDict, total=False):
    """Which mails to delete; without a body, all mails."""

    IDs: list[str]


def build_messages_summary(
    scope: AccessScope, search: Search, variant: Literal["messages", "search"], part: ListSlice
) -> MessagesSummary:
    """Return a part of the mails that a search finds, with the counts around it.

    Args:
        scope: the mails that the request may see.
        search: the terms that mails must match.
        variant: the route, which decides what a client reads for no addresses (see `build_message_summary`).
        part: which part of the list, and in which order.
    """
    page = scope.get_page((*search, *part.search), start=part.start, limit=part.limit, order=part.order)
    summary = build_page_summary(page, scope.get_totals(), scope.count_tags(), variant, start=part.start)
    return {**summary, "cursors": _build_cursors(scope, page, part)}


def _build_cursors(scope: AccessScope, page: Page, part: ListSlice) -> Cursors:
    encode = scope.app_context.cursors.encode
    has_next = page.entries and part.start + len(page.entries) < page.match_count and part.order == NEWEST_FIRST
    return {
        "first": encode(page.newest_number if part.position is None else part.position),
        "next": encode(page.entries[-1].number - 1) if has_next else "",
    }


def build_page_summary(
    page: Page, totals: Totals, tags: Iterable[str], variant: Literal["messages", "search"], *, start: int = 0
) -> MessagesSummary:
    """Return a page of mails, with the counts around it.

    Args:
        page: the mails.
        totals: the counts of all mails.
        tags: the tags of all mails.
        variant: the route, which decides what a client reads for no addresses (see `build_message_summary`).
        start: the number of mails that were skipped; 0 by default.
    """
    max_characters = MAX_LISTED_CHARACTERS // max(len(page.entries), 1)
    return {
        "total": totals.mails,
        "unread": totals.unread,
        "count": len(page.entries),
        "messages_count": page.match_count,
        "messages_unread": page.unread_count,
        "start": start,
        "tags": list(tags),
        "pending": page.pending,
        "estimated": page.is_estimate,
        "messages": [build_message_summary(entry, variant, max_characters=max_characters) for entry in page.entries],
    }


_PAGE_RESPONSES: dict[int | str, dict[str, Any]] = {200: {"model": MessagesSummary, "headers": LINK_RESPONSE_HEADERS}}


@router.get("/api/v1/messages", responses=_PAGE_RESPONSES, dependencies=[LONG_LIST_TURN])
def list_messages(request: Request, scope: AccessScopeDep, before: BeforeParam, part: ListSliceParam) -> Response:
    """Return a list of mails, by default the newest first.  A limit of 0 is the maximum.

    With `cursor`, the counts of matches are those of the mails before it.  400 for an unknown cursor, order or field to
    sort by.
    """
    part = part._replace(limit=part.limit or MAX_MESSAGES_PER_RESPONSE)
    summary = build_messages_summary(scope, before, "messages", part)
    headers = build_next_link(request, part.start, part.limit, summary["messages_count"])
    if before:  # `before` does not change these counts
        totals = scope.get_totals(part.search)
        summary["messages_count"], summary["messages_unread"] = totals.mails, totals.unread
    return json_response(summary, headers=headers)


@router.put("/api/v1/messages", openapi_extra=build_request_body_schema(SetReadStatusRequest))
def set_read_status(scope: AccessScopeDep, body: RequestBodyDep, zone: TimeZoneParam) -> Response:
    """Mark mails as read or unread.

    400 if the body is invalid or has both `IDs` and `Search`.
    """
    form = body.parse_object()
    ids, query = form.get_strings("IDs"), form.get_string("Search")
    if ids and query:
        raise ApiError(400, "You may specify either IDs or a search query, not both")
    scope.set_read(parse_strict_search(query, zone) if query else (), read=form.get_bool("Read"), ids=ids or None)
    return ok_response()


DelayParam = Annotated[
    float | None,
    Query(ge=0, le=MAX_DELAY_SECONDS, description="How long the deletion can be undone, in seconds; at once without"),
]
_DELETION_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {}}, "description": "`ok`"},
    202: {"model": DelayedDeletion, "description": "With `delay`: the token for `POST /api/v1/undo/{token}`"},
}


def _delete(scope: AccessScope, search: Search, ids: list[str] | None, delay: float | None) -> Response:
    deletion: DelayedDeletion
    if delay:
        token = scope.delete_later(search, ids=ids, delay=delay)
        deletion = {"Undo": token, "Seconds": delay if token else 0}
    else:
        deleted = scope.delete(search, ids=ids)
        if delay is None:
            return ok_response()
        deletion = {"Undo": "", "Seconds": 0, "Deleted": deleted}
    return json_response(deletion, status=202)


@router.delete(
    "/api/v1/messages",
    responses=_DELETION_RESPONSES,
    openapi_extra=build_request_body_schema(DeleteMessagesRequest, required=False),
)
def delete_messages(
    scope: AccessScopeDep, request: Request, body: RequestBodyDep, delay: DelayParam = None
) -> Response:
    """Delete mails: those of `IDs`, or all without a body.

    With `delay`, the mails vanish from all lists at once, and are deleted after that many seconds.

    400, and nothing is deleted, if the body is invalid, or has members but no `IDs`, or if `IDs` is empty.
    """
    ids: list[str] = []
    if body.content.strip():
        form = body.parse_object()
        if form and "IDs" not in form:
            raise ApiError(400, "the body has no IDs; nothing is deleted")
        ids = form.get_strings("IDs")
        # The usual cause is a filter that found nothing.  Clients of Mailpit delete all mails without a body.
        if not ids and form.has_value("IDs"):
            raise ApiError(400, "IDs must not be empty; nothing is deleted (without a body, all mails are)")
    response = _delete(scope, (), ids or None, delay)
    if delay is None and not body.content and "accept" not in request.headers:
        # A client of MailHog, which has this route too: it parses any body as JSON.
        return Response(status_code=200)
    return response


@router.get("/api/v1/search", responses=_PAGE_RESPONSES, dependencies=[LONG_LIST_TURN])
def search_messages(
    *,
    request: Request,
    scope: AccessScopeDep,
    search: SearchParam,
    before: BeforeParam,
    part: ListSliceParam,
) -> Response:
    """Return the mails that a search finds, by default the newest first.

    With `cursor`, the counts of matches are those of the mails before it.  400 without a search, and for an unknown
    cursor, order or field to sort by.
    """
    summary = build_messages_summary(scope, (*search, *before), "search", part)
    return json_response(summary, headers=build_next_link(request, part.start, part.limit, summary["messages_count"]))


@router.delete("/api/v1/search", responses=_DELETION_RESPONSES)
def delete_search_results(scope: AccessScopeDep, search: StrictSearchParam, delay: DelayParam = None) -> Response:
    """Delete the mails that a search finds.

    With `delay`, the mails vanish from all lists at once, and are deleted after that many seconds.

    400, and nothing is deleted, if one of the search terms is invalid.
    """
    return _delete(scope, search, None, delay)
