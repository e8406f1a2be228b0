"""SIGTERM and SIGHUP: the commands that are graded end before this process does."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["unwind_at_termination"]

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class _Terminated(BaseException):
    """A signal has asked this process to end."""


@contextlib.contextmanager
def unwind_at_termination() -> Iterator[None]:
    """Leave this block at SIGTERM and SIGHUP, and then end the process by that signal.

    Commands run in process groups of their own, so that a terminal or a CI runner that ends this process does not end
    them.  Signals that the program handles or ignores stay as they are, and so do all of them outside of the main
    thread.
    """
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:  # a second signal must not interrupt the end of the commands
            raise _Terminated

    is_main_thread = threading.current_thread() is threading.main_thread()
    numbers = [number for number in _SIGNALS if is_main_thread and signal.getsignal(number) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, handle)
    try:
        yield
    except _Terminated:
        pass  # the process ends below, by the same signal
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        if received:
            os.kill(os.getpid(), received[0])
