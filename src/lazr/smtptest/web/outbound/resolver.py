"""Resolve host names in threads that nothing has to wait for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Resolver", "resolve_host"]

_MAX_CONCURRENT_LOOKUPS = 32
_lookup_slots = threading.BoundedSemaphore(_MAX_CONCURRENT_LOOKUPS)

if TYPE_CHECKING:
    Resolver = Callable[[str, int], Awaitable[list[str]]]


async def resolve_host(host: str, port: int) -> list[str]:
    """Return all addresses of a host, as the operating system resolves it.

    A DNS query without an answer cannot be cancelled.  So each has a daemon thread of its own: in the thread pool
    of the event loop, such queries would block all other work one by one.

    Raises:
        OSError: the host is unknown, or 32 queries are running already.
    """
    if not _lookup_slots.acquire(blocking=False):
        raise OSError(f"at most {_MAX_CONCURRENT_LOOKUPS} host names can be resolved at once; try again later")
    loop = asyncio.get_running_loop()
    result: asyncio.Future[list[str]] = loop.create_future()

    def set_result(addresses: list[str], error: Exception | None) -> None:
        if result.done():  # cancelled
            return
        if error is None:
            result.set_result(addresses)
        else:
            result.set_exception(error)

    def look_up() -> None:
        addresses, failure = [], None
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in rows))
        except (OSError, ValueError, OverflowError) as error:  # ValueError: a name that DNS cannot encode
            failure = error
        finally:
            _lookup_slots.release()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(set_result, addresses, failure)

    try:
        threading.Thread(target=look_up, name="smtptest-names", daemon=True).start()
    except RuntimeError as error:  # the system has no thread left
        _lookup_slots.release()
        raise OSError(str(error)) from None
    return await result
