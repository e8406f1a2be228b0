"""The one way by which requests leave: to addresses that were looked at, and to no others.

The name is resolved once, every address that it has is looked at, and the connection is made to one of those: a name
that leads elsewhere a moment later leads nowhere.  No redirect is followed here, no proxy of the environment is used,
and both time and size have an end.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import httpcore

from lazr.smtptest.errors import SmtptestError
from lazr.smtptest.web.addresses import Reach

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

__all__ = ["Answer", "NotAllowed", "NotAnswered", "OfThisNetwork", "Outgoing", "Resolve", "resolve"]

KIB = 1024

_PORTS = {"http": 80, "https": 443}

_MOST_NAMES = 32
_names = threading.BoundedSemaphore(_MOST_NAMES)

if TYPE_CHECKING:
    Resolve = Callable[[str, int], Awaitable[list[str]]]


class NotAllowed(SmtptestError, ValueError):
    """Nothing is sent to that URL: its address is not of the Internet, and not among those that are allowed."""


class OfThisNetwork(NotAllowed):
    """The name leads to addresses of this network, and to no others."""


class NotAnswered(SmtptestError, OSError):
    """Nothing came back: the name is unknown, nobody is there, it took too long, or it was not HTTP."""


class Answer(NamedTuple):
    """What came back; of the body, the first octets.  Names of header fields are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, as this machine knows them; raises `OSError`, also where too many are asked for.

    Nothing stops a question that DNS does not answer.  So each has a thread of its own, which nobody waits for: those
    of the event loop, of which others need some too, would be taken one by one.
    """
    if not _names.acquire(blocking=False):
        raise OSError(f"{_MOST_NAMES} names are being looked up, which is as many as there may be at a time")
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def tell(addresses: list[str], error: Exception | None) -> None:
        if found.done():  # nobody waits any more
            return
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)

    def ask() -> None:
        addresses, failure = [], None
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in rows))
        except (OSError, ValueError, OverflowError) as error:  # ValueError: a name in letters that DNS cannot have
            failure = error
        finally:
            _names.release()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, addresses, failure)

    try:
        threading.Thread(target=ask, name="smtptest-names", daemon=True).start()
    except RuntimeError as error:  # no more threads are to be had
        _names.release()
        raise OSError(str(error)) from None
    return await found


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
        try:
            async with asyncio.timeout(self._seconds), await self._pool() as pool:
                fields = [("Connection", "close"), *headers.items()]
                async with pool.stream(method, url, headers=fields, content=content) as response:
                    body = bytearray()
                    async for piece in response.aiter_stream():
                        body += piece
                        if len(body) >= self._most:
                            break
        except TimeoutError:
            raise NotAnswered(f"it took longer than {self._seconds:g} s") from None
        except NotAllowed:
            raise
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            OSError,
            UnicodeError,
        ) as error:
            # UnicodeError: a name that DNS cannot have, with 64 letters between two dots.
            raise NotAnswered(str(error) or type(error).__name__) from error
        told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return Answer(response.status, told, bytes(body[: self._most]))

    async def _pool(self) -> httpcore.AsyncConnectionPool:
        if self._context is None:
            self._context = await asyncio.to_thread(ssl.create_default_context)  # reads a file of 200 KB
        backend = _Checking(self._reach, self._resolve, self._seconds)
        return httpcore.AsyncConnectionPool(self._context, network_backend=backend, max_keepalive_connections=0)


class _Checking(httpcore.AsyncNetworkBackend):
    """Connects to addresses of a name that may be connected to; raises `NotAllowed` where it has none."""

    def __init__(self, reach: Reach, resolve: Resolve, seconds: float) -> None:
        self._reach = reach
        self._resolve = resolve
        self._seconds = seconds
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection; the names are httpcore's."""
        addresses = await self._resolve(host, port)
        refused = {address: why for address in addresses if (why := self._reach.refusal(address))}
        open_to_us = [address for address in addresses if address not in refused]
        if refused and not open_to_us:
            told = ", ".join(f"{address}, which is {why}" for address, why in refused.items())
            raise OfThisNetwork(f"{host} is {told}, and not among what is allowed")
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in open_to_us:
            try:
                # An address is not asked for again: what was looked at is what is connected to.
                return await self._backend.connect_tcp(
                    address, port, self._seconds / len(open_to_us), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure
