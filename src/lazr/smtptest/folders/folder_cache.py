"""The numbers of the mails in a folder, kept until the store changes.

Many sessions read the same folder, and each asks for its state after each change.  So the state is read once for all of
them, and after a few new or changed mails, only these are read.  Whether it is current is decided by the store, not
only by its notifications, which may come a little later than a change: a client that has read the 250 to its mail must
find the mail at once (promise P1).
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from typing import NamedTuple

from lazr.smtptest.folders.keywords import format_keyword
from lazr.smtptest.protocol.folder_access import FolderState
from lazr.smtptest.store import NumberTerm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.store import FlaggedMail, Search, Store

__all__ = ["FolderCache", "FolderCaches"]

_MAX_CACHES = 1_000
_MAX_CACHED_NUMBERS = 4_000_000  # of 4 bytes each
_MAX_KEYWORDS = 1_000
# After more changes, it is faster to read all.
_MAX_CHANGED_MAILS = 500


class _Stamp(NamedTuple):
    """What tells whether a state is current.

    Args:
        generation: changes with each deletion.
        mod_seq: the modification sequence of the store.
        mails: how many mails are in the store; None if the generation changes before a deletion is visible.
        size: the bytes of these mails.
    """

    generation: int
    mod_seq: int
    mails: int | None
    size: int


class FolderCache:
    """The state of one folder.

    Thread safety: all methods may be called from any thread.

    Args:
        store: the open store.
        search: which mails are in the folder.
        caches: the caches of the same store.
    """

    def __init__(self, store: Store, search: Search, caches: FolderCaches) -> None:
        self._store = store
        self._search = search
        self._caches = caches
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._next_number = 1  # all mails from this number on came after the state was read
        self._uids: array[int] = array("I")  # never changed in place, because sessions keep it
        self._unread: array[int] = array("I")
        self._deleted: set[int] = set()
        self._state = FolderState((), unseen_count=0, first_unseen_uid=None, uid_next=1, highest_mod_seq=1)
        self._sized_state: FolderState | None = None  # the state that has this size
        self._size = 0
        self._claimed_uid = 0
        self._keywords: dict[str, str] = {}  # in the first spelling, by lower case
        self._tags: dict[str, str] = {}  # the tag that a keyword stands for, by lower case

    @property
    def change_lock(self) -> threading.Lock:
        """The lock to hold while flags are read and then changed."""
        return self._caches.change_lock

    @property
    def cached_count(self) -> int:
        """How many numbers are in memory."""
        return len(self._uids) + len(self._unread)

    def read_state(self) -> FolderState:
        """Return the state of the folder now."""
        with self._lock:
            if self._stamp is None or self._caches.read_stamp() != self._stamp:
                next_number = self._store.get_next_number()  # before the rest, which may then be newer
                stamp = self._caches.read_stamp()
                if self._stamp is None or not self._read_changes(self._stamp, stamp):
                    self._read_all()
                self._stamp = stamp
                self._next_number = max(next_number, self._next_number)
                self._state = self._build_state(stamp)
            return self._state

    def count_deleted(self) -> int:
        r"""Return how many mails had the flag `\Deleted` when the state was read."""
        with self._lock:
            return len(self._deleted)

    def read_size(self) -> int:
        """Return the bytes of all mails; they are counted once for each state."""
        state = self.read_state()
        if self._sized_state is not state:
            self._size = self._store.get_totals(self._search).size
            self._sized_state = state
        return self._size

    def claim_recent(self, last_uid: int) -> int:
        """Note that a session has seen mails up to a UID; return the last one seen before."""
        with self._lock:
            before, self._claimed_uid = self._claimed_uid, max(self._claimed_uid, last_uid)
            return before

    def count_recent(self) -> int:
        """Return how many mails no session had seen when the state was read."""
        with self._lock:
            return len(self._state.uids) - bisect_right(self._state.uids, self._claimed_uid)

    def get_tag(self, keyword: str) -> str:
        """Return the tag that a keyword stands for in this folder."""
        return self._tags.get(keyword.lower(), keyword)

    def _read_all(self) -> None:
        """Read which mails are in the folder, and their marks; later changes may be included."""
        store, search = self._store, self._search
        self._stamp = None  # if this fails, all must be read again
        numbers = store.list_numbers(search)
        present = set(numbers)
        self._uids = _build_array(numbers)
        self._unread = _build_array([number for number in store.list_numbers(unread=True) if number in present])
        self._deleted.clear()
        self._note_flags(store.find_flags(search, marked=True))
        self._deleted &= present  # a mail may have come between the calls

    def _read_changes(self, before: _Stamp, after: _Stamp) -> bool:
        """Read what has changed since a stamp; return False if all must be read instead."""
        if before.generation != after.generation:
            return False
        store, search = self._store, self._search
        changed = store.find_flags(since=before.mod_seq)
        if len(changed) > _MAX_CHANGED_MAILS:
            return False
        added = sum(mail.number >= self._next_number and mail.mod_seq <= after.mod_seq for mail in changed)
        if before.mails is not None and after.mails != before.mails + added:
            return False  # mails were deleted, which will be announced
        numbers = {mail.number for mail in changed}
        if store.is_durable:
            # A store with several nodes leaves out a mail while one with a lower number can still come.
            later = NumberTerm(negated=True, last=self._next_number - 1)
            numbers.update(store.list_numbers((*search, later)))
        found = store.find_flags(search, numbers=numbers) if numbers else []
        present = {mail.number for mail in found}
        unread = {mail.number for mail in found if not mail.read}
        self._uids = _merge(self._uids, present, numbers - present)
        self._unread = _merge(self._unread, unread, numbers - unread)
        self._deleted -= numbers
        self._note_flags(found)
        return True

    def _build_state(self, stamp: _Stamp) -> FolderState:
        uids, unread = self._uids, self._unread
        return FolderState(
            uids,
            unseen_count=len(unread),
            first_unseen_uid=unread[0] if unread else None,
            uid_next=self._caches.raise_uid_next(max(self._next_number, uids[-1] + 1 if uids else 1)),
            highest_mod_seq=max(1, stamp.mod_seq),
            keywords=tuple(sorted(self._keywords.values())),
        )

    def _note_flags(self, changed: Sequence[FlaggedMail]) -> None:
        for mail in changed:
            if "\\Deleted" in mail.flags:
                self._deleted.add(mail.number)
            for tag in mail.tags:
                if len(self._keywords) < _MAX_KEYWORDS:
                    keyword = format_keyword(tag)
                    self._keywords.setdefault(keyword.lower(), keyword)
                    self._tags.setdefault(keyword.lower(), tag)


class FolderCaches:
    """The caches of the folders of one store, and what tells whether they are current.

    The caches that were used last stay.

    Args:
        store: the open store.
        get_generation: returns a number that each deletion changes.
    """

    def __init__(self, store: Store, get_generation: Callable[[], int]) -> None:
        self._store = store
        self._get_generation = get_generation
        self._lock = threading.Lock()
        self.change_lock: threading.Lock = threading.Lock()  # while sessions read flags and then change them
        self._caches: OrderedDict[Search, FolderCache] = OrderedDict()
        self._uid_next = 1

    def get(self, search: Search) -> FolderCache:
        """Return the cache of the folder that has the mails of a search."""
        with self._lock:
            cache = self._caches.setdefault(search, FolderCache(self._store, search, self))
            self._caches.move_to_end(search)
            while len(self._caches) > 1 and (
                len(self._caches) > _MAX_CACHES
                or sum(other.cached_count for other in self._caches.values()) > _MAX_CACHED_NUMBERS
            ):
                self._caches.popitem(last=False)
            return cache

    def read_stamp(self) -> _Stamp:
        """Return a value that each change replaces."""
        generation = self._get_generation()
        mod_seq = self._store.get_mod_seq()
        if not self._store.is_durable:  # it announces a deletion before the call returns
            return _Stamp(generation, mod_seq, None, 0)
        totals = self._store.get_totals()
        return _Stamp(generation, mod_seq, totals.mails, totals.size)

    def raise_uid_next(self, number: int) -> int:
        """Return the number, or a greater one that was returned before (RFC 9051 2.3.1.1)."""
        with self._lock:
            self._uid_next = max(self._uid_next, number)
            return self._uid_next


def _build_array(numbers: Sequence[int]) -> array[int]:
    try:
        return array("I", numbers)
    except OverflowError:  # these are no UIDs (RFC 9051 2.3.1.1), but must not raise
        return array("Q", numbers)


def _merge(numbers: array[int], added: set[int], removed: set[int]) -> array[int]:
    """Add and remove numbers, and return a new array; the same one if nothing changes."""
    missing = [number for number in sorted(added) if not _has_number(numbers, number)]
    surplus = [number for number in removed if _has_number(numbers, number)]
    if not missing and not surplus:
        return numbers
    merged = numbers[:]
    try:
        for number in surplus:
            del merged[bisect_left(merged, number)]
        for number in missing:
            merged.insert(bisect_left(merged, number), number)
    except OverflowError:
        return _build_array(sorted({*merged, *missing}))
    return merged


def _has_number(numbers: array[int], number: int) -> bool:
    index = bisect_left(numbers, number)
    return index < len(numbers) and numbers[index] == number
