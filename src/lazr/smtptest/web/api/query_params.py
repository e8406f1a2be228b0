"""The query parameters that several routes have: searches, pages and time zones."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Query, Request
from pydantic import BeforeValidator

from lazr.smtptest.errors import BadSearch
from lazr.smtptest.store import NEWEST_FIRST, NumberTerm, Search, SortField, SortOrder, parse_query
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.responses import ApiError

__all__ = [
    "LINK_RESPONSE_HEADERS",
    "MAX_MESSAGES_PER_RESPONSE",
    "BeforeParam",
    "LimitParam",
    "ListSlice",
    "ListSliceParam",
    "SearchParam",
    "StartParam",
    "StrictSearchParam",
    "TimeZoneParam",
    "build_next_link",
    "parse_lenient_search",
    "parse_strict_search",
]

MAX_MESSAGES_PER_RESPONSE = 1000
"""The maximum number of mails in one response."""


def _parse_int(text: object, minimum: int, default: int) -> int:
    """Return a number as Mailpit reads it: the default for invalid or too small ones."""
    try:
        number = int(str(text)[:19])
    except ValueError:
        return default
    return number if number >= minimum else default


StartParam = Annotated[
    int,
    BeforeValidator(lambda text: min(_parse_int(text, 0, 0), 2**31)),
    Query(description="The number of mails or sessions to skip"),
]
LimitParam = Annotated[
    int,
    BeforeValidator(lambda text: min(_parse_int(text, 0, 50), MAX_MESSAGES_PER_RESPONSE)),
    Query(description=f"The number of mails or sessions to return, at most {MAX_MESSAGES_PER_RESPONSE}"),
]


class ListSlice(NamedTuple):
    """Which part of a list a request asks for, and in which order.

    Args:
        start: the number of mails to skip.
        limit: the number of mails to return.
        order: the order.
        position: the position of the last mail that may be listed; None without `cursor`.
    """

    start: int
    limit: int
    order: SortOrder = NEWEST_FIRST
    position: int | None = None

    @property
    def search(self) -> Search:
        """The search that limits a list to the mails before the cursor."""
        return () if self.position is None else (NumberTerm(self.position),)


def _parse_list_slice(
    *,
    scope: AccessScopeDep,
    start: StartParam = 0,
    limit: LimitParam = 50,
    sort: Annotated[
        SortField,
        Query(description="What the list is sorted by; `to` is the first recipient of the envelope"),
    ] = "received",
    order: Annotated[Literal["desc", "asc"], Query(description="The last one first, or the first one first")] = "desc",
    cursor: Annotated[
        str, Query(description="A cursor of another response: only mails that arrived before this position")
    ] = "",
) -> ListSlice:
    position = scope.app_context.cursors.decode(cursor) if cursor else None
    if cursor and position is None:
        raise ApiError(400, f"cursor must be one that a list has returned, got {cursor!r:.100}; start without one")
    return ListSlice(start, limit, SortOrder(sort, order == "asc"), position)


ListSliceParam = Annotated[ListSlice, Depends(_parse_list_slice)]
"""The type of a route's parameter for the part of a list: start, limit, sort, order and cursor."""


def build_next_link(request: Request, start: int, limit: int, match_count: int) -> dict[str, str]:
    """Return the header field `Link` to the next page of a list (RFC 8288).

    It is absent on the last page.  The link is relative to the URL of the request, so it is right for all prefixes and
    proxies.

    Args:
        request: the request; the other parameters of its query are kept.
        start: the number of mails before this page.
        limit: the size of a page; with 0, there is no next page.
        match_count: how many mails match in all.
    """
    if not limit or start + limit >= match_count:
        return {}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("start", "limit")]
    return {"link": f'<?{urlencode([*kept, ("start", start + limit), ("limit", limit)])}>; rel="next"'}


LINK_RESPONSE_HEADERS: dict[str, Any] = {
    "Link": {"description": 'The next page, with rel="next"; absent on the last page', "schema": {"type": "string"}}
}
"""The OpenAPI description of what `build_next_link` returns."""


def _parse_time_zone(
    tz: Annotated[
        str, Query(description="The time zone of dates in the search, such as Europe/Berlin; UTC by default")
    ] = "",
) -> tzinfo:
    try:
        return ZoneInfo(tz[:100]) if tz else UTC
    except (ValueError, OSError, LookupError):  # a path, a folder, an unknown zone
        return UTC


TimeZoneParam = Annotated[tzinfo, Depends(_parse_time_zone)]
"""The type of a route's parameter for the time zone of dates."""


def parse_lenient_search(query: str, zone: tzinfo) -> Search:
    """Parse the search of a route that reads; like Mailpit, ignore terms that are invalid.

    Raises:
        ApiError: 400 if the search is too long.
    """
    try:
        return parse_query(query, zone=zone, lenient=True)
    except BadSearch as error:
        raise ApiError(400, f"Error: {error}") from None


def parse_strict_search(query: str, zone: tzinfo) -> Search:
    """Parse the search of a route that changes mails; an invalid term is an error.

    Raises:
        ApiError: 400 if the search is too long, has an invalid term, or has no term at all.
    """
    try:
        terms = parse_query(query, zone=zone)
    except BadSearch as error:
        raise ApiError(400, f"Error: {error}") from None
    if not terms:  # punctuation only; an empty search would find all mails
        raise ApiError(400, "Error: no search query")
    return terms


_SearchQuery = Annotated[str, Query(description="A search, see docs/reference/search.md")]


def _parse_search_param(
    zone: TimeZoneParam,
    query: _SearchQuery = "",
    *,
    strict: Annotated[bool, Query(description="Respond 400 to an invalid term, instead of ignoring it")] = False,
) -> Search:
    if not query.strip():
        raise ApiError(400, "Error: no search query")
    return parse_strict_search(query, zone) if strict else parse_lenient_search(query, zone)


def _parse_strict_search_param(zone: TimeZoneParam, query: _SearchQuery = "") -> Search:
    if not query.strip():
        raise ApiError(400, "Error: no search query")
    return parse_strict_search(query, zone)


def _parse_before_param(
    zone: TimeZoneParam, before: Annotated[str, Query(description="Only mails received before this date")] = ""
) -> Search:
    return parse_lenient_search(f'before:"{before.replace(chr(34), "")}"', zone) if before else ()


SearchParam = Annotated[Search, Depends(_parse_search_param)]
"""The type of a route's parameter for the search in `query`, which must not be empty."""

StrictSearchParam = Annotated[Search, Depends(_parse_strict_search_param)]
"""The same for routes that change the mails: invalid terms are errors."""

BeforeParam = Annotated[Search, Depends(_parse_before_param)]
"""The type of a route's parameter for the search term in `before`; all mails without it."""
