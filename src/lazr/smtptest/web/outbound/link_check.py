"""Check links by HEAD requests, with limits on their number, concurrency and time."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin

from lazr.smtptest import __version__
from lazr.smtptest.web.outbound.errors import PrivateAddressOnly, RequestFailed, UrlNotAllowed
from lazr.smtptest.web.outbound.message_urls import encode_url
from lazr.smtptest.web.sandbox import ConcurrencyLimit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.web.outbound.http_client import HttpResponse, OutboundClient

__all__ = ["LinkChecker", "LinkResult"]

# The status and text of Mailpit for an address that is not public.
_BLOCKED_RESULT = (451, "Blocked private/reserved address")

_REDIRECT_STATUSES = {301, 302, 303, 307, 308}
_MAX_REDIRECTS = 5

# Go's phrases, where those of Python differ or depend on its version.
_REASON_PHRASES = {
    413: "Request Entity Too Large",
    414: "Request URI Too Long",
    416: "Requested Range Not Satisfiable",
    418: "I'm a teapot",
    422: "Unprocessable Entity",
}


class LinkResult(NamedTuple):
    """The result for a link: its HTTP status and phrase, or status 0 and an error."""

    url: str
    status: int
    reason: str

    @property
    def is_broken(self) -> bool:
        """Whether there is no answer, or an error."""
        return self.status == 0 or self.status >= 400


class LinkChecker:
    """Check the links of mails; at most two mails are checked at once.

    Args:
        client: sends the requests, and decides which addresses are allowed.
        max_links: the largest number of links of a mail, 100 by default.
        max_concurrent: how many links of a mail are checked at once, 8 by default.
        timeout: seconds for all links of a mail, 60 by default.
    """

    def __init__(
        self, client: OutboundClient, *, max_links: int = 100, max_concurrent: int = 8, timeout: float = 60
    ) -> None:
        self.max_links = max_links
        self._client = client
        self._max_concurrent = max_concurrent
        self._timeout = timeout
        self._concurrency_limit = ConcurrencyLimit(2, max_waiting=20)

    async def check(self, urls: Iterable[str], *, follow: bool = False) -> list[LinkResult]:
        """Return the results in the order of the URLs; check each URL once.

        With `follow`, redirects are followed, and the result is the one of the last URL.

        Raises:
            TooManyWaiting: too many other checks wait.
        """
        unique_urls = list(dict.fromkeys(urls))[: self.max_links]
        results = {url: LinkResult(url, 0, f"not checked within {self._timeout:g} s") for url in unique_urls}
        slots = asyncio.Semaphore(self._max_concurrent)

        async def check_one(url: str) -> None:
            async with slots:
                results[url] = LinkResult(url, *await self._check_link(url, _MAX_REDIRECTS if follow else 0))

        async with self._concurrency_limit.acquire():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timeout), asyncio.TaskGroup() as group:
                    for url in unique_urls:
                        group.create_task(check_one(url))
        return list(results.values())

    async def _check_link(self, url: str, redirects_left: int) -> tuple[int, str]:
        try:
            response = await self._send_head(url)
            while redirects_left and response.status in _REDIRECT_STATUSES and "location" in response.headers:
                redirects_left -= 1
                # The location is untrusted input too: the client checks its address again.
                url = _join_url(url, response.headers["location"])
                response = await self._send_head(url)
                if not redirects_left and response.status in _REDIRECT_STATUSES:
                    return 0, "too many redirects"
        except PrivateAddressOnly:
            return _BLOCKED_RESULT
        except (UrlNotAllowed, RequestFailed) as error:
            return 0, str(error)
        return response.status, _get_reason_phrase(response.status)

    async def _send_head(self, url: str) -> HttpResponse:
        try:
            encoded_url = encode_url(url)
        except ValueError as error:
            raise UrlNotAllowed(f"not a URL: {error}") from None
        return await self._client.request("HEAD", encoded_url, headers={"User-Agent": f"lazr.smtptest/{__version__}"})


def _join_url(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise UrlNotAllowed(f"not a URL: {error}") from None


def _get_reason_phrase(status: int) -> str:
    if status in _REASON_PHRASES:
        return _REASON_PHRASES[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
