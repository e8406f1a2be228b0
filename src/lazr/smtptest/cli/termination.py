"""End a command at SIGTERM or SIGHUP as Ctrl-C does: it stops what it has started."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["exit_at_signals"]

# The exit status of a command that a signal has ended, as shells report it.
_SIGNAL_STATUS = 128
# Windows has no SIGHUP.
_NAMES = ("SIGTERM", "SIGHUP")


@contextmanager
def exit_at_signals() -> Iterator[None]:
    """Raise SystemExit at SIGTERM and SIGHUP, with the exit status of shells: 143, 129.

    A signal that is ignored, such as SIGHUP under `nohup`, stays ignored.  Only the main thread can do that; in another
    one, nothing changes.

    >>> import signal
    >>> with exit_at_signals():
    ...     signal.raise_signal(signal.SIGTERM)
    Traceback (most recent call last):
    SystemExit: 143
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is signal.SIG_DFL:
            signal.signal(number, _exit)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is signal.SIG_DFL:
                signal.signal(number, handler)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(_SIGNAL_STATUS + number)
