"""What a client meets behind a listener: a proxy's header, TLS, and the dialogue that fits."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from lazr.smtptest.net.tls import Tls
    from lazr.smtptest.protocol.smtp.profile import Profile

__all__ = ["Entrance", "Trusted"]


class Trusted:
    """The peers that may speak for others, by the PROXY protocol or XCLIENT: networks and addresses.

    A Unix socket's peers are trusted: who may open it is the file system's to say.

    Raises `ValueError` for what is neither an address nor a network.

    >>> Trusted(["192.0.2.0/24"]).includes("192.0.2.7")
    True
    """

    def __init__(self, networks: Iterable[str]) -> None:
        from ipaddress import ip_network

        self._networks = tuple(ip_network(network, strict=False) for network in networks)

    def includes(self, host: str | None) -> bool:
        """Whether this address is one of them; None is a Unix socket's peer."""
        from ipaddress import ip_address

        return host is None or any(ip_address(host.partition("%")[0]) in network for network in self._networks)


class Entrance:
    """One listener's way in; all of its connections share it.

    `profile` is what the server is in clear, to a peer that is trusted; else it is another.
    `tls` and `context` come together.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        tls: Tls | None = None,
        context: ssl.SSLContext | None = None,
        implicit: bool = False,
        proxy: bool = False,
        trusted: Trusted | None = None,
    ) -> None:
        self.tls: Tls | None = tls
        self.implicit: bool = implicit
        self.proxy: bool = proxy
        self.context: ssl.SSLContext | None = context
        # What SCRAM-…-PLUS can bind to (RFC 5929 4).
        self.bindings: dict[str, bytes] = {} if tls is None or profile.auth is None else tls.bindings()
        self._trusted = trusted
        self._in_clear = profile
        self._profiles: dict[tuple[str | None, bool], Profile] = {(None, profile.xclient): profile}

    def trusts(self, host: str | None) -> bool:
        """Whether this peer may speak for others."""
        return self._trusted is not None and self._trusted.includes(host)

    def profile(self, tls_version: str | None, *, trusted: bool) -> Profile:
        """What the server is to such a client; None is no TLS."""
        wanted = tls_version, trusted and self._in_clear.xclient
        if wanted not in self._profiles:
            profile = self._in_clear.but(xclient=wanted[1])
            if tls_version is not None:
                profile = profile.but(tls="on", channel_bindings=self._binds(tls_version))
            self._profiles[wanted] = profile
        return self._profiles[wanted]

    def _binds(self, tls_version: str) -> bool:
        """Whether SCRAM-…-PLUS is offered.

        RFC 9266 3: in TLS 1.3 clients expect tls-exporter, which Python's `ssl` has not.  So it is
        there for those who ask for it, and know that their client can bind to tls-server-end-point.
        """
        auth = self._in_clear.auth
        return bool(self.bindings) and auth is not None and (tls_version == "TLSv1.2" or auth.by_name)
