"""The PROXY header at the start of a connection, which names the proxy's client."""

from __future__ import annotations

from lazr.smtptest.net.connection_state import Phase
from lazr.smtptest.net.peer_name import format_peer_name
from lazr.smtptest.protocol.proxy_protocol import BadProxyHeader, parse_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from lazr.smtptest.net.deadlines import Deadlines
    from lazr.smtptest.protocol.smtp import SessionRecord

    class ProxiedConnection(Protocol):
        """What the reader of the header needs of its connection."""

        @property
        def record(self) -> SessionRecord:
            """The facts of the session."""

        @property
        def deadlines(self) -> Deadlines:
            """The times of the connection."""

        @property
        def is_peer_trusted(self) -> bool:
            """Whether the peer may name another client."""

        def enter_phase(self, phase: Phase, handle_input: Callable[[bytes], None] | None, end: float | None) -> None:
            """Pass the input to another function."""

        def set_client_host(self, host: str) -> None:
            """Treat the client as one at this address."""

        def start_session(self) -> None:
            """Greet the client."""

        def route_input(self, data: bytes) -> None:
            """Process the input after the header."""

        def fail(self, reason: str) -> None:
            """Record why the header was refused, and close."""


__all__ = ["ProxyHeaderReader"]

# A proxy sends its header immediately, before it has any input from its client.
_TIMEOUT_SECONDS = 3.0


class ProxyHeaderReader:
    """Reads the PROXY header of one connection; nothing is sent before it."""

    def __init__(self, connection: ProxiedConnection) -> None:
        self._connection = connection
        self._buffer = b""

    def start(self) -> None:
        """Wait for the header; refuse it if the peer may not name another client."""
        connection = self._connection
        connection.enter_phase(Phase.PROXY, self._receive, connection.deadlines.start_time + _TIMEOUT_SECONDS)
        if not connection.is_peer_trusted:
            connection.fail("this peer is not trusted to name another client; see MailServer(trusted=...)")

    def _receive(self, data: bytes) -> None:
        connection = self._connection
        self._buffer += data
        try:
            parsed = parse_header(self._buffer)
        except BadProxyHeader as error:
            connection.fail(str(error))
            return
        if parsed is None:
            return
        header, length = parsed
        rest = self._buffer[length:]
        record = connection.record
        record.proxy = header
        record.transcript.add_note(f"{header!r}")
        if header.source is not None:
            record.peer = format_peer_name(header.source)
            connection.set_client_host(header.source[0])
        connection.enter_phase(Phase.SESSION, None, None)
        connection.start_session()
        if rest:
            connection.route_input(rest)
