"""Reject requests whose `Host` is not a name of this server (DNS rebinding).

An attacker's web page can make its own domain name resolve to this machine; the browser then treats both as one
site.  But the browser still sends the attacker's name in `Host`, so only known names are accepted.  An IP address
in `Host` cannot be rebound, because no name was resolved.

A name without a dot, such as `mail` in a compose file, and a name in a zone for private use are no attacker's either:
no public DNS zone can hold them.  But the owner of the network can answer for them.  So they are accepted only by a
server that the network can reach anyway, as in a container, and not on a loopback address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.web.middleware.authority import parse_allowed_hosts, parse_ip_address, split_authority
from lazr.smtptest.web.middleware.exposure import is_exposed
from lazr.smtptest.web.middleware.rejection import reject
from lazr.smtptest.web.middleware.request_headers import get_headers
from lazr.smtptest.web.middleware.scope_types import for_scope_types

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["TrustedHostMiddleware"]

# This machine, and the names of Docker and of Podman for the machine that runs a container.
_LOCAL_NAMES = frozenset({"localhost", "host.docker.internal", "host.containers.internal"})

# RFC 6761 6.2 and 6.3, RFC 6762 3, RFC 8375, and ICANN's resolution 2024.07.29.06: registries delegate none of these.
_PRIVATE_ZONES = (".home.arpa", ".internal", ".local", ".test")
# Top-level domains have names without a dot, too.  Those of countries, which have two letters or begin with xn--, may
# have an address (RFC 7085); ICANN forbids it to all others.  A number is an address in the view of browsers.
_SERVICE_NAME_PATTERN = re.compile(r"(?!xn--|0x|[0-9]+\Z)[a-z0-9_][a-z0-9_-]{2,62}")


class TrustedHostMiddleware:
    """Reject a foreign `Host` with 421 (RFC 9110 15.5.20).

    A request with no `Host`, or with several, is 400.  Trusted are `localhost`, 127.0.0.0/8, ::1, the address that
    the server listens on, the local address of the connection, and `allowed_hosts`.  The names by which containers
    reach their host are trusted, too, and names in `.localhost`.  Ports are ignored.  If the server listens on all
    addresses, any IP address is trusted.  If it does not listen on a loopback address, names without a dot are trusted,
    except those of countries, and names in `.test`, `.local`, `.internal` and `.home.arpa`.

    Args:
        app: the next ASGI application, which receives the accepted requests.
        bind_host: the address or name that the server listens on.
        allowed_hosts: further names and addresses, each with or without a port, which is ignored; "*" allows all.  An
            item may have several, separated by commas or spaces.

    Raises:
        ValueError: an allowed host is not a name or an address.
    """

    def __init__(self, app: ASGIApp, *, bind_host: str = "127.0.0.1", allowed_hosts: Collection[str] = ()) -> None:
        self.app = app
        self._trusts_private_names = is_exposed(bind_host)
        self._bind_address = parse_ip_address(bind_host)
        self._allowed_hosts = {*_LOCAL_NAMES, *parse_allowed_hosts(allowed_hosts)}
        if self._bind_address is None:
            self._allowed_hosts.add(bind_host.lower())

    @for_scope_types("http", "websocket")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or websocket (ASGI 3)."""
        hosts = get_headers(scope, b"host")
        if len(hosts) != 1:
            reason = "A request must have exactly one Host header (RFC 9112 3.2)"
            await reject(scope, receive, send, 400, reason)
            return
        server = scope.get("server")
        if not self.is_trusted(hosts[0], local_address=server[0] if server else None):
            reason = f"Host {escape_unprintable(hosts[0])[:255]} is not a name of this server; see --allowed-host"
            await reject(scope, receive, send, 421, reason)
            return
        await self.app(scope, receive, send)

    def is_trusted(self, authority: str, *, local_address: str | None = None) -> bool:
        """Return whether an authority names this server.

        `local_address` is the server's address in the connection that the request came over.

        >>> middleware = TrustedHostMiddleware(None, allowed_hosts=["mail.test"])
        >>> [middleware.is_trusted(host) for host in ("localhost:8025", "Mail.test", "evil.test")]
        [True, True, False]
        """
        name, _ = split_authority(authority)
        if not name:
            return False
        address = parse_ip_address(name)
        if "*" in self._allowed_hosts:
            return True
        if address is None:
            return self._is_trusted_name(name.removesuffix("."))
        if address.is_loopback and (address.version == 4 or int(address) == 1):
            return True
        if self._bind_address is not None and self._bind_address.is_unspecified:
            return True
        return (
            address == self._bind_address
            or (local_address is not None and address == parse_ip_address(local_address))
            or str(address) in self._allowed_hosts
        )

    def _is_trusted_name(self, name: str) -> bool:
        # Browsers connect names in `.localhost` to this machine, whatever the DNS has (RFC 6761 6.3).
        if name in self._allowed_hosts or name.endswith(".localhost"):
            return True
        if not self._trusts_private_names:
            return False
        return name.endswith(_PRIVATE_ZONES) or _SERVICE_NAME_PATTERN.fullmatch(name) is not None
