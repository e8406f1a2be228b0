"""Measure the memory of this process."""

from __future__ import annotations

import contextlib
import os

__all__ = ["get_resident_bytes"]


def get_resident_bytes() -> int:
    """Return the resident memory of this process in bytes, or 0 on systems without `/proc`."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
