"""The state of one search that requests wait for: stored and new mails.

A group searches the store once, in a worker thread.  After that it only checks the mails that arrive or change, one by
one, so an answer does not depend on how many mails the store has, and how many of them are indexed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, NamedTuple

from anyio import CapacityLimiter, to_thread

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import SearchTooSlow, StoreError
from lazr.smtptest.store import EVERYTHING, FlagTerm, Page, TagTerm, Totals
from lazr.smtptest.web.api.messages import build_page_summary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine

    from lazr.smtptest.store import ArrivedMail, Entry, Search
    from lazr.smtptest.web.api.access_scope import AccessScope
    from lazr.smtptest.web.api.schemas import MessagesSummary

__all__ = ["SearchLimits", "WaitGroup"]

# A search of the store is repeated after this many seconds at the earliest, and after this many times its duration.
_MIN_SECONDS_BETWEEN_SEARCHES = 0.25
_SEARCH_PAUSE_FACTOR = 5
# While mails are left to index, all groups together repeat one search in this time.
_SECONDS_BETWEEN_PARTIAL_SEARCHES = 1.0

_MAX_CANDIDATES = 1000
_MAX_CANDIDATES_PER_CHECK = 50
# A larger mail is read from the store again, so that the candidates of all groups take little memory.
_MAX_KEPT_BYTES = 64 * 1024


class SearchLimits:
    """The threads that waiting requests take, to search and to check new mails.

    Attributes:
        group_count: the number of groups that share the threads.
    """

    def __init__(self) -> None:
        self.group_count = 0
        self.searches: CapacityLimiter = CapacityLimiter(4)
        self.checks: CapacityLimiter = CapacityLimiter(4)


class _SearchResult(NamedTuple):
    page: Page
    totals: Totals
    tags: list[str]


class WaitGroup:
    """The waiting requests with the same search: they share its result.

    All methods must be called in the event loop.

    Args:
        scope: the mails that the requests may see.
        search: the terms of the requests.
        limit: how many of the mails that match are read; at least as many as the requests wait for.
        limits: the threads that the group may use.

    Attributes:
        member_count: the number of requests; the hub counts them.
        version: a number that grows when the summary may have changed.
        error: the error of the store that ends all requests of the group; None without one.
    """

    def __init__(self, scope: AccessScope, search: Search, limit: int, limits: SearchLimits) -> None:
        self.member_count = 0
        self.version: int = 0
        self.error: StoreError | None = None
        self._scope = scope
        self._search = search
        self._full_search: Search = (EVERYTHING if scope.mailbox is None else scope.mailbox.search) + search
        self._depends_on_marks = any(
            isinstance(term, TagTerm) or (isinstance(term, FlagTerm) and term.flag in ("tagged", "read"))
            for term in search
        )
        self._limit = limit
        self._limits = limits
        self._result: _SearchResult | None = None
        self._totals: Totals | None = None
        # The mails that arrived or changed since the search began: those to check, and those that match.
        self._candidates: dict[str, ArrivedMail | None] = {}
        self._checking: dict[str, ArrivedMail | None] = {}
        self._checked_ids: set[str] = set()  # since the last search began: newer than its result
        self._found: dict[str, Entry] = {}
        self._is_stale = True
        self._is_partial = False
        self._search_due = 0.0
        self._wakeup = asyncio.Event()
        self._search_task: asyncio.Task[None] | None = None
        self._check_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Search the store if the result is not known or not right any more."""
        if self._is_stale and self._search_task is None:
            self._search_task = self._start_task(self._search_store())

    def stop(self) -> None:
        """End the tasks; a thread in a search of the store ends with it."""
        for task in (self._search_task, self._check_task):
            if task is not None:
                task.cancel()

    @property
    def is_searched(self) -> bool:
        """Whether the search of the store has a result."""
        return self._result is not None

    @property
    def match_count(self) -> int:
        """How many mails are known to match; at least `limit` if their number is estimated."""
        page = self._build_page()
        return len(page.entries) if page.is_estimate else page.match_count

    def build_summary(self, limit: int) -> MessagesSummary:
        """Return the mails that are known to match, at most `limit`, and their counts."""
        result = self._result
        page = self._build_page()
        page = page._replace(entries=page.entries[:limit])
        totals = self._totals or Totals(page.match_count, page.unread_count, 0)
        tags = dict.fromkeys([*(() if result is None else result.tags), *(tag for e in page.entries for tag in e.tags)])
        return build_page_summary(page, totals, sorted(tags, key=str.casefold), "search")

    def _build_page(self) -> Page:
        page = Page([], 0, 0) if self._result is None else self._result.page
        listed = [self._found.get(entry.id, entry) for entry in page.entries]  # with the marks that it has now
        listed_ids = {entry.id for entry in listed}
        counted = _get_last_counted_number(page)
        added = [entry for entry in self._found.values() if entry.number > counted and entry.id not in listed_ids]
        unread_count = page.unread_count + _count_unread(listed) - _count_unread(page.entries) + _count_unread(added)
        return page._replace(
            entries=sorted([*listed, *added], key=lambda entry: entry.number, reverse=True),
            match_count=page.match_count + len(added),
            unread_count=unread_count,
        )

    async def wait_for_version_after(self, version: int, is_cancelled: Callable[[], bool]) -> None:
        """Wait until the version is greater, or `is_cancelled` is true at a wake-up."""
        while self.version == version and not is_cancelled():
            await self._wakeup.wait()

    def wake_all(self) -> None:
        """Have all waiting requests look again."""
        self._wakeup.set()
        self._wakeup = asyncio.Event()

    # -- changes of the store --------------------------------------------------------------------

    def offer(self, mail: ArrivedMail) -> None:
        """Check a new mail, if a look at its header does not already exclude it."""
        if not mail.is_excluded(self._full_search):
            self._add_candidate(mail.id, mail if mail.memory_size <= _MAX_KEPT_BYTES else None)

    def check_ids(self, ids: Collection[str]) -> None:
        """Check mails whose content is not at hand."""
        for mail_id in ids:
            self._add_candidate(mail_id, None)

    def handle_marks(self, ids: Collection[str]) -> None:
        """Check mails again whose tags or read marks have changed."""
        listed = self._get_listed_ids()
        self.check_ids(
            [mail_id for mail_id in ids if self._depends_on_marks or mail_id in listed or mail_id in self._found]
        )

    def _get_listed_ids(self) -> set[str]:
        return set() if self._result is None else {entry.id for entry in self._result.page.entries}

    def remove(self, ids: Collection[str]) -> None:
        """Forget deleted mails."""
        if not ids:
            return
        for mail_id in ids:
            for mails in (self._candidates, self._checking, self._found):
                mails.pop(mail_id, None)
        page = None if self._result is None else self._result.page
        if page is None or self._search_task is not None or page.match_count > len(page.entries):
            self.search_again()
            return
        gone = [entry for entry in page.entries if entry.id in ids]
        if gone and self._result is not None:
            self._result = self._result._replace(
                page=page._replace(
                    entries=[entry for entry in page.entries if entry not in gone],
                    match_count=page.match_count - len(gone),
                    unread_count=page.unread_count - _count_unread(gone),
                )
            )

    def search_again(self, *, forget_found: bool = False) -> None:
        """Search the store again soon, because changes are not known one by one."""
        if forget_found:
            self.check_ids(list(self._found))
            self._found.clear()
        self._is_stale = True
        self.start()

    def _add_candidate(self, mail_id: str, mail: ArrivedMail | None) -> None:
        if len(self._candidates) >= _MAX_CANDIDATES:  # too many to check one by one
            self._candidates.clear()
            self.search_again()
            return
        self._candidates[mail_id] = mail
        if self._check_task is None:
            self._check_task = self._start_task(self._check_candidates())

    # -- tasks -----------------------------------------------------------------------------------

    def _start_task(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(coroutine, name="wait group")

    async def _search_store(self) -> None:
        try:
            while self._is_stale:
                await asyncio.sleep(self._search_due - monotonic())
                self._is_stale = False
                self._checked_ids.clear()
                started_at = monotonic()
                try:
                    result = await to_thread.run_sync(
                        self._read_result, limiter=self._limits.searches, abandon_on_cancel=True
                    )
                except SearchTooSlow:  # new mails are still found
                    self._is_stale = self._is_partial = True
                else:
                    self._apply_result(result)
                duration = monotonic() - started_at
                pause = max(_MIN_SECONDS_BETWEEN_SEARCHES, _SEARCH_PAUSE_FACTOR * duration)
                if self._is_partial:
                    pause = max(pause, _SECONDS_BETWEEN_PARTIAL_SEARCHES * self._limits.group_count)
                self._search_due = monotonic() + pause
        except StoreError as error:
            self._fail(error)
        finally:
            self._search_task = None

    def _read_result(self) -> _SearchResult:
        page = self._scope.get_page(self._search, limit=max(self._limit, 1))
        return _SearchResult(page, self._scope.get_totals(), list(self._scope.count_tags()))

    def _apply_result(self, result: _SearchResult) -> None:
        page = result.page
        self._result, self._totals = result, result.totals
        self._is_partial = page.pending > 0  # mails that are not indexed yet were left out
        if self._is_partial:
            self._is_stale = True
        elif page.entries:
            newest = page.entries[0].number
            self._found = {
                mail_id: entry
                for mail_id, entry in self._found.items()
                if entry.number > newest or mail_id in self._checked_ids
            }
        self._mark_changed()

    async def _check_candidates(self) -> None:
        try:
            while self._candidates:
                ids = list(self._candidates)[:_MAX_CANDIDATES_PER_CHECK]
                batch = {mail_id: self._candidates.pop(mail_id) for mail_id in ids}
                self._checking = dict(batch)  # `remove` takes deleted mails out
                entries, totals, undecided_ids = await to_thread.run_sync(
                    self._find_matching, batch, limiter=self._limits.checks, abandon_on_cancel=True
                )
                undecided = {mail_id: self._checking.pop(mail_id) for mail_id in undecided_ids & self._checking.keys()}
                self._checked_ids.update(self._checking)
                matching = {mail_id: entries[mail_id] for mail_id in self._checking if mail_id in entries}
                known = self._found.keys() | self._get_listed_ids()
                self.remove((self._checking.keys() - matching.keys()) & known)
                self._found |= matching
                self._totals = totals or self._totals
                if matching:
                    self._mark_changed()
                if undecided:
                    self._candidates = undecided | self._candidates
                    await asyncio.sleep(_MIN_SECONDS_BETWEEN_SEARCHES)
        except StoreError as error:
            self._fail(error)
        finally:
            self._check_task = None
            self._checking = {}

    def _find_matching(
        self, candidates: dict[str, ArrivedMail | None]
    ) -> tuple[dict[str, Entry], Totals | None, set[str]]:
        """Return the entries of the mails that match, the totals, and the IDs to check again.

        There are totals only if some match.
        """
        entries = {}
        undecided_ids = set()
        for mail_id, mail in candidates.items():
            if mail is None or mail.matches(self._full_search):
                try:
                    entry = self._scope.get_entry(mail_id, self._search)
                except SearchTooSlow:
                    undecided_ids.add(mail_id)
                else:
                    if entry is not None:
                        entries[mail_id] = entry
        totals = None
        if entries:
            with contextlib.suppress(SearchTooSlow):  # the totals from before are better than no answer
                totals = self._scope.get_totals()
        return entries, totals, undecided_ids

    def _mark_changed(self) -> None:
        self.version += 1
        self.wake_all()

    def _fail(self, error: StoreError) -> None:
        self.error = error
        self._mark_changed()


def _get_last_counted_number(page: Page) -> int:
    """Return the number of the newest mail that the search has checked.

    It counts even if it is not listed.
    """
    if not page.pending:
        return page.entries[0].number if page.entries else 0
    # Any mail may be among those that were left out, and some of those older than a full page are counted.  None of
    # these is counted again, so no wait ends early; the next search counts those that are missing.
    return page.entries[-1].number if page.match_count > len(page.entries) > 0 else 0


def _count_unread(entries: list[Entry]) -> int:
    return sum(not entry.read for entry in entries)
