"""How many files this process may have open: as many as the system lets it, each connection being one."""

from __future__ import annotations

import contextlib

__all__ = ["raise_limit"]

# Where the system says that there is no limit; what a server can use is less.
_ENOUGH = 65_536


def raise_limit() -> None:
    """Raise this process's own limit to the one that it may not go beyond.

    The own one (1,024 in most places) is so low for the sake of programs that use `select`; a server does not.
    """
    try:
        import resource
    except ImportError:  # not on Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS says no to more than its kernel has
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
