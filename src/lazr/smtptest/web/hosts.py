"""By which names this server may be spoken to.

A page of a stranger can make its own name lead here (DNS rebinding), and its browser then takes the two for one
site.  But it says that name in `Host`, and cannot help it.  So names that are not known to be ours are refused.  A
literal address cannot be rebound: no name was asked for.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from lazr.smtptest.protocol.smtp.printable import printable
from lazr.smtptest.web.refusal import headers, refuse

if TYPE_CHECKING:
    from collections.abc import Collection
    from ipaddress import IPv4Address, IPv6Address

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Hosts", "literal", "split_authority"]

# RFC 9110 7.2: uri-host [ ":" port ].
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{0,5}))?")


class Hosts:
    """Middleware: a `Host` that is not ours is answered 421 (RFC 9110 15.5.20), none or several 400.

    Ours are `localhost`, the addresses 127.0.0.0/8 and ::1, the address that the server is bound to, the one that
    the connection came in at, and the names that were configured, without their ports; `*` among them is any name.
    Where the server is bound to all addresses, any literal address is.
    """

    def __init__(self, app: ASGIApp, *, bound: str = "127.0.0.1", names: Collection[str] = ()) -> None:
        self._app = app
        self._bound = literal(bound)
        self._names = {name.lower().removesuffix(".") for name in (*names, "localhost")}
        if self._bound is None:
            self._names.add(bound.lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the lifespan (ASGI 3)."""
        if scope["type"] != "lifespan":
            said = headers(scope, b"host")
            if len(said) != 1:
                await refuse(scope, receive, send, 400, "One Host header is needed (RFC 9112 3.2)")
                return
            server = scope.get("server")
            if not self.are(said[0], at=server[0] if server else None):
                await refuse(
                    scope,
                    receive,
                    send,
                    421,
                    f"This server is not called {printable(said[0])[:255]}; see --allowed-host",
                )
                return
        await self._app(scope, receive, send)

    def are(self, authority: str, *, at: str | None = None) -> bool:
        """Whether it is ours; `at` is the address that the connection came in at.

        >>> [Hosts(None, names=["mail.test"]).are(host) for host in ("localhost:8025", "Mail.test", "evil.test")]
        [True, True, False]
        """
        name, _ = split_authority(authority)
        if not name:
            return False
        address = literal(name)
        if address is None:
            return "*" in self._names or name.removesuffix(".") in self._names
        if address.is_loopback and (address.version == 4 or int(address) == 1):
            return True
        if self._bound is not None and self._bound.is_unspecified:
            return True
        return address == self._bound or (at is not None and address == literal(at)) or str(address) in self._names


def split_authority(authority: str) -> tuple[str, int | None]:
    """Host, in lower case, and port, None where it is not said; both empty where that makes no sense.

    >>> split_authority("LocalHost:8025"), split_authority("[::1]"), split_authority("user@localhost")
    (('localhost', 8025), ('[::1]', None), ('', None))
    """
    matched = _AUTHORITY.fullmatch(authority)
    if matched is None:
        return "", None
    host, port = matched.groups()
    return host.lower(), int(port) if port else None


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, in brackets or not; None where it is a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
