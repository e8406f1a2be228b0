"""Bound how long a search parses mails that are not indexed yet."""

from __future__ import annotations

from lazr.smtptest._util.clock import monotonic

__all__ = ["MAX_SCAN_SECONDS", "MAX_TAG_SCAN_SECONDS", "ParsingBudget"]

MAX_SCAN_SECONDS: float = 0.1
"""How long a search parses mails that are not indexed."""
MAX_TAG_SCAN_SECONDS: float = 0.02
"""How long counting tags does; every list of the REST API counts them."""

# The time limit does not apply to the first mails, so that small stores answer exactly on slow machines too.
_MIN_MAILS, _MIN_BYTES = 100, 1_000_000


class ParsingBudget:
    """The time for parsing mails in one search.

    Args:
        seconds: the time; the first hundred mails, or the first megabyte, may take longer.
    """

    def __init__(self, seconds: float) -> None:
        self._deadline = monotonic() + seconds
        self._mails = self._bytes = 0

    def note_parsed(self, size: int) -> None:
        """Count a mail of that many bytes as parsed."""
        self._mails += 1
        self._bytes += size

    def is_spent(self) -> bool:
        """Return whether no other mail should be parsed."""
        return (self._mails >= _MIN_MAILS or self._bytes >= _MIN_BYTES) and monotonic() > self._deadline
