"""Exit statuses of sendmail (sysexits.h of BSD), and their mapping from SMTP replies."""

from __future__ import annotations

import re
from enum import IntEnum

__all__ = ["ExitCode", "choose_exit_code"]


class ExitCode(IntEnum):
    """The exit statuses of /usr/sbin/sendmail; callers retry after TEMPFAIL only."""

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


# RFC 3463 section 3: the enhanced status codes of permanent refusals; the first match counts.
_EXIT_CODES_BY_ENHANCED_STATUS = (
    (re.compile(r"5\.1\.[13]\b"), ExitCode.NOUSER),
    (re.compile(r"5\.1\.2\b"), ExitCode.NOHOST),
    (re.compile(r"5\.3\.4|5\.2\.3|5\.6\."), ExitCode.DATAERR),
    (re.compile(r"5\.7\."), ExitCode.NOPERM),
)
_EXIT_CODES_BY_REPLY_CODE = {530: ExitCode.NOPERM, 535: ExitCode.NOPERM, 538: ExitCode.NOPERM, 552: ExitCode.DATAERR}


def choose_exit_code(code: int, text: str) -> ExitCode:
    """Return the exit status for a negative reply.

    >>> choose_exit_code(450, "4.2.1 Busy"), choose_exit_code(550, "5.1.1 No such user"), choose_exit_code(554, "No")
    (<ExitCode.TEMPFAIL: 75>, <ExitCode.NOUSER: 67>, <ExitCode.UNAVAILABLE: 69>)
    """
    if code < 500:
        return ExitCode.TEMPFAIL
    for pattern, status in _EXIT_CODES_BY_ENHANCED_STATUS:
        if pattern.match(text):
            return status
    return _EXIT_CODES_BY_REPLY_CODE.get(code, ExitCode.UNAVAILABLE)
