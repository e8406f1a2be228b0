"""Parse the date and time of a header field (RFC 5322 3.3 and 4.3)."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime.defect import quote_untrusted
from lazr.smtptest.mail.mime.parameter import find_comment_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, timezone

    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["read_date"]

_MAX_DATE_CHARACTERS = 2_000  # the longest date has 31 characters, plus comments and folding
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# RFC 5322 3.3; 4.3 allows white space and comments between all tokens, and years of two and three digits.
_DATE_TIME = re.compile(
    r"(?:([A-Za-z]{1,9}) ?, ?)?([0-9]{1,2}) ?([A-Za-z]{3}) ?([0-9]{2,9}) "
    r"([0-9]{1,2}) ?: ?([0-9]{2})(?: ?: ?([0-9]{2}))?(?: ?([+-][0-9]{4}|[A-Za-z]{1,5}))?"
)
_OTHER_FORM = "date in another form than that of RFC 5322"
# RFC 3339 and JavaScript write fractions and zones so; RFC 5322 does not allow them.
_FRACTION = re.compile(r"(?<=:[0-9]{2})\.[0-9]{1,9}")
_OTHER_END = re.compile(r" ?(?:GMT|UTC)?([+-][0-9]{2})(?::?([0-9]{2}))?\Z")
# Spellings that programs write and most parsers read: a long name of a month, the month before the day (JavaScript's
# `toString`, with a year before the time), RFC 3339, and hours from 1 to 12.
_LONG_MONTH = re.compile(rf"\b({'|'.join(_MONTHS)})[a-z]{{0,6}}\b\.?", re.IGNORECASE)
_MONTH_FIRST = re.compile(
    r"(?:[A-Za-z]{1,9},? )?([A-Za-z]{3}) ([0-9]{1,2}),? ([0-9]{4}),? (?=[0-9]{1,2}:)",
)
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})(?:[Tt]| )(?=[0-9]{1,2}:)")
_TWELVE_HOURS = re.compile(r"(0?[1-9]|1[0-2])(:[0-9]{2}(?::[0-9]{2})?) ?([AP])\.?M\b\.?", re.IGNORECASE)
# RFC 5322 4.3.  Military letters were defined with the wrong sign in RFC 822, so they say nothing, except Z.
_ZONE_HOURS = {
    **dict.fromkeys(("UT", "GMT", "UTC", "Z"), 0),
    "EDT": -4,
    "EST": -5,
    "CDT": -5,
    "CST": -6,
    "MDT": -6,
    "MST": -7,
    "PDT": -7,
    "PST": -8,
}


def read_date(text: str, note: DefectRecorder) -> datetime | None:
    """Return an aware `datetime`, or None if malformed.

    An unknown zone, such as -0000, counts as UTC.  A leap second is the first second of the next minute.

    >>> read_date("Fri, 21 Nov 1997 09(comment):55:06 -0600", print).isoformat()
    '1997-11-21T09:55:06-06:00'
    >>> read_date("Sat, 31 Dec 2016 23:59:60 +0000", print).isoformat()
    '2017-01-01T00:00:00+00:00'
    """
    from datetime import UTC

    if len(text) > _MAX_DATE_CHARACTERS:
        note("date too long: truncated")
        return None
    plain = " ".join(_remove_comments(text).split())
    match = _DATE_TIME.fullmatch(plain)
    if match is None:
        match = _DATE_TIME.fullmatch(_convert_other_form(plain))
        if match is not None:
            note(_OTHER_FORM)
    try:
        date = _read_other_date(plain, note) if match is None else _build_date(match, note)
        date.astimezone(UTC)  # raises if the time in UTC is out of range
    except Exception:  # noqa: BLE001 - the exceptions differ between Python versions
        note("not a date")
        return None
    return date


def _convert_other_form(text: str) -> str:
    """Return a date in the form of RFC 5322, if it has one of the other forms that are known."""
    text = _LONG_MONTH.sub(lambda month: month[1], text)
    text = _MONTH_FIRST.sub(r"\2 \1 \3 ", text, count=1)
    text = _YEAR_FIRST.sub(_convert_numbers, text, count=1)
    text = _TWELVE_HOURS.sub(_convert_hours, text, count=1)
    text = _FRACTION.sub("", text, count=1)
    return _OTHER_END.sub(lambda end: f" {end[1]}{end[2] or '00'}", text)


def _convert_numbers(match: re.Match[str]) -> str:
    month = int(match[3])
    return f"{match[4]} {_MONTHS[month - 1] if 1 <= month <= 12 else '?'} {match[1]} "


def _convert_hours(match: re.Match[str]) -> str:
    hour = int(match[1]) % 12 + (12 if match[3] in "pP" else 0)
    return f"{hour:02}{match[2]}"


def _remove_comments(text: str) -> str:
    out: list[str] = []
    at = 0
    while True:
        start = text.find("(", at)
        end = find_comment_end(text, start) if start >= 0 else -1
        if end < 0:
            return " ".join([*out, text[at:]])
        out.append(text[at:start])
        at = end


def _build_date(match: re.Match[str], note: DefectRecorder) -> datetime:
    from datetime import datetime, timedelta

    day_name, day, month, year_digits, hour, minute, second, zone = match.groups()
    year = int(year_digits)
    if len(year_digits) == 2:
        year += 1900 if year >= 50 else 2000
    elif len(year_digits) == 3:
        year += 1900
    seconds = int(second or 0)
    date = datetime(
        year,
        _MONTHS.index(month.lower()) + 1,
        int(day),
        int(hour),
        int(minute),
        min(seconds, 59) if seconds <= 60 else seconds,
        tzinfo=_read_zone(zone, note),
    )
    weekday = _DAYS[date.weekday()].capitalize()
    if day_name is not None and day_name.capitalize() != weekday:
        note(f"{day_name} is not the weekday of this date: it is {weekday}")
    if len(hour) < 2:
        note(_OTHER_FORM)
    return date + timedelta(seconds=1) if seconds == 60 else date


def _read_zone(zone: str | None, note: DefectRecorder) -> timezone:
    from datetime import UTC, timedelta, timezone

    if zone is None:
        note("no zone: read as UTC")
        return UTC
    if zone[0] in "+-":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
        if int(zone[3:]) > 59:
            raise ValueError("an hour has 60 minutes")
        return timezone(-offset if zone[0] == "-" else offset)
    hours = _ZONE_HOURS.get(zone.upper())
    if hours is None:
        note(f"{quote_untrusted(zone)} is not a zone: read as UTC")
    return timezone(timedelta(hours=hours or 0))


def _read_other_date(text: str, note: DefectRecorder) -> datetime:
    """Parse the spellings that `email` knows, such as that of `asctime`.

    Raises:
        Exception: if the text is not a date.
    """
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    date = parsedate_to_datetime(text)
    note(_OTHER_FORM)
    return date if date.tzinfo else date.replace(tzinfo=UTC)
