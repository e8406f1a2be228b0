"""What is logged, as text for people."""

from __future__ import annotations

import logging

from lazr.smtptest.cli.visible import visible

__all__ = ["PlainFormatter"]


class PlainFormatter(logging.Formatter):
    r"""A line for each record, with its traceback behind it; a stranger's words with escapes (threat W18).

    >>> record = logging.makeLogRecord({"levelname": "WARNING", "msg": "it said %s\n", "args": "\x1b[31m"})
    >>> PlainFormatter().format(record)
    'smtptest: WARNING: it said \\x1b[31m'
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        text = f"smtptest: {record.levelname}: {visible(record.getMessage().rstrip(), keep_lines=False)}"
        return f"{text}\n{visible(self.formatException(record.exc_info))}" if record.exc_info else text
