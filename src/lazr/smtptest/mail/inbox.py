"""The inbox: the received mails in order, for any thread to read and to wait on.

A mail becomes visible before its 250 reply is sent, so a client that has read the reply finds the mail (promise P1).
Waiters are notified after the reply has been written (P2), so a test that ends at once does not cut off the client
that it waited for.

Every mail has a number, counted from the first mail of the inbox.  Numbers do not change when earlier mails are cleared
or dropped, so a `mark()` stays valid.

Conditions and failure reports are imported when they are used first, because a server that starts needs neither.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from weakref import WeakSet

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.seconds import DEFAULT_TIMEOUT, DefaultTimeout, check_seconds
from lazr.smtptest.errors import WaitTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol, Self, Unpack, overload

    from lazr.smtptest.mail.condition import Condition
    from lazr.smtptest.mail.failure_report import FailedExpectation
    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.mail.match import Criteria
    from lazr.smtptest.mail.recipient_index import RecipientIndex

    class InboxOwner(Protocol):
        """The parts of a server that its inbox uses."""

        def raise_errors(self) -> None:
            """Raise the exceptions of the handlers, if there are any."""

        def explain(self) -> list[str]:
            """Return lines that may explain why a mail did not arrive."""

        def check_started(self) -> None:
            """Raise `StartError` if the server was never started, so that no mail can ever arrive."""

        @property
        def is_receiving(self) -> bool:
            """Whether more mails can arrive: clients can connect now."""

        @property
        def default_timeout(self) -> float | None:
            """The timeout of a wait that has no `timeout` argument, in seconds; None is no timeout."""

        @property
        def is_in_loop_thread(self) -> bool:
            """Whether the current thread runs the server's event loop, which a wait would block."""


__all__ = ["Arrivals", "Inbox"]

# pytest then shows the line of the test
__tracebackhide__ = True

# Failed expectations that are kept to report late mails, and mails that are compared in each other inbox.
_MAX_RECENT_ITEMS = 10

# In a notebook.
_MAX_SHOWN_MAILS = 50
_MAX_SHOWN_RECIPIENTS = 10
_SHOWN_COLUMNS = ("id", "sender", "recipients", "subject", "bytes")

# What to write instead of names that other libraries use.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("first", "get_first", "wait_for", "wait_for_mail", "expect", "get_message"), "inbox.one(to=…)"),
    **dict.fromkeys(("last", "latest", "newest", "get_last"), "inbox[-1], or inbox.one(since=mark)"),
    **dict.fromkeys(("messages", "mails", "emails", "all", "items", "outbox", "to_list"), "list(inbox)"),
    **dict.fromkeys(("filter", "find", "search", "where", "get", "query", "find_all"), "inbox.matching(subject=…)"),
    **dict.fromkeys(("reset", "empty", "delete_all", "purge", "flush", "pop", "remove"), "inbox.clear()"),
    **dict.fromkeys(("length", "size", "total"), "len(inbox)"),
    **dict.fromkeys(("assert_none", "is_empty", "never"), "inbox.none(to=…)"),
}

# Methods that the server calls; they are not in completions.
_SERVER_METHODS = frozenset({"append", "notify_waiters", "describe_late_mails"})

# A mail may have arrived in the inbox of another server (see `_find_in_other_inboxes`).
_live_inboxes: WeakSet[Inbox] = WeakSet()
_live_inboxes_lock = threading.Lock()


