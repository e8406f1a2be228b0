"""Decide when a search whose page is complete stops counting the other mails that match."""

from __future__ import annotations

from lazr.smtptest._util.clock import monotonic

__all__ = ["CountingLimit"]

_MAX_SECONDS = 0.06
# So many of the newest mails are counted in any case, so that small stores answer exactly on slow machines too.
_MIN_MAILS = 2000


class CountingLimit:
    """The time for counting the matches of one search; it begins with the object."""

    def __init__(self) -> None:
        self._deadline = monotonic() + _MAX_SECONDS

    def is_reached(self, examined_mails: int) -> bool:
        """Return whether to stop after that many mails were examined; the rest is estimated."""
        return examined_mails > _MIN_MAILS and monotonic() > self._deadline
