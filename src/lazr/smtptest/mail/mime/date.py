"""A date and time of a header field (RFC 5322 3.3)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["read_date"]

_LONGEST = 200  # characters; the longest that is needed has 31, and comments


def read_date(text: str, note: Note) -> datetime | None:
    """An aware time; None where that is not one.  A zone that is unknown (-0000) is taken for UTC.

    >>> read_date("Fri, 21 Nov 1997 09:55:06 -0600", print).isoformat()
    '1997-11-21T09:55:06-06:00'
    """
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    if len(text) > _LONGEST:
        note("a date that is too long: truncated")
        return None
    try:
        date = parsedate_to_datetime(text)
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        date.astimezone(UTC)  # raises for one that no clock could show in UTC
    except Exception:  # noqa: BLE001 - the parser raises whatever its versions raise
        note("not a date")
        return None
    return date
