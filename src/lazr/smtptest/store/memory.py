"""A store in memory; its mails are gone when it is closed."""

from __future__ import annotations

import math
import threading
from collections import deque
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import SearchTooSlow, StoreFull
from lazr.smtptest.mail import Mail
from lazr.smtptest.store.base import (
    MAX_IDS_PER_CHANGE,
    Change,
    Entry,
    FlaggedMail,
    MailContent,
    MatchedMail,
    OpenedMessage,
    Page,
    Totals,
)
from lazr.smtptest.store.counting_limit import CountingLimit
from lazr.smtptest.store.flags import parse_flags
from lazr.smtptest.store.groups import (
    MAX_GROUPS,
    GroupCounter,
    GroupField,
    GroupPage,
    MailGroup,
    list_recipients,
)
from lazr.smtptest.store.message_index import (
    ContentSummary,
    build_envelope_addresses,
    build_message_index,
    normalize_field,
)
from lazr.smtptest.store.parsing_budget import MAX_SCAN_SECONDS, MAX_TAG_SCAN_SECONDS, ParsingBudget
from lazr.smtptest.store.redaction import redact_envelope
from lazr.smtptest.store.search.term_kinds import is_expensive, split_terms
from lazr.smtptest.store.search.terms import EVERYTHING, AddressTerm, FolderTerm, NumberTerm, Search
from lazr.smtptest.store.search_limit import DEFAULT_SEARCH_TIMEOUT, SearchLimit
from lazr.smtptest.store.searchable_mail import SearchableMail
from lazr.smtptest.store.sort_order import NEWEST_FIRST, SortOrder
from lazr.smtptest.store.store_base import StoreBase, warn_about_clock_jump
from lazr.smtptest.store.subscribers import Subscribers
from lazr.smtptest.store.tag_rules import TagRules
from lazr.smtptest.store.tags import parse_single_tag, parse_tags
from lazr.smtptest.store.text_normalization import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from lazr.smtptest.store.base import Arrival, ChangeKind, Retention
    from lazr.smtptest.store.message_index import MessageIndex
    from lazr.smtptest.store.search.terms import Term

__all__ = ["MemoryStore"]

# Pruning releases the lock after this many deletions.
_MAX_DELETIONS_PER_STEP = 1000
_MAX_LISTED_CHANGES = 1000
# Of a mail.  With the limit on recipients in SMTP instead, the cache could take a gigabyte.
_MAX_CACHED_RECIPIENTS = 20

# A mail may have 1,000 recipients, which all are names of groups.
_MAILS_PER_CLOCK_CHECK = 10

_SUMMARY_FIELDS = ContentSummary.__slots__


