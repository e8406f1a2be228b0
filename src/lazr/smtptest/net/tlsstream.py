"""TLS between one connection and its socket: octets of the wire in, octets of the session out, and back."""

from __future__ import annotations

import contextlib
import ssl

from lazr.smtptest.net.tls import server_name_of
from lazr.smtptest.protocol.smtp.record import TlsFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping
    from typing import Any

__all__ = ["TlsStream"]

_CHUNK = 256 * 1024


class TlsStream:
    """A transport that writes by TLS to the one below it, and decrypts what came from there.

    It stands where asyncio's own TLS could, and differs in one thing: what comes before the
    handshake is seen, and can be told, and the connection's buffers, deadlines and limits stay as they are.
    """

    def __init__(self, transport: asyncio.Transport, context: ssl.SSLContext) -> None:
        self.below: asyncio.Transport = transport
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.established: bool = False
        self.ended: bool = False  # the client has said that it will send no more
        self.closing: bool = False  # what is written next is the last, and goes out with the close behind it

    # -- reading -----------------------------------------------------------------------------

    def receive(self, octets: bytes) -> bytes:
        """What these octets of the wire say, if they say anything.

        Raises `ssl.SSLError` where they are not TLS, or where the two sides cannot agree; the
        client has been told by then.
        """
        self._incoming.write(octets)
        try:
            if not self.established:
                self._tls.do_handshake()
                self.established = True
            return self._read()
        except ssl.SSLWantReadError:
            return b""
        finally:
            self._flush()

    def _read(self) -> bytes:
        pieces = []
        try:
            while True:
                piece = self._tls.read(_CHUNK)
                if not piece:
                    self.ended = True
                    break
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # pragma: no cover - CPython returns b"" for it, so far
            self.ended = True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def facts(self, bindings: Mapping[str, bytes], *, implicit: bool) -> TlsFacts:
        """What the handshake agreed on."""
        tls = self._tls
        version = tls.version() or ""
        cipher = tls.cipher()
        bindings = dict(bindings)
        if version == "TLSv1.2":  # RFC 9266 1: later versions have no tls-unique
            unique = tls.get_channel_binding("tls-unique")
            bindings |= {"tls-unique": unique} if unique else {}
        certificate = tls.getpeercert(binary_form=True)
        return TlsFacts(
            version,
            "" if cipher is None else cipher[0],
            server_name=server_name_of(tls),
            alpn=tls.selected_alpn_protocol(),
            implicit=implicit,
            client_certificate=certificate,
            identities=_identities(tls.getpeercert() or {}) if certificate else (),
            bindings=bindings,
        )

    # -- writing, and what else a connection asks of a transport -----------------------------

    def write(self, octets: bytes) -> None:
        """Encrypt and send."""
        with contextlib.suppress(ssl.SSLError):  # the connection is past its end
            self._tls.write(octets)
        if not self.closing:
            self._flush()

    def _flush(self) -> None:
        octets = self._outgoing.read()
        if octets:
            self.below.write(octets)

    def _say_goodbye(self) -> None:
        # RFC 8446 6.1: close_notify first, so that nobody can cut a dialogue short unnoticed.
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()

    def close(self) -> None:
        """Close when all is sent."""
        self._say_goodbye()
        self.below.close()

    def abort(self) -> None:
        """Close at once."""
        self.below.abort()

    def can_write_eof(self) -> bool:
        """Whether the sending half can be closed alone."""
        return self.below.can_write_eof()

    def write_eof(self) -> None:
        """Close the sending half."""
        self._say_goodbye()
        self.below.write_eof()

    def pause_reading(self) -> None:
        """Read nothing more from the socket."""
        self.below.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self.below.resume_reading()

    def is_closing(self) -> bool:
        """Whether it is on its way to be closed."""
        return self.below.is_closing()

    def get_write_buffer_size(self) -> int:
        """Octets that wait to be sent."""
        return self.below.get_write_buffer_size()

    def get_extra_info(self, name: str) -> Any:
        """What the transport below knows."""
        return self.below.get_extra_info(name)


def _identities(certificate: Mapping[str, object]) -> tuple[str, ...]:
    """The names in a client's certificate that can be a user's (RFC 4422 A): addresses and hosts, then its CN."""
    names: list[str] = []
    for kind, value in certificate.get("subjectAltName", ()):  # type: ignore[attr-defined]
        if kind in {"email", "DNS"}:
            names.append(value)
    for part in certificate.get("subject", ()):  # type: ignore[attr-defined]
        names += [value for name, value in part if name == "commonName"]
    return tuple(names)
