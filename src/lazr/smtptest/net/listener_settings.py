"""The listeners of one server and their settings.

The settings are the place, and the TLS mode, protocol and PROXY header of each listener.
"""

from __future__ import annotations

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.net.endpoint import Endpoint, TrustedPeers
from lazr.smtptest.protocol.smtp import TlsMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from lazr.smtptest.net.endpoint import ReadingAccess
    from lazr.smtptest.net.listener import Listen, Listener
    from lazr.smtptest.net.tls_settings import Tls
    from lazr.smtptest.protocol.reading_session import ReadingSettings
    from lazr.smtptest.protocol.smtp import Auth, ServerSettings

__all__ = ["LOOPBACK_NETWORKS", "READING_PROTOCOLS", "ListenerSettings"]

LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1")

_PROTOCOLS = ("smtp", "lmtp")
READING_PROTOCOLS = ("imap", "pop3")


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
        imap: The place to listen on for IMAP: True for any free port, a port, or a `Listen`; False for none.
        pop3: As `imap`, for POP3.
        reading_auth: Who may log in to IMAP and POP3; None for any user and password.

    Raises:
        ValueError: An unknown TLS mode or protocol, or an entry of `trusted` that is not a network.
        TypeError: `tls`, `trusted`, `extra_listens`, `imap` or `pop3` has another type.
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
        imap: bool | int | Listen = False,
        pop3: bool | int | Listen = False,
        reading_auth: Auth | None = None,
    ) -> None:
        if protocol not in _PROTOCOLS:
            raise ValueError(describe_unknown("protocol", protocol, _PROTOCOLS))
        self._server_settings = server_settings
        self._extra_listens = _check_listens(extra_listens)
        # The places of IMAP and POP3 that have an argument of their own, by protocol.
        self._reading_listens: dict[str, Listen] = {
            protocol: _parse_reading_listen(protocol, value)
            for protocol, value in (("imap", imap), ("pop3", pop3))
            if value is not False
        }
        self._reading_auth = reading_auth
        self._expects_proxy_header = proxy
        self.protocol: str = protocol
        self.tls: Tls | None = self._resolve_tls(tls)
        self.tls_mode: TlsMode = TlsMode.NONE if tls is None or self.tls is None else self.tls.mode
        if isinstance(trusted, str):
            raise TypeError(f"trusted must be a list of addresses, got the string {trusted!r}; write [{trusted!r}]")
        trusted = tuple(trusted)
        needs_trust = proxy or server_settings.xclient or any(listen.proxy for listen in self._further_listens)
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

    @property
    def _further_listens(self) -> tuple[Listen, ...]:
        return (*self._extra_listens, *self._reading_listens.values())

    @property
    def reading_protocols(self) -> set[str]:
        """The protocols among "imap" and "pop3" that the server speaks."""
        protocols = {listen.protocol for listen in self._further_listens}
        return {protocol for protocol in READING_PROTOCOLS if protocol in protocols}

    def find_reading_listen(self, protocol: str) -> Listen | None:
        """Return the first place of IMAP or POP3; None if the server does not speak it."""
        own = self._reading_listens.get(protocol)
        return own or next((listen for listen in self._extra_listens if listen.protocol == protocol), None)

    def keep_ports(self, listeners: Iterable[Listener]) -> None:
        """Use the ports of these bound listeners for IMAP and POP3 again after a restart."""
        for listener in listeners:
            for protocol, listen in self._reading_listens.items():
                if listener.listen is listen:
                    self._reading_listens[protocol] = listener.listen = listen.replace(port=listener.port)

    def _resolve_tls(self, tls: str | Tls | None) -> Tls | None:
        if tls is None and all(listen.tls in (None, TlsMode.NONE) for listen in self._further_listens):
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

        has_both = self.tls_mode is TlsMode.BOTH
        implicit = [Listen(host, 0, tls="implicit")] if has_both else []
        reading = []
        for listen in self._reading_listens.values():
            reading.append(listen)
            if has_both and listen.tls is None:
                reading.append(listen.replace(port=0, tls="implicit"))
        return [Listen(host, port), *implicit, *self._extra_listens, *reading]

    def get_tls_mode(self, listen: Listen) -> TlsMode:
        """Return the TLS mode of a listener: `NONE`, `STARTTLS` or `IMPLICIT`."""
        return listen.tls or self.first_tls_mode

    def build_endpoints(
        self, listeners: Iterable[Listener], build_access: Callable[[str], ReadingAccess]
    ) -> list[tuple[Listener, Endpoint]]:
        """Pair each listener with its endpoint.

        Args:
            listeners: The bound listeners.
            build_access: Returns how clients of "imap" or "pop3" reach mail.

        Raises `MissingExtra` if TLS needs trustme, which is missing.
        """
        tls = self.tls
        context = None if tls is None else tls.build_context()
        accesses: dict[str, ReadingAccess] = {protocol: build_access(protocol) for protocol in self.reading_protocols}
        endpoints = []
        for listener in listeners:
            listen = listener.listen
            mode = self.get_tls_mode(listen)
            protocol: Any = listen.protocol or self.protocol
            endpoint = Endpoint(
                self._build_reading_settings(mode) if protocol in accesses else self._build_settings(mode, protocol),
                protocol=protocol,
                reading=accesses.get(protocol),
                tls=None if mode is TlsMode.NONE else tls,
                tls_context=None if mode is TlsMode.NONE else context,
                expects_proxy_header=self._expects_proxy_header if listen.proxy is None else listen.proxy,
                trusted_peers=self._trusted_peers,
            )
            endpoints.append((listener, endpoint))
        return endpoints

    def _build_settings(self, mode: TlsMode, protocol: str) -> ServerSettings:
        """Return the settings of a listener of SMTP or LMTP."""
        tls = self.tls
        changes: dict[str, object] = {"tls": mode, "lmtp": protocol == "lmtp"}
        if tls is not None and mode is not TlsMode.NONE:
            changes["client_certificates"] = tls.is_requesting_client_certificates
        if tls is not None and mode is TlsMode.STARTTLS:
            changes |= {"starttls_fault": tls.starttls_fault, "tls_required": tls.required}
        return self._server_settings.replace(**changes)

    def _build_reading_settings(self, mode: TlsMode) -> ReadingSettings:
        """Return the settings of a listener of IMAP or POP3."""
        from lazr.smtptest.protocol.reading_session import ReadingSettings

        settings = self._server_settings
        tls = None if mode is TlsMode.NONE else self.tls
        return ReadingSettings(
            hostname=settings.hostname,
            limits=settings.limits,
            tls=mode,
            auth=self._reading_auth,
            client_certificates=tls is not None and tls.is_requesting_client_certificates,
            reply_to_exception=settings.reply_to_exception,
            keeps_content=settings.keeps_content,
        )


def _parse_reading_listen(protocol: str, value: object) -> Listen:
    """Return the place of IMAP or POP3 that an argument names."""
    from lazr.smtptest.net.listener import Listen

    if value is True:
        return Listen(protocol=protocol)  # type: ignore[arg-type]  # "imap" or "pop3"
    if isinstance(value, int):
        return Listen(port=value, protocol=protocol)  # type: ignore[arg-type]
    if not isinstance(value, Listen):
        raise TypeError(f"{protocol} must be True, False, a port or a Listen, got {value!r}; True takes any free port")
    if value.protocol not in (None, protocol):
        raise ValueError(f"{protocol} must be a Listen without another protocol, got {value!r}; add it to also=[…]")
    return value.replace(protocol=protocol)


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
