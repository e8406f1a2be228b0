"""Wait for the end of `smtptest serve`: SIGTERM, Ctrl-C, or a request of a thread."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, Self

__all__ = ["ShutdownSignal"]


class ShutdownSignal:
    """Wakeup of the main thread by signals, inside a `with` block.

    A Python signal handler runs between two bytecodes of the main thread.  A signal that arrives just before the thread
    blocks on a lock does not wake it.  So the interpreter writes a byte to a socket for each signal, and the main
    thread reads the socket.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._previous_handlers: dict[signal.Signals, Callable[[int, FrameType | None], Any] | int | None] = {}
        self._previous_wakeup_fd = -1

    def __enter__(self) -> Self:
        self._previous_wakeup_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        # A shell starts a background job with SIGINT ignored, and Ctrl-C must not stop such a job.
        is_sigint_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        for number in (signal.SIGTERM,) if is_sigint_ignored else (signal.SIGTERM, signal.SIGINT):
            self._previous_handlers[number] = signal.signal(number, _ignore_signal)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_wakeup_fd)
        self._reader.close()
        self._writer.close()

    def request(self) -> None:
        """End `wait`; any thread may call this."""
        self._writer.send(b"\0")

    def wait(self) -> None:
        """Block until a signal arrives or `request` is called."""
        self._reader.recv(1)


def _ignore_signal(number: int, frame: FrameType | None) -> None:
    """Do nothing: the wakeup socket has the byte already."""
