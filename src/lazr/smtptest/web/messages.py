"""Many mails: listed, looked for, marked, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web.answers import Refused, as_json, ok
from lazr.smtptest.web.asked import MOST, Before, Limit, Sought, SoughtToChange, Start, Zone, strictly
from lazr.smtptest.web.given import given, takes
from lazr.smtptest.web.scope import Scoped
from lazr.smtptest.web.shapes import MessagesSummary, summary_of

if TYPE_CHECKING:
    from lazr.smtptest.store.search import Search
    from lazr.smtptest.web.scope import Scope

__all__ = ["listed", "router"]

router: APIRouter = APIRouter(tags=["messages"])


class Marking(TypedDict, total=False):
    """Which mails are to be marked: by `IDs`, or those that `Search` finds; all, where there is neither."""

    Read: bool
    IDs: list[str]
    Search: str


class Deleting(TypedDict, total=False):
    """Which mails are to go; all, where `IDs` is empty."""

    IDs: list[str]


def listed(
    scope: Scope, search: Search, where: Literal["messages", "search"], *, start: int = 0, limit: int = 50
) -> MessagesSummary:
    """A page of what is looked for, in its envelope."""
    page = scope.page(search, start=start, limit=limit)
    totals = scope.totals()
    return {
        "total": totals.mails,
        "unread": totals.unread,
        "count": len(page.entries),
        "messages_count": page.matched,
        "messages_unread": page.unread,
        "start": start,
        "tags": list(scope.tags()),
        "messages": [summary_of(entry, where) for entry in page.entries],
    }


@router.get("/api/v1/messages", responses={200: {"model": MessagesSummary}})
def list_messages(scope: Scoped, before: Before, start: Start = 0, limit: Limit = 50) -> Response:
    """Mails, newest first.  A limit of 0 is as many as one answer may have."""
    found = listed(scope, before, "messages", start=start, limit=limit or MOST)
    if before:  # which does not change what is counted
        totals = scope.totals()
        found["messages_count"], found["messages_unread"] = totals.mails, totals.unread
    return as_json(found)


@router.put("/api/v1/messages", openapi_extra=takes(Marking))
def set_read_status(scope: Scoped, body: given, zone: Zone) -> Response:
    """Mark mails as read, or as unread."""
    form = body.given()
    ids, query = form.strings("IDs"), form.text("Search")
    if ids and query:
        raise Refused(400, "You may specify either IDs or a search query, not both")
    scope.mark(strictly(query, zone) if query else (), read=form.flag("Read"), ids=ids or None)
    return ok()


@router.delete("/api/v1/messages", openapi_extra=takes(Deleting, required=False))
def delete_messages(scope: Scoped, body: given) -> Response:
    """Delete mails: all of them where there is no body, or no ID in it.

    A body that cannot be read, or that has something in it and no `IDs`, deletes nothing.
    """
    ids: list[str] = []
    if body.octets.strip():
        form = body.given()
        if form and "IDs" not in form:
            raise Refused(400, "the body has no IDs; nothing is deleted")
        ids = form.strings("IDs")
    scope.delete(ids=ids or None)
    return ok()


@router.get("/api/v1/search", responses={200: {"model": MessagesSummary}})
def search_messages(scope: Scoped, search: Sought, before: Before, start: Start = 0, limit: Limit = 50) -> Response:
    """Mails that a search finds, newest first."""
    return as_json(listed(scope, (*search, *before), "search", start=start, limit=limit))


@router.delete("/api/v1/search")
def delete_found(scope: Scoped, search: SoughtToChange) -> Response:
    """Delete what a search finds."""
    scope.delete(search)
    return ok()
