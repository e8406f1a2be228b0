"""The exit statuses of sendmail (sysexits.h of BSD), and which of them a reply is worth."""

from __future__ import annotations

import re
from enum import IntEnum

__all__ = ["Exit", "exit_of"]


class Exit(IntEnum):
    """What callers of /usr/sbin/sendmail look at; TEMPFAIL alone is worth another try."""

    OK = 0
    USAGE = 64
    DATAERR = 65
    NOUSER = 67
    NOHOST = 68
    UNAVAILABLE = 69
    IOERR = 74
    TEMPFAIL = 75
    NOPERM = 77
    CONFIG = 78


# RFC 3463 3: what the enhanced status code of a permanent refusal is about; the first that fits.
_SUBJECTS = (
    (re.compile(r"5\.1\.[13]\b"), Exit.NOUSER),
    (re.compile(r"5\.1\.2\b"), Exit.NOHOST),
    (re.compile(r"5\.3\.4|5\.2\.3|5\.6\."), Exit.DATAERR),
    (re.compile(r"5\.7\."), Exit.NOPERM),
)
_CODES = {530: Exit.NOPERM, 535: Exit.NOPERM, 538: Exit.NOPERM, 552: Exit.DATAERR}


def exit_of(code: int, text: str) -> Exit:
    """What a reply that refuses is worth.

    >>> exit_of(450, "4.2.1 Busy"), exit_of(550, "5.1.1 No such user"), exit_of(554, "No")
    (<Exit.TEMPFAIL: 75>, <Exit.NOUSER: 67>, <Exit.UNAVAILABLE: 69>)
    """
    if code < 500:
        return Exit.TEMPFAIL
    for pattern, status in _SUBJECTS:
        if pattern.match(text):
            return status
    return _CODES.get(code, Exit.UNAVAILABLE)
