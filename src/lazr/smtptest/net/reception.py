"""A server's listeners: which there are, what each of them speaks, and to whom."""

from __future__ import annotations

from lazr.smtptest.net.entrance import Entrance, Trusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.net.listener import Listen, Listener
    from lazr.smtptest.net.tls import Tls
    from lazr.smtptest.protocol.smtp.profile import Profile

__all__ = ["THIS_MACHINE", "Reception"]

THIS_MACHINE = ("127.0.0.0/8", "::1")

# What STARTTLS is in clear, where something is to go wrong with it.
_STARTTLS = {"refused": "refused", "stripped": "stripped"}


class Reception:
    """What a server was told of its listeners; a `Listen` may say otherwise for itself.

    Raises `ValueError` for words that it does not know, and for networks that are none.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        tls: str | Tls | None,
        protocol: str,
        proxy: bool,
        trusted: Iterable[str],
        also: Iterable[Listen],
    ) -> None:
        if protocol not in ("smtp", "lmtp"):
            raise ValueError(f'protocol is "smtp" or "lmtp", not {protocol!r}')
        self._profile = profile
        self._also = tuple(also)
        self._proxy = proxy
        self.protocol: str = protocol
        self.tls: Tls | None = self._settings(tls)
        # How the server's own listener speaks TLS; "both" is one more listener.
        self.mode: str = "none" if tls is None or self.tls is None else self.tls.mode
        self._both = self.mode == "both"
        if self._both:
            self.mode = "starttls"
        trusted = tuple(trusted)
        speaks_for_others = proxy or profile.xclient or any(where.proxy for where in self._also)
        self._trusted = Trusted(trusted) if speaks_for_others or trusted != THIS_MACHINE else None

    @property
    def user(self) -> tuple[str, str] | None:
        """The name and the password of the first user; None where no password is known, or there is no AUTH."""
        auth = self._profile.auth
        return next(iter(((auth and auth.passwords) or {}).items()), None)

    def _settings(self, tls: str | Tls | None) -> Tls | None:
        if tls is None and all(where.tls in (None, "none") for where in self._also):
            return None  # and `ssl` need not be imported
        from lazr.smtptest.net.tls import Tls

        if isinstance(tls, Tls):
            return tls
        if tls is not None and not isinstance(tls, str):
            raise TypeError(
                f'tls is "starttls", "implicit", "both" or a Tls, not {tls!r}; a context of yours goes into Tls'
            )
        return Tls() if tls is None else Tls(tls)  # type: ignore[arg-type]  # it checks the word itself

    def places(self, host: str, port: int) -> list[Listen]:
        """All places to listen; the server's own one comes first."""
        from lazr.smtptest.net.listener import Listen

        both = [Listen(host, 0, tls="implicit")] if self._both else []
        return [Listen(host, port), *both, *self._also]

    def tls_mode(self, where: Listen) -> str:
        """How a listener speaks TLS: `none`, `starttls` or `implicit`."""
        return where.tls or self.mode

    def entrances(self, listeners: Iterable[Listener]) -> list[tuple[Listener, Entrance]]:
        """Each listener, and what its clients meet.  Raises `MissingExtra` for TLS where trustme is missing."""
        tls = self.tls
        context = None if tls is None else tls.context()
        entrances = []
        for listener in listeners:
            where = listener.where
            mode = self.tls_mode(where)
            profile = self._profile.but(lmtp=(where.protocol or self.protocol) == "lmtp")
            if tls is not None and mode != "none":
                profile = profile.but(client_certificates=tls.asks_for_certificates)
            if tls is not None and mode == "starttls":
                profile = profile.but(tls=_STARTTLS.get(tls.fault or "", "offered"), tls_required=tls.required)
            entrance = Entrance(
                profile,
                tls=None if mode == "none" else tls,
                context=None if mode == "none" else context,
                implicit=mode == "implicit",
                proxy=self._proxy if where.proxy is None else where.proxy,
                trusted=self._trusted,
            )
            entrances.append((listener, entrance))
        return entrances
