"""Whether links lead somewhere: each is asked for with HEAD, so many of them, and until a time."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin

from lazr.smtptest import __version__
from lazr.smtptest.web.inturn import InTurn
from lazr.smtptest.web.mentioned import as_asked
from lazr.smtptest.web.outgoing import NotAllowed, NotAnswered, OfThisNetwork

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.web.outgoing import Answer, Outgoing

__all__ = ["Checked", "LinkCheck"]

# Mailpit's words and status for what is not of the Internet.
_BLOCKED = (451, "Blocked private/reserved address")

_REDIRECTS = {301, 302, 303, 307, 308}
_HOPS = 5

# Where Pythons differ among themselves, or from Go.
_PHRASES = {
    413: "Request Entity Too Large",
    414: "Request URI Too Long",
    416: "Requested Range Not Satisfiable",
    418: "I'm a teapot",
    422: "Unprocessable Entity",
}


class Checked(NamedTuple):
    """What became of a link: its status, with the words for it; 0 where nothing was answered, with the reason."""

    url: str
    status: int
    words: str

    @property
    def is_broken(self) -> bool:
        """Whether it leads nowhere."""
        return self.status == 0 or self.status >= 400


class LinkCheck:
    """Asks for links.

    - `outgoing`: by which requests leave; it knows which addresses are allowed.
    - `most`: of one mail.  `at_once`: of those.  `seconds`: for all of them.
    - Two mails at a time; who asks for a further one waits.
    """

    def __init__(self, outgoing: Outgoing, *, most: int = 100, at_once: int = 8, seconds: float = 60) -> None:
        self.most = most
        self._outgoing = outgoing
        self._at_once = at_once
        self._seconds = seconds
        self._turns = InTurn(2, waiting=20)

    async def check(self, urls: Iterable[str], *, follow: bool = False) -> list[Checked]:
        """What became of each, in their order; with `follow`, of where its redirects end.

        Raises `Refused`, 503, where too many wait.
        """
        chosen = list(dict.fromkeys(urls))[: self.most]
        found = {url: Checked(url, 0, f"not asked for within {self._seconds:g} s") for url in chosen}
        places = asyncio.Semaphore(self._at_once)

        async def ask(url: str) -> None:
            async with places:
                found[url] = Checked(url, *await self._ask(url, _HOPS if follow else 0))

        async with self._turns.turn():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds), asyncio.TaskGroup() as group:
                    for url in chosen:
                        group.create_task(ask(url))
        return list(found.values())

    async def _ask(self, url: str, hops: int) -> tuple[int, str]:
        try:
            answer = await self._head(url)
            while hops and answer.status in _REDIRECTS and "location" in answer.headers:
                hops -= 1
                # It goes the same way as the first: a redirect is a stranger's URL, too.
                url = _joined(url, answer.headers["location"])
                answer = await self._head(url)
                if not hops and answer.status in _REDIRECTS:
                    return 0, "too many redirects"
        except OfThisNetwork:
            return _BLOCKED
        except (NotAllowed, NotAnswered) as error:
            return 0, str(error)
        return answer.status, _phrase(answer.status)

    async def _head(self, url: str) -> Answer:
        try:
            asked = as_asked(url)
        except ValueError as error:
            raise NotAllowed(f"not a URL: {error}") from None
        return await self._outgoing.ask("HEAD", asked, headers={"User-Agent": f"lazr.smtptest/{__version__}"})


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise NotAllowed(f"not a URL: {error}") from None


def _phrase(status: int) -> str:
    if status in _PHRASES:
        return _PHRASES[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