class MemoryStore(StoreBase):
    """A store in memory: fast, and empty again after `close`.

    Thread safety: all methods may be called from any thread.

    Args:
        max_bytes: the limit on the content of all mails, in bytes; `add` raises `StoreFull` beyond it.  None is no
            limit.
        search_timeout: the time limit of a search in seconds, not counting the parsing of new mails, nor the time that
            it waits for other searches; a slower search raises `SearchTooSlow`.
        max_searches: how many searches may run at a time, others wait; None: one per processor, at least 2.
        tag_rules: which tags a new mail gets; None, the default, takes those of its X-Tags fields.

    >>> from lazr.smtptest import Envelope
    >>> from lazr.smtptest.store import Arrival
    >>> envelope = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> store = MemoryStore()
    >>> store.add([Arrival("1", 1_700_000_000.0, envelope, [b"Subject: Hi\\r\\n", b"\\r\\nHello\\r\\n"])])
    >>> store.get_totals(), store.get_page().entries[0].subject
    (Totals(mails=1, unread=1, size=22, pending=0), 'Hi')
    """

    # There are three locks, acquired in this order:
    # 1. `_change_lock` guards read marks and tags, so what a search found is still true when it is changed.
    # 2. `_lock` guards the list of mails.  Adding takes this lock alone; nothing holds it for longer than copying the
    #    list takes.
    # 3. `_indexing_lock` guards the parsing of contents.

    def __init__(
        self,
        *,
        max_bytes: int | None = None,
        search_timeout: float = DEFAULT_SEARCH_TIMEOUT,
        max_searches: int | None = None,
        tag_rules: TagRules | None = None,
    ) -> None:
        super().__init__(Subscribers())
        self._tag_rules = tag_rules or TagRules()
        self._max_bytes = max_bytes
        self._search_timeout = search_timeout
        self._search_limit = SearchLimit(max_searches, search_timeout)
        self._mails: dict[str, _StoredMail] = {}  # in the order of arrival
        self._mails_by_number: dict[int, _StoredMail] = {}
        self._last_number = 0
        self._mod_seq = 1  # of the last change
        # The modification sequences and numbers of the mails that were added or changed last.
        self._changed: deque[tuple[int, int]] = deque(maxlen=_MAX_LISTED_CHANGES)
        self._size = 0
        self._pending: dict[str, _StoredMail] = {}  # mails that are not indexed yet
        self._lock = threading.Lock()
        self._change_lock = threading.Lock()
        self._indexing_lock = threading.Lock()
        self._notes: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The URL `memory:`."""
        return "memory:"

    @property
    def is_durable(self) -> bool:
        """Whether mails survive the end of the process; always False."""
        return False

    @property
    def tag_rules(self) -> TagRules:
        """Which tags a new mail gets."""
        return self._tag_rules

    def open(self) -> None:
        """Do nothing; the store is usable without."""

    def close(self) -> None:
        """Remove all mails, notes and subscribers."""
        self._subscribers.clear()
        with self._change_lock, self._lock:
            self._remove_all()
            self._notes.clear()

    def __repr__(self) -> str:
        return f"<MemoryStore: {len(self._mails)} mail{'' if len(self._mails) == 1 else 's'}>"

    # -- receiving -----------------------------------------------------------------------------

    def add(self, messages: Sequence[Arrival]) -> None:
        """Add mails, all of them or none; see `Store.add`."""
        size = sum(arrival.size for arrival in messages)
        with self._lock:
            if self._max_bytes is not None and self._size + size > self._max_bytes:
                raise StoreFull(f"the store has room for {self._max_bytes - self._size:,} bytes, got {size:,}")
            ids = tuple(arrival.id for arrival in messages)
            if len(set(ids)) < len(ids) or not self._mails.keys().isdisjoint(ids):
                raise ValueError(f"the IDs of mails must be unique in the store, got {', '.join(ids)}")
            mails = [
                _StoredMail(number, arrival, self._indexing_lock, self._tag_rules)
                for number, arrival in enumerate(messages, self._last_number + 1)
            ]
            self._last_number += len(mails)
            self._mod_seq += 1
            for mail in mails:
                mail.mod_seq = self._mod_seq
                self._mails[mail.id] = self._mails_by_number[mail.number] = self._pending[mail.id] = mail
                self._changed.append((self._mod_seq, mail.number))
            self._size += size
            for start in range(0, len(messages), MAX_IDS_PER_CHANGE):
                batch = tuple(messages[start : start + MAX_IDS_PER_CHANGE])
                self._subscribers.enqueue(Change("new", tuple(arrival.id for arrival in batch), batch))
        self._subscribers.publish()

    def has_room(self, size: int) -> bool:
        """Return whether a mail of `size` bytes would be accepted."""
        return self._max_bytes is None or self._size + size <= self._max_bytes

    def index_pending(self, limit: int = 100) -> int:
        """Parse mails that are not indexed yet; see `Store.index_pending`."""
        with self._lock:
            batch = list(islice(self._pending.values(), limit))
        for mail in batch:
            mail.ensure_index()
        with self._lock:
            indexed = [mail for mail in batch if self._pending.pop(mail.id, None) is not None]
            self._raise_mod_seq([mail for mail in indexed if mail.has_content_tags])
            return len(self._pending)

    def count_pending(self) -> int:
        """Return how many mails are not indexed yet."""
        return len(self._pending)

    # -- reading -------------------------------------------------------------------------------

    def get_totals(self, search: Search = EVERYTHING) -> Totals:
        """Count the mails that match."""
        found, pending, _ = self._find_quickly(search)
        size = sum(mail.size for mail in found)
        return Totals(len(found), sum(not mail.read for mail in found), size, pending)

    def get_page(
        self,
        search: Search = EVERYTHING,
        *,
        start: int = 0,
        limit: int | None = 50,
        order: SortOrder = NEWEST_FIRST,
    ) -> Page:
        """Return a slice of the mails that match; see `Store.get_page`."""
        end = None if limit is None else start + limit
        wanted = end if order == NEWEST_FIRST else None
        found, pending, scale = self._find_quickly(search, wanted=wanted, must_parse=order.needs_content)
        match_count, unread_count = len(found), sum(not mail.read for mail in found)
        if scale > 1:
            match_count, unread_count = round(match_count * scale), round(unread_count * scale)
        newest_number = found[0].number if found else 0
        if order != NEWEST_FIRST:
            found = _sort(found, order)
        entries = [mail.build_entry() for mail in found[start:end]]
        return Page(entries, match_count, unread_count, pending, scale > 1, newest_number)

    def get_entry(self, id: str, search: Search = EVERYTHING) -> Entry | None:
        """Return the entry of that mail; None if there is no such mail or it does not match."""
        for mail in self._find(search, [id]):
            return mail.build_entry()
        return None

    def get_latest(self, search: Search = EVERYTHING) -> Entry | None:
        """Return the entry of the newest mail that matches; None if none does."""
        found, _, _ = self._find_quickly(search, wanted=1, must_count=False)
        return found[0].build_entry() if found else None

    def get_mail(self, id: str, search: Search = EVERYTHING) -> Mail | None:
        """Return that mail; None if there is no such mail or it does not match."""
        for mail in self._find(search, [id]):
            return mail.build_mail()
        return None

    def open_message(
        self, id: str | None = None, search: Search = EVERYTHING, *, mark_read: bool = False
    ) -> OpenedMessage | None:
        """Return the entry and the mail together; see `Store.open_message`."""
        named = None if id is None else self._mails.get(id)
        # Before the search, which would index the mail and drop the result of parsing it.
        _, parsed = (None, None) if named is None else named.ensure_index()
        if id is None:
            found, _, _ = self._find_quickly(search, wanted=1, must_count=False)
        else:
            found = self._find(search, [id])
        if not found:
            return None
        stored = found[0]
        if parsed is None:
            _, parsed = stored.ensure_index()
        opened = OpenedMessage(stored.build_entry(), parsed or stored.build_mail())
        if mark_read and not opened.entry.read:
            self.set_read(read=True, ids=[stored.id])
        return opened

    def count_tags(self, search: Search = EVERYTHING) -> dict[str, int]:
        """Return how many of the mails that match have each tag; see `Store.count_tags`."""
        names: dict[str, str] = {}
        counts: dict[str, int] = {}
        found, _, _ = self._find_quickly(search, seconds=MAX_TAG_SCAN_SECONDS, must_parse=True)
        for mail in reversed(found):
            for tag in mail.tags:
                key = fold(tag)
                names.setdefault(key, tag)
                counts[key] = counts.get(key, 0) + 1
        return {names[key]: counts[key] for key in sorted(counts)}

    def get_groups(self, by: GroupField, search: Search = EVERYTHING, *, limit: int = MAX_GROUPS) -> GroupPage:
        """Return groups of the mails that match; see `Store.get_groups`."""
        found, pending, _ = self._find_quickly(search, must_parse=by == "tag")
        counter = GroupCounter()
        is_partial = pending > 0
        for counted, mail in enumerate(found):
            if not counted % _MAILS_PER_CLOCK_CHECK and counter.is_full:
                is_partial = True
                break
            names = mail.tags if by == "tag" else list_recipients(mail.envelope)
            for name in names:
                key = fold(name) if by == "tag" else name
                counter.add(key, name, 1, not mail.read, newest=mail.number)
        times = {mail.number: mail.received_at for mail in found}
        groups = [
            MailGroup(counts.name, counts.mails, counts.unread, times[counts.newest])
            for counts in counter.choose(limit)
        ]
        return GroupPage(groups, is_partial, len(counter) > limit)

    def get_disk_usage(self) -> int:
        """Return the bytes of content in memory; the store uses no disk."""
        return self._size

    def get_entries_after(self, number: int, *, limit: int = 100) -> list[Entry]:
        """Return the entries whose number is greater than `number`, oldest first."""
        with self._lock:
            later = list(takewhile(lambda mail: mail.number > number, reversed(self._mails.values())))
        later.reverse()
        return [mail.build_entry() for mail in later[:limit]]

    def find_mails(self, search: Search = EVERYTHING, *, ids: Collection[str] | None = None) -> list[MatchedMail]:
        """Return all mails that a change would concern; see `Store.find_mails`."""
        return [MatchedMail(mail.number, mail.id, mail.read) for mail in self._find(search, ids)]

    def get_last_number(self) -> int:
        """Return the number of the newest mail; see `Store.get_last_number`."""
        with self._lock:
            return next(reversed(self._mails.values())).number if self._mails else 0

    # -- for readers by IMAP and POP3 -------------------------------------------------------------

    def get_next_number(self) -> int:
        """Return a number greater than all so far; see `Store.get_next_number`."""
        with self._lock:
            return self._last_number + 1

    def list_numbers(self, search: Search = EVERYTHING, *, unread: bool = False) -> list[int]:
        """Return the numbers of all mails that match, ascending; see `Store.list_numbers`."""
        found = self._find(search)
        return [mail.number for mail in found if not mail.read] if unread else [mail.number for mail in found]

    def find_flags(
        self,
        search: Search = EVERYTHING,
        *,
        numbers: Collection[int] | None = None,
        since: int = 0,
        marked: bool = False,
    ) -> list[FlaggedMail]:
        """Return the flags of all mails that match; see `Store.find_flags`."""
        terms = search if numbers is None else (*search, NumberTerm(numbers=frozenset(numbers)))
        found = self._find(terms, since=since, marked=marked)
        with self._lock:
            return [mail.describe_flags() for mail in found if mail.mod_seq > since]

    def get_mod_seq(self) -> int:
        """Return the modification sequence of the last change."""
        with self._lock:
            return self._mod_seq

    def read_contents(
        self, numbers: Collection[int], search: Search = EVERYTHING, *, with_content: bool = True
    ) -> list[MailContent]:
        """Return mails with their contents; see `Store.read_contents`."""
        found = self._find((*search, NumberTerm(numbers=frozenset(numbers))))
        with self._lock:
            facts = [(mail, mail.describe_flags()) for mail in found]
        return [
            MailContent(
                *(mail.number, mail.id, mail.received_at, mail.size),
                *(flagged.read, flagged.flags, flagged.tags, flagged.mod_seq),
                *(mail.envelope, mail.build_mail().content if with_content else b""),
            )
            for mail, flagged in facts
        ]

    # -- changing ------------------------------------------------------------------------------

    def set_read(self, search: Search = EVERYTHING, *, read: bool, ids: Collection[str] | None = None) -> list[str]:
        """Mark mails as read or unread; see `Store.set_read`."""
        with self._change_lock:
            changed = [mail for mail in self._find(search, ids) if mail.read is not read]
            with self._lock:
                self._raise_mod_seq(changed)
                for mail in changed:
                    mail.read = read
                names = [mail.id for mail in changed]
                self._enqueue_changes("read" if read else "unread", names)
        self._subscribers.publish()
        return names

    def set_flags(
        self,
        ids: Collection[str] | None,
        *,
        add: Collection[str] = (),
        remove: Collection[str] = (),
        replace: Collection[str] | None = None,
        search: Search = EVERYTHING,
    ) -> list[str]:
        """Change the system flags of mails; see `Store.set_flags`."""
        added, removed = set(parse_flags(add)), set(parse_flags(remove))
        replaced = None if replace is None else set(parse_flags(replace))
        with self._change_lock:
            flags = {
                mail: parse_flags((set(mail.flags) if replaced is None else replaced) - removed | added)
                for mail in self._find(search, ids)
            }
            changed = [mail for mail in flags if flags[mail] != mail.flags]
            with self._lock:
                self._raise_mod_seq(changed)
                for mail in changed:
                    mail.flags = flags[mail]
                names = [mail.id for mail in changed]
                self._enqueue_changes("flags", names)
        self._subscribers.publish()
        return names

    def set_folder(
        self, folder: str, owner: str, search: Search = EVERYTHING, *, ids: Collection[str] | None = None
    ) -> int:
        """Put mails into another folder; see `Store.set_folder`."""
        owner = owner if folder else ""
        with self._change_lock:
            moved = [mail for mail in self._find(search, ids) if (mail.folder, mail.owner) != (folder, owner)]
            with self._lock:
                self._raise_mod_seq(moved)
                for mail in moved:
                    mail.folder, mail.owner = folder, owner
                self._enqueue_changes("flags", [mail.id for mail in moved])
        self._subscribers.publish()
        return len(moved)

    def delete(self, search: Search = EVERYTHING, *, ids: Collection[str] | None = None) -> int:
        """Delete mails; see `Store.delete`."""
        with self._change_lock:
            if search or ids is not None:
                found = self._find(search, ids)
                with self._lock:
                    self._remove(found)
                    if found:
                        names = tuple(mail.id for mail in found)
                        self._subscribers.enqueue(
                            Change("delete", names) if len(names) <= MAX_IDS_PER_CHANGE else Change("prune")
                        )
                deleted = len(found)
            else:
                with self._lock:
                    deleted = self._remove_all()
                    if deleted:
                        self._subscribers.enqueue(Change("truncate"))
        self._subscribers.publish()
        return deleted

    def set_tags(self, ids: Collection[str], tags: Collection[str], search: Search = EVERYTHING) -> None:
        """Replace all tags of these mails; see `Store.set_tags`."""
        new_tags = parse_tags(tags)
        with self._change_lock:
            found = self._find(search, ids)
            for mail in found:
                mail.ensure_index()  # searches for tags, and counts of them, may leave out mails that are not indexed
            with self._lock:
                self._raise_mod_seq(found)
                for mail in found:
                    mail.tags = new_tags
                self._enqueue_changes("tags", [mail.id for mail in found])
        self._subscribers.publish()

    def rename_tag(self, tag: str, new: str, search: Search = EVERYTHING) -> int:
        """Rename a tag; see `Store.rename_tag`."""
        return self._replace_tag(fold(tag), (parse_single_tag(new),), search)

    def delete_tag(self, tag: str, search: Search = EVERYTHING) -> int:
        """Remove a tag; see `Store.delete_tag`."""
        return self._replace_tag(fold(tag), (), search)

    def _replace_tag(self, tag: str, replacement: tuple[str, ...], search: Search) -> int:
        with self._change_lock:
            found = [mail for mail in self._find(search) if tag in map(fold, mail.tags)]
            with self._lock:
                self._raise_mod_seq(found)
                for mail in found:
                    mail.tags = parse_tags((*(other for other in mail.tags if fold(other) != tag), *replacement))
                if found:
                    self._subscribers.enqueue(Change("prune"))
        self._subscribers.publish()
        return len(found)

    def prune(self, retention: Retention, now: float) -> int:
        """Delete the oldest mails beyond the limits; see `Store.prune`."""
        deleted = 0
        with self._change_lock:
            surplus = _find_surplus(self._find(EVERYTHING), retention, now)
            while surplus:
                with self._lock:
                    self._remove(surplus[:_MAX_DELETIONS_PER_STEP])
                    self._subscribers.enqueue(Change("prune"))
                deleted += len(surplus[:_MAX_DELETIONS_PER_STEP])
                del surplus[:_MAX_DELETIONS_PER_STEP]
        self._subscribers.publish()
        return deleted

    # -- notes ---------------------------------------------------------------------------------

    def get_note(self, key: str) -> str | None:
        """Return the text of the note `key`, or None without such a note."""
        return self._notes.get(key)

    def compare_and_set_note(self, key: str, value: str, *, expected: str | None) -> bool:
        """Store a short text; see `Store.compare_and_set_note`."""
        with self._lock:
            if self._notes.get(key) != expected:
                return False
            self._notes[key] = value
        return True

    # -- helpers -------------------------------------------------------------------------------

    def _enqueue_changes(self, kind: ChangeKind, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), MAX_IDS_PER_CHANGE):
            self._subscribers.enqueue(Change(kind, tuple(ids[start : start + MAX_IDS_PER_CHANGE])))

    def _find_quickly(
        self,
        search: Search,
        *,
        seconds: float = MAX_SCAN_SECONDS,
        must_parse: bool = False,
        wanted: int | None = None,
        must_count: bool = True,
    ) -> _Found:
        """Return the mails that match, newest first.

        Args:
            search: which mails to find.
            seconds: how long to parse mails; a first hundred of them is always parsed.
            must_parse: whether all mails must be parsed, for their tags or for sorting them.
            wanted: how many mails are needed; None needs all.
            must_count: whether to go on after these for a moment, to count the others.
        """
        with self._lock:
            candidates = list(self._mails.values())
        candidates.reverse()
        for term in search:
            if isinstance(term, NumberTerm):  # as fast as possible: each page by a cursor has one
                candidates = [mail for mail in candidates if term.matches(mail)]
        search = tuple(term for term in search if not isinstance(term, NumberTerm))
        if not search and not must_parse:
            return _Found(candidates, 0, 1.0)
        with self._search_limit.acquire() if is_expensive(search) else nullcontext():
            return self._scan(
                candidates,
                search,
                ParsingBudget(seconds),
                must_parse=must_parse,
                wanted=wanted,
                must_count=must_count,
            )

    def _scan(
        self,
        candidates: Sequence[_StoredMail],
        search: Search,
        budget: ParsingBudget,
        *,
        must_parse: bool = False,
        wanted: int | None = None,
        must_count: bool = True,
    ) -> _Found:
        """Return those of the mails that match, in their order; see `_find_quickly`.

        Raises `SearchTooSlow` at the time limit, to which parsing does not count.
        """
        kinds = split_terms(search)
        cheap_terms, must_parse = kinds.metadata + kinds.envelope, must_parse or bool(kinds.content)
        deadline = monotonic() + self._search_timeout
        counting_limit = CountingLimit()
        found: list[_StoredMail] = []
        skipped = 0
        for examined, mail in enumerate(candidates, 1):
            if search and monotonic() >= deadline:
                raise SearchTooSlow(
                    f"the search took longer than {self._search_timeout:g} s; search for fewer or longer words"
                )
            if not all(term.matches(mail) for term in cheap_terms):
                continue
            if must_parse and not mail.is_indexed:
                if budget.is_spent():
                    skipped += 1
                    continue
                started = monotonic()
                mail.ensure_index()
                deadline += monotonic() - started
                budget.note_parsed(mail.size)
            if not all(term.matches(mail) for term in kinds.content):
                continue
            found.append(mail)
            if wanted is not None and len(found) >= wanted and not must_count:
                break
            if wanted is not None and len(found) > wanted and counting_limit.is_reached(examined):
                # The matches among the newest mails stand for those among all.
                return _Found(found, skipped, len(candidates) / examined)
        return _Found(found, skipped, 1.0)

    def _find(
        self, search: Search, ids: Iterable[str] | None = None, *, since: int = 0, marked: bool = False
    ) -> list[_StoredMail]:
        """Return all mails that match, in the order of arrival; parse new ones first.

        Args:
            search: which mails to find.
            ids: find only these mails; None is no limit.
            since: find only mails with a modification sequence greater than this.
            marked: find only mails that have system flags or tags.
        """
        with self._lock:
            if ids is None:
                numbers = _find_numbers(search)
                if numbers is None and since:
                    numbers = self._list_changed(since)
                candidates = (
                    list(self._mails.values())
                    if numbers is None
                    else [self._mails_by_number[number] for number in sorted(numbers & self._mails_by_number.keys())]
                )
            else:
                candidates = [self._mails[name] for name in set(ids) & self._mails.keys()]
                candidates.sort(key=lambda mail: mail.number)
        if since:
            candidates = [mail for mail in candidates if mail.mod_seq > since]
        if marked:
            candidates = [mail for mail in candidates if mail.is_marked]
        candidates, search = _select_quickly(candidates, search)
        if not search:
            return candidates
        with self._search_limit.acquire() if ids is None and is_expensive(search) else nullcontext():
            return self._scan(candidates, search, ParsingBudget(math.inf)).mails

    def _raise_mod_seq(self, mails: Collection[_StoredMail]) -> None:
        """Give mails that change a new modification sequence; the caller holds the lock."""
        if mails:
            self._mod_seq += 1
            for mail in mails:
                mail.mod_seq = self._mod_seq
            self._changed.extend([(self._mod_seq, mail.number) for mail in mails])

    def _list_changed(self, since: int) -> frozenset[int] | None:
        """Return which mails changed after a modification sequence; None if that is too many."""
        changed = self._changed
        if len(changed) == _MAX_LISTED_CHANGES and changed[0][0] > since:
            return None  # there may have been more changes
        return frozenset(number for _, number in takewhile(lambda change: change[0] > since, reversed(changed)))

    def _remove(self, mails: Iterable[_StoredMail]) -> None:
        for mail in mails:
            del self._mails[mail.id], self._mails_by_number[mail.number]
            self._pending.pop(mail.id, None)
            self._size -= mail.size

    def _remove_all(self) -> int:
        count = len(self._mails)
        self._mails, self._mails_by_number, self._pending, self._size = {}, {}, {}, 0
        return count


class _Found(NamedTuple):
    """Mails that match.

    Args:
        mails: the mails.
        skipped: how many mails were left out because they are not parsed yet.
        scale: the factor that estimates how many match in all; 1 if `mails` has all of them.
    """

    mails: list[_StoredMail]
    skipped: int
    scale: float


class _StoredMail:
    """A mail in the store; its content is parsed at the first use of what the index contains."""

    __slots__ = (
        *("_assigned_tags", "_index", "_indexing_lock", "_initial_tags", "_parts", "_tag_rules"),
        *(
            "added_tags",
            "envelope",
            "flags",
            "folder",
            "id",
            "mod_seq",
            "number",
            "owner",
            "read",
            "received_at",
            "size",
        ),
    )

    def __init__(self, number: int, message: Arrival, indexing_lock: threading.Lock, tag_rules: TagRules) -> None:
        self.number = number
        self.id = message.id
        self.envelope = redact_envelope(message.envelope)
        self.size = message.size
        self.received_at = datetime.fromtimestamp(message.received_at, UTC)
        self.read = message.read
        self.flags = parse_flags(message.flags) if message.flags else ()
        self.folder, self.owner = message.folder, message.owner if message.folder else ""
        self.mod_seq = 1
        self.added_tags = message.tags
        # Share the list if it is one: joining the parts replaces its items by one, for all that hold it (`join_parts`).
        self._parts = message.parts if isinstance(message.parts, list) else list(message.parts)
        self._indexing_lock = indexing_lock
        self._tag_rules = tag_rules
        self._index: MessageIndex | None = None
        self._initial_tags: tuple[str, ...] = ()
        self._assigned_tags: tuple[str, ...] | None = None

    def build_mail(self) -> Mail:
        """Return a new `Mail` for the content.

        It is not kept, because what it parses may be many times the size of the content.
        """
        return Mail(self.id, self.envelope, self._parts, received_at=self.received_at.timestamp())

    def ensure_index(self) -> tuple[MessageIndex, Mail | None]:
        """Return the index of the content, and the parsed mail if this call built the index."""
        if self._index is not None:
            return self._index, None
        with self._indexing_lock:
            if self._index is not None:
                return self._index, None
            mail = self.build_mail()
            index = build_message_index(mail)
            searchable = SearchableMail(
                index=index,
                size=self.size,
                received_at=self.received_at,
                username=self.username,
                tags=self.added_tags,
                folder=self.folder,
                owner=self.owner,
            )
            self._initial_tags = self._tag_rules.compute_tags(searchable)
            self._index = index
            return index, mail

    @property
    def is_indexed(self) -> bool:
        """Whether the content is parsed."""
        return self._index is not None

    @property
    def index(self) -> MessageIndex:
        """The index of the content."""
        return self._index or self.ensure_index()[0]

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that were set last, or those of the arrival and its content."""
        if self._assigned_tags is not None:
            return self._assigned_tags
        self.ensure_index()
        return self._initial_tags

    @tags.setter
    def tags(self, tags: tuple[str, ...]) -> None:
        self._assigned_tags = tags

    @property
    def username(self) -> str:
        """The user that the SMTP session authenticated as; empty without authentication."""
        return "" if self.envelope.auth is None else self.envelope.auth.username

    @property
    def texts(self) -> Mapping[str, str]:
        return self.index.texts

    @property
    def addresses(self) -> Collection[tuple[str, str]]:
        """The addresses of the envelope; after parsing, also those of header fields."""
        return self._index.addresses if self._index is not None else build_envelope_addresses(self.envelope)

    @property
    def headers(self) -> Collection[tuple[str, str]]:
        return self.index.headers

    @property
    def attachments(self) -> int:
        return self.index.attachments

    @property
    def inlines(self) -> int:
        return self.index.inlines

    @property
    def is_marked(self) -> bool:
        """Whether the mail has system flags or tags."""
        if self.flags:
            return True
        return bool(self.tags if self._assigned_tags is not None or self.is_indexed else self.added_tags)

    @property
    def has_content_tags(self) -> bool:
        """Whether the content has given the mail tags that readers could not know before."""
        return self._assigned_tags is None and set(self._initial_tags) != set(self.added_tags)

    def describe_flags(self) -> FlaggedMail:
        """Return the marks of the mail; before indexing, without the tags of its content."""
        tags = self.tags if self._assigned_tags is not None or self.is_indexed else self.added_tags
        return FlaggedMail(
            self.number, self.id, self.read, self.flags, tuple(sorted(tags, key=fold)) if tags else (), self.mod_seq
        )

    def build_entry(self) -> Entry:
        """Return the mail as lists show it."""
        index = self.index
        summary: dict[str, Any] = {name: getattr(index, name) for name in _SUMMARY_FIELDS}
        return Entry(
            number=self.number,
            id=self.id,
            received_at=self.received_at,
            size=self.size,
            envelope=self.envelope,
            read=self.read,
            tags=tuple(sorted(self.tags, key=fold)),
            username=self.username,
            flags=self.flags,
            folder=self.folder,
            owner=self.owner,
            mod_seq=self.mod_seq,
            **summary,
        )


