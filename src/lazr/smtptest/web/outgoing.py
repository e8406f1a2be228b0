"""The one way by which requests leave: to addresses that were looked at, and to no others.

The name is resolved once, every address that it has is looked at, and the connection is made to one of those: a name
that leads elsewhere a moment later leads nowhere.  No redirect is followed, no proxy of the environment is used, and
both time and size have an end.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import httpcore

from lazr.smtptest.errors import SmtptestError
from lazr.smtptest.web.addresses import Reach

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

__all__ = ["Answer", "NotAnswered", "NotAllowed", "Outgoing", "Resolve", "resolve"]

KIB = 1024

_PORTS = {"http": 80, "https": 443}

if TYPE_CHECKING:
    Resolve = Callable[[str, int], Awaitable[list[str]]]


class NotAllowed(SmtptestError, ValueError):
    """Nothing is sent to that URL: its address is not of the Internet, and not among those that are allowed."""


class NotAnswered(SmtptestError, OSError):
    """Nothing came back: the name is unknown, nobody is there, it took too long, or it was not HTTP."""


class Answer(NamedTuple):
    """What came back; of the body, the first octets.  Names of header fields are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, as this machine knows them; raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in found))


class Outgoing:
    """Sends requests.

    - `allowed`: networks that requests may go to although they are not the Internet: `["127.0.0.0/8", "::1/128"]`.
    - `seconds`: that a request may take, in all.  `most`: octets of an answer's body; the rest is not read.
    - `resolve`: gives the addresses of a host; this machine's, if nothing is said.
    - `context`: whose certificates are trusted.

    >>> Outgoing().check("http://user@localhost/")
    Traceback (most recent call last):
    lazr.smtptest.web.outgoing.NotAllowed: no user is taken in a URL
    """

    def __init__(
        self,
        allowed: Iterable[str] = (),
        *,
        seconds: float = 10.0,
        most: int = 64 * KIB,
        resolve: Resolve = resolve,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._reach = Reach(allowed)
        self._seconds = seconds
        self._most = most
        self._resolve = resolve
        self._context = context

    def check(self, url: str) -> None:
        """Raise `NotAllowed` for a URL that can be seen to be none of ours, before it is asked for."""
        if not url.isascii() or not url.isprintable() or " " in url:
            raise NotAllowed("a URL in ASCII is needed: names in xn--, all else with %")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise NotAllowed(f"not a URL: {error}") from None
        if parts.scheme not in _PORTS:
            raise NotAllowed("a URL of http or https is needed")
        if parts.username is not None or parts.password is not None:
            raise NotAllowed("no user is taken in a URL")
        if not parts.hostname or port == 0:
            raise NotAllowed("a URL with a host is needed")

    async def ask(self, method: str, url: str, *, headers: Mapping[str, str], content: bytes = b"") -> Answer:
        """Make one request, in a connection of its own.

        Raises `NotAllowed`, and then nobody was connected to; `NotAnswered`, and then they may have read it or not.
        """
        self.check(url)
        fields = {"Connection": "close", "Content-Length": str(len(content))} | dict(headers)
        pool = httpcore.AsyncConnectionPool(
            ssl_context=await asyncio.to_thread(ssl.create_default_context) if self._needs_context(url) else self._context,
            max_keepalive_connections=0,
            network_backend=_Checking(self._reach, self._resolve),
        )
        try:
            async with asyncio.timeout(self._seconds), pool:
                request = {"Host": _host(url)} | fields
                async with pool.stream(method, url, headers=list(request.items()), content=content) as response:
                    body = bytearray()
                    async for piece in response.aiter_stream():
                        body += piece
                        if len(body) >= self._most:
                            break
        except TimeoutError:
            raise NotAnswered(f"it took longer than {self._seconds:g} s") from None
        except NotAllowed:
            raise
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise NotAnswered(str(error) or type(error).__name__) from error
        told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return Answer(response.status, told, bytes(body[: self._most]))
