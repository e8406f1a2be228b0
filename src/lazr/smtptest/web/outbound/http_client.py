"""Send HTTP requests to checked addresses; all HTTP requests of the package go this way.

The client follows no redirects, uses no proxy of the environment, and limits the time and the size of an answer.
`network_backend` checks the addresses.
"""

from __future__ import annotations

import asyncio
import ssl
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from lazr.smtptest.web.outbound.address_policy import AddressPolicy
from lazr.smtptest.web.outbound.errors import RequestFailed, UrlNotAllowed
from lazr.smtptest.web.outbound.resolver import resolve_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import httpcore

    from lazr.smtptest.web.outbound.resolver import Resolver

__all__ = ["HttpResponse", "OutboundClient"]

KIB = 1024

_SCHEMES = ("http", "https")


class HttpResponse(NamedTuple):
    """An answer; names of header fields are in lower case, and the body may be cut off."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OutboundClient:
    """An HTTP client for URLs from untrusted input.

    Args:
        allowed_networks: networks that requests may go to besides the Internet, such as `["127.0.0.0/8", "::1/128"]`.
        timeout: seconds for a whole request, 10 by default.
        max_body_bytes: how much of an answer's body is read, 64 KiB by default; the rest is dropped.
        resolver: returns the addresses of a host; the default asks the operating system.
        ssl_context: the trusted certificates; the default is those of the operating system.

    Raises:
        ValueError: an allowed network is not a network.

    >>> OutboundClient().check_url("http://user@localhost/")
    Traceback (most recent call last):
    lazr.smtptest.web.outbound.errors.UrlNotAllowed: a URL must not have a user name
    """

    def __init__(
        self,
        allowed_networks: Iterable[str] = (),
        *,
        timeout: float = 10.0,
        max_body_bytes: int = 64 * KIB,
        resolver: Resolver = resolve_host,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = AddressPolicy(allowed_networks)
        self._timeout = timeout
        self._max_body_bytes = max_body_bytes
        self._resolver = resolver
        self._ssl_context = ssl_context

    def check_url(self, url: str) -> None:
        """Raise `UrlNotAllowed` for a URL that can be rejected without a look at its addresses."""
        if not url.isascii() or not url.isprintable() or " " in url:
            raise UrlNotAllowed("a URL must be ASCII: host names in Punycode (xn--), other characters as %XX")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UrlNotAllowed(f"not a URL: {error}") from None
        if parts.scheme not in _SCHEMES:
            raise UrlNotAllowed("a URL must have the scheme http or https")
        if parts.username is not None or parts.password is not None:
            raise UrlNotAllowed("a URL must not have a user name")
        if not parts.hostname or port == 0:
            raise UrlNotAllowed("a URL must have a host, and a port other than 0")

    async def request(self, method: str, url: str, *, headers: Mapping[str, str], content: bytes = b"") -> HttpResponse:
        """Send one request over a new connection, and return the answer.

        Args:
            method: the HTTP method, such as "POST".
            url: an ASCII URL of http or https.
            headers: the header fields; `Connection: close` is added.
            content: the body.

        Raises:
            UrlNotAllowed: the URL or all addresses of its host are not allowed; nothing was sent.
            RequestFailed: there is no answer; the server may have received the request or not.
        """
        self.check_url(url)
        # Importing httpcore takes a tenth of the time that a server takes to start, so the first request does it.
        await asyncio.to_thread(import_module, "lazr.smtptest.web.outbound.network_backend")
        import httpcore

        try:
            async with asyncio.timeout(self._timeout), await self._make_pool() as pool:
                fields = [("Connection", "close"), *headers.items()]
                async with pool.stream(method, url, headers=fields, content=content) as response:
                    body = bytearray()
                    async for chunk in response.aiter_stream():
                        body += chunk
                        if len(body) >= self._max_body_bytes:
                            break
        except TimeoutError:
            raise RequestFailed(f"the request took longer than {self._timeout:g} s") from None
        except UrlNotAllowed:
            raise
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            OSError,
            UnicodeError,  # a name that DNS cannot encode, with 64 letters between two dots
        ) as error:
            raise RequestFailed(str(error) or type(error).__name__) from error
        fields_by_name = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return HttpResponse(response.status, fields_by_name, bytes(body[: self._max_body_bytes]))

    async def _make_pool(self) -> httpcore.AsyncConnectionPool:
        if self._ssl_context is None:
            self._ssl_context = await asyncio.to_thread(ssl.create_default_context)  # reads a file of 200 KB
        import httpcore

        from lazr.smtptest.web.outbound.network_backend import PolicyNetworkBackend

        backend = PolicyNetworkBackend(self._policy, self._resolver, self._timeout)
        return httpcore.AsyncConnectionPool(self._ssl_context, network_backend=backend, max_keepalive_connections=0)
