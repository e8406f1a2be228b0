"""A connected socket in a reactor, with a queue of what waits to be written."""

from __future__ import annotations

import contextlib
import enum
import socket

from lazr.smtptest.net.reactor import READ, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from lazr.smtptest.net.reactor import Reactor

    class SocketUser(Protocol):
        """What a transport calls on its connection."""

        def data_received(self, data: bytes, /) -> None:
            """Process what was read."""

        def eof_received(self) -> bool:
            """Note the end of the peer's input; return whether the connection stays open."""

        def connection_lost(self, exc: Exception | None, /) -> None:
            """Clean up; the socket is closed after this."""

        def pause_writing(self) -> None:
            """Write no more for now: the peer does not read."""

        def resume_writing(self) -> None:
            """Write again."""


__all__ = ["SocketState", "SocketTransport"]

# The default of the high-water mark: more waiting bytes pause the connection.
_DEFAULT_HIGH_WATER_BYTES = 64 * 1024


class SocketState(enum.Enum):
    """What a socket still does.  Each state may be followed by any later one."""

    OPEN = "reads, and sends"
    ENDING = "reads, and sends its queue; then it closes the sending half"
    CLOSING = "sends its queue, then closes"
    LOST = "neither reads nor sends; it closes at the end of the pass"


# Without the cost of a lookup in the class.
_OPEN, _ENDING, _CLOSING, _LOST = SocketState


class SocketTransport:
    """The methods by which a connection reads and writes one socket.

    `close` first writes what waits; `abort` drops it.  After both, `connection_lost` is called once, at the end of the
    pass.

    Args:
        reactor: Calls when the socket is ready.
        connected: The socket; it does not block.
        peer_name: Its address, as `accept` has returned it.
        user: The connection.
        read_buffer: What to read into.  All connections of a server can share it, because each read is copied before
            the next one; its size limits the size of a read.
    """

    __slots__ = (
        "_fd",
        "_high_water",
        "_is_full",
        "_is_reading",
        "_peer_name",
        "_queue",
        "_reactor",
        "_read_buffer",
        "_shared_buffer",
        "_socket",
        "_state",
        "_user",
    )

    def __init__(
        self, reactor: Reactor, connected: socket.socket, peer_name: object, user: SocketUser, read_buffer: memoryview
    ) -> None:
        self._reactor = reactor
        self._socket = connected
        self._fd = connected.fileno()
        self._peer_name = peer_name
        self._user = user
        self._shared_buffer = self._read_buffer = read_buffer
        self._queue = b""  # bytes that the socket has not taken yet
        self._high_water = _DEFAULT_HIGH_WATER_BYTES
        self._is_full = False  # the queue was above its high-water mark, and is not yet below a quarter of it
        self._is_reading = True  # not paused, and not at the end
        self._state = _OPEN

    # -- called by the reactor ---------------------------------------------------------------

    def handle_readable(self) -> None:
        """Read once, and pass the bytes to the connection."""
        if not self._is_reading:
            return
        user = self._user
        buffer = self._read_buffer
        try:
            size = self._socket.recv_into(buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        if size:
            user.data_received(bytes(buffer[:size]))
        elif user.eof_received():
            self._is_reading = False
            self._update_mask()
        else:
            self.close()

    def handle_writable(self) -> None:
        """Write what waits."""
        queue = self._queue
        if not queue:
            return
        try:
            size = self._socket.send(queue)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        self._queue = queue = queue[size:]
        if not queue:
            self._update_mask()
        if self._is_full and len(queue) <= self._high_water // 4:
            self._is_full = False
            self._user.resume_writing()
        if not self._queue:
            if self._state is _CLOSING:
                self._lose(None)
            elif self._state is _ENDING:
                self._shut_down_sending()

    def handle_failure(self, error: Exception) -> None:
        """Close, after an error in the connection's own code."""
        self._lose(error)

    def _update_mask(self) -> None:
        mask = (READ if self._is_reading else 0) | (WRITE if self._queue else 0)
        self._reactor.set_mask(self._fd, mask, self)

    # -- writing -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send; what the socket does not take waits in the queue.

        After `close`, `abort` and `write_eof`, this does nothing.
        """
        if self._state is not _OPEN:
            return
        if self._queue:
            self._queue += data
        else:
            try:
                size = self._socket.send(data)
            except (BlockingIOError, InterruptedError):
                size = 0
            except OSError as error:
                self._lose(error)
                return
            if size == len(data):
                return
            self._queue = data[size:]
            self._update_mask()
        if not self._is_full and len(self._queue) > self._high_water:
            self._is_full = True
            self._user.pause_writing()

    def set_write_buffer_limits(self, high: int) -> None:
        """Call `pause_writing` above `high` waiting bytes, and `resume_writing` below a quarter."""
        self._high_water = high

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that wait to be sent."""
        return len(self._queue)

    def can_write_eof(self) -> bool:
        """Return whether the sending half can be closed alone: always."""
        return True

    def write_eof(self) -> None:
        """Close the sending half after the queue is sent."""
        if self._state is _OPEN:
            self._state = _ENDING
            if not self._queue:
                self._shut_down_sending()

    def _shut_down_sending(self) -> None:
        with contextlib.suppress(OSError):  # the peer has reset the connection
            self._socket.shutdown(socket.SHUT_WR)

    # -- reading, and the end ----------------------------------------------------------------

    def pause_reading(self) -> None:
        """Stop reading from the socket."""
        if not self.is_closing():
            self._is_reading = False
            self._update_mask()

    def resume_reading(self) -> None:
        """Read from the socket again."""
        if not self.is_closing():
            self._is_reading = True
            self._update_mask()

    def limit_reads(self, max_bytes: int) -> None:
        """Read at most `max_bytes` bytes at once from now on."""
        self._read_buffer = self._shared_buffer[:max_bytes]

    def is_closing(self) -> bool:
        """Return whether the transport is closing or closed."""
        return self._state is _CLOSING or self._state is _LOST

    def close(self) -> None:
        """Close after the queue is sent."""
        if not self.is_closing():
            self._state = _CLOSING
            self._is_reading = False
            if self._queue:
                self._update_mask()
            else:
                self._lose(None)

    def abort(self) -> None:
        """Close immediately; drop the queue."""
        self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if self._state is not _LOST:
            self._state = _LOST
            self._is_reading = False
            self._queue = b""
            self._reactor.unregister(self._fd, self)
            self._reactor.call_soon(self._finish, error)

    def _finish(self, error: Exception | None) -> None:
        try:
            self._user.connection_lost(error)
        finally:
            self._socket.close()

    def get_extra_info(self, name: str) -> Any:
        """Return the `"socket"` or the `"peername"`."""
        return self._socket if name == "socket" else self._peer_name
