"""Parse dates and times in the forms in which people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["parse_date"]

_MAX_DATE_CHARACTERS = 100

# Three letters or more of a name are enough.
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_TIMEDELTA_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_WEEKDAY_PATTERN = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},?\ )?"
_DATE_PATTERNS = (
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
    r"(?P<month>\d{1,2})(?P<mark>[-/.])(?P<day>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})",  # United States
    _WEEKDAY_PATTERN + r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[-\ ](?P<name>[a-z]{3,9})\.?,?[-\ ](?P<year>\d{4})",
    _WEEKDAY_PATTERN + r"(?P<name>[a-z]{3,9})\.?\ (?P<day>\d{1,2})(?:st|nd|rd|th)?,?\ (?P<year>\d{4})",
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    r"(?P<year>\d{4})(?:[-/](?P<month>\d{1,2}))?",
)
_TIME_PATTERN = r"""(?:
    (?:t|,?\ (?:at\ )?)
    (?P<hour>\d{1,2})
    (?: :(?P<minute>\d{2}) (?: :(?P<second>\d{2}) (?:[.,](?P<fraction>\d{1,9}))? )? \ ?(?P<half>[ap]m)?
      | \ ?(?P<full>[ap]m) )
    (?: \ ?(?P<zone>z|utc|gmt|(?:utc|gmt)?[-+]\d{2}(?::?\d{2})?) (?:\ \([^()]*\))? )?
)?"""
_DATE_TIME_PATTERNS = tuple(re.compile(date + _TIME_PATTERN, re.VERBOSE | re.ASCII) for date in _DATE_PATTERNS)
_UNIX_TIME_PATTERN = re.compile(r"(\d{10})(\d{3})?", re.ASCII)  # seconds, or milliseconds
_RELATIVE_TIME_PATTERN = re.compile(r"(\d{1,6})\ ?([smhdw])(?:ec|in|econd|inute|our|ay|eek)?s?(?:\ ago)?", re.ASCII)


def parse_date(text: str, *, zone: tzinfo, now: datetime) -> datetime:
    """Return the time that the text names, in UTC.

    A date without a time is the start of that day.

    Args:
        text: an absolute date, a Unix time, `now`, `today`, `yesterday`, or a duration such as `36h` before `now`.
        zone: the time zone of dates that name none, and of `today`.
        now: the time, with a zone, that relative times refer to.

    Raises:
        ValueError: the text is not a date.

    >>> now = datetime(2024, 5, 6, 12, tzinfo=UTC)
    >>> for text in ("2024-01-02", "1/2/2024 3:04 pm", "2 Jan 2024, 03:04:05 +0200", "1704164645", "yesterday", "36h"):
    ...     print(parse_date(text, zone=UTC, now=now).isoformat())
    2024-01-02T00:00:00+00:00
    2024-01-02T15:04:00+00:00
    2024-01-02T01:04:05+00:00
    2024-01-02T03:04:05+00:00
    2024-05-05T00:00:00+00:00
    2024-05-05T00:00:00+00:00
    """
    if len(text) <= _MAX_DATE_CHARACTERS:
        words = " ".join(text.lower().split())
        try:
            for found in (
                _parse_keyword(words, zone, now),
                _parse_unix_or_relative_time(words, now),
                _parse_calendar_date(words, zone),
            ):
                if found is not None:
                    return found.astimezone(UTC)
        except (ValueError, OverflowError):  # no such day, hour or zone, or a year out of range
            pass
    raise ValueError(
        "must be a date such as 2024-12-31, 12/31/2024 or 31 Dec 2024, 18:30, or a duration such as 36h,"
        f" got {text[:_MAX_DATE_CHARACTERS]!r}"
    )


def _parse_keyword(text: str, zone: tzinfo, now: datetime) -> datetime | None:
    if text == "now":
        return now
    if text not in ("today", "yesterday"):
        return None
    day = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return day if text == "today" else day - timedelta(days=1)


def _parse_unix_or_relative_time(text: str, now: datetime) -> datetime | None:
    unix_time = _UNIX_TIME_PATTERN.fullmatch(text)
    if unix_time is not None:
        return datetime.fromtimestamp(int(unix_time[1]), UTC) + timedelta(milliseconds=int(unix_time[2] or 0))
    age = _RELATIVE_TIME_PATTERN.fullmatch(text)
    return None if age is None else now.astimezone(UTC) - timedelta(**{_TIMEDELTA_UNITS[age[2]]: int(age[1])})


def _parse_calendar_date(text: str, zone: tzinfo) -> datetime | None:
    for pattern in _DATE_TIME_PATTERNS:
        match = pattern.fullmatch(text)
        if match is not None:
            return _build_datetime(match.groupdict(), zone)
    return None


def _build_datetime(parts: dict[str, str | None], zone: tzinfo) -> datetime:
    """Build the time from the groups of a match; raise `ValueError` if there is no such time."""

    def number(name: str, default: int = 0) -> int:
        return int(parts.get(name) or default)

    year = number("year")
    if len(parts["year"] or "") == 2:
        year += 1900 if year >= 69 else 2000  # as POSIX's strptime does
    name = parts.get("name")
    month = number("month", 1) if name is None else _parse_month(name)
    hour = number("hour")
    half = parts["half"] or parts["full"]
    if half is not None:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if half == "pm" else 0)
    fraction = (parts["fraction"] or "")[:6].ljust(6, "0")
    return datetime(
        *(year, month, number("day", 1), hour, number("minute"), number("second"), int(fraction)),
        tzinfo=zone if parts["zone"] is None else _parse_zone(parts["zone"]),
    )


def _parse_month(name: str) -> int:
    for number, month in enumerate(_MONTHS, 1):
        if month.startswith(name):
            return number
    raise ValueError


def _parse_zone(text: str) -> timezone:
    offset = text.removeprefix("utc").removeprefix("gmt").replace(":", "").ljust(5, "0")
    if offset[0] not in "+-":
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[3:5])
    if minutes > 59:
        raise ValueError
    return timezone((1 if offset[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))