class Inbox(Sequence["Mail"]):
    """The received mails, in the order of their acceptance.  Reading does not consume them.

    All methods may be called from any thread.  The query methods share these arguments:

    - `condition`: a `Match`, a combination of conditions, or a function of the mail.
    - `since`: a `mark()`; only mails that arrived after it count.
    - `**match`: criteria by name, as in `Match`: `to="ann@example.com"`, `subject="Welcome"`.

    An inbox equals a list or a tuple with the same mails: `assert server.inbox == []`.  Two inboxes are never equal.

    A copy of an inbox, also by `pickle`, has the mails so far, with the same positions for `since`.  It gets no others,
    so its waits do not wait.

    Args:
        owner: the server that fills the inbox; None for an inbox on its own.
        keep_mails: the number of mails to keep; older ones are dropped.  None keeps all.
        keep_bytes: the total size of the contents to keep, in bytes; the oldest mails are dropped first, the latest
            is never dropped.  None keeps all.
        refresh: a function that is called before the inbox is read.  It appends the mails that another process has
            received, and notifies the waiters.  None, the default, for a server in this process.

    Raises:
        ValueError: for a limit below 1.

    >>> Inbox()
    <Inbox: 0 mails>
    """

    def __init__(
        self,
        owner: InboxOwner | None = None,
        *,
        keep_mails: int | None = None,
        keep_bytes: int | None = None,
        refresh: Callable[[], None] | None = None,
    ) -> None:
        self._mails: list[Mail] = []
        self._removed_count = 0  # the number of the first mail in `_mails`
        self._notified_count = 0  # waiters see the mails with smaller numbers
        self._recipient_index: RecipientIndex | None = None  # until a recipient is searched
        self._keep_mails = keep_mails
        self._keep_bytes = keep_bytes
        for name, limit in (("keep_mails", keep_mails), ("keep_bytes", keep_bytes)):
            if limit is not None and limit < 1:
                raise ValueError(f"{name} must be a number >= 1, got {limit!r}; None keeps all")
        self._has_limit = keep_mails is not None or keep_bytes is not None
        self._total_bytes = 0
        self._lock = threading.Lock()
        self._change_condition: threading.Condition | None = None  # until a thread waits
        self._clear_count = 0
        self._dropped_count = 0
        self._listeners: list[Callable[[], None]] = []
        self._owner = owner
        self._refresh = refresh
        self._created_at = time.time()
        self._failed_expectations: list[FailedExpectation] = []
        with _live_inboxes_lock:
            _live_inboxes.add(self)

    # -- receiving ---------------------------------------------------------------------------

    def append(self, mail: Mail) -> None:
        """Add a mail and make it visible; `notify_waiters` wakes the waiters later."""
        with self._lock:
            self._mails.append(mail)
            if self._has_limit:
                self._total_bytes += mail.size
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        max_mails, max_bytes, mails = self._keep_mails, self._keep_bytes, self._mails
        drop = 0 if max_mails is None else len(mails) - max_mails
        size = self._total_bytes - sum(mail.size for mail in mails[: max(drop, 0)])
        while max_bytes is not None and size > max_bytes and drop < len(mails) - 1:
            size -= mails[max(drop, 0)].size
            drop = max(drop, 0) + 1
        drop = min(drop, len(mails) - 1)
        if drop > 0:
            self._total_bytes = size
            del mails[:drop]
            self._removed_count += drop
            self._dropped_count += drop

    def notify_waiters(self) -> None:
        """Wake all waiters: the replies to all mails are written, or the server has stopped."""
        with self._lock:
            self._notified_count = self._removed_count + len(self._mails)
            if self._change_condition is not None:
                self._change_condition.notify_all()
            listeners = self._listeners.copy()
        for listener in listeners:
            try:
                listener()
            except RuntimeError:  # its event loop was closed
                self._remove_listener(listener)

    def _remove_listener(self, listener: Callable[[], None]) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    # -- a sequence --------------------------------------------------------------------------

    def _update(self) -> None:
        """Get the mails that another process has received so far (promise P1)."""
        if self._refresh is not None:
            self._refresh()

    def __len__(self) -> int:
        self._update()
        return len(self._mails)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> Mail: ...
        @overload
        def __getitem__(self, index: slice) -> list[Mail]: ...

    def __getitem__(self, index: int | slice) -> Mail | list[Mail]:
        self._update()
        try:
            return self._mails[index]
        except IndexError:
            raise IndexError(self._describe_missing_index(index)) from None

    def _describe_missing_index(self, index: object) -> str:
        from lazr.smtptest.mail.failure_report import count_mails

        got = count_mails(len(self))
        dropped = f" ({self._dropped_count} older were dropped)" if self._dropped_count else ""
        advice = "`inbox.one()` waits for a mail, and its failure says why none came"
        return f"inbox[{index}] does not exist: {got} arrived{dropped}; {advice}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Inbox):
            return self is other
        self._update()
        return self._mails == list(other) if isinstance(other, (list, tuple)) else NotImplemented

    def __hash__(self) -> int:
        return object.__hash__(self)  # an inbox changes, so its identity counts

    def __reduce__(self) -> tuple[object, ...]:
        self._update()
        with self._lock:
            return _restore_inbox, (self._mails.copy(), self._removed_count, self._dropped_count)

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name: str) -> object:
            from lazr.smtptest._util.suggestion import build_attribute_error
            from lazr.smtptest.mail.mail import Mail

            aliases = _ATTRIBUTE_ALIASES
            if name not in aliases and hasattr(Mail, name):
                aliases = {name: f"inbox.one().{name}: it is an attribute of a mail"}
            raise build_attribute_error(self, name, aliases)

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name not in _SERVER_METHODS]

    def __iter__(self) -> Iterator[Mail]:
        self._update()
        return iter(self._mails.copy())

    def __reversed__(self) -> Iterator[Mail]:
        self._update()
        return reversed(self._mails.copy())

    def __repr__(self) -> str:
        count = len(self._mails)
        return f"<Inbox: {count} mail{'' if count == 1 else 's'}>"

    def _repr_html_(self) -> str:
        """Return a table of the latest mails, which a notebook shows; all text is escaped."""
        from lazr.smtptest.mail.html_repr import render_rows

        mails = self[-_MAX_SHOWN_MAILS:]
        caption = f"{len(self)} mail{'' if len(self) == 1 else 's'}"
        if len(mails) < len(self):
            caption = f"the last {len(mails)} of {caption}"
        return render_rows(caption, _SHOWN_COLUMNS, map(_list_shown_values, mails))

    def clear(self) -> None:
        """Remove all mails; later mails get higher numbers."""
        self._update()
        with self._lock:
            self._removed_count += len(self._mails)
            self._mails = []
            self._recipient_index = None
            self._total_bytes = 0
            self._clear_count += 1
            self._dropped_count = 0
            self._failed_expectations = []
            if self._change_condition is not None:
                self._change_condition.notify_all()

    @property
    def dropped(self) -> int:
        """The number of mails that were dropped because of `keep_mails` or `keep_bytes`."""
        return self._dropped_count

    # -- queries -----------------------------------------------------------------------------

    def mark(self) -> int:
        """Return the current position; with `since=`, only mails that arrive after it count.

        >>> inbox = Inbox()
        >>> before = inbox.mark()
        >>> inbox.matching(since=before)
        []
        """
        self._update()
        return self._get_end_number()

    def _get_end_number(self) -> int:
        with self._lock:
            return self._removed_count + len(self._mails)

    def matching(
        self, condition: Callable[[Mail], object] | None = None, *, since: int = 0, **match: Unpack[Criteria]
    ) -> list[Mail]:
        """Return the mails that match now, without waiting.

        Args:
            condition: a `Match`, a combination of conditions, or a function of the mail.
            since: a `mark()`; only mails that arrived after it count.
            **match: criteria by name, as in `Match`: sender, to, bcc, from_, cc, reply_to, subject, text, html, code,
                attachment, header, where.

        Raises:
            TypeError: for an unknown criterion.

        >>> Inbox().matching(subject="Welcome")
        []
        """
        search = self._build_search(condition, match, since)
        self._update()
        return search.scan(_BEYOND_LAST_NUMBER)

    def sent_to(self, address: str) -> list[Mail]:
        """Return the mails for a recipient, without waiting; `*` and `?` are wildcards."""
        return self.matching(to=address)

    def wait(
        self,
        count: int = 1,
        condition: Callable[[Mail], object] | None = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        since: int = 0,
        **match: Unpack[Criteria],
    ) -> list[Mail]:
        """Wait until at least `count` mails match, and return all that match.

        Args:
            count: the number of mails to wait for.
            condition: a `Match`, a combination of conditions, or a function of the mail.
            timeout: a deadline, in seconds; by default that of `MailServer(timeout=5.0)`.  0 does not wait, None waits
                without a deadline.
            since: a `mark()`; only mails that arrived after it count.
            **match: criteria by name, as in `Match`: sender, to, bcc, from_, cc, reply_to, subject, text, html, code,
                attachment, header, where.

        Raises:
            WaitTimeout: at the deadline; an `AssertionError` that lists the mails that arrived instead.
            RuntimeError: in the event loop that an `async with MailServer()` runs in, which the wait would block; use
                `async_wait` there.
            TypeError: for an unknown criterion.

        >>> inbox = Inbox()
        >>> inbox.wait(2, to="ann@example.com", timeout=0)
        Traceback (most recent call last):
        lazr.smtptest.WaitTimeout: no mail to ann@example.com within 0 s, expected 2 (...)
        """
        search, timeout = self._build_search(condition, match, since), self._resolve_timeout(timeout)
        count = _check_count(count)
        return self._require_at_least(count, self._wait(count, timeout, search), timeout, search)

    def one(
        self,
        condition: Callable[[Mail], object] | None = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        since: int = 0,
        **match: Unpack[Criteria],
    ) -> Mail:
        r"""Wait for a mail that matches, and return it; exactly one must match.

        Args:
            condition: a `Match`, a combination of conditions, or a function of the mail.
            timeout: a deadline, in seconds; by default that of `MailServer(timeout=5.0)`.  0 does not wait, None waits
                without a deadline.
            since: a `mark()`; only mails that arrived after it count.
            **match: criteria by name, as in `Match`: sender, to, bcc, from_, cc, reply_to, subject, text, html, code,
                attachment, header, where.

        Raises:
            WaitTimeout: if no mail matches before the deadline, or if several match; an `AssertionError` that lists
                the mails that arrived instead.
            RuntimeError: in the event loop that an `async with MailServer()` runs in; use `async_one` there.
            TypeError: for an unknown criterion.

        >>> from lazr.smtptest import Envelope, Mail
        >>> inbox = Inbox()
        >>> envelope = Envelope("a@example.com", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},))
        >>> inbox.append(Mail("1", envelope, [b"Subject: Welcome\r\n\r\nHi"]))
        >>> inbox.one(to="b@example.com", timeout=0).subject
        'Welcome'
        """
        search, timeout = self._build_search(condition, match, since), self._resolve_timeout(timeout)
        return self._require_exactly_one(self._wait(1, timeout, search), timeout, search)

    def none(
        self,
        condition: Callable[[Mail], object] | None = None,
        *,
        within: float = 0.2,
        since: int = 0,
        **match: Unpack[Criteria],
    ) -> None:
        """Check that no mail matches now, and that none arrives within the next `within` seconds.

        Args:
            condition: a `Match`, a combination of conditions, or a function of the mail.
            within: the time to watch, in seconds.
            since: a `mark()`; only mails that arrived after it count.
            **match: criteria by name, as in `Match`: sender, to, bcc, from_, cc, reply_to, subject, text, html, code,
                attachment, header, where.

        Raises:
            WaitTimeout: if a mail matches; an `AssertionError` that lists the matching mails.
            RuntimeError: in the event loop that an `async with MailServer()` runs in; use `async_none` there.
            TypeError: for an unknown criterion.

        >>> Inbox().none(subject="Welcome", within=0)
        """
        search = self._build_search(condition, match, since)
        check_seconds("within", within)
        self._require_none(self._wait(1, within, search), search)

    async def async_wait(
        self,
        count: int = 1,
        condition: Callable[[Mail], object] | None = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - the same word as in `wait`
        since: int = 0,
        **match: Unpack[Criteria],
    ) -> list[Mail]:
        """Wait like `wait`, without blocking the event loop.

        Args:
            count: the number of mails to wait for.
            condition: a `Match`, a combination of conditions, or a function of the mail.
            timeout: a deadline, in seconds; by default that of `MailServer(timeout=5.0)`.  0 does not wait, None waits
                without a deadline.
            since: a `mark()`; only mails that arrived after it count.
            **match: criteria by name, as in `Match`: sender, to, bcc, from_, cc, reply_to, subject, text, html, code,
                attachment, header, where.

        Raises:
            WaitTimeout: at the deadline, as `wait` does.
            TypeError: for an unknown criterion.

        >>> import asyncio
        >>> asyncio.run(Inbox().async_wait(0))
        []
        """
        search, timeout = self._build_search(condition, match, since), self._resolve_timeout(timeout)
        count = _check_count(count)
        return self._require_at_least(count, await self._async_wait(count, timeout, search), timeout, search)

    async def async_one(
        self,
        condition: Callable[[Mail], object] | None = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,  # noqa: ASYNC109
        since: int = 0,
        **match: Unpack[Criteria],
    ) -> Mail:
        """Wait like `one`, without blocking the event loop.

        Args:
            condition: a `Match`, a combination of conditions, or a function of the mail.
            timeout: a deadline, in seconds; by default that of `MailServer(timeout=5.0)`.  0 does not wait, None waits
                without a deadline.
            since: a `mark()`; only mails that arrived after it count.
            **match: criteria by name, as in `Match`: sender, to, bcc, from_, cc, reply_to, subject, text, html, code,
                attachment, header, where.

        Raises:
            WaitTimeout: as `one` does.
            TypeError: for an unknown criterion.

        >>> import asyncio
        >>> asyncio.run(Inbox().async_one(to="ann@example.com", timeout=0))
        Traceback (most recent call last):
        lazr.smtptest.WaitTimeout: no mail to ann@example.com within 0 s (...)
        """
        search, timeout = self._build_search(condition, match, since), self._resolve_timeout(timeout)
        return self._require_exactly_one(await self._async_wait(1, timeout, search), timeout, search)

    async def async_none(
        self,
        condition: Callable[[Mail], object] | None = None,
        *,
        within: float = 0.2,
        since: int = 0,
        **match: Unpack[Criteria],
    ) -> None:
        """Check like `none`, without blocking the event loop.

        Args:
            condition: a `Match`, a combination of conditions, or a function of the mail.
            within: the time to watch, in seconds.
            since: a `mark()`; only mails that arrived after it count.
            **match: criteria by name, as in `Match`: sender, to, bcc, from_, cc, reply_to, subject, text, html, code,
                attachment, header, where.

        Raises:
            WaitTimeout: as `none` does.
            TypeError: for an unknown criterion.

        >>> import asyncio
        >>> asyncio.run(Inbox().async_none(subject="Welcome", within=0))
        """
        search = self._build_search(condition, match, since)
        check_seconds("within", within)
        self._require_none(await self._async_wait(1, within, search), search)

    def arrivals(
        self,
        condition: Callable[[Mail], object] | None = None,
        *,
        timeout: float | None = None,
        since: int = 0,
        **match: Unpack[Criteria],
    ) -> Arrivals:
        """Iterate over the mails that match now, and then over each new one.

        The result fits `for`, which waits in this thread, and `async for`.

        The iteration ends when the server stops.

        Args:
            condition: a `Match`, a combination of conditions, or a function of the mail.
            timeout: the longest time to wait for the next mail, in seconds; None waits without a limit.
            since: a `mark()`; only mails that arrived after it count.
            **match: criteria by name, as in `Match`: sender, to, bcc, from_, cc, reply_to, subject, text, html, code,
                attachment, header, where.

        Raises:
            WaitTimeout: in the iteration, if `timeout` seconds pass without another matching mail.
            StartError: in the iteration, if the server was never started.
            TypeError: for an unknown criterion.

        >>> import smtplib
        >>> from lazr.smtptest import MailServer
        >>> with MailServer() as server, smtplib.SMTP(*server.address) as client:
        ...     for text in ("Subject: One", "Subject: Two"):
        ...         _ = client.sendmail("app@example.com", "ann@example.com", text)
        ...     for mail in server.inbox.arrivals(to="ann@example.com", timeout=1):
        ...         print(mail.subject)
        ...         if mail.subject == "Two":
        ...             break
        One
        Two
        >>> async def collect_subjects(inbox):
        ...     return [mail.subject async for mail in inbox.arrivals(to="ann@example.com", timeout=1)]
        """
        search = self._build_search(condition, match, since)
        return Arrivals(self, search, check_seconds("timeout", timeout, none="waits without a limit"))

    # -- waiting -----------------------------------------------------------------------------

    def _build_search(self, condition: Callable[[Mail], object] | None, match: Criteria, since: object) -> _Search:
        if not isinstance(since, int) or isinstance(since, bool):
            raise TypeError(f"since must be a position, got {since!r}; `inbox.mark()` returns the current one")
        return _Search(self, _build_condition(condition, match), since)

    def _resolve_timeout(self, timeout: float | None) -> float | None:
        if isinstance(timeout, DefaultTimeout):
            return float(timeout) if self._owner is None else self._owner.default_timeout
        return check_seconds("timeout", timeout, none="waits without a deadline")

    def _can_grow(self) -> bool:
        return self._owner is None or self._owner.is_receiving

    def _wait(self, count: int, timeout: float | None, search: _Search) -> list[Mail]:
        if self._owner is not None:
            self._owner.check_started()
            if self._owner.is_in_loop_thread:
                raise RuntimeError(
                    "waiting here would block the event loop that the server runs in; use `await inbox.async_wait(…)`"
                )
        search.has_blocked_loop = _is_in_event_loop()
        deadline = None if timeout is None else monotonic() + timeout
        self._update()
        while True:
            # A criterion may be slow, so it runs without the lock.  A mail that arrives before the server stops is
            # found, because the state of the server is read first.
            search.is_stopped = not self._can_grow()
            end, cleared = self._notified_count, self._clear_count
            if len(search.scan(end)) >= count:
                return search.matches
            if search.is_stopped:
                break
            with self._lock:
                if (self._notified_count, self._clear_count) != (end, cleared):
                    continue
                left = threading.TIMEOUT_MAX if deadline is None else deadline - monotonic()
                if left <= 0:
                    break
                if self._change_condition is None:
                    self._change_condition = threading.Condition(self._lock)
                self._change_condition.wait(min(left, threading.TIMEOUT_MAX))
        # P1: a client that has read its 250 finds the mail, even before the waiters are notified.
        self._update()
        return search.scan(_BEYOND_LAST_NUMBER)

    async def _async_wait(
        self,
        count: int,
        timeout: float | None,  # noqa: ASYNC109
        search: _Search,
    ) -> list[Mail]:
        from lazr.smtptest._util.async_library import create_wakeup

        if self._owner is not None:
            self._owner.check_started()
        wakeup = create_wakeup()
        deadline = None if timeout is None else monotonic() + timeout
        await self._async_update()
        with self._lock:
            self._listeners.append(wakeup.set)
        try:
            while True:
                search.is_stopped = not self._can_grow()
                if len(search.scan(self._notified_count)) >= count:
                    return search.matches
                left = None if deadline is None else max(deadline - monotonic(), 0)
                if search.is_stopped or not await wakeup.wait(left):
                    break
        finally:
            self._remove_listener(wakeup.set)
        await self._async_update()
        return search.scan(_BEYOND_LAST_NUMBER)

    async def _async_update(self) -> None:
        if self._refresh is not None:
            from lazr.smtptest._util.async_library import run_in_thread

            await run_in_thread(self._refresh)

    def _select_mails(self, start: int, end: int, recipient: str | None) -> tuple[list[Mail], int]:
        """Return the mails with numbers from `start` to before `end`, of one recipient or all.

        Also returns the number after the last mail that was compared.  It is found in the same step: mails that arrive
        meanwhile may push out all mails before it.
        """
        if recipient is None:
            with self._lock:
                gone = self._removed_count
                return self._mails[max(start - gone, 0) : max(end - gone, 0)], min(end, gone + len(self._mails))
        with self._lock:
            index = self._recipient_index
            if index is None:
                from lazr.smtptest.mail.recipient_index import RecipientIndex

                index = self._recipient_index = RecipientIndex(self._lock, self._get_numbered_mails)
        return index.select_mails(recipient, start, end)

    def _get_numbered_mails(self) -> tuple[int, list[Mail]]:
        return self._removed_count, self._mails

    # -- failures ----------------------------------------------------------------------------

    def _require_at_least(self, count: int, matches: list[Mail], timeout: float | None, search: _Search) -> list[Mail]:
        if len(matches) < count:
            raise self._build_failure(count, timeout, search)
        return matches

    def _require_exactly_one(self, matches: list[Mail], timeout: float | None, search: _Search) -> Mail:
        if not matches:
            raise self._build_failure(1, timeout, search)
        if len(matches) > 1:
            raise _build_unwanted_error(1, matches, search)
        return matches[0]

    def _require_none(self, matches: list[Mail], search: _Search) -> None:
        if matches:
            raise _build_unwanted_error(0, matches, search)

    def _build_failure(self, expected: int, timeout: float | None, search: _Search) -> WaitTimeout:
        from lazr.smtptest.mail.failure_report import FailedExpectation, count_mails, is_match

        if self._owner is not None:
            self._owner.raise_errors()  # an exception in a handler is the likelier cause
        arrived, _ = self._select_mails(search.since, _BEYOND_LAST_NUMBER, None)
        expectation = FailedExpectation(expected, search.condition, None if search.is_stopped else timeout)
        self._failed_expectations = [*self._failed_expectations, expectation][-_MAX_RECENT_ITEMS:]
        lines = [expectation.format(search.matches, arrived)]
        if search.since and len(arrived) < len(self):
            earlier = [mail for mail in self[: len(self) - len(arrived)] if is_match(mail, search.condition)]
            lines += [f"matched before the mark `since`: {count_mails(len(earlier))}"] if earlier else []
        if self._dropped_count:
            lines.append(f"dropped by keep_mails or keep_bytes: {count_mails(self._dropped_count, 'older ')}")
        lines += self._find_in_other_inboxes(search.condition)
        if search.has_blocked_loop:
            lines.append(
                "this wait blocked the asyncio event loop of its thread; use "
                "`await inbox.async_one(…)`, `async_wait` or `async_none`"
            )
        if self._owner is not None:
            lines += self._owner.explain()
        return WaitTimeout("\n  ".join(lines))

    def _find_in_other_inboxes(self, condition: Condition) -> list[str]:
        """Return a line for each other server of this process that got a matching mail."""
        from lazr.smtptest.mail.failure_report import format_mail, is_match

        lines = []
        with _live_inboxes_lock:
            inboxes = list(_live_inboxes)
        for other in inboxes:
            if other is self or other._owner is None:
                continue
            recent = [mail for mail in other._mails[-_MAX_RECENT_ITEMS:] if mail.timestamp >= self._created_at]
            matches = [mail for mail in recent if is_match(mail, condition)]
            lines += [f"{format_mail(repr(mail))} matches, but arrived at {other._owner!r}" for mail in matches[:1]]
        return lines

    def describe_late_mails(self) -> list[str]:
        """Return a line for each mail that met an expectation, but arrived after its timeout."""
        return [line for failed in self._failed_expectations for line in failed.describe_late_mails(self)]


