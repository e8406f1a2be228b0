"""The methods by which a connection writes, pauses reading, and ends.

The layers over a socket have the same methods as the socket itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Transport(Protocol):
        """A socket (`SocketTransport`), or a layer over one: `TlsTransport`, `Throttle`."""

        def write(self, data: bytes) -> None:
            """Send; what cannot be sent now waits in a queue."""

        def get_write_buffer_size(self) -> int:
            """Return the number of bytes that wait to be sent."""

        def pause_reading(self) -> None:
            """Stop reading from the socket."""

        def resume_reading(self) -> None:
            """Read from the socket again."""

        def can_write_eof(self) -> bool:
            """Return whether the sending half can be closed alone."""

        def write_eof(self) -> None:
            """Close the sending half after the queue is sent."""

        def close(self) -> None:
            """Close after the queue is sent."""

        def abort(self) -> None:
            """Close immediately; drop the queue."""

        def is_closing(self) -> bool:
            """Return whether the transport is closing or closed."""

        def get_extra_info(self, name: str) -> Any:
            """Return the `"socket"` or the `"peername"`."""


__all__: list[str] = []
