"""The settings that one listener offers its clients.

They are the protocol, the PROXY header, TLS, and the settings of the dialogue.
"""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import TlsMode, standard_replies

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from typing import Any, Final

    from lazr.smtptest.net.session_types import CreateReadingSession, ProtocolName, ReadingSession
    from lazr.smtptest.net.tls_settings import Tls
    from lazr.smtptest.protocol.reading_session import ReadingDecide, ReadingSettings
    from lazr.smtptest.protocol.smtp import ServerSettings

__all__ = ["Endpoint", "ProtocolTexts", "ReadingAccess", "TrustedPeers"]


class ProtocolTexts:
    """What a server sends without a session, in one protocol.

    Args:
        stopping: To a client that connects while the server stops.
        crowded: To a client that is one too many.
        refused: In plaintext where the client expects TLS.
    """

    __slots__ = ("crowded", "refused", "stopping")

    def __init__(self, stopping: bytes, crowded: bytes, refused: bytes) -> None:
        self.stopping: Final = stopping
        self.crowded: Final = crowded
        self.refused: Final = refused


_SMTP_TEXTS = ProtocolTexts(  # RFC 5321 3.8, 4.2.3
    standard_replies.SHUTTING_DOWN.wire,
    standard_replies.TOO_MANY_CONNECTIONS.wire,
    standard_replies.NOT_RECOGNIZED.wire,
)
_TEXTS: dict[str, ProtocolTexts] = {
    "smtp": _SMTP_TEXTS,
    "lmtp": _SMTP_TEXTS,
    "imap": ProtocolTexts(  # RFC 9051 7.1.5
        b"* BYE [UNAVAILABLE] Server shutting down, goodbye\r\n",
        b"* BYE [UNAVAILABLE] Too many connections, try later\r\n",
        b"* BAD Command not recognized\r\n",
    ),
    "pop3": ProtocolTexts(  # RFC 3206 4
        b"-ERR [SYS/TEMP] Server shutting down, goodbye\r\n",
        b"-ERR [SYS/TEMP] Too many connections, try later\r\n",
        b"-ERR Command not recognized\r\n",
    ),
}


class ReadingAccess:
    """How clients of IMAP or POP3 reach mail.

    Args:
        create_session: Returns a new session, from its function that decides and its settings.
        may_block: Whether the calls of sessions wait for a disk or a network, so that threads run them.
        follows_changes: Whether sessions are told of changes to their account.
    """

    __slots__ = ("create_session", "follows_changes", "may_block")

    def __init__(self, create_session: CreateReadingSession, *, may_block: bool, follows_changes: bool = True) -> None:
        self.create_session: Final = create_session
        self.may_block: Final = may_block
        self.follows_changes: Final = follows_changes


class TrustedPeers:
    """Addresses and networks whose PROXY headers and XCLIENT commands are believed.

    Peers on a Unix socket are always trusted: file permissions decide who may connect.

    Raises `ValueError` if an entry is neither an IP address nor a network.

    >>> TrustedPeers(["192.0.2.0/24"]).is_trusted("192.0.2.7")
    True
    """

    def __init__(self, networks: Iterable[str]) -> None:
        from ipaddress import ip_network

        self._networks = tuple(ip_network(network, strict=False) for network in networks)

    def is_trusted(self, host: str | None) -> bool:
        """Return whether this address is in one of the networks.

        None stands for a Unix socket's peer.
        """
        from ipaddress import ip_address

        return host is None or any(ip_address(host.partition("%")[0]) in network for network in self._networks)


class Endpoint:
    """The settings of one listener, shared by all of its connections.

    Args:
        settings: The settings of a dialogue before TLS, with a trusted peer.  Other clients get a variant of them, see
            `get_settings`.  Their `tls` is the listener's TLS mode.
        protocol: `"smtp"`, `"lmtp"`, `"imap"` or `"pop3"`.
        reading: How clients of IMAP and POP3 reach mail; None for SMTP and LMTP.
        tls: How TLS behaves; None without TLS.
        tls_context: The server's side of the handshake; given exactly when `tls` is given.
        expects_proxy_header: Whether each connection begins with a PROXY protocol header.
        trusted_peers: The peers that may name another client; None if neither PROXY nor XCLIENT is in use.
    """

    def __init__(
        self,
        settings: ServerSettings | ReadingSettings,
        *,
        protocol: ProtocolName = "smtp",
        reading: ReadingAccess | None = None,
        tls: Tls | None = None,
        tls_context: ssl.SSLContext | None = None,
        expects_proxy_header: bool = False,
        trusted_peers: TrustedPeers | None = None,
    ) -> None:
        self.protocol: ProtocolName = protocol
        self.reading: ReadingAccess | None = reading
        self.texts: ProtocolTexts = _TEXTS[protocol]
        self.tls: Tls | None = tls
        self.has_implicit_tls: bool = settings.tls is TlsMode.IMPLICIT
        self.expects_proxy_header: bool = expects_proxy_header
        self.tls_context: ssl.SSLContext | None = tls_context
        # What SCRAM-…-PLUS can bind to (RFC 5929 4).
        self.channel_bindings: dict[str, bytes] = (
            {} if tls is None or settings.auth is None else tls.compute_channel_bindings()
        )
        self._trusted_peers = trusted_peers
        self._plaintext_settings = settings
        self._offers_xclient: bool = getattr(settings, "xclient", False)  # SMTP only
        self._settings_by_client: dict[tuple[str | None, bool], Any] = {(None, self._offers_xclient): settings}

    def is_trusted(self, host: str | None) -> bool:
        """Return whether a peer with this address may name another client."""
        return self._trusted_peers is not None and self._trusted_peers.is_trusted(host)

    def create_reading_session(self, reading: ReadingAccess, decide: ReadingDecide) -> ReadingSession:
        """Return a new session of IMAP or POP3; `decide` decides about the commands."""
        return reading.create_session(decide, self.get_settings(None, is_trusted=False))

    def get_settings(self, tls_version: str | None, *, is_trusted: bool) -> Any:
        """Return the settings of a dialogue with such a client; `tls_version` is None outside TLS."""
        key = tls_version, is_trusted and self._offers_xclient
        if key not in self._settings_by_client:
            settings: Any = self._plaintext_settings
            if self._offers_xclient:
                settings = settings.replace(xclient=key[1])
            if tls_version is not None:
                settings = settings.replace(tls_active=True, channel_bindings=self._can_bind_channel(tls_version))
            self._settings_by_client[key] = settings
        return self._settings_by_client[key]

    def _can_bind_channel(self, tls_version: str) -> bool:
        """Return whether SCRAM-…-PLUS is offered.

        In TLS 1.3 clients expect tls-exporter (RFC 9266 3), which Python's `ssl` lacks.  So with TLS 1.3 the mechanism
        is offered only if `Auth` names it explicitly, for clients that can bind to tls-server-end-point.
        """
        auth = self._plaintext_settings.auth
        return (
            bool(self.channel_bindings)
            and auth is not None
            and (tls_version == "TLSv1.2" or auth.has_explicit_mechanisms)
        )
