"""What comes before a session: a proxy's header, and a TLS handshake."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from lazr.smtptest.clock import monotonic
from lazr.smtptest.net.tlsstream import TlsStream
from lazr.smtptest.protocol.proxy import BadProxyHeader, read_header
from lazr.smtptest.protocol.smtp import replies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.net.entrance import Entrance
    from lazr.smtptest.protocol.smtp.session import Session

__all__ = ["Approach", "peer_name"]

# How long a proxy may take for its header; it sends it at once, before it has anything from its client.
_PROXY_TIMEOUT = 3.0

# A handshake that is never answered ends when the client gives up, or the server stops.
_FOR_EVER = 86_400.0

# What a server says that was asked for a bad handshake.
_FAULTY = {"garbage": b"\x00\xff\x7f\x80" * 16, "plaintext": replies.NOT_RECOGNIZED.wire, "close": b""}


class Approach(asyncio.BufferedProtocol):
    """The half of a connection that gets a client to its session; the methods at the end are the other half's."""

    __slots__ = (
        "_before",
        "_entrance",
        "_last_octets",
        "_last_reply",
        "_leaving",
        "_phase_ends",
        "_preamble",
        "_session",
        "_spoke",
        "_started",
        "_stream",
        "_transport",
        "_trusted",
    )

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._session: Session
        self._transport: asyncio.Transport | TlsStream
        # Who takes what comes from the socket before the session may see it: a proxy's header, TLS.
        self._before: Callable[[bytes], None] | None = None
        self._preamble = b""
        self._phase_ends: float | None = None  # when a phase before the session has to be over
        self._trusted = False  # the peer may speak for others
        self._stream: TlsStream
        self._spoke = False  # the client has said something inside TLS
        self._leaving = False  # the last reply is on its way; nothing more is read
        self._started = 0.0
        self._last_octets = 0.0  # when the client last sent any
        self._last_reply = 0.0  # when it was last answered, and so when its command began

    def _approach(self) -> None:
        """A client is there."""
        if self._entrance.proxy:
            self._await_proxy()
        else:
            self._begin()

    def _begin(self) -> None:
        """The client is known: greet it, inside TLS where that comes first."""
        if self._entrance.implicit:
            self._await_handshake()
        else:
            self._arm()
            self._send(self._session.greet(self._session.record.peer))

    def _await_proxy(self) -> None:
        """A proxy's header comes first (the PROXY protocol), and nothing is said before it."""
        self._phase_ends = self._started + _PROXY_TIMEOUT
        self._before = self._read_proxy
        self._arm()
        if not self._trusted:
            self._fail("this peer is not trusted to speak for others")

    def _read_proxy(self, octets: bytes) -> None:
        self._preamble += octets
        try:
            found = read_header(self._preamble)
        except BadProxyHeader as error:
            self._fail(str(error))
            return
        if found is None:
            return
        header, length = found
        rest, self._preamble = self._preamble[length:], b""
        record = self._session.record
        record.proxy = header
        record.transcript.happened(f"{header!r}")
        if header.source is not None:
            record.peer = peer_name(header.source)
            if self._trusted and not self._entrance.trusts(header.source[0]):
                self._trusted = False  # the proxy is; whom it speaks for is not
                self._session.adopt(self._entrance.profile(None, trusted=False))
        self._before = self._phase_ends = None
        self._begin()
        if rest:
            self._pass_on(rest)

    def _pass_on(self, octets: bytes) -> None:
        """What came behind the end of a phase."""
        if self._before is not None:
            self._before(octets)
        elif not self._leaving:
            self._receive(octets)

    def _await_handshake(self) -> None:
        """From here on the client speaks TLS (RFC 3207 4, RFC 8314)."""
        tls, context = self._entrance.tls, self._entrance.context
        if tls is None or context is None:  # pragma: no cover - then TLS is not offered
            raise AssertionError("a handshake without TLS")
        self._before = self._shake_hands
        if tls.fault == "stall":
            self._before = lambda octets: None
            self._phase_ends = monotonic() + _FOR_EVER
            self._arm()
            return
        self._phase_ends = monotonic() + tls.handshake_timeout
        self._stream = TlsStream(cast("asyncio.Transport", self._transport), context)
        self._arm()

    def _shake_hands(self, octets: bytes) -> None:
        tls = self._entrance.tls
        stream, record, implicit = self._stream, self._session.record, self._entrance.implicit
        if tls is not None and tls.fault is not None and tls.fault in _FAULTY:
            self._transport.write(_FAULTY[tls.fault])
            self._fail(f"the server was told to answer it so: {tls.fault}")
            return
        if not self._preamble:
            self._preamble = octets[:1]
            if octets[0] != 0x16:  # RFC 8446 5.1: a handshake begins with this, and SMTP never does
                record.discard(octets)
                self._fail("the client spoke, and it was no TLS, which comes first here")
                return
        try:
            plain = stream.receive(octets)
        except ssl.SSLError as error:
            self._fail(_reason(error))
            return
        if not stream.established:
            return
        self._before = self._decrypt
        self._phase_ends = None
        self._preamble = b""
        self._transport = stream
        facts = stream.facts(self._entrance.bindings, implicit=implicit)
        self._session.secured(facts, self._entrance.profile(facts.version, trusted=self._trusted))
        self._last_octets = self._last_reply = monotonic()
        self._arm()
        if implicit:
            self._send(self._session.greet(record.peer))
        self._take_plain(plain)

    def _decrypt(self, octets: bytes) -> None:
        try:
            plain = self._stream.receive(octets)
        except ssl.SSLError as error:
            self._fail(_reason(error))  # octets that are no TLS, or an alert
            return
        self._take_plain(plain)

    def _take_plain(self, plain: bytes) -> None:
        if plain and not self._leaving:
            self._spoke = True
            self._receive(plain)
        if self._stream.ended and not self._leaving:
            self._note_end()
            self._send(self._session.end_of_input())

    def _too_slow(self) -> str:
        """What there is to say of a phase that did not end in time."""
        silent = self._before == self._shake_hands and not self._preamble
        if silent and self._entrance.implicit:
            return "it took too long: the client said nothing; does it wait for a greeting? TLS comes first here"
        return "it took too long"

    def _fail(self, why: str) -> None:
        """A phase before the session came to no good end: note it, and close."""
        self._note_failure(why)
        self._stop_timer()
        self._drop_answer()
        self._session.abandon()
        self._hang_up()

    def _note_end(self) -> None:
        """The client will say no more: note what that cuts short."""
        if self._phase_ends is not None:
            self._note_failure("the client closed the connection")
        elif self._before is not None and not self._spoke:
            # Some look at the certificate when the handshake is over; by TLS's rules all went well.
            why = "the client left behind the handshake, without a word"
            self._session.record.tls_failure = why
            self._session.record.transcript.happened(why)

    def _note_failure(self, why: str) -> None:
        record = self._session.record
        if self._before == self._read_proxy:
            record.proxy_failure = record.proxy_failure or why
            record.end("PROXY failed")
            record.transcript.happened(f"PROXY header refused: {why}")
        else:
            record.tls_failure = record.tls_failure or why
            record.end("TLS failed")
            record.transcript.happened(f"TLS failed: {why}")
        self._phase_ends = None
        self._leaving = True

    # -- the other half ----------------------------------------------------------------------

    def _receive(self, octets: bytes) -> None:
        """The session's own octets."""
        raise NotImplementedError

    def _send(self, output: bytes) -> None:
        """Write, and see how to go on."""
        raise NotImplementedError

    def _arm(self) -> None:
        """Set the timer to the deadline as it is now."""
        raise NotImplementedError

    def _stop_timer(self) -> None:
        raise NotImplementedError

    def _drop_answer(self) -> None:
        """Whatever is decided now comes too late."""
        raise NotImplementedError

    def _hang_up(self) -> None:
        """Say no more."""
        raise NotImplementedError


def _reason(error: ssl.SSLError) -> str:
    """Why TLS failed, in OpenSSL's words, without the place in its source."""
    return (error.reason or str(error)).replace("_", " ").lower()


def peer_name(name: object) -> str:
    """A socket's peer name, for people: `192.0.2.1:1025`, `[2001:db8::1]:1025`, or `unix`."""
    if isinstance(name, tuple):
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
    return "unix"
