"""A throttle between one connection and its socket: octets pass, but not faster than at a rate."""

from __future__ import annotations

import contextlib

from lazr.smtptest.clock import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any

__all__ = ["Throttle"]

# Octets go in so many steps a second, as far as the rate allows.
_STEP = 0.05
_EVERYTHING = 256 * 1024


class Throttle:
    """A transport that writes at a rate to the one below it, and reads no faster from there than at another.

    What waits to be written is bounded as a transport's is: `full()` is called when more than `most`
    octets wait, and `emptied()` when there is room again.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        *,
        deaf: bool,
        most: int,
        full: Callable[[], object],
        emptied: Callable[[], object],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._most = most
        self._tell_full = full
        self._tell_emptied = emptied
        self._out: float | None = None  # octets a second
        self._in: float | None = None
        self._queue = bytearray()
        self._full = False
        self._writes_at = 0.0  # when the next octets may go
        self._writing: asyncio.TimerHandle | None = None
        self._resting: asyncio.TimerHandle | None = None  # enough was read for now
        self._deaf = deaf  # nobody wants to read
        self._then: Callable[[], None] | None = None  # what is to be done when all is written

    def slow(self, rate: float, direction: str) -> None:
        """So many octets a second, `"in"`, `"out"` or `"both"`."""
        if direction != "in":
            self._out = rate
        if direction != "out":
            self._in = rate

    @property
    def room(self) -> int:
        """How many octets may be read at once."""
        return _EVERYTHING if self._in is None else max(1, int(self._in * _STEP))

    @property
    def seconds_left(self) -> float:
        """How long it takes to write what waits."""
        return 0.0 if self._out is None else len(self._queue) / self._out

    # -- reading -----------------------------------------------------------------------------

    def took(self, octets: int) -> None:
        """So many were read: rest a while."""
        if self._in is None or self._resting is not None or self._transport.is_closing():
            return
        if not self._deaf:
            self._transport.pause_reading()
        self._resting = self._loop.call_later(octets / self._in, self._rested)

    def _rested(self) -> None:
        self._resting = None
        if not self._deaf and not self._transport.is_closing():
            self._transport.resume_reading()

    def pause_reading(self) -> None:
        """Read nothing more from the socket."""
        self._deaf = True
        if self._resting is None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._deaf = False
        if self._resting is None:
            self._transport.resume_reading()

    # -- writing -----------------------------------------------------------------------------

    def write(self, octets: bytes) -> None:
        """Send, when it is time for it."""
        if self._out is None and not self._queue:
            self._transport.write(octets)
            return
        self._queue += octets
        self._drip()
        if len(self._queue) > self._most:
            self._full = True
            self._tell_full()

    def _drip(self) -> None:
        if self._writing is not None:
            return
        wait = self._writes_at - monotonic()
        if wait > 0:
            self._writing = self._loop.call_later(wait, self._drip_on)
            return
        rate = self._out or _EVERYTHING
        piece = bytes(self._queue[: max(1, int(rate * _STEP))])
        del self._queue[: len(piece)]
        if piece and not self._transport.is_closing():
            self._transport.write(piece)
        self._writes_at = monotonic() + len(piece) / rate
        if self._queue:
            self._writing = self._loop.call_later(len(piece) / rate, self._drip_on)
        elif self._then is not None:
            self._then()

    def _drip_on(self) -> None:
        self._writing = None
        self._drip()
        if self._full and len(self._queue) <= self._most // 4:
            self._full = False
            self._tell_emptied()

    def lift(self) -> None:
        """Write what waits, and let everything pass from here on."""
        self._stop_timers()
        self._in = self._out = None
        if self._queue and not self._transport.is_closing():
            self._transport.write(bytes(self._queue))
        self._queue.clear()
        if not self._deaf and not self._transport.is_closing():
            self._transport.resume_reading()
        if self._then is not None:
            self._then()

    def end(self) -> None:
        """The connection is gone."""
        self._stop_timers()
        self._queue.clear()

    def _stop_timers(self) -> None:
        for timer in (self._writing, self._resting):
            if timer is not None:
                timer.cancel()
        self._writing = self._resting = None

    # -- what else a connection asks of a transport ------------------------------------------

    def close(self) -> None:
        """Close when all is sent."""
        self._when_written(self._transport.close)

    def write_eof(self) -> None:
        """Close the sending half when all is sent."""
        self._when_written(self._write_eof)

    def _write_eof(self) -> None:
        with contextlib.suppress(OSError):  # the client is gone by now
            self._transport.write_eof()

    def _when_written(self, then: Callable[[], None]) -> None:
        if self._queue:
            self._then = then
        else:
            then()

    def abort(self) -> None:
        """Close at once."""
        self.end()
        self._transport.abort()

    def can_write_eof(self) -> bool:
        """Whether the sending half can be closed alone."""
        return self._transport.can_write_eof()

    def is_closing(self) -> bool:
        """Whether it is on its way to be closed."""
        return self._transport.is_closing()

    def get_write_buffer_size(self) -> int:
        """Octets that wait to be sent."""
        return len(self._queue) + self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str) -> Any:
        """What the transport below knows."""
        return self._transport.get_extra_info(name)