class _NoServer:
    """The owner of a copied inbox: no mail arrives any more."""

    is_receiving = False
    default_timeout = 0.0
    is_in_loop_thread = False

    def raise_errors(self) -> None:
        """Do nothing: there are no handlers."""

    def check_started(self) -> None:
        """Do nothing: the inbox has its mails."""

    def explain(self) -> list[str]:
        """Return why no mail arrives."""
        return ["this inbox is a copy: it has the mails so far, and gets no others; wait on `server.inbox`"]


def _restore_inbox(mails: list[Mail], removed_count: int, dropped_count: int) -> Inbox:
    inbox = Inbox()
    inbox._mails = mails
    inbox._removed_count = removed_count
    inbox._dropped_count = dropped_count
    inbox.notify_waiters()
    inbox._owner = _NoServer()
    with _live_inboxes_lock:
        _live_inboxes.discard(inbox)  # no other failure names it
    return inbox


# Greater than the number of any mail.
_BEYOND_LAST_NUMBER = 1 << 62


def _list_shown_values(mail: Mail) -> tuple[str, ...]:
    recipients = ", ".join(mail.recipients[:_MAX_SHOWN_RECIPIENTS])
    return mail.id, mail.sender or "<>", recipients, mail.subject, f"{mail.size:,}"


