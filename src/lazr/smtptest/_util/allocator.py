"""Let the C library's allocator return the memory of large objects to the system."""

from __future__ import annotations

__all__ = ["configure_allocator"]

# The parameters of glibc's `mallopt`, from malloc.h.
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

_MMAP_THRESHOLD_BYTES = 1024 * 1024
_MAX_ARENAS = 2


def configure_allocator() -> bool:
    """Make glibc return each large block when it is freed.

    The result is whether the C library is glibc.  By default, glibc has an arena for each thread.  After a block of up
    to 32 MiB was freed, it puts blocks of this size into the arenas, where one small object keeps the memory around it.
    A server that had answered 20 requests at once for a mail of 31 MiB kept 600 MiB more for good.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    mallopt.argtypes = (ctypes.c_int, ctypes.c_int)
    # A fixed threshold does not grow.
    results = (mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES), mallopt(_M_ARENA_MAX, _MAX_ARENAS))
    return all(results)
