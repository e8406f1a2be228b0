"""When `smtptest serve` is to end: by SIGTERM, by Ctrl-C, or because one of its parts has."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, Self

__all__ = ["Ending"]


class Ending:
    """For the main thread: in its `with` block, signals say no more than that it is time.

    A signal that comes just before a thread blocks on a lock does not wake it: its handler runs when the lock is had.
    Here an octet comes through a socket, which is there whenever one looks.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._handlers: dict[signal.Signals, Callable[[int, FrameType | None], Any] | int | None] = {}
        self._earlier = -1

    def __enter__(self) -> Self:
        self._earlier = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        # A shell's background job ignores Ctrl-C, and goes on doing so.
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        for number in (signal.SIGTERM,) if ignored else (signal.SIGTERM, signal.SIGINT):
            self._handlers[number] = signal.signal(number, _do_nothing)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._earlier)
        self._reader.close()
        self._writer.close()

    def come(self) -> None:
        """From any thread: it is time."""
        self._writer.send(b"\0")

    def wait(self) -> None:
        """Return when it is time."""
        self._reader.recv(1)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """The octet says it."""