def _build_unwanted_error(expected: int, matches: list[Mail], search: _Search) -> WaitTimeout:
    from lazr.smtptest.mail.failure_report import FailedExpectation

    return WaitTimeout(FailedExpectation(expected, search.condition).format_unwanted(matches))


def _build_condition(condition: Callable[[Mail], object] | None, match: Criteria) -> Condition:
    from lazr.smtptest.mail.match import Match

    if condition is None:
        return Match(**match)
    import re

    from lazr.smtptest.mail.condition import Condition

    if isinstance(condition, (str, re.Pattern)):
        raise TypeError(f"criteria must have names, got {condition!r}: to={condition!r}, subject=…, text=… (see Match)")
    if not isinstance(condition, Condition):
        condition = Match(where=condition)
    return condition & Match(**match) if match else condition


def _is_in_event_loop() -> bool:
    """Return whether the current thread runs an event loop, which a blocking wait stops."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def _check_count(count: object) -> int:
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"count must be a number of mails, got {count!r}; criteria have names: wait(1, to=…)")
    if count < 0:
        raise ValueError(f"count must be a number of mails >= 0, got {count}; `none(…)` expects no mail")
    return count


class Arrivals:
    """An iterator of matching mails, as they arrive; `Inbox.arrivals` returns it.

    It fits `for`, which waits in this thread, and `async for`, which does not block the event loop.  The iteration ends
    when the server stops.

    >>> Inbox().arrivals()
    <Arrivals of <Inbox: 0 mails>>
    """

    def __init__(self, inbox: Inbox, search: _Search, timeout: float | None) -> None:
        self._inbox = inbox
        self._search = search
        self._timeout = timeout
        self._unread: list[Mail] = []  # the next mail is the last one of the list
        self._read_count = 0
        self._is_closed = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Mail:
        if not self._unread and not self._is_closed:
            self._add(self._inbox._wait(1, self._timeout, self._search))
        if not self._unread:
            raise StopIteration
        return self._read()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Mail:
        if not self._unread and not self._is_closed:
            self._add(await self._inbox._async_wait(1, self._timeout, self._search))
        if not self._unread:
            raise StopAsyncIteration
        return self._read()

    def close(self) -> None:
        """End the iteration."""
        self._unread = []
        self._is_closed = True

    async def aclose(self) -> None:
        """End the iteration, as `contextlib.aclosing` does."""
        self.close()

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError("an iterator of arrivals cannot be copied or pickled; copy the inbox, or call arrivals() again")

    def __repr__(self) -> str:
        return f"<Arrivals of {self._inbox!r}>"

    def _add(self, mails: list[Mail]) -> None:
        """Add new mails; without any, end the iteration or fail."""
        search = self._search
        self._unread, search.matches = mails[::-1], []
        if mails:
            return
        self._is_closed = True
        if not search.is_stopped:
            from lazr.smtptest.mail.failure_report import is_match

            everything, _ = self._inbox._select_mails(search.since, _BEYOND_LAST_NUMBER, None)
            search.matches = [mail for mail in everything if is_match(mail, search.condition)]
            raise self._inbox._build_failure(self._read_count + 1, self._timeout, search)

    def _read(self) -> Mail:
        self._read_count += 1
        return self._unread.pop()


class _Search:
    """The mails of an inbox that match a condition, so far; each mail is compared once."""

    def __init__(self, inbox: Inbox, condition: Condition, since: int) -> None:
        self._inbox = inbox
        self.condition = condition
        self.since = since
        self._recipient = condition.recipient
        self._clear_count = inbox._clear_count
        self._next_number = since
        self.has_blocked_loop = False
        self.is_stopped = False
        self.matches: list[Mail] = []

    def scan(self, end: int) -> list[Mail]:
        """Compare the mails up to the number `end` that are new; return all matches."""
        inbox = self._inbox
        if inbox._clear_count != self._clear_count:
            self._clear_count = inbox._clear_count
            self.matches = []
        if min(end, inbox._get_end_number()) > self._next_number:
            condition = self.condition
            new, self._next_number = inbox._select_mails(self._next_number, end, self._recipient)
            self.matches += [mail for mail in new if condition(mail)]
        return self.matches
