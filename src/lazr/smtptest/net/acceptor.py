"""Accept the connections of one listening socket, in a reactor."""

from __future__ import annotations

import errno

from lazr.smtptest._util.logger import get_logger
from lazr.smtptest.net.reactor import READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from lazr.smtptest.net.reactor import Reactor, Timer

__all__ = ["Acceptor"]

# Without descriptors or memory nothing can be accepted; meanwhile the clients wait in the backlog.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_RETRY_SECONDS = 1.0

# The listening socket was shut down, perhaps in another thread.
_CLOSED = frozenset({errno.EINVAL, errno.EBADF, errno.ENOTSOCK})

# The largest number of connections to accept before others have their turn.
_MAX_ACCEPTED_AT_ONCE = 64


class Acceptor:
    """The watch of one listening socket.

    Args:
        reactor: Calls when clients wait.
        listening: The socket; it does not block.
        on_accept: Called with each connected socket, which does not block, and the peer's address.
    """

    def __init__(
        self, reactor: Reactor, listening: socket.socket, on_accept: Callable[[socket.socket, object], object]
    ) -> None:
        self._reactor = reactor
        self._socket = listening
        self._fd = listening.fileno()
        self._on_accept = on_accept
        # Clients usually come one at a time, and a call that finds no client costs as much as one that finds one.
        self._burst = 1
        self._retry_timer: Timer | None = None
        self._is_open = False

    def open(self) -> None:
        """Begin to accept."""
        self._is_open = True
        self._reactor.register(self._fd, READ, self)

    def close(self) -> None:
        """Accept nothing more; the socket stays open."""
        self._is_open = False
        self._reactor.unregister(self._fd, self)
        if self._retry_timer is not None:
            self._retry_timer.cancel()

    def handle_readable(self) -> None:
        """Accept as many connections as have waited recently."""
        burst = self._burst
        self._burst = min(2 * burst, _MAX_ACCEPTED_AT_ONCE) if self.accept(burst) else 1

    def handle_writable(self) -> None:
        """Do nothing: a listening socket is not written to."""

    def handle_failure(self, error: Exception) -> None:
        """Do nothing: the next connection may be accepted."""

    def accept(self, count: int) -> bool:
        """Accept up to `count` connections; return whether that number waited."""
        for _ in range(count):
            if not self._is_open:
                return False
            try:
                connected, peer_name = self._socket.accept()
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno in _CLOSED:
                    self.close()
                if error.errno not in _EXHAUSTED:  # such as an error of a client that is gone
                    return False
                self._pause(error)
                return False
            try:
                connected.setblocking(False)
                self._on_accept(connected, peer_name)
            except Exception:  # noqa: BLE001 - the other clients are accepted
                get_logger().exception("a client is turned away, because its connection cannot begin")
                connected.close()
        return True

    def _pause(self, error: OSError) -> None:
        """Accept again later, unless that is planned already."""
        if self._retry_timer is None:
            get_logger().error(
                "a client cannot be accepted: %s; the next attempt is in %g s", error.strerror, _RETRY_SECONDS
            )
            self._reactor.unregister(self._fd, self)
            self._retry_timer = self._reactor.call_later(_RETRY_SECONDS, self._retry)

    def _retry(self) -> None:
        self._retry_timer = None
        if self._is_open:
            self._reactor.register(self._fd, READ, self)

    def accept_all(self) -> None:
        """Accept all clients that wait now."""
        while self.accept(_MAX_ACCEPTED_AT_ONCE):
            pass
