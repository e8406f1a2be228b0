"""A transport that limits the bytes per second between one connection and its socket."""

from __future__ import annotations

import contextlib

from lazr.smtptest._util.clock import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lazr.smtptest.net.reactor import Reactor, Timer
    from lazr.smtptest.net.socket_transport import SocketTransport

__all__ = ["Throttle"]

# Data moves in steps of this length; at a low rate one step is a single byte.
_STEP_SECONDS = 0.05
_UNTHROTTLED_BYTES = 256 * 1024


class Throttle:
    """A transport that limits the rate of writes to, and reads from, the transport below it.

    Args:
        transport: The transport below.
        reactor: The event loop of both.
        is_reading_paused: Whether reading from the transport below is paused now.
        max_queue_bytes: The high-water mark of the write queue.
        on_full: Called when more than `max_queue_bytes` wait to be written.
        on_drained: Called when the queue has room again.
    """

    def __init__(
        self,
        transport: SocketTransport,
        reactor: Reactor,
        *,
        is_reading_paused: bool,
        max_queue_bytes: int,
        on_full: Callable[[], object],
        on_drained: Callable[[], object],
    ) -> None:
        self._transport = transport
        self._reactor = reactor
        self._max_queue_bytes = max_queue_bytes
        self._on_full = on_full
        self._on_drained = on_drained
        self._write_rate: float | None = None  # bytes per second
        self._read_rate: float | None = None
        self._queue = bytearray()
        self._is_full = False
        self._next_write_time = 0.0  # when the next bytes may be written
        self._write_timer: Timer | None = None
        self._read_timer: Timer | None = None  # running while reads rest
        self._is_reading_paused = is_reading_paused  # by the connection
        self._on_written: Callable[[], None] | None = None  # called when the queue is empty

    def set_rate(self, rate: float, direction: str) -> None:
        """Set the bytes per second for a direction: "in", "out" or "both"."""
        if direction != "in":
            self._write_rate = rate
        if direction != "out":
            self._read_rate = rate
            self._transport.limit_reads(max(1, int(rate * _STEP_SECONDS)))

    @property
    def seconds_left(self) -> float:
        """The time to write the queue, in seconds."""
        return 0.0 if self._write_rate is None else len(self._queue) / self._write_rate

    # -- reading -----------------------------------------------------------------------------

    def note_read(self, size: int) -> None:
        """Pause reading for as long as `size` bytes take at the rate."""
        if self._read_rate is None or self._read_timer is not None or self._transport.is_closing():
            return
        if not self._is_reading_paused:
            self._transport.pause_reading()
        self._read_timer = self._reactor.call_later(size / self._read_rate, self._resume_after_rest)

    def _resume_after_rest(self) -> None:
        self._read_timer = None
        if not self._is_reading_paused and not self._transport.is_closing():
            self._transport.resume_reading()

    def pause_reading(self) -> None:
        """Stop reading from the socket."""
        self._is_reading_paused = True
        if self._read_timer is None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read from the socket again, after the current rest."""
        self._is_reading_paused = False
        if self._read_timer is None:
            self._transport.resume_reading()

    # -- writing -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Write at the rate; queue the rest."""
        if self._write_rate is None and not self._queue:
            self._transport.write(data)
            return
        self._queue += data
        self._write_next()
        if len(self._queue) > self._max_queue_bytes:
            self._is_full = True
            self._on_full()

    def _write_next(self) -> None:
        if self._write_timer is not None:
            return
        wait = self._next_write_time - monotonic()
        if wait > 0:
            self._write_timer = self._reactor.call_later(wait, self._continue_writing)
            return
        rate = self._write_rate or _UNTHROTTLED_BYTES
        piece = bytes(self._queue[: max(1, int(rate * _STEP_SECONDS))])
        del self._queue[: len(piece)]
        if piece and not self._transport.is_closing():
            self._transport.write(piece)
        self._next_write_time = monotonic() + len(piece) / rate
        if self._queue:
            self._write_timer = self._reactor.call_later(len(piece) / rate, self._continue_writing)
        elif self._on_written is not None:
            self._on_written()

    def _continue_writing(self) -> None:
        self._write_timer = None
        self._write_next()
        if self._is_full and len(self._queue) <= self._max_queue_bytes // 4:
            self._is_full = False
            self._on_drained()

    def remove_limits(self) -> None:
        """Write the queue at once, and limit nothing from now on."""
        self._stop_timers()
        self._read_rate = self._write_rate = None
        self._transport.limit_reads(_UNTHROTTLED_BYTES)
        if self._queue and not self._transport.is_closing():
            self._transport.write(bytes(self._queue))
        self._queue.clear()
        if not self._is_reading_paused and not self._transport.is_closing():
            self._transport.resume_reading()
        if self._on_written is not None:
            self._on_written()

    def discard(self) -> None:
        """Drop the queue: the connection is closed."""
        self._stop_timers()
        self._queue.clear()

    def _stop_timers(self) -> None:
        for timer in (self._write_timer, self._read_timer):
            if timer is not None:
                timer.cancel()
        self._write_timer = self._read_timer = None

    # -- the other methods of a transport ----------------------------------------------------

    def close(self) -> None:
        """Close after the queue is written."""
        self._run_when_written(self._transport.close)

    def write_eof(self) -> None:
        """Close the sending half after the queue is written."""
        self._run_when_written(self._write_eof)

    def _write_eof(self) -> None:
        with contextlib.suppress(OSError):  # the client is gone
            self._transport.write_eof()

    def _run_when_written(self, callback: Callable[[], None]) -> None:
        if self._queue:
            self._on_written = callback
        else:
            callback()

    def abort(self) -> None:
        """Close immediately; drop the queue."""
        self.discard()
        self._transport.abort()

    def can_write_eof(self) -> bool:
        """Return whether the sending half can be closed alone."""
        return self._transport.can_write_eof()

    def is_closing(self) -> bool:
        """Return whether the transport is closing or closed."""
        return self._transport.is_closing()

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that wait to be sent."""
        return len(self._queue) + self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str) -> Any:
        """Return information from the transport below."""
        return self._transport.get_extra_info(name)
