"""The dates of IMAP (RFC 9051 9: date, date-time), and of the Date field (RFC 5322 3.3)."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from lazr.smtptest._util.lazy_pattern import compile_lazily

__all__ = ["SentDate", "parse_date", "parse_date_field", "parse_date_time"]

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAY_OF_1970 = dt.date(1970, 1, 1).toordinal()
_SECONDS_PER_DAY = 86_400

_DATE = compile_lazily(r"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})")
_DATE_TIME = compile_lazily(
    r"([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"
)
# Also what old programs write: the year of two digits, no seconds, and names of time zones (RFC 5322 4.3).
_DATE_FIELD = compile_lazily(
    r"(?:[A-Za-z]{3,9},?[ \t]{1,9})?([0-9]{1,2})[ \t-]{1,9}([A-Za-z]{3})[a-z]{0,6}[ \t-]{1,9}([0-9]{2,4})"
    r"(?:[ \t]{1,9}([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?:[ \t]{1,9}(?:([+-])([0-9]{2})([0-9]{2})|([A-Z]{1,4})))?)?"
)
_ZONE_HOURS = {"EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8}
_MAX_FIELD_CHARACTERS = 200


class SentDate(NamedTuple):
    """The day of a Date field in its own time zone, and its moment in seconds since 1970."""

    day: dt.date
    seconds: float


def parse_date(text: str) -> dt.date:
    """Return the day of a text such as `1-Feb-2026`.

    Raises:
        ValueError: The text is not the date of a day that exists.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a date such as 1-Feb-2026, got {text[:100]!r}")
    return _build_day(match[1], match[2], int(match[3]))


def parse_date_time(text: str) -> float:
    """Return the seconds since 1970 of a text such as ` 1-Feb-2026 09:30:00 +0100`.

    Raises:
        ValueError: The text is not a date-time, or the day or the time does not exist.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a date such as 01-Feb-2026 09:30:00 +0100, got {text[:100]!r}")
    day = _build_day(match[1], match[2], int(match[3]))
    return _compute_seconds(day, match[4], match[5], match[6]) - _compute_offset(match[7], match[8], match[9])


def parse_date_field(text: str) -> SentDate | None:
    """Return the day and the moment of a Date field; None if it is not a date.

    A time that is missing is midnight, and a zone that is missing or unknown is UTC.

    >>> parse_date_field("Sun, 1 Feb 2026 00:30:00 +0100")
    SentDate(day=datetime.date(2026, 2, 1), seconds=1769902200.0)
    """
    match = _DATE_FIELD.match(text[:_MAX_FIELD_CHARACTERS].strip())
    if match is None:
        return None
    year = int(match[3])
    if len(match[3]) < 4:  # RFC 5322 4.3
        year += 1900 if len(match[3]) == 3 or year >= 50 else 2000
    try:
        day = _build_day(match[1], match[2], year)
        seconds = _compute_seconds(day, match[4] or "0", match[5] or "0", match[6] or "0")
        offset = _compute_offset(match[7], match[8], match[9]) if match[7] else 3600 * _ZONE_HOURS.get(match[10], 0)
    except ValueError:
        return None
    return SentDate(day, seconds - offset)


def _build_day(day: str, month: str, year: int) -> dt.date:
    month = month.upper()
    if month not in _MONTHS:
        raise ValueError(f"expected a month from Jan to Dec, got {month!r}")
    return dt.date(year, _MONTHS.index(month) + 1, int(day))


def _compute_seconds(day: dt.date, hours: str, minutes: str, seconds: str) -> float:
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 60:  # 60 is a leap second
        raise ValueError(f"expected a time up to 23:59:60, got {hours}:{minutes}:{seconds}")
    days = day.toordinal() - _DAY_OF_1970
    return float(days * _SECONDS_PER_DAY + int(hours) * 3600 + int(minutes) * 60 + int(seconds))


def _compute_offset(sign: str, hours: str, minutes: str) -> int:
    if int(minutes) > 59:
        raise ValueError(f"expected a time zone such as +0100, got {sign}{hours}{minutes}")
    offset = int(hours) * 3600 + int(minutes) * 60
    return -offset if sign == "-" else offset
