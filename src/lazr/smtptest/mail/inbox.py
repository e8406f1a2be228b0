"""The inbox: what was received, in order, for any thread to read and to wait on.

Two moments matter.  A mail is *in* the inbox before its 250 is sent, so whoever has read the 250
finds it there (promise P1).  It is *announced* after the 250 was written, and only then does
whoever waits wake up (P2): a test that ends at once does not cut off the client it waited for.

Mails are counted from the first one on, whatever becomes of the earlier ones: what is cleared, or
dropped because it is too much, leaves the numbers of the others as they are.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from weakref import WeakSet

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import WaitTimeout
from lazr.smtptest.mail.domain import fold_domain
from lazr.smtptest.mail.evidence import Expectation, listed, meets, named, told
from lazr.smtptest.mail.query import Condition, Match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any, Protocol, overload

    from lazr.smtptest.mail.mail import Mail

    class Owner(Protocol):
        """What an inbox wants to know of the server that fills it."""

        def raise_errors(self) -> None:
            """Raise what a handler raised, if one did."""

        def explain(self) -> list[str]:
            """Lines that may say why a mail did not come."""

        @property
        def running(self) -> bool:
            """Whether there may come more."""

        @property
        def runs_here(self) -> bool:
            """Whether waiting here would keep the server from working."""


__all__ = ["Inbox"]

# pytest then shows the test's line that failed, and not how this file found out.
__tracebackhide__ = True

# So many expectations that were not met are remembered, to see whether a mail came too late for one.
_REMEMBERED = 10

# All inboxes that somebody still has, only to tell a tester who looks into the wrong one (see `_elsewhere`).
_inboxes: WeakSet[Inbox] = WeakSet()
_inboxes_lock = threading.Lock()


class Inbox(Sequence["Mail"]):
    """The received mails, in the order they were accepted.  Reading never consumes.

    - `keep_mails`, `keep_bytes`: keep at most so many mails, or octets of content; the oldest go first, and the
      latest one stays in any case.

    Wherever criteria can be given (`**match`), they are those of `Match`; `condition` is a `Match`, several put
    together by `&`, `|` and `~`, or a function of the mail; `since` is a `mark()`: only what came after it counts.

    >>> Inbox()
    <Inbox: 0 mails>
    """

    def __init__(
        self, owner: Owner | None = None, *, keep_mails: int | None = None, keep_bytes: int | None = None
    ) -> None:
        self._mails: list[Mail] = []
        self._gone = 0  # so many came before the first of these, and are here no more
        self._announced = 0  # so many, from the first one ever, may wake who waits
        self._by_recipient: dict[str, list[int]] = {}  # the numbers of each recipient's mails, ascending
        self._keep_mails = keep_mails
        self._keep_bytes = keep_bytes
        for name, limit in (("keep_mails", keep_mails), ("keep_bytes", keep_bytes)):
            if limit is not None and limit < 1:
                raise ValueError(f"{name} is a number above 0, not {limit!r}")
        self._limited = keep_mails is not None or keep_bytes is not None
        self._bytes = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._cleared = 0  # how often the inbox was cleared
        self._dropped = 0
        self._listeners: list[Callable[[], None]] = []
        self._owner = owner
        self._born = time.time()
        self._missed: list[Expectation] = []
        with _inboxes_lock:
            _inboxes.add(self)

    # -- for whoever receives ----------------------------------------------------------------

    def append(self, mail: Mail) -> None:
        """Take a mail in; it can be read from now on."""
        with self._lock:
            number = self._gone + len(self._mails)
            for recipient in mail.envelope.rcpt_tos:
                key = recipient if recipient.islower() else fold_domain(recipient)
                numbers = self._by_recipient.get(key)
                if numbers is None:
                    self._by_recipient[key] = [number]
                elif numbers[-1] != number:
                    numbers.append(number)
            self._mails.append(mail)
            if self._limited:
                self._bytes += mail.size
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        most, most_bytes, mails = self._keep_mails, self._keep_bytes, self._mails
        drop = 0 if most is None else len(mails) - most
        size = self._bytes - sum(mail.size for mail in mails[: max(drop, 0)])
        while most_bytes is not None and size > most_bytes and drop < len(mails) - 1:
            size -= mails[max(drop, 0)].size
            drop = max(drop, 0) + 1
        drop = min(drop, len(mails) - 1)
        if drop > 0:
            self._bytes = size
            for mail in mails[:drop]:
                for recipient in set(map(fold_domain, mail.envelope.rcpt_tos)):
                    numbers = self._by_recipient[recipient]
                    del numbers[0]
                    if not numbers:
                        del self._by_recipient[recipient]
            del mails[:drop]
            self._gone += drop
            self._dropped += drop

    def announce(self) -> None:
        """The replies to all mails so far are written, or the server ended: wake who waits."""
        with self._lock:
            self._announced = self._gone + len(self._mails)
            self._changed.notify_all()
            listeners = self._listeners.copy()
        for listener in listeners:
            try:
                listener()
            except RuntimeError:  # its loop was closed while it waited
                self._unlisten(listener)

    def _unlisten(self, listener: Callable[[], None]) -> None:
        with self._lock, suppress(ValueError):
            self._listeners.remove(listener)

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
        return iter(self._mails.copy())

    def __reversed__(self) -> Iterator[Mail]:
        return reversed(self._mails.copy())

    def __repr__(self) -> str:
        count = len(self._mails)
        return f"<Inbox: {count} mail{'' if count == 1 else 's'}>"

    def clear(self) -> None:
        """Forget all mails."""
        with self._lock:
            self._gone += len(self._mails)
            self._mails = []
            self._by_recipient = {}
            self._bytes = 0
            self._cleared += 1
            self._dropped = 0
            self._missed = []
            self._changed.notify_all()

    @property
    def dropped(self) -> int:
        """How many mails are here no more because of `keep_mails` or `keep_bytes`."""
        return self._dropped

    # -- expectations ------------------------------------------------------------------------

    def mark(self) -> int:
        """This point in the stream of mails: with `since=`, only what comes after it counts.

        >>> inbox = Inbox()
        >>> before = inbox.mark()
        >>> inbox.matching(since=before)
        []
        """
        with self._lock:
            return self._gone + len(self._mails)

    def matching(
        self, condition: Callable[[Mail], object] | None = None, *, since: int = 0, **match: Any
    ) -> list[Mail]:
        """The mails that match, without waiting."""
        return _Search(self, _condition(condition, match), since).look(_ALL)

    def sent_to(self, address: str) -> list[Mail]:
        """The mails that have this recipient in their envelope, without waiting; `*` and `?` as in `to=`."""
        return self.matching(to=address)

    def wait(
        self,
        count: int = 1,
        condition: Callable[[Mail], object] | None = None,
        *,
        timeout: float | None = 5.0,
        since: int = 0,
        **match: Any,
    ) -> list[Mail]:
        """Wait until at least `count` mails match, and return all that match.

        `timeout` is in seconds, and a real deadline; None waits without one.  Raises `WaitTimeout`, an `AssertionError`
        that lists what came instead, when it passes, and `RuntimeError` in the loop that an
        `async with MailServer()` runs in: that loop must go on, so use `async_wait` there.
        """
        search = _Search(self, _condition(condition, match), since)
        count = _number(count)
        return self._at_least(count, self._wait(count, timeout, search), timeout, search)

    def one(
        self,
        condition: Callable[[Mail], object] | None = None,
        *,
        timeout: float | None = 5.0,
        since: int = 0,
        **match: Any,
    ) -> Mail:
        """The one mail that matches; waits for it, if it is not there yet, for `timeout` seconds.

        Raises `WaitTimeout`, an `AssertionError` that lists what came instead, if none matches, or
        more than one.
        """
        search = _Search(self, _condition(condition, match), since)
        return self._exactly_one(self._wait(1, timeout, search), timeout, search)

    def none(
        self, condition: Callable[[Mail], object] | None = None, *, within: float = 0.2, since: int = 0, **match: Any
    ) -> None:
        """Make sure that no mail matches, now and for `within` seconds from now.

        Raises `WaitTimeout`, an `AssertionError` that lists the mails that do.
        """
        search = _Search(self, _condition(condition, match), since)
        self._not_any(self._wait(1, within, search), search)

    async def async_wait(
        self,
        count: int = 1,
        condition: Callable[[Mail], object] | None = None,
        *,
        timeout: float | None = 5.0,  # noqa: ASYNC109 - the same word as in `wait`
        since: int = 0,
        **match: Any,
    ) -> list[Mail]:
        """`wait` for a coroutine: it suspends, and blocks no event loop.

        `timeout` is in seconds.  Raises `WaitTimeout` as `wait` does.
        """
        search = _Search(self, _condition(condition, match), since)
        count = _number(count)
        return self._at_least(count, await self._async_wait(count, timeout, search), timeout, search)

    async def async_one(
        self,
        condition: Callable[[Mail], object] | None = None,
        *,
        timeout: float | None = 5.0,  # noqa: ASYNC109
        since: int = 0,
        **match: Any,
    ) -> Mail:
        """`one` for a coroutine."""
        search = _Search(self, _condition(condition, match), since)
        return self._exactly_one(await self._async_wait(1, timeout, search), timeout, search)

    async def async_none(
        self, condition: Callable[[Mail], object] | None = None, *, within: float = 0.2, since: int = 0, **match: Any
    ) -> None:
        """`none` for a coroutine."""
        search = _Search(self, _condition(condition, match), since)
        self._not_any(await self._async_wait(1, within, search), search)

    async def arrivals(
        self,
        condition: Callable[[Mail], object] | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
        since: int = 0,
        **match: Any,
    ) -> AsyncIterator[Mail]:
        """The mails that match, those that are here and then each one as it comes: `async for mail in …`.

        It ends when the server stops.  Raises `WaitTimeout` when `timeout` seconds pass without a next one.
        """
        search = _Search(self, _condition(condition, match), since)
        while True:
            found = await self._async_wait(1, timeout, search, until_stopped=True)
            if not found:
                if self._owner is not None and not self._owner.running:
                    return
                search.found = self._between(since, _ALL, None)
                search.found = [mail for mail in search.found if meets(mail, search.condition)]
                raise self._failure("another mail", timeout, search)
            search.found = []
            for mail in found:
                yield mail

    # -- waiting -----------------------------------------------------------------------------

    def _wait(self, count: int, timeout: float | None, search: _Search) -> list[Mail]:
        if self._owner is not None and self._owner.runs_here:
            raise RuntimeError(
                "waiting here would stop the loop that the server runs in; use `await inbox.async_wait(…)`"
            )
        search.blocked_a_loop = _in_a_loop()
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            # A criterion may take its time, so it is asked without holding the lock.
            end, cleared = self._announced, self._cleared
            if len(search.look(end)) >= count:
                return search.found
            with self._lock:
                if (self._announced, self._cleared) != (end, cleared):
                    continue
                left = threading.TIMEOUT_MAX if deadline is None else deadline - monotonic()
                if left <= 0:
                    break
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
        # P1: who has read a 250 finds the mail, even in the instant before it is announced.
        return search.look(_ALL)

    async def _async_wait(
        self,
        count: int,
        timeout: float | None,  # noqa: ASYNC109
        search: _Search,
        *,
        until_stopped: bool = False,
    ) -> list[Mail]:
        import asyncio

        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def listener() -> None:
            loop.call_soon_threadsafe(changed.set)

        owner = self._owner
        with self._lock:
            self._listeners.append(listener)
        try:
            async with asyncio.timeout(None if timeout is None else max(timeout, 0)):
                while len(search.look(self._announced)) < count:
                    if until_stopped and owner is not None and not owner.running:
                        break
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            search.look(_ALL)
        finally:
            self._unlisten(listener)
        return search.found

    def _between(self, start: int, end: int, recipient: str | None) -> list[Mail]:
        """The mails with these numbers, of one recipient or of all."""
        with self._lock:
            gone = self._gone
            if recipient is None:
                return self._mails[max(start - gone, 0) : max(end - gone, 0)]
            numbers = self._by_recipient.get(recipient, [])
            return [self._mails[n - gone] for n in numbers[bisect_left(numbers, start) : bisect_left(numbers, end)]]

    # -- failing -----------------------------------------------------------------------------

    def _at_least(self, count: int, found: list[Mail], timeout: float | None, search: _Search) -> list[Mail]:
        if len(found) < count:
            raise self._failure("one mail" if count == 1 else f"{count} mails", timeout, search)
        return found

    def _exactly_one(self, found: list[Mail], timeout: float | None, search: _Search) -> Mail:
        if not found:
            raise self._failure("one mail", timeout, search)
        if len(found) > 1:
            raise WaitTimeout(
                f"expected one mail{told(search.condition)}, and there are {len(found)}:\n{search.listed(found)}"
            )
        return found[0]

    def _not_any(self, found: list[Mail], search: _Search) -> None:
        if found:
            raise WaitTimeout(f"expected no mail{told(search.condition)}, and there is:\n{search.listed(found)}")

    def _failure(self, what: str, timeout: float | None, search: _Search) -> WaitTimeout:
        if self._owner is not None:
            self._owner.raise_errors()  # a handler that raised is the likelier cause
        others = self._between(search.since, _ALL, None)
        expectation = Expectation(what, search.condition, timeout)
        self._missed = [*self._missed, expectation][-_REMEMBERED:]
        lines = [expectation.failed(search.found, others)]
        if search.since and len(others) < len(self):
            earlier = [mail for mail in self[: len(self) - len(others)] if meets(mail, search.condition)]
            lines += [f"{len(earlier)} that came before the mark `since` would match"] if earlier else []
        if self._dropped:
            lines.append(f"{self._dropped} older mails are here no more, by keep_mails or keep_bytes")
        lines += self._elsewhere(search.condition)
        if search.blocked_a_loop:
            lines.append(
                "this thread runs an asyncio loop, in which nothing could go on meanwhile: "
                "`await inbox.async_one(…)`, `async_wait`, `async_none`"
            )
        if self._owner is not None:
            lines += self._owner.explain()
        return WaitTimeout("\n  ".join(lines))

    def _elsewhere(self, condition: Condition) -> list[str]:
        """Whether another server of this process got it, since this one exists."""
        lines = []
        with _inboxes_lock:
            inboxes = list(_inboxes)
        for other in inboxes:
            if other is self or other._owner is None:
                continue
            since_then = [mail for mail in other[-_REMEMBERED:] if mail.timestamp >= self._born]
            found = [mail for mail in since_then if meets(mail, condition)]
            lines += [f"{named(mail)} matches, and is in {other._owner!r}" for mail in found[:1]]
        return lines

    def late(self) -> list[str]:
        """Of the expectations that were not met: the mails that came after all, when the time was up, a line each."""
        return [line for missed in self._missed for line in missed.late(self)]


# Beyond the number of any mail.
_ALL = 1 << 62


def _condition(condition: Callable[[Mail], object] | None, match: dict[str, Any]) -> Condition:
    if condition is None:
        return Match(**match)
    if isinstance(condition, (str, re.Pattern)):
        raise TypeError(f"criteria have names: to={condition!r}, subject=…, text=… (see Match)")
    if not isinstance(condition, Condition):
        condition = Match(where=condition)
    return condition & Match(**match) if match else condition


def _in_a_loop() -> bool:
    """Whether a wait that blocked was in the way of coroutines."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def _number(count: object) -> int:
    if not isinstance(count, int):
        raise TypeError(f"wait takes the number of mails first, and criteria by name: wait(1, to=…), not {count!r}")
    return count


class _Search:
    """What matches so far; each mail is looked at once."""

    def __init__(self, inbox: Inbox, condition: Condition, since: int) -> None:
        self._inbox = inbox
        self.condition = condition
        self.since = since
        self._recipient = condition.recipient
        self._cleared = inbox._cleared
        self._next = since
        self.blocked_a_loop = False  # who waited kept an event loop from going on
        self.found: list[Mail] = []

    def look(self, end: int) -> list[Mail]:
        """Look at what came since the last look, up to the number `end`."""
        inbox = self._inbox
        if inbox._cleared != self._cleared:
            self._cleared = inbox._cleared
            self.found = []
        end = min(end, inbox.mark())
        if end > self._next:
            condition = self.condition
            new = inbox._between(self._next, end, self._recipient)
            self._next = end
            self.found += [mail for mail in new if condition(mail)]
        return self.found

    def listed(self, mails: list[Mail]) -> str:
        return listed(mails, self.condition)
