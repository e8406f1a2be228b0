"""Dates of commands and of the Date field."""

import datetime as dt
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.imap.dates import parse_date, parse_date_field, parse_date_time

zones = st.integers(-1439, 1439).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
moments = st.datetimes(dt.datetime(1900, 1, 2), dt.datetime(9998, 1, 1), timezones=zones)  # noqa: DTZ001
NEW_YEAR = 1767225600.0  # 2026-01-01T00:00:00Z


@pytest.mark.parametrize("text", ["1-Feb-2026", "01-feb-2026", "1-FEB-2026"])
def test_date_is_parsed(text):
    assert parse_date(text) == dt.date(2026, 2, 1)


@pytest.mark.parametrize(
    "text", ["", "1-Foo-2026", "30-Feb-2026", "0-Jan-2026", "1-Jan-26", "1-Jan-0000", "1 Jan 2026", "001-Jan-2026"]
)
def test_other_dates_are_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_date(text)


@settings(deadline=None)
@given(moments)
def test_date_time_is_the_moment(moment):
    moment = moment.replace(microsecond=0)
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    offset = moment.strftime("%z")[:5]
    text = f"{moment.day:2}-{months[moment.month - 1]}-{moment.year:04} {moment:%H:%M:%S} {offset}"

    assert parse_date_time(text) == moment.timestamp()


def test_date_time_can_have_a_leap_second():
    assert parse_date_time("31-Dec-2025 23:59:60 +0000") == NEW_YEAR


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1-Jan-2026 00:00:00 +0000",
        "01-Jan-2026 24:00:00 +0000",
        "01-Jan-2026 00:60:00 +0000",
        "01-Jan-2026 00:00:61 +0000",
        "01-Jan-2026 00:00:00 +0060",
        "01-Jan-2026 00:00:00 0000",
        "31-Feb-2026 00:00:00 +0000",
        " 0-Jan-2026 00:00:00 +0000",
    ],
)
def test_other_date_times_are_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_date_time(text)


@settings(deadline=None)
@given(moments)
def test_date_field_is_the_moment_and_the_day_of_its_zone(moment):
    sent = parse_date_field(format_datetime(moment.replace(microsecond=0)))

    assert sent == (moment.date(), moment.replace(microsecond=0).timestamp())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Thu, 1 Jan 2026 00:00:00 GMT", 0),
        ("Thu, 1 Jan 2026 00:00:00 -0000", 0),
        ("Thu, 1 Jan 2026 00:00:00 EST", 5 * 3600),
        ("Thu, 1 Jan 2026 00:00:00 XYZ", 0),
        ("Thu, 1 Jan 2026 00:00:00 +0100 (CET)", -3600),
        ("1 Jan 26 00:00", 0),
        ("1 January 126 00:00:05", 5),
        ("Thu 1-Jan-2026", 0),
        ("  Thu,\t1 Jan 2026 0:00:00 +0000", 0),
    ],
)
def test_old_forms_of_date_fields_are_read(text, seconds):
    sent = parse_date_field(text)

    assert sent == (dt.date(2026, 1, 1), NEW_YEAR + seconds)


def test_two_digits_of_a_year_can_be_of_the_last_century():
    assert parse_date_field("31 Dec 99 00:00:00 +0000").day == dt.date(1999, 12, 31)


@pytest.mark.parametrize("text", ["", "today", "31 Feb 2026", "1 Foo 2026", "1 Jan 2026 25:00:00 +0000", "1 Jan 0000"])
def test_other_date_fields_are_none(text):
    assert parse_date_field(text) is None


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_date_field_is_read(text):
    parse_date_field(text)
