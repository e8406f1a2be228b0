"""The socket of a delivery that is under way, which another thread can shut."""

from __future__ import annotations

import contextlib
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["DELIVERY_TIMEOUT_SECONDS", "OpenSocket"]

# The time limit of each step of a delivery: the application runs on this machine, or near it.
DELIVERY_TIMEOUT_SECONDS: Final = 10.0


class OpenSocket:
    """The socket of the delivery that is under way, which another thread can shut."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._is_aborted = False

    def open(self, connected: socket.socket) -> None:
        """Remember the socket; shut it if `abort` was called before."""
        self._socket = connected
        if self._is_aborted:
            self.abort()

    def close(self) -> None:
        """Forget the socket."""
        self._socket = None

    def abort(self) -> None:
        """Shut the socket, so that reads and writes fail at once, as do later deliveries."""
        self._is_aborted = True
        connected = self._socket
        if connected is not None:
            with contextlib.suppress(OSError):  # it is closed already
                connected.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Allow deliveries again, for the next run."""
        self._is_aborted = False
