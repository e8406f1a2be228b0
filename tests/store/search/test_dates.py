"""Dates and times are parsed in many forms, and returned in UTC."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazr.smtptest.store.search.dates import parse_date

NOW = datetime(2024, 5, 6, 12, 30, tzinfo=UTC)
ZURICH = ZoneInfo("Europe/Zurich")


def parse(text, zone=UTC):
    return parse_date(text, zone=zone, now=NOW)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024-01-04", "2024-01-04T00:00:00"),
        ("2024-1-4", "2024-01-04T00:00:00"),
        ("2024/01/04", "2024-01-04T00:00:00"),
        ("2024.01.04", "2024-01-04T00:00:00"),
        ("20240104", "2024-01-04T00:00:00"),
        ("01/04/2024", "2024-01-04T00:00:00"),  # the month is first, as in Mailpit
        ("1/4/24", "2024-01-04T00:00:00"),
        ("1/4/69", "1969-01-04T00:00:00"),
        ("1-4-2024", "2024-01-04T00:00:00"),
        ("4 Jan 2024", "2024-01-04T00:00:00"),
        ("04-Jan-2024", "2024-01-04T00:00:00"),
        ("4 january 2024", "2024-01-04T00:00:00"),
        ("4th Jan., 2024", "2024-01-04T00:00:00"),
        ("Thu, 4 Jan 2024", "2024-01-04T00:00:00"),
        ("Jan 4 2024", "2024-01-04T00:00:00"),
        ("January 4th, 2024", "2024-01-04T00:00:00"),
        ("thursday, JAN. 4, 2024", "2024-01-04T00:00:00"),
        ("31 Sept 2024", None),
        ("30 Sept 2024", "2024-09-30T00:00:00"),
        ("2024-01", "2024-01-01T00:00:00"),
        ("2024/1", "2024-01-01T00:00:00"),
        ("2024", "2024-01-01T00:00:00"),
        ("2024-02-29", "2024-02-29T00:00:00"),
        ("2023-02-29", None),
        ("2024-13-01", None),
        ("31/12/2024", None),  # with the day first allowed, 1/4/2024 would be ambiguous
        ("4 Foo 2024", None),
        ("0000-01-01", None),
        ("2024-01-04 15:04", "2024-01-04T15:04:00"),
        ("2024-01-04T15:04:05", "2024-01-04T15:04:05"),
        ("2024-01-04t15:04:05.123456789Z", "2024-01-04T15:04:05.123456"),
        ("2024-01-04 15:04:05,5", "2024-01-04T15:04:05.500000"),
        ("1/4/2024 3:04 PM", "2024-01-04T15:04:00"),
        ("1/4/2024 12am", "2024-01-04T00:00:00"),
        ("1/4/2024 12 pm", "2024-01-04T12:00:00"),
        ("1/4/2024 13pm", None),
        ("1/4/2024 0am", None),
        ("4 Jan 2024 at 15:04", "2024-01-04T15:04:00"),
        ("  4   Jan 2024,  15:04 ", "2024-01-04T15:04:00"),
        ("2024-01-04 24:00", None),
        ("2024-01-04 15", None),
        ("2024-01-04T15:04:05+02:00", "2024-01-04T13:04:05"),
        ("2024-01-04 15:04:05 -0730", "2024-01-04T22:34:05"),
        ("2024-01-04 15:04 +01", "2024-01-04T14:04:00"),
        ("2024-01-04 15:04 +0199", None),
        ("2024-01-04 15:04 +99:00", None),
        ("Thu, 04 Jan 2024 15:04:05 GMT", "2024-01-04T15:04:05"),
        ("Thu Jan 04 2024 15:04:05 GMT+0100 (Central European Time)", "2024-01-04T14:04:05"),
        ("1704380645", "2024-01-04T15:04:05"),
        ("1704380645123", "2024-01-04T15:04:05.123000"),
        ("now", "2024-05-06T12:30:00"),
        ("today", "2024-05-06T00:00:00"),
        ("Yesterday", "2024-05-05T00:00:00"),
        ("90s", "2024-05-06T12:28:30"),
        ("90 minutes ago", "2024-05-06T11:00:00"),
        ("2h", "2024-05-06T10:30:00"),
        ("1 day", "2024-05-05T12:30:00"),
        ("2w", "2024-04-22T12:30:00"),
        ("999999w", None),
        ("", None),
        ("soon", None),
        ("١/٤/٢٠٢٤", None),
        ("9" * 1000, None),
        ("2024-01-04" + " " * 1000, None),
    ],
)
def test_date_is_parsed(text, date):
    if date is None:
        with pytest.raises(ValueError, match="must be a date such as 2024-12-31"):
            parse(text)
    else:
        assert parse(text) == datetime.fromisoformat(date).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "date"),
    [
        ("2024-01-04", ZURICH, "2024-01-03T23:00:00"),
        ("2024-07-04", ZURICH, "2024-07-03T22:00:00"),
        ("2024-07-04 10:00", ZURICH, "2024-07-04T08:00:00"),
        ("2024-07-04T10:00Z", ZURICH, "2024-07-04T10:00:00"),
        ("today", ZURICH, "2024-05-05T22:00:00"),
        ("today", timezone(timedelta(hours=14)), "2024-05-06T10:00:00"),
        ("yesterday", timezone(-timedelta(hours=12)), "2024-05-05T12:00:00"),
        ("2h", ZURICH, "2024-05-06T10:30:00"),
        ("1704380645", ZURICH, "2024-01-04T15:04:05"),
    ],
)
def test_date_without_zone_is_in_the_given_zone(text, zone, date):
    assert parse(text, zone) == datetime.fromisoformat(date).replace(tzinfo=UTC)


def test_yesterday_starts_at_midnight_across_a_clock_change():
    now = datetime(2024, 4, 1, 12, tzinfo=ZURICH)  # the day after

    assert parse_date("yesterday", zone=ZURICH, now=now) == datetime(2024, 3, 31, tzinfo=ZURICH)


PIECES = [
    "2024",
    "1",
    "01",
    "31",
    "13",
    "-",
    "/",
    ".",
    ":",
    ",",
    " ",
    "t",
    "jan",
    "mon",
    "am",
    "z",
    "+",
    "00",
    "9999",
    "h",
    "ago",
    "at",
]


@given(
    st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)),
    st.sampled_from([UTC, ZURICH, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))]),
)
def test_any_text_is_a_date_in_utc_or_a_value_error(text, zone):
    try:
        found = parse(text, zone)
    except ValueError as error:
        assert "must be a date" in str(error)
    else:
        assert found.tzinfo is UTC
