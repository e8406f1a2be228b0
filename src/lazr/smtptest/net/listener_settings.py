"""The listeners of one server and their settings.

The settings are the place, and the TLS mode, protocol and PROXY header of each listener.
"""

from __future__ import annotations

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.net.endpoint import Endpoint, TrustedPeers
from lazr.smtptest.protocol.smtp import TlsMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.net.listener import Listen, Listener
    from lazr.smtptest.net.tls_settings import Tls
    from lazr.smtptest.protocol.smtp import ServerSettings

__all__ = ["LOOPBACK_NETWORKS", "ListenerSettings"]

LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1")

_PROTOCOLS = ("smtp", "lmtp")


class ListenerSettings:
    """The server's own settings of TLS, protocol and PROXY.

    Each `Listen` can override them for itself.

    Args:
        server_settings: The settings of the dialogue; each listener gets a variant of them.
        tls: `"starttls"`, `"implicit"`, `"both"` or a `Tls`; None is no TLS.
        protocol: `"smtp"` or `"lmtp"`.
        proxy: Whether connections begin with a PROXY protocol header.
        trusted: Addresses and networks of peers that may send a PROXY header or XCLIENT.
        extra_listens: Further places to listen on.

    Raises:
        ValueError: An unknown TLS mode or protocol, or an entry of `trusted` that is not a network.
        TypeError: `tls`, `trusted` or `extra_listens` has another type.
    """

    def __init__(
        self,
        server_settings: ServerSettings,
        *,
        tls: str | Tls | None,
        protocol: str,
        proxy: bool,
        trusted: Iterable[str],
        extra_listens: Iterable[Listen],
    ) -> None:
        if protocol not in _PROTOCOLS:
            raise ValueError(describe_unknown("protocol", protocol, _PROTOCOLS))
        self._server_settings = server_settings
        self._extra_listens = _check_listens(extra_listens)
        self._expects_proxy_header = proxy
        self.protocol: str = protocol
        self.tls: Tls | None = self._resolve_tls(tls)
        self.tls_mode: TlsMode = TlsMode.NONE if tls is None or self.tls is None else self.tls.mode
        if isinstance(trusted, str):
            raise TypeError(f"trusted must be a list of addresses, got the string {trusted!r}; write [{trusted!r}]")
        trusted = tuple(trusted)
        needs_trust = proxy or server_settings.xclient or any(listen.proxy for listen in self._extra_listens)
        self._trusted_peers = TrustedPeers(trusted) if needs_trust or trusted != LOOPBACK_NETWORKS else None

    @property
    def first_user(self) -> tuple[str, str] | None:
        """The name and the password of the first user.

        None without AUTH, or if no password is known.
        """
        auth = self._server_settings.auth
        return next(iter(((auth and auth.passwords) or {}).items()), None)

    @property
    def first_tls_mode(self) -> TlsMode:
        """The TLS mode of the server's first listener: `NONE`, `STARTTLS` or `IMPLICIT`."""
        return TlsMode.STARTTLS if self.tls_mode is TlsMode.BOTH else self.tls_mode

    def _resolve_tls(self, tls: str | Tls | None) -> Tls | None:
        if tls is None and all(listen.tls in (None, TlsMode.NONE) for listen in self._extra_listens):
            return None  # without TLS, `ssl` is not imported
        from lazr.smtptest.net.tls_settings import Tls

        if isinstance(tls, Tls):
            return tls
        if tls is not None and not isinstance(tls, str):
            raise TypeError(
                f'tls must be "starttls", "implicit", "both" or a Tls, got {tls!r}; '
                "pass an SSLContext as Tls(certificate=...)"
            )
        return Tls() if tls is None else Tls(tls)  # type: ignore[arg-type]  # Tls checks the string itself

    def list_listens(self, host: str, port: int) -> list[Listen]:
        """List all places to listen on; the server's own `host` and `port` come first."""
        from lazr.smtptest.net.listener import Listen

        implicit = [Listen(host, 0, tls="implicit")] if self.tls_mode is TlsMode.BOTH else []
        return [Listen(host, port), *implicit, *self._extra_listens]

    def get_tls_mode(self, listen: Listen) -> TlsMode:
        """Return the TLS mode of a listener: `NONE`, `STARTTLS` or `IMPLICIT`."""
        return listen.tls or self.first_tls_mode

    def build_endpoints(self, listeners: Iterable[Listener]) -> list[tuple[Listener, Endpoint]]:
        """Pair each listener with its endpoint.

        Raises `MissingExtra` if TLS needs trustme, which is missing.
        """
        tls = self.tls
        context = None if tls is None else tls.build_context()
        endpoints = []
        for listener in listeners:
            listen = listener.listen
            mode = self.get_tls_mode(listen)
            changes: dict[str, object] = {"tls": mode, "lmtp": (listen.protocol or self.protocol) == "lmtp"}
            if tls is not None and mode is not TlsMode.NONE:
                changes["client_certificates"] = tls.is_requesting_client_certificates
            if tls is not None and mode is TlsMode.STARTTLS:
                changes |= {"starttls_fault": tls.starttls_fault, "tls_required": tls.required}
            endpoint = Endpoint(
                self._server_settings.replace(**changes),
                tls=None if mode is TlsMode.NONE else tls,
                tls_context=None if mode is TlsMode.NONE else context,
                expects_proxy_header=self._expects_proxy_header if listen.proxy is None else listen.proxy,
                trusted_peers=self._trusted_peers,
            )
            endpoints.append((listener, endpoint))
        return endpoints


def _check_listens(listens: Iterable[Listen]) -> tuple[Listen, ...]:
    """Return the further places to listen on, after a check of their types."""
    if listens == ():
        return ()
    from lazr.smtptest.net.listener import Listen

    if isinstance(listens, (str, Listen)) or not hasattr(listens, "__iter__"):
        raise TypeError(f"also must be a list of Listen values, got {listens!r}; write {_suggest_listens(listens)}")
    places = tuple(listens)
    for place in places:
        if not isinstance(place, Listen):
            raise TypeError(f"also must be a list of Listen values, got {place!r}; write {_suggest_listens(place)}")
    return places


def _suggest_listens(value: object) -> str:
    if isinstance(value, str):
        return f"also=[Listen({value!r})]"
    return 'also=[Listen("::1")]'
