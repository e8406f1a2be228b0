"""A monotonic clock that runs on when a test freezes the time.

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

# Tests of mail often freeze the time, and a deadline that never passes is a test that never ends.  freezegun and
# time-machine replace `time.monotonic`, but not this system clock.
monotonic: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_MONOTONIC) if hasattr(time, "CLOCK_MONOTONIC") else time.monotonic
)
"""Return seconds of a clock that never goes back; only differences are meaningful."""
