"""TLS of a connection: the handshake, and after it the decryption of the input."""

from __future__ import annotations

import ssl

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.net.connection_state import Phase
from lazr.smtptest.net.tls_transport import TlsTransport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from lazr.smtptest.net.endpoint import Endpoint
    from lazr.smtptest.net.tls_settings import Tls
    from lazr.smtptest.net.transport import Transport
    from lazr.smtptest.protocol.smtp import SessionRecord, TlsFacts

    class SecuredConnection(Protocol):
        """What TLS needs of its connection."""

        transport: Transport

        @property
        def endpoint(self) -> Endpoint:
            """The settings of the listener."""

        @property
        def record(self) -> SessionRecord:
            """The facts of the session."""

        @property
        def is_closing(self) -> bool:
            """Whether the last reply is sent."""

        def enter_phase(self, phase: Phase, handle_input: Callable[[bytes], None] | None, end: float | None) -> None:
            """Pass the input to another function."""

        def start_session_in_tls(self, facts: TlsFacts) -> None:
            """Begin the session again, and greet the client if TLS is implicit."""

        def receive(self, data: bytes) -> None:
            """Pass plaintext to the session, and send its replies."""

        def receive_eof(self) -> None:
            """Process the end of the client's input."""

        def fail(self, reason: str) -> None:
            """Record why TLS failed, and close."""


__all__ = ["TlsHandshake"]

# A stalled handshake ends when the client gives up or the server stops; this only keeps the phase bounded.
_STALLED_SECONDS = 86_400.0

# RFC 8446 5.1: a handshake record begins with this byte, a command never does.
_HANDSHAKE_RECORD = 0x16

# The answer to the handshake by `Tls.fault`; "plaintext" is a reply of the protocol.
_FAULTY_REPLIES = {"garbage": b"\x00\xff\x7f\x80" * 16, "close": b""}


class TlsHandshake:
    """The handshake of one connection (RFC 3207 4, RFC 8314 3), and the input after it.

    Args:
        connection: The connection; its transport is replaced by one with TLS.
        tls: The listener's settings.
        context: The server's side of the handshake.
    """

    __slots__ = ("_connection", "_fault", "_has_input", "_timeout", "has_client_spoken", "transport")

    def __init__(self, connection: SecuredConnection, tls: Tls, context: ssl.SSLContext) -> None:
        self._connection = connection
        self._fault = tls.fault
        self._timeout = tls.handshake_timeout
        self._has_input = False  # the client has sent some of the handshake
        self.has_client_spoken: bool = False  # the client has sent plaintext inside TLS
        self.transport: TlsTransport = TlsTransport(connection.transport, context)

    def start(self) -> None:
        """Wait for the client's first bytes of TLS."""
        is_stalled = self._fault == "stall"
        self._connection.enter_phase(
            Phase.HANDSHAKE,
            self._ignore if is_stalled else self._shake_hands,
            monotonic() + (_STALLED_SECONDS if is_stalled else self._timeout),
        )

    @property
    def is_silent(self) -> bool:
        """Whether the client has sent nothing that the handshake has looked at."""
        return not self._has_input and self._fault != "stall"

    def _ignore(self, data: bytes) -> None:
        """Discard the input of a handshake that stalls."""

    def _shake_hands(self, data: bytes) -> None:
        connection, transport = self._connection, self.transport
        texts = connection.endpoint.texts
        faulty_reply = texts.refused if self._fault == "plaintext" else _FAULTY_REPLIES.get(self._fault or "")
        if faulty_reply is not None:
            connection.transport.write(faulty_reply)
            connection.fail(f"Tls(fault={self._fault!r}) spoils the handshake")
            return
        if not self._has_input:
            self._has_input = True
            if data[0] != _HANDSHAKE_RECORD:
                connection.record.add_discarded(data)
                connection.fail("the client sent plaintext where TLS begins")
                return
        plaintext = self._receive(data)
        if plaintext is None or not transport.is_established:
            return
        connection.transport = transport
        connection.enter_phase(Phase.SESSION, self._decrypt, None)
        endpoint = connection.endpoint
        connection.start_session_in_tls(
            transport.build_facts(endpoint.channel_bindings, implicit_tls=endpoint.has_implicit_tls)
        )
        self._receive_plaintext(plaintext)

    def _decrypt(self, data: bytes) -> None:
        plaintext = self._receive(data)
        if plaintext is not None:
            self._receive_plaintext(plaintext)

    def _receive(self, data: bytes) -> bytes | None:
        """Decrypt input; None if the connection has failed: the input is not TLS, or is an alert."""
        try:
            return self.transport.receive(data)
        except ssl.SSLError as error:
            # OpenSSL's reason, without the place in its source.
            self._connection.fail((error.reason or str(error)).replace("_", " ").lower())
            return None

    def _receive_plaintext(self, plaintext: bytes) -> None:
        connection = self._connection
        if plaintext and not connection.is_closing:
            self.has_client_spoken = True
            connection.receive(plaintext)
        if self.transport.is_eof_received and not connection.is_closing:
            connection.receive_eof()