def _find_numbers(search: Search) -> frozenset[int] | None:
    """Return the only numbers that a mail of the search can have; None without such a term."""
    for term in search:
        if isinstance(term, NumberTerm) and not term.negated and not term.last:
            return term.numbers
    return None


def _select_quickly(mails: list[_StoredMail], search: Search) -> tuple[list[_StoredMail], Search]:
    """Evaluate the terms that an account of IMAP consists of, as fast as possible.

    Returns:
        The mails that satisfy these terms, and the other terms.
    """
    rest: list[Term] = []
    for term in search:
        if isinstance(term, NumberTerm) and not term.negated and not term.last:
            numbers = term.numbers
            mails = [mail for mail in mails if mail.number in numbers]
        elif isinstance(term, FolderTerm) and not term.negated and term.owner is not None:
            owner, folder = term.owner, term.folder
            mails = [mail for mail in mails if mail.folder == folder and mail.owner == owner]
        elif isinstance(term, AddressTerm) and not term.negated and term.is_exact and term.field == "recipient":
            address = term.address
            mails = [mail for mail in mails if _has_recipient(mail.envelope.rcpt_tos, address)]
        else:
            rest.append(term)
    return mails, tuple(rest)


def _has_recipient(recipients: Sequence[str], address: str) -> bool:
    if len(recipients) > _MAX_CACHED_RECIPIENTS:
        return any(normalize_field(recipient) == address for recipient in recipients)
    return address in _fold_recipients(tuple(recipients))


