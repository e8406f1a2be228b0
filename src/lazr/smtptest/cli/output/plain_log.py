"""Format log records as text for a terminal."""

from __future__ import annotations

import logging

from lazr.smtptest._util.escape import escape_unprintable

__all__ = ["PlainFormatter"]


class PlainFormatter(logging.Formatter):
    r"""Formatter that writes each record as one line, followed by its traceback.

    Untrusted input is escaped (threat W18).

    >>> record = logging.makeLogRecord({"levelname": "WARNING", "msg": "it said %s\n", "args": "\x1b[31m"})
    >>> PlainFormatter().format(record)
    'smtptest: WARNING: it said \\x1b[31m'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        text = f"smtptest: {record.levelname}: {escape_unprintable(record.getMessage().rstrip())}"
        if not record.exc_info:
            return text
        return f"{text}\n{escape_unprintable(self.formatException(record.exc_info), multiline=True)}"
