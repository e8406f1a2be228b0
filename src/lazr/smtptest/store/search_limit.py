"""Limit how many searches of a store run at a time, so that each is fast."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lazr.smtptest.errors import SearchTooSlow

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DEFAULT_SEARCH_TIMEOUT", "SearchLimit"]

_MAX_TIMEOUT_SECONDS = 86_400  # PostgreSQL and `threading` have limits, too

DEFAULT_SEARCH_TIMEOUT: float = 10.0
"""How long a search may run, in seconds, unless a store is told otherwise."""


class SearchLimit:
    """Run at most `max_searches` searches at a time; let others wait for one that ends.

    The time of waiting does not count for the time limit of a search.

    Args:
        max_searches: how many searches may run at a time; None: one per processor, at least 2.
        timeout: how long a search waits for others, in seconds, at most a day.

    Raises:
        ValueError: `max_searches` is not positive, or the timeout is negative or longer than a day.
    """

    def __init__(self, max_searches: int | None = None, timeout: float = DEFAULT_SEARCH_TIMEOUT) -> None:
        if max_searches is not None and max_searches < 1:
            raise ValueError(f"max_searches must be at least 1, got {max_searches}; leave it out for the default")
        if not 0 <= timeout <= _MAX_TIMEOUT_SECONDS:
            raise ValueError(
                f"search_timeout must be 0–{_MAX_TIMEOUT_SECONDS} seconds, got {timeout:g}; "
                "leave it out for the default"
            )
        self.max_searches: int = max_searches or max(2, os.cpu_count() or 1)
        self._timeout = timeout
        self._slots = threading.BoundedSemaphore(self.max_searches)

    @contextmanager
    def acquire(self) -> Iterator[None]:
        """Wait until fewer than `max_searches` searches run, and count as one of them.

        The block is the search.

        Raises:
            SearchTooSlow: the other searches take longer than the time limit.
        """
        if not self._slots.acquire(timeout=self._timeout):
            raise SearchTooSlow(
                f"the search waited longer than {self._timeout:g} s for {self.max_searches} other searches; try again"
                " later, or raise max_searches"
            )
        try:
            yield
        finally:
            self._slots.release()
