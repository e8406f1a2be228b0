"""A moment, in the forms in which people write dates and times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["read_moment"]

_LONGEST = 100

# Three letters or more of one are enough.
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},?\ )?"
_DATES = (
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
    r"(?P<month>\d{1,2})(?P<mark>[-/.])(?P<day>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})",  # as in the United States
    _WEEKDAY + r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[-\ ](?P<name>[a-z]{3,9})\.?,?[-\ ](?P<year>\d{4})",
    _WEEKDAY + r"(?P<name>[a-z]{3,9})\.?\ (?P<day>\d{1,2})(?:st|nd|rd|th)?,?\ (?P<year>\d{4})",
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    r"(?P<year>\d{4})(?:[-/](?P<month>\d{1,2}))?",
)
_TIME = r"""(?:
    (?:t|,?\ (?:at\ )?)
    (?P<hour>\d{1,2})
    (?: :(?P<minute>\d{2}) (?: :(?P<second>\d{2}) (?:[.,](?P<fraction>\d{1,9}))? )? \ ?(?P<half>[ap]m)?
      | \ ?(?P<full>[ap]m) )
    (?: \ ?(?P<zone>z|utc|gmt|(?:utc|gmt)?[-+]\d{2}(?::?\d{2})?) (?:\ \([^()]*\))? )?
)?"""
_MOMENTS = tuple(re.compile(date + _TIME, re.VERBOSE | re.ASCII) for date in _DATES)
_SINCE_1970 = re.compile(r"(\d{10})(\d{3})?", re.ASCII)  # seconds, or milliseconds
_AGO = re.compile(r"(\d{1,6})\ ?([smhdw])(?:ec|in|econd|inute|our|ay|eek)?s?(?:\ ago)?", re.ASCII)


def read_moment(text: str, *, zone: tzinfo, now: datetime) -> datetime:
    """The moment, in UTC; `zone` is the one of those that do not say which, `now` what others count from.

    Raises `ValueError` where it is none.  A date without a time is the start of that day.

    >>> now = datetime(2024, 5, 6, 12, tzinfo=UTC)
    >>> for text in ("2024-01-02", "1/2/2024 3:04 pm", "2 Jan 2024, 03:04:05 +0200", "1704164645", "yesterday", "36h"):
    ...     print(read_moment(text, zone=UTC, now=now).isoformat())
    2024-01-02T00:00:00+00:00
    2024-01-02T15:04:00+00:00
    2024-01-02T01:04:05+00:00
    2024-01-02T03:04:05+00:00
    2024-05-05T00:00:00+00:00
    2024-05-05T00:00:00+00:00
    """
    if len(text) <= _LONGEST:
        words = " ".join(text.lower().split())
        try:
            for found in (_named(words, zone, now), _counted(words, now), _written(words, zone)):
                if found is not None:
                    return found.astimezone(UTC)
        except (ValueError, OverflowError):  # there is no such day, hour or zone, or it is out of all bounds
            pass
    raise ValueError(f"{text[:_LONGEST]!r} is no date; write 2024-12-31, 12/31/2024 or 31 Dec 2024, 18:30, or 36h")


def _named(text: str, zone: tzinfo, now: datetime) -> datetime | None:
    if text == "now":
        return now
    if text not in ("today", "yesterday"):
        return None
    day = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return day if text == "today" else day - timedelta(days=1)


def _counted(text: str, now: datetime) -> datetime | None:
    since = _SINCE_1970.fullmatch(text)
    if since is not None:
        return datetime.fromtimestamp(int(since[1]), UTC) + timedelta(milliseconds=int(since[2] or 0))
    ago = _AGO.fullmatch(text)
    return None if ago is None else now.astimezone(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})


def _written(text: str, zone: tzinfo) -> datetime | None:
    for moment in _MOMENTS:
        match = moment.fullmatch(text)
        if match is not None:
            return _of(match.groupdict(), zone)
    return None


def _of(parts: dict[str, str | None], zone: tzinfo) -> datetime:
    """Raises `ValueError` where there is no such time."""

    def number(name: str, default: int = 0) -> int:
        return int(parts.get(name) or default)

    year = number("year")
    if len(parts["year"] or "") == 2:
        year += 1900 if year >= 69 else 2000  # as POSIX's strptime does
    name = parts.get("name")
    month = number("month", 1) if name is None else _month(name)
    hour = number("hour")
    half = parts["half"] or parts["full"]
    if half is not None:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if half == "pm" else 0)
    fraction = (parts["fraction"] or "")[:6].ljust(6, "0")
    return datetime(
        *(year, month, number("day", 1), hour, number("minute"), number("second"), int(fraction)),
        tzinfo=zone if parts["zone"] is None else _zone(parts["zone"]),
    )


def _month(name: str) -> int:
    for number, month in enumerate(_MONTHS, 1):
        if month.startswith(name):
            return number
    raise ValueError


def _zone(text: str) -> timezone:
    offset = text.removeprefix("utc").removeprefix("gmt").replace(":", "").ljust(5, "0")
    if offset[0] not in "+-":
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[3:5])
    if minutes > 59:
        raise ValueError
    return timezone((1 if offset[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))
