"""TLS between a connection and its socket.

It decrypts the bytes that arrive and encrypts the bytes that are written.
"""

from __future__ import annotations

import contextlib
import ssl

from lazr.smtptest.net.tls_settings import get_server_name
from lazr.smtptest.protocol.smtp import TlsFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from lazr.smtptest.net.transport import Transport

__all__ = ["TlsTransport"]

_READ_CHUNK_BYTES = 256 * 1024


class TlsTransport:
    """A transport that adds TLS to the transport below it.

    It encrypts what is written, and decrypts the bytes read from there.

    The bytes before and during a failed handshake stay visible, for diagnosis, and the connection keeps its buffers,
    deadlines and limits.
    """

    def __init__(self, transport: Transport, context: ssl.SSLContext) -> None:
        self.transport: Transport = transport
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ssl_object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.is_established: bool = False
        self.is_eof_received: bool = False  # the client has sent close_notify
        self.is_last_write: bool = False  # the next write goes out together with close_notify

    # -- reading -----------------------------------------------------------------------------

    def receive(self, data: bytes) -> bytes:
        """Decrypt bytes from the socket; return the plaintext that is complete so far.

        Raises `ssl.SSLError` if they are not TLS, or if the handshake fails; an alert has been sent by then.
        """
        self._incoming.write(data)
        try:
            if not self.is_established:
                self._ssl_object.do_handshake()
                self.is_established = True
            return self._read()
        except ssl.SSLWantReadError:
            return b""
        finally:
            self._flush()

    def _read(self) -> bytes:
        pieces = []
        try:
            while True:
                piece = self._ssl_object.read(_READ_CHUNK_BYTES)
                if not piece:
                    self.is_eof_received = True
                    break
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # pragma: no cover - CPython returns b"" instead today
            self.is_eof_received = True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def build_facts(self, channel_bindings: Mapping[str, bytes], *, implicit_tls: bool) -> TlsFacts:
        """Return what the handshake negotiated."""
        tls = self._ssl_object
        version = tls.version() or ""
        cipher = tls.cipher()
        channel_bindings = dict(channel_bindings)
        if version == "TLSv1.2":  # RFC 9266 1: later versions have no tls-unique
            unique = tls.get_channel_binding("tls-unique")
            channel_bindings |= {"tls-unique": unique} if unique else {}
        certificate = tls.getpeercert(binary_form=True)
        return TlsFacts(
            version,
            "" if cipher is None else cipher[0],
            server_name=get_server_name(tls),
            alpn=tls.selected_alpn_protocol(),
            implicit=implicit_tls,
            client_certificate=certificate,
            identities=_list_identities(tls.getpeercert() or {}) if certificate else (),
            channel_bindings=channel_bindings,
        )

    # -- writing, and the other methods of a transport ---------------------------------------

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        with contextlib.suppress(ssl.SSLError):  # TLS is closed already
            self._ssl_object.write(data)
        if not self.is_last_write:
            self._flush()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self.transport.write(data)

    def _send_close_notify(self) -> None:
        # RFC 8446 6.1: close_notify comes first, so that the peer detects truncation by an attacker.
        with contextlib.suppress(ssl.SSLError):
            self._ssl_object.unwrap()
        self._flush()

    def close(self) -> None:
        """Close after all data is sent."""
        self._send_close_notify()
        self.transport.close()

    def abort(self) -> None:
        """Close immediately; drop unsent data."""
        self.transport.abort()

    def can_write_eof(self) -> bool:
        """Return whether the sending half can be closed alone."""
        return self.transport.can_write_eof()

    def write_eof(self) -> None:
        """Close the sending half."""
        self._send_close_notify()
        self.transport.write_eof()

    def pause_reading(self) -> None:
        """Stop reading from the socket."""
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read from the socket again."""
        self.transport.resume_reading()

    def is_closing(self) -> bool:
        """Return whether the transport is closing or closed."""
        return self.transport.is_closing()

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that wait to be sent."""
        return self.transport.get_write_buffer_size()

    def get_extra_info(self, name: str) -> Any:
        """Return information from the transport below."""
        return self.transport.get_extra_info(name)


def _list_identities(certificate: Mapping[str, object]) -> tuple[str, ...]:
    """List the names in a client certificate that can name a user (RFC 4422 A).

    The order is: addresses, hosts, then the CN.
    """
    names: list[str] = []
    for kind, value in certificate.get("subjectAltName", ()):  # type: ignore[attr-defined]
        if kind in {"email", "DNS"}:
            names.append(value)
    for part in certificate.get("subject", ()):  # type: ignore[attr-defined]
        names += [value for name, value in part if name == "commonName"]
    return tuple(names)
