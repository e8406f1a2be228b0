"""What a request asks for in its query: a search, and which of what it finds."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from pydantic import BeforeValidator

from lazr.smtptest.errors import BadSearch
from lazr.smtptest.store.grammar import parse
from lazr.smtptest.store.search import Search
from lazr.smtptest.web.answers import Refused

__all__ = ["MOST", "Before", "Limit", "Sought", "SoughtToChange", "Start", "Zone", "some_of", "strictly"]

MOST = 1000
"""So many mails are in one answer at most."""


def _number(text: object, least: int, otherwise: int) -> int:
    """As Mailpit reads a number: what is none, or too small, is the usual one."""
    try:
        number = int(str(text)[:19])
    except ValueError:
        return otherwise
    return number if number >= least else otherwise


Start = Annotated[
    int,
    BeforeValidator(lambda text: min(_number(text, 0, 0), 2**31)),
    Query(description="How many to pass over"),
]
Limit = Annotated[
    int,
    BeforeValidator(lambda text: min(_number(text, 0, 50), MOST)),
    Query(description=f"How many to list, at most {MOST}"),
]


def _zone(
    tz: Annotated[str, Query(description="The time zone of dates in a search, such as Europe/Berlin; else UTC")] = "",
) -> tzinfo:
    try:
        return ZoneInfo(tz[:100]) if tz else UTC
    except (ValueError, OSError, LookupError):  # a path, a folder, a zone that is not there
        return UTC


Zone = Annotated[tzinfo, Depends(_zone)]
"""The type of a route's argument for the zone of dates."""


def some_of(query: str, zone: tzinfo) -> Search:
    """What a search asks for that only shows; what makes no sense in it is passed over, as in Mailpit.

    Raises `Refused`, 400.
    """
    try:
        return parse(query, zone=zone, lenient=True)
    except BadSearch as error:
        raise Refused(400, f"Error: {error}") from None


def strictly(query: str, zone: tzinfo) -> Search:
    """What a search asks for that changes mails: nothing is passed over.  Raises `Refused`, 400."""
    try:
        found = parse(query, zone=zone)
    except BadSearch as error:
        raise Refused(400, f"Error: {error}") from None
    if not found:  # it had signs alone, perhaps, and would find everything
        raise Refused(400, "Error: no search query")
    return found


_Query = Annotated[str, Query(description="A search")]


def _sought(zone: Zone, query: _Query = "") -> Search:
    if not query.strip():
        raise Refused(400, "Error: no search query")
    return some_of(query, zone)


def _sought_to_change(zone: Zone, query: _Query = "") -> Search:
    if not query.strip():
        raise Refused(400, "Error: no search query")
    return strictly(query, zone)


def _before(zone: Zone, before: Annotated[str, Query(description="Only what came before this date")] = "") -> Search:
    return some_of(f'before:"{before.replace(chr(34), "")}"', zone) if before else ()


Sought = Annotated[Search, Depends(_sought)]
"""The type of a route's argument for what `query` asks for; it may not be empty."""

SoughtToChange = Annotated[Search, Depends(_sought_to_change)]
"""Likewise, where what is found will be changed."""

Before = Annotated[Search, Depends(_before)]
"""The type of a route's argument for what `before` asks for, which is everything where it is absent."""
