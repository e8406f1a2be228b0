"""Groups of mails: by recipient, tag or mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.store import AddressTerm, TagTerm, fold, format_term
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.query_params import TimeZoneParam, parse_lenient_search
from lazr.smtptest.web.api.schemas import format_time
from lazr.smtptest.web.responses import json_response

if TYPE_CHECKING:
    from lazr.smtptest.store import GroupField, Search, Term
    from lazr.smtptest.web.api.access_scope import AccessScope
    from lazr.smtptest.web.mailbox import Mailbox

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["messages"])

MAX_GROUPS_PER_RESPONSE = 1000
"""The maximum number of groups in one response."""
MAX_GROUP_NAME_CHARACTERS = 500
"""How much of the name of a group is in JSON."""

# Each mailbox is a search of its own, so a response has those that are counted within this time.
_MAX_MAILBOX_SECONDS = 0.5


class MailGroupInfo(TypedDict):
    """The mails with the same recipient or tag, or of one mailbox.

    `Query` is a search that finds the mails; it is empty if the search language has none.  `Latest` is when the newest
    of them arrived, and empty for a mailbox without mails.
    """

    Name: str
    Query: str
    Total: int
    Unread: int
    Latest: str


class MailGroups(TypedDict):
    """Groups, the one with the newest mail first.

    `estimated` is true if only the newest mails are counted, because there are too many mails or groups.  `more` is
    true if there are more groups.
    """

    groups: list[MailGroupInfo]
    estimated: bool
    more: bool


@router.get("/api/v1/groups", responses={200: {"model": MailGroups}})
def list_groups(
    scope: AccessScopeDep,
    zone: TimeZoneParam,
    by: Annotated[
        Literal["recipient", "tag", "mailbox"],
        Query(description="What to group by; `recipient` is each recipient of the envelope"),
    ] = "recipient",
    query: Annotated[str, Query(description="A search, see docs/reference/search.md; all mails by default")] = "",
) -> Response:
    """Return groups of the mails that a search finds.

    There are at most 1,000, and the one with the newest mail is the first.  With the token of a mailbox, `by=mailbox`
    has this mailbox only.  400 for another `by`.
    """
    search = parse_lenient_search(query, zone)
    if by == "mailbox":
        return json_response(_group_by_mailbox(scope, search))
    page = scope.get_groups(by, search, limit=MAX_GROUPS_PER_RESPONSE)
    groups: list[MailGroupInfo] = [
        {
            "Name": group.name[:MAX_GROUP_NAME_CHARACTERS],
            "Query": format_term(_build_term(by, group.name)),
            "Total": group.mails,
            "Unread": group.unread,
            "Latest": format_time(group.latest),
        }
        for group in page.groups
    ]
    result: MailGroups = {"groups": groups, "estimated": page.is_estimate, "more": page.has_more}
    return json_response(result)


def _build_term(by: GroupField, name: str) -> Term:
    if by == "tag":
        return TagTerm(fold(name))
    return AddressTerm("recipient", name.replace("*", "?"))  # the asterisk of an address is no wildcard


def _group_by_mailbox(scope: AccessScope, search: Search) -> MailGroups:
    mailboxes = list(scope.app_context.mailboxes) if scope.mailbox is None else [scope.mailbox]
    mailboxes.reverse()  # the last one that was added is probably the most interesting one
    deadline = monotonic() + _MAX_MAILBOX_SECONDS
    found: list[tuple[int, MailGroupInfo]] = []
    is_estimate = False
    for mailbox in mailboxes[:MAX_GROUPS_PER_RESPONSE]:
        totals = scope.get_totals(mailbox.search + search)
        latest = scope.get_latest(mailbox.search + search) if totals.mails else None
        is_estimate |= totals.pending > 0
        group: MailGroupInfo = {
            "Name": mailbox.name,
            "Query": _format_mailbox_query(mailbox),
            "Total": totals.mails,
            "Unread": totals.unread,
            "Latest": "" if latest is None else format_time(latest.received_at),
        }
        found.append((0 if latest is None else latest.number, group))
        if monotonic() > deadline:
            break
    found.sort(key=lambda item: (-item[0], item[1]["Name"]))
    return {
        "groups": [group for _, group in found],
        "estimated": is_estimate,
        "more": len(found) < len(mailboxes),
    }


def _format_mailbox_query(mailbox: Mailbox) -> str:
    queries = [format_term(term) for term in mailbox.search]
    return " ".join(queries) if all(queries) else ""
