"""Input that arrives while a rule makes the client wait."""

from __future__ import annotations

from lazr.smtptest.net.connection_state import PauseReason, Phase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from lazr.smtptest.net.session_types import Session

    class BufferedConnection(Protocol):
        """The connection whose input is kept."""

        input_handler: Callable[[bytes], None] | None

        @property
        def session(self) -> Session:
            """The session."""

        @property
        def phase(self) -> Phase:
            """The phase of the connection."""

        def pause_reading(self, reason: PauseReason) -> None:
            """Leave input in the socket."""

        def resume_reading(self, reason: PauseReason) -> None:
            """Read again."""

        def note_early_input(self) -> None:
            """Note input that came before the end of the greeting."""

        def route_input(self, data: bytes) -> None:
            """Process input that arrived earlier."""


__all__ = ["InputBuffer"]

# Beyond this, reading stops until the wait is over.
_MAX_BYTES = 64 * 1024


class InputBuffer:
    """Keep the input of a waiting client, so that a disconnect is noticed meanwhile.

    Args:
        connection: The connection, whose input handler is replaced meanwhile.
    """

    __slots__ = ("_connection", "_data", "_handler", "_is_open")

    def __init__(self, connection: BufferedConnection) -> None:
        self._connection = connection
        self._data = b""
        self._is_open = False
        self._handler: Callable[[bytes], None] | None = None  # the handler that this buffer replaces

    def open(self) -> None:
        """Begin to keep input."""
        connection = self._connection
        # Where pipelining is forbidden, the session reads on by itself, to detect early input.
        if not (self._is_open or connection.session.is_pipelining_forbidden):
            self._is_open = True
            self._handler, connection.input_handler = connection.input_handler, self._append

    def _append(self, data: bytes) -> None:
        self._connection.note_early_input()
        self._data += data
        if len(self._data) > _MAX_BYTES:
            self._connection.pause_reading(PauseReason.BUFFER)

    def close(self) -> None:
        """Let input pass again."""
        if self._is_open:
            self._is_open = False
            self._connection.input_handler, self._handler = self._handler, None
            self._connection.resume_reading(PauseReason.BUFFER)

    def process(self) -> None:
        """Process the kept input, unless the client has to wait again."""
        if self._data and not self._is_open and self._connection.phase is not Phase.CLOSING:
            data, self._data = self._data, b""
            self._connection.route_input(data)

    def discard(self) -> None:
        """Let input pass again, and drop the kept input."""
        self.close()
        self._data = b""
