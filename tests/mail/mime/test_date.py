"""Dates (RFC 5322 3.3 and 4.3)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lazr.smtptest.mail.mime.date import read_date

NOON = datetime(1997, 11, 21, 12, 0, 0, tzinfo=UTC)


def at(*fields, hours=0):
    return datetime(*fields, tzinfo=timezone(timedelta(hours=hours)))


@pytest.mark.parametrize(
    ("text", "date", "reason"),
    [
        ("Fri, 21 Nov 1997 12:00:00 +0000", NOON, None),
        ("21 Nov 1997 12:00 +0000", NOON, None),
        ("fri, 21 nov 1997 12:00:00 gmt", NOON, None),
        ("Fri, 21 Nov 1997 12:00:00 -0000", NOON, None),
        # Comments and white space (4.3).
        ("21 Nov 1997 09(c):55:06 -0600", at(1997, 11, 21, 9, 55, 6, hours=-6), None),
        ("(a)Fri(b),(c)21(d)Nov(e)1997(f)12(g):(h)00(i):(j)00(k)+0000(l)", NOON, None),
        ("Fri , 21 Nov\r\n 1997 12 : 00 : 00 +0000 (a (nested \\) one) b)", NOON, None),
        ("Fri, 21 Nov 1997 12:00:00 +0000 (" + "x" * 900 + ")", NOON, None),
        # A leap second.
        ("Sat, 31 Dec 2016 23:59:60 +0000", at(2017, 1, 1), None),
        ("Sun, 1 Jan 2017 08:59:60 +0900", at(2017, 1, 1, 9, hours=9), None),
        # Years (4.3).
        ("Tue, 21 Nov 50 12:00:00 GMT", at(1950, 11, 21, 12), None),
        ("Sun, 21 Nov 49 12:00:00 GMT", at(2049, 11, 21, 12), None),
        ("21 Nov 99 12:00:00 GMT", at(1999, 11, 21, 12), None),
        ("21 Nov 00 12:00:00 GMT", at(2000, 11, 21, 12), None),
        ("21 Nov 100 12:00:00 GMT", at(2000, 11, 21, 12), None),
        ("21 Nov 126 12:00:00 GMT", at(2026, 11, 21, 12), None),
        ("29 Feb 2000 12:00:00 GMT", at(2000, 2, 29, 12), None),
        # Zones (4.3): obsolete, military, unknown, none.
        ("21 Nov 1997 12:00:00 UT", NOON, None),
        ("21 Nov 1997 12:00:00 Z", NOON, None),
        ("21 Nov 1997 12:00:00 EST", at(1997, 11, 21, 12, hours=-5), None),
        ("21 Nov 1997 12:00:00 PDT", at(1997, 11, 21, 12, hours=-7), None),
        ("21 Nov 1997 12:00:00 A", NOON, "'A' is not a zone"),
        ("21 Nov 1997 12:00:00 y", NOON, "'y' is not a zone"),
        ("21 Nov 1997 12:00:00 CEST", NOON, "'CEST' is not a zone"),
        ("21 Nov 1997 12:00:00", NOON, "no zone"),
        ("21 Nov 1997 12:00:00 +0530", at(1997, 11, 21, 12, hours=5.5), None),
        # What the RFC forbids, and can be read.
        ("Mon, 21 Nov 1997 12:00:00 +0000", NOON, "Mon is not the weekday of this date: it is Fri"),
        ("Friday, 21 Nov 1997 12:00:00 +0000", NOON, "Friday is not the weekday"),
        ("Fri, 21 Nov 1997 9:00:00 +0000", at(1997, 11, 21, 9), "another form"),
        ("Fri, 21 Nov 1997 12:00:00 +01:00", at(1997, 11, 21, 12, hours=1), "another form"),
        ("Fri, 21 Nov 1997 12:00:00 GMT-0100", at(1997, 11, 21, 12, hours=-1), "another form"),
        ("Fri, 21 Nov 1997 12:00:00 +01", at(1997, 11, 21, 12, hours=1), "another form"),
        ("Fri, 21 Nov 1997 12:00:00.123 -0100", at(1997, 11, 21, 12, hours=-1), "another form"),
        ("Fri Nov 21 12:00:00 1997", NOON, "another form"),
        ("21 November 1997 12:00:00 +0100", at(1997, 11, 21, 12, hours=1), "another form"),
        ("1997-11-21T12:00:00Z", NOON, "another form"),
        ("1997-11-21T13:00:00.123+01:00", at(1997, 11, 21, 13, hours=1), "another form"),
        ("1997-11-21 06:00:00 -0600", at(1997, 11, 21, 6, hours=-6), "another form"),
        ("1997-11-21 12:00:00", NOON, "no zone"),
        ("1997/11/21 12:00", NOON, "no zone"),
        ("1997-11-21T12:00:00.123456Z", NOON, "another form"),
        ("2016-12-31T23:59:60Z", at(2017, 1, 1), "another form"),
        ("Fri Nov 21 1997 06:00:00 GMT-0600 (Central Standard Time)", at(1997, 11, 21, 6, hours=-6), "another form"),
        ("Nov 21, 1997 12:00:00 GMT", NOON, "another form"),
        ("November 21, 1997, 12:00 PM +0000", NOON, "another form"),
        ("Fri, 21 Nov 1997 01:00:00 PM +0000", at(1997, 11, 21, 13), "another form"),
        ("Fri, 21 Nov 1997 12:30 a.m. +0000", at(1997, 11, 21, 0, 30), "another form"),
        ("Sun, 21 Sept 1997 12:00:00 GMT", at(1997, 9, 21, 12), "another form"),
        # What is no date.
        ("Fri, 31 Nov 1997 12:00:00 +0000", None, "not a date"),
        ("29 Feb 1900 12:00:00 GMT", None, "not a date"),
        ("0 Nov 1997 12:00:00 GMT", None, "not a date"),
        ("21 Foo 1997 12:00:00 GMT", None, "not a date"),
        ("21 Nov 1997 24:00:00 GMT", None, "not a date"),
        ("21 Nov 1997 12:60:00 GMT", None, "not a date"),
        ("21 Nov 1997 12:00:61 GMT", None, "not a date"),
        ("21 Nov 1997 12:00:00 +0060", None, "not a date"),
        ("21 Nov 1997 12:00:00 +2400", None, "not a date"),
        ("21 Nov 19970 12:00:00 GMT", None, "not a date"),
        ("31 Dec 9999 23:59:60 +0000", None, "not a date"),
        ("²¹ Nov 1997 12:00:00 GMT", None, "not a date"),
        ("1997-13-21T12:00:00Z", None, "not a date"),
        ("1997-11-21", None, "not a date"),
        ("", None, "not a date"),
        ("(" * 900, None, "not a date"),
        ("(" * 3000, None, "truncated"),
    ],
)
def test_date_is_read_as_the_rfc_says(text, date, reason):
    reasons = []
    found = read_date(text, reasons.append)

    assert found == date
    assert (reasons == []) if reason is None else (reason in " ".join(reasons))
    assert found is None or found.utcoffset() == date.utcoffset()
