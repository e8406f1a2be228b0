"""Python's switch interval, which is the whole process's: the shortest that a running server wishes for."""

from __future__ import annotations

import sys
import threading

__all__ = ["wish", "withdraw"]

_lock = threading.Lock()
_wishes: list[float] = []
_usual = 0.0  # the process's own, while there are wishes


def wish(seconds: float) -> None:
    """Have it no longer than this from now on."""
    global _usual  # noqa: PLW0603 - as global as the interval itself
    with _lock:
        if not _wishes:
            _usual = sys.getswitchinterval()
        _wishes.append(seconds)
        sys.setswitchinterval(min(*_wishes, _usual))


def withdraw(seconds: float) -> None:
    """Undo one `wish`; with the last one, the process has its own interval back."""
    with _lock:
        _wishes.remove(seconds)
        sys.setswitchinterval(min(*_wishes, _usual) if _wishes else _usual)
