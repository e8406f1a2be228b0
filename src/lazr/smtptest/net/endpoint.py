"""The settings that one listener offers its clients.

They are the PROXY header, TLS, and the settings of the SMTP dialogue.
"""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import TlsMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from lazr.smtptest.net.tls_settings import Tls
    from lazr.smtptest.protocol.smtp import ServerSettings

__all__ = ["Endpoint", "TrustedPeers"]


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
        server_settings: The settings of a dialogue before TLS, with a trusted peer.  Other clients get a variant of
            them, see `get_server_settings`.  Their `tls` is the listener's TLS mode.
        tls: How TLS behaves; None without TLS.
        tls_context: The server's side of the handshake; given exactly when `tls` is given.
        expects_proxy_header: Whether each connection begins with a PROXY protocol header.
        trusted_peers: The peers that may name another client; None if neither PROXY nor XCLIENT is in use.
    """

    def __init__(
        self,
        server_settings: ServerSettings,
        *,
        tls: Tls | None = None,
        tls_context: ssl.SSLContext | None = None,
        expects_proxy_header: bool = False,
        trusted_peers: TrustedPeers | None = None,
    ) -> None:
        self.tls: Tls | None = tls
        self.has_implicit_tls: bool = server_settings.tls is TlsMode.IMPLICIT
        self.expects_proxy_header: bool = expects_proxy_header
        self.tls_context: ssl.SSLContext | None = tls_context
        # What SCRAM-…-PLUS can bind to (RFC 5929 4).
        self.channel_bindings: dict[str, bytes] = (
            {} if tls is None or server_settings.auth is None else tls.compute_channel_bindings()
        )
        self._trusted_peers = trusted_peers
        self._plaintext_settings = server_settings
        self._settings_by_client: dict[tuple[str | None, bool], ServerSettings] = {
            (None, server_settings.xclient): server_settings
        }

    def is_trusted(self, host: str | None) -> bool:
        """Return whether a peer with this address may name another client."""
        return self._trusted_peers is not None and self._trusted_peers.is_trusted(host)

    def get_server_settings(self, tls_version: str | None, *, is_trusted: bool) -> ServerSettings:
        """Return the settings of a dialogue with such a client; `tls_version` is None outside TLS."""
        key = tls_version, is_trusted and self._plaintext_settings.xclient
        if key not in self._settings_by_client:
            settings = self._plaintext_settings.replace(xclient=key[1])
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