@lru_cache(maxsize=4096)
def _fold_recipients(recipients: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(normalize_field, recipients))


def _sort(mails: list[_StoredMail], order: SortOrder) -> list[_StoredMail]:
    """Return mails, given newest first, in an order."""
    keys: dict[int, int | bytes] = {
        mail.number: order.compute_key(
            mail.number, mail.size, mail.envelope, mail.index if order.needs_content else None
        )
        for mail in mails
    }
    # Equal keys stay newest first: with `reverse`, too, the sort is stable.
    return sorted(mails, key=lambda mail: keys[mail.number], reverse=not order.is_ascending)


def _find_surplus(mails: list[_StoredMail], retention: Retention, now: float) -> list[_StoredMail]:
    """Return which of the mails, given in the order of arrival, are beyond the limits."""
    expired: list[_StoredMail] = []
    if retention.max_age is not None:
        oldest = datetime.fromtimestamp(now, UTC) - retention.max_age
        expired = [mail for mail in mails if mail.received_at < oldest]
        max_deletions = retention.compute_max_deletions_by_age(len(mails))
        if len(expired) > max_deletions:
            warn_about_clock_jump(len(expired), len(mails), retention, max_deletions)
            del expired[max_deletions:]
    expired_numbers = {mail.number for mail in expired}
    left = [mail for mail in mails if mail.number not in expired_numbers]
    size = sum(mail.size for mail in left)
    drop = 0 if retention.max_mails is None else max(0, len(left) - retention.max_mails)
    size -= sum(mail.size for mail in left[:drop])
    while retention.max_bytes is not None and size > retention.max_bytes:
        size -= left[drop].size
        drop += 1
    return [*expired, *left[:drop]]
