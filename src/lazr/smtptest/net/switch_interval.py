"""The thread switch interval of the process.

It is the shortest one that a running server requests.

The interval is a setting of the whole process, so several servers share it.
"""

from __future__ import annotations

import sys
import threading

__all__ = ["release_switch_interval", "request_switch_interval"]

_lock = threading.Lock()
_requested_seconds: list[float] = []
_default_seconds = 0.0  # the interval to restore; valid while there are requests


def request_switch_interval(seconds: float) -> None:
    """Make the interval at most this long, until `release_switch_interval`."""
    global _default_seconds  # noqa: PLW0603 - the interval is global too
    with _lock:
        if not _requested_seconds:
            _default_seconds = sys.getswitchinterval()
        _requested_seconds.append(seconds)
        sys.setswitchinterval(min(*_requested_seconds, _default_seconds))


def release_switch_interval(seconds: float) -> None:
    """Undo one `request_switch_interval`; the last one restores the interval from before."""
    with _lock:
        _requested_seconds.remove(seconds)
        sys.setswitchinterval(min(*_requested_seconds, _default_seconds) if _requested_seconds else _default_seconds)
