"""The limit of open files (RLIMIT_NOFILE), which SMTP and HTTP connections share.

Both servers can run in one process.  They have fixed shares, so that neither takes the descriptors of the other; the
rest is for listeners, the store, temporary files and the test itself.
"""

from __future__ import annotations

import contextlib

__all__ = ["compute_max_http_connections", "compute_max_smtp_connections", "raise_fd_limit"]

_SMTP_PERCENT = 80
_HTTP_PERCENT = 15

# With a low limit, the remaining 5 percent are too few.
_RESERVED_DESCRIPTORS = 20

_MAX_HTTP_CONNECTIONS = 10_000
_MIN_HTTP_CONNECTIONS = 10

# The new limit where the system has none; more connections than this are of no use to a test server.
_UNLIMITED_DESCRIPTORS = 65_536


def raise_fd_limit() -> None:
    """Raise this process's soft limit to its hard limit.

    The usual soft limit of 1,024 protects programs that call `select`; the server does not.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = _UNLIMITED_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < target:
        with contextlib.suppress(ValueError, OSError):  # macOS refuses more than its kernel's own limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))


def compute_max_smtp_connections(configured_limit: int | None) -> int | None:
    """Return the number of SMTP connections to allow: at most `configured_limit`.

    None is no limit, and stays None.
    """
    limit = _get_fd_limit()
    if configured_limit is None or limit is None:
        return configured_limit
    return max(1, min(configured_limit, limit * _SMTP_PERCENT // 100 - _RESERVED_DESCRIPTORS))


def compute_max_http_connections() -> int:
    """Return the number of HTTP connections to allow: 10,000, or less if descriptors are few."""
    limit = _get_fd_limit()
    if limit is None:
        return _MAX_HTTP_CONNECTIONS
    return max(_MIN_HTTP_CONNECTIONS, min(_MAX_HTTP_CONNECTIONS, limit * _HTTP_PERCENT // 100))


def _get_fd_limit() -> int | None:
    """Return the soft limit of open descriptors; None without a limit."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
