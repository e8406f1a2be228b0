"""The time that passes, also where a test has frozen it.

>>> before = monotonic()
>>> monotonic() >= before
True
"""

from __future__ import annotations

import time
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["monotonic"]

# Tests of mail love to freeze time, and a deadline that never comes is a test that never ends.  What
# freezegun and time-machine put in the place of `time.monotonic` leaves this clock of the system alone.
monotonic: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_MONOTONIC) if hasattr(time, "CLOCK_MONOTONIC") else time.monotonic
)
"""Seconds by a clock that only goes forward; only differences mean something."""
