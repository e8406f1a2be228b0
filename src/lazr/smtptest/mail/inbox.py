"""The inbox: what was received, in order, for any thread to read and to wait on.

Two moments matter.  A mail is *in* the inbox before its 250 is sent, so whoever has read the 250
finds it there (promise P1).  It is *announced* after the 250 was written, and only then does
whoever waits wake up (P2): a test that ends at once does not cut off the client it waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from lazr.smtptest.errors import WaitTimeout
from lazr.smtptest.mail.query import Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol, overload

    from lazr.smtptest.mail.mail import Mail

    class Owner(Protocol):
        """What an inbox wants to know of the server that fills it."""

        def raise_errors(self) -> None:
            """Raise what a handler raised, if one did."""

        def explain(self) -> list[str]:
            """Lines that may say why a mail did not come."""

        @property
        def runs_here(self) -> bool:
            """Whether waiting here would keep the server from working."""


__all__ = ["Inbox"]

_SHOWN = 10  # so many of the other mails does a failure list


class Inbox(Sequence["Mail"]):
    """The received mails, in the order they were accepted.  Reading never consumes.

    >>> Inbox()
    <Inbox: 0 mails>
    """

    def __init__(self, owner: Owner | None = None) -> None:
        self._mails: list[Mail] = []
        self._announced = 0
        self._changed = threading.Condition()
        self._generation = 0  # how often the inbox was cleared
        self._listeners: list[Callable[[], None]] = []
        self._owner = owner

    # -- for whoever receives ----------------------------------------------------------------

    def append(self, mail: Mail) -> None:
        """Take a mail in; it can be read from now on."""
        self._mails.append(mail)

    def announce(self) -> None:
        """The replies to all mails so far are written: wake who waits."""
        with self._changed:
            self._announced = len(self._mails)
            self._changed.notify_all()
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    # -- a sequence --------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._mails)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> Mail: ...
        @overload
        def __getitem__(self, index: slice) -> list[Mail]: ...

    def __getitem__(self, index: int | slice) -> Mail | list[Mail]:
        return self._mails[index]

    def __iter__(self) -> Iterator[Mail]:
        return iter(tuple(self._mails))

    def __repr__(self) -> str:
        count = len(self._mails)
        return f"<Inbox: {count} mail{'' if count == 1 else 's'}>"

    def clear(self) -> None:
        """Forget all mails."""
        with self._changed:
            self._mails.clear()
            self._announced = 0
            self._generation += 1
            self._changed.notify_all()

    # -- expectations ------------------------------------------------------------------------

    def matching(self, **match: Any) -> list[Mail]:
        """The mails that match, without waiting; for the criteria see `Query`."""
        query = Query(**match)
        return [mail for mail in self if query.matches(mail)]

    def wait(self, count: int = 1, *, timeout: float = 5.0, **match: Any) -> list[Mail]:
        """Wait until at least `count` mails match, and return all that match.

        `timeout` is in seconds, and a real deadline.  Raises `WaitTimeout`, an `AssertionError`
        that lists what came instead, when it passes, and `RuntimeError` in the loop that an
        `async with MailServer()` runs in: that loop must go on, so use `async_wait` there.
        """
        query = Query(**match)
        found = self._wait(count, timeout, query)
        if len(found) < count:
            raise self._timeout(f"{_quantity(count)}", timeout, query, found)
        return found

    def one(self, *, timeout: float = 5.0, **match: Any) -> Mail:
        """The one mail that matches; waits for it, if it is not there yet, for `timeout` seconds.

        Raises `WaitTimeout`, an `AssertionError` that lists what came instead, if none matches, or
        more than one.
        """
        query = Query(**match)
        found = self._wait(1, timeout, query)
        if not found:
            raise self._timeout("one mail", timeout, query, found)
        if len(found) > 1:
            raise WaitTimeout(
                f"expected one mail{_wanted(query)}, and there are {len(found)}:\n" + _listed(found, query)
            )
        return found[0]

    def none(self, *, within: float = 0.2, **match: Any) -> None:
        """Make sure that no mail matches, now and for `within` seconds from now.

        Raises `WaitTimeout`, an `AssertionError` that lists the mails that do.
        """
        query = Query(**match)
        found = self._wait(1, within, query)
        if found:
            raise WaitTimeout(f"expected no mail{_wanted(query)}, and there is:\n" + _listed(found, query))

    async def async_wait(self, count: int = 1, *, timeout: float = 5.0, **match: Any) -> list[Mail]:  # noqa: ASYNC109
        """`wait` for a coroutine: it suspends, and blocks no event loop.

        `timeout` is in seconds.  Raises `WaitTimeout` as `wait` does.
        """
        import asyncio

        query = Query(**match)
        loop = asyncio.get_running_loop()
        announced = asyncio.Event()

        def listener() -> None:
            loop.call_soon_threadsafe(announced.set)

        search = _Search(self, query)
        with self._changed:
            self._listeners.append(listener)
        try:
            async with asyncio.timeout(max(timeout, 0)):
                while len(search.look(self._announced)) < count:
                    await announced.wait()
                    announced.clear()
        except TimeoutError:
            search.look(len(self._mails))
        finally:
            with self._changed:
                self._listeners.remove(listener)
        if len(search.found) < count:
            raise self._timeout(_quantity(count), timeout, query, search.found)
        return search.found

    def _wait(self, count: int, timeout: float, query: Query) -> list[Mail]:
        if self._owner is not None and self._owner.runs_here:
            raise RuntimeError(
                "waiting here would stop the loop that the server runs in; use `await inbox.async_wait(…)`"
            )
        deadline = time.monotonic() + timeout
        search = _Search(self, query)
        while True:
            # A criterion may take its time, so it is asked without holding the lock.
            end, generation = self._announced, self._generation
            if len(search.look(end)) >= count:
                return search.found
            with self._changed:
                if (self._announced, self._generation) != (end, generation):
                    continue
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
        # P1: who has read a 250 finds the mail, even in the instant before it is announced.
        return search.look(len(self._mails))

    def _timeout(self, what: str, timeout: float, query: Query, found: list[Mail]) -> WaitTimeout:
        if self._owner is not None:
            self._owner.raise_errors()  # a handler that raised is the likelier cause
        others = [mail for mail in self if mail not in found]
        text = f"expected {what}{_wanted(query)} within {timeout:g} s; {len(found)} came"
        text += f", and {len(others)} other{'' if len(others) == 1 else 's'}" if others else ", and no other mail"
        if found or others:
            text += ":\n" + _listed(found + others, query)
        for line in self._owner.explain() if self._owner is not None else ():
            text += f"\n  {line}"
        return WaitTimeout(text)


class _Search:
    """What matches so far; each mail is looked at once."""

    def __init__(self, inbox: Inbox, query: Query) -> None:
        self._inbox = inbox
        self._query = query
        self._generation = inbox._generation
        self._seen = 0
        self.found: list[Mail] = []

    def look(self, end: int) -> list[Mail]:
        """Look at what came since, up to `end`."""
        inbox = self._inbox
        if inbox._generation != self._generation:
            self._generation = inbox._generation
            self._seen = 0
            self.found = []
        new = inbox[self._seen : end]
        self._seen += len(new)
        self.found.extend(mail for mail in new if self._query.matches(mail))
        return self.found


def _quantity(count: int) -> str:
    return "one mail" if count == 1 else f"{count} mails"


def _wanted(query: Query) -> str:
    return f" with {query!r}" if query else ""


def _listed(mails: list[Mail], query: Query) -> str:
    lines = []
    for mail in mails[:_SHOWN]:
        unmet = query.unmet(mail)
        lines.append(f"  {mail!r}" + (f"\n      {unmet}" if unmet else ""))
    if len(mails) > _SHOWN:
        lines.append(f"  … and {len(mails) - _SHOWN} more")
    return "\n".join(lines)
