"""The socket of a delivery that is under way, which another thread can shut."""

from __future__ import annotations

import contextlib
import socket
import threading

from lazr.smtptest.mailserver.delivery_error import DeliveryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

__all__ = ["DELIVERY_TIMEOUT_SECONDS", "OpenSocket"]

# The time limit of each step of a delivery: the application runs on this machine, or near it.
DELIVERY_TIMEOUT_SECONDS: Final = 10.0

# The time limit of all steps after the connection: a server could send one byte in each step.
MAX_DELIVERY_SECONDS: Final = 30.0


class OpenSocket:
    """The socket of the delivery that is under way, which another thread can shut."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._is_aborted = False

    @contextlib.contextmanager
    def hold(self, connected: socket.socket) -> Iterator[None]:
        """Let other threads shut the socket during the block; close it at the end.

        Raises:
            DeliveryError: The block has taken too long.
        """
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._shut()

        timer = threading.Timer(MAX_DELIVERY_SECONDS, expire)
        timer.daemon = True
        timer.start()
        try:
            self.replace(connected)
            yield
        except Exception:
            if expired.is_set():
                raise DeliveryError(f"the delivery took more than {MAX_DELIVERY_SECONDS:g} s") from None
            raise
        finally:
            timer.cancel()
            timer.join()
            opened, self._socket = self._socket, None
            connected.close()
            if opened is not None:
                opened.close()

    def replace(self, connected: socket.socket) -> None:
        """Hold another socket from now on; shut it if `abort` was called before."""
        self._socket = connected
        if self._is_aborted:
            self._shut()

    def abort(self) -> None:
        """Shut the socket, so that reads and writes fail at once, as do later deliveries."""
        self._is_aborted = True
        self._shut()

    def reset(self) -> None:
        """Allow deliveries again, for the next run."""
        self._is_aborted = False

    def _shut(self) -> None:
        opened = self._socket
        if opened is not None:
            with contextlib.suppress(OSError):  # it is closed already
                # SSLSocket.shutdown would take the TLS state from the thread that uses it.
                socket.socket.shutdown(opened, socket.SHUT_RDWR)
