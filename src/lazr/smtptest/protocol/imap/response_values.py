"""Render the values of responses: strings, flags and dates (RFC 9051 4 and 9)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from lazr.smtptest.protocol.folder_access import SYSTEM_FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

__all__ = [
    "MAX_QUOTED_BYTES",
    "render_astring",
    "render_flags",
    "render_internal_date",
    "render_literal",
    "render_literal8",
    "render_nstring",
    "render_string",
]

# Longer strings are sent as literals: some clients limit the length of a line.
MAX_QUOTED_BYTES: Final = 1_000

_UNQUOTABLE = re.compile(rb"[^\x01-\x09\x0b\x0c\x0e-\x7f]")  # NUL, CR, LF and 8-bit (RFC 3501 9, TEXT-CHAR)
_ESCAPED = re.compile(rb'(["\\])')
# RFC 3501 9: ASTRING-CHAR without "]", which would end a section.
_PLAIN_ASTRING = re.compile(rb"[!#$&'+-Z^-z|}~]+")
_FLAG = re.compile(r"\\?[!#$&'+-\[^-z|}~]+")  # RFC 3501 9: an atom, without "]" as other servers do
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MIN_SECONDS: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH).total_seconds()
_MAX_SECONDS: Final = 253_402_300_799.0  # the last second of the year 9999, the last that INTERNALDATE can name
_SYSTEM_FLAG_ORDER = {flag: position for position, flag in enumerate(SYSTEM_FLAGS)}


def render_literal(value: bytes) -> bytes:
    r"""Return a value as a literal (RFC 9051 4.3).

    >>> render_literal(b"a\r\nb")
    b'{4}\r\na\r\nb'
    """
    return b"{%d}\r\n%b" % (len(value), value)


def render_literal8(value: bytes) -> bytes:
    r"""Return a value as a literal, or as a literal8 if it contains NUL (RFC 9051 4.3.1).

    >>> render_literal8(b"a\x00b")
    b'~{3}\r\na\x00b'
    """
    return b"~" + render_literal(value) if b"\0" in value else render_literal(value)


def render_string(value: bytes) -> bytes:
    r"""Return a value as a quoted string if possible, else as a literal (RFC 9051 4.3).

    >>> render_string(b'say "hi"')
    b'"say \\"hi\\""'
    >>> render_string("grün".encode())
    b'{5}\r\ngr\xc3\xbcn'
    """
    if len(value) > MAX_QUOTED_BYTES or _UNQUOTABLE.search(value):
        return render_literal(value)
    return b'"%b"' % _ESCAPED.sub(rb"\\\1", value)


def render_nstring(value: bytes | None) -> bytes:
    """Return a value as a string, or NIL for None (RFC 9051 4.5).

    >>> render_nstring(None), render_nstring(b"")
    (b'NIL', b'""')
    """
    return b"NIL" if value is None else render_string(value)


def render_astring(value: bytes) -> bytes:
    """Return a value as an atom where possible, else as a string (RFC 9051 9, `astring`).

    >>> render_astring(b"Subject"), render_astring(b"X Y")
    (b'Subject', b'"X Y"')
    """
    return value if _PLAIN_ASTRING.fullmatch(value) else render_string(value)


def render_flags(flags: Iterable[str]) -> bytes:
    r"""Return flags as a list: system flags, then keywords by name (RFC 9051 7.5.2).

    A keyword that is not an atom is left out: the response could not be parsed.

    >>> render_flags({"work", "\\Seen", "two words"})
    b'(\\Seen work)'
    """
    known = [flag for flag in flags if _FLAG.fullmatch(flag)]
    known.sort(key=lambda flag: (_SYSTEM_FLAG_ORDER.get(flag, len(_SYSTEM_FLAG_ORDER)), flag))
    return b"(%b)" % " ".join(known).encode("ascii")


def render_internal_date(seconds: float) -> bytes:
    """Return a time as INTERNALDATE in UTC (RFC 9051 9, `date-time`).

    >>> render_internal_date(837596665)
    b'"17-Jul-1996 09:44:25 +0000"'
    """
    date = _EPOCH + timedelta(seconds=int(min(max(seconds, _MIN_SECONDS), _MAX_SECONDS)))
    month = _MONTHS[date.month - 1]
    return f'"{date.day:2}-{month}-{date.year:04} {date:%H:%M:%S} +0000"'.encode("ascii")
