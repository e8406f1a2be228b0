"""The size of a run: a trial run measures with fewer repetitions and mails (`--scale`)."""

from __future__ import annotations

import os

_VARIABLE = "SMTPTEST_BENCH_SCALE"


def set_scale(factor: float) -> None:
    """Multiply all counts by this factor, also in processes that are started from here."""
    os.environ[_VARIABLE] = str(factor)


def scale(count: int, at_least: int = 1) -> int:
    """Return the count for a run of this size."""
    return max(round(count * float(os.environ.get(_VARIABLE, "1"))), at_least)
