"""The numbers of the mails in a folder, kept until the store changes.

Many sessions read the same folder, and each asks for its state after each change.  So the state is read once for all of
them.  Whether it is current is decided by the store, not only by its notifications, which may come a little later than
a change: a client that has read the 250 to its mail must find the mail at once (promise P1).
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict

from lazr.smtptest.folders.keywords import format_keyword
from lazr.smtptest.protocol.folder_access import FolderState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.store import FlaggedMail, Search, Store

    _Stamp = tuple[object, ...]

__all__ = ["FolderCache", "FolderCaches"]

_MAX_CACHES = 1_000
_MAX_CACHED_NUMBERS = 4_000_000  # of 4 bytes each
_MAX_KEYWORDS = 1_000


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
        self._state = FolderState((), unseen_count=0, first_unseen_uid=None, uid_next=1, highest_mod_seq=1)
        self._flags_mod_seq = 0  # of the last change that the following have
        self._deleted: set[int] = set()
        self._claimed_uid = 0
        self._keywords: dict[str, str] = {}  # in the first spelling, by lower case
        self._tags: dict[str, str] = {}  # the tag that a keyword stands for, by lower case

    @property
    def cached_count(self) -> int:
        """How many numbers are in memory."""
        return len(self._state.uids)

    def read_state(self) -> FolderState:
        """Return the state of the folder now."""
        with self._lock:
            stamp, mod_seq = self._caches.read_stamp()
            if stamp != self._stamp:
                self._refresh(mod_seq)
                self._stamp = stamp
            return self._state

    def count_deleted(self) -> int:
        r"""Return how many mails had the flag `\Deleted` when the state was read."""
        with self._lock:
            return len(self._deleted)

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

    def _refresh(self, mod_seq: int) -> None:
        """Read the state; changes after `mod_seq` are possibly read, too."""
        store, search = self._store, self._search
        uids = _build_array(store.list_numbers(search))
        unread = store.list_numbers(search, unread=True)
        if unread and (not uids or unread[-1] > uids[-1]):  # mails that came between the two calls
            del unread[bisect_right(unread, uids[-1] if uids else 0) :]
        self._note_flags(store.find_flags(search, since=self._flags_mod_seq))
        self._flags_mod_seq = mod_seq
        if self._deleted:
            self._deleted.intersection_update(uids)
        self._state = FolderState(
            uids,
            unseen_count=len(unread),
            first_unseen_uid=unread[0] if unread else None,
            uid_next=self._caches.raise_uid_next(max(store.get_last_number(), uids[-1] if uids else 0) + 1),
            highest_mod_seq=max(1, mod_seq),
            keywords=tuple(sorted(self._keywords.values())),
        )

    def _note_flags(self, changed: Sequence[FlaggedMail]) -> None:
        for mail in changed:
            if "\\Deleted" in mail.flags:
                self._deleted.add(mail.number)
            elif self._deleted:
                self._deleted.discard(mail.number)
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
        get_generation: returns a number that each deletion and each move between folders changes.
    """

    def __init__(self, store: Store, get_generation: Callable[[], int]) -> None:
        self._store = store
        self._get_generation = get_generation
        self._lock = threading.Lock()
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

    def read_stamp(self) -> tuple[_Stamp, int]:
        """Return a value that each change replaces, and the modification sequence."""
        generation = self._get_generation()
        mod_seq = self._store.get_mod_seq()
        # A store in memory announces a deletion before the call returns.
        totals = self._store.get_totals() if self._store.is_durable else None
        return (generation, mod_seq, totals and (totals.mails, totals.size)), mod_seq

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
