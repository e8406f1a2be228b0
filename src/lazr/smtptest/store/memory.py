"""A store in memory: what it keeps is gone with the process."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Self

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import SearchTooSlow, StoreFull
from lazr.smtptest.mail.mail import Mail
from lazr.smtptest.store.audience import Audience
from lazr.smtptest.store.contract import NAMED, Change, Entry, Page, Totals
from lazr.smtptest.store.discretion import without_secrets
from lazr.smtptest.store.indexed import indexed, one_tag, tags_of
from lazr.smtptest.store.search import EVERYTHING, Search, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from lazr.smtptest.store.contract import Arrival, Retention
    from lazr.smtptest.store.indexed import Indexed

__all__ = ["MemoryStore"]

_log = logging.getLogger("lazr.smtptest.store")

# So many are deleted before others have their turn.
_STEP = 1000


class MemoryStore:
    """Keeps mails in memory; quick, and empty again when it is closed.

    - `room`: at most so many octets of content; beyond it, `add` raises `StoreFull`.  None is no limit.
    - `search_timeout`: seconds that one search may take, not counting the reading of mails.

    >>> from lazr.smtptest.mail.envelope import Envelope
    >>> from lazr.smtptest.store.contract import Arrival
    >>> envelope = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> store = MemoryStore()
    >>> store.add([Arrival("1", 1_700_000_000.0, envelope, [b"Subject: Hi\\r\\n", b"\\r\\nHello\\r\\n"])])
    >>> store.totals(), store.page().entries[0].subject
    (Totals(mails=1, unread=1, size=22), 'Hi')
    """

    # Three locks, taken in this order.  What a search looks at but for what is read out of the content, read marks
    # and tags, changes under `_changing`; so what was found is still so when it is changed.  Adding takes the `_lock`
    # alone, which nobody holds for longer than it takes to copy a list.  `_reading` is for reading contents.

    def __init__(self, *, room: int | None = None, search_timeout: float = 2.0) -> None:
        self._room = room
        self._search_timeout = search_timeout
        self._mails: dict[str, _Kept] = {}  # in the order of arrival
        self._number = 0
        self._size = 0
        self._unread: dict[str, _Kept] = {}  # those whose content nobody has read into an entry
        self._lock = threading.Lock()
        self._changing = threading.Lock()
        self._reading = threading.Lock()
        self._audience = Audience()
        self._notes: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Where the mails are, for people."""
        return "memory:"

    @property
    def durable(self) -> bool:
        """They do not outlive the process."""
        return False

    def open(self) -> None:
        """There is nothing to be done."""

    def close(self) -> None:
        """Forget all mails and notes, and who listens."""
        self._audience.clear()
        with self._changing, self._lock:
            self._forget_all()
            self._notes.clear()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<MemoryStore: {len(self._mails)} mail{'' if len(self._mails) == 1 else 's'}>"

    # -- receiving -----------------------------------------------------------------------------

    def add(self, arrivals: Sequence[Arrival]) -> None:
        """Keep these; see `Store.add`.  Raises `ValueError` where a name is taken."""
        size = sum(arrival.size for arrival in arrivals)
        with self._lock:
            if self._room is not None and self._size + size > self._room:
                raise StoreFull(f"there is room for {self._room - self._size:,} octets, not for {size:,}")
            ids = tuple(arrival.id for arrival in arrivals)
            if len(set(ids)) < len(ids) or not self._mails.keys().isdisjoint(ids):
                raise ValueError(f"a mail of that name is there: {', '.join(ids)}")
            for arrival in arrivals:
                self._number += 1
                kept = _Kept(self._number, arrival, self._reading)
                self._mails[kept.id] = self._unread[kept.id] = kept
            self._size += size
            for start in range(0, len(ids), NAMED):
                self._audience.note(Change("new", ids[start : start + NAMED]))
        self._audience.tell()

    def has_room(self, octets: int) -> bool:
        """Whether so many octets would be kept."""
        return self._room is None or self._size + octets <= self._room

    def catch_up(self, most: int = 100) -> int:
        """Read up to so many mails into entries; how many are left."""
        with self._lock:
            some = list(islice(self._unread.values(), most))
        for kept in some:
            _ = kept.indexed
        with self._lock:
            for kept in some:
                self._unread.pop(kept.id, None)
            return len(self._unread)

    # -- reading -------------------------------------------------------------------------------

    def totals(self, search: Search = EVERYTHING) -> Totals:
        """How much there is of what is looked for."""
        found = self._found(search)
        return Totals(len(found), sum(not kept.read for kept in found), sum(kept.size for kept in found))

    def page(self, search: Search = EVERYTHING, *, start: int = 0, limit: int | None = 50) -> Page:
        """Some of what is looked for, newest first."""
        found = self._found(search)
        found.reverse()
        shown = found[start:] if limit is None else found[start : start + limit]
        return Page([kept.entry() for kept in shown], len(found), sum(not kept.read for kept in found))

    def entry(self, id: str, search: Search = EVERYTHING) -> Entry | None:
        """The mail of that name, as lists show it."""
        for kept in self._found(search, [id]):
            return kept.entry()
        return None

    def latest(self, search: Search = EVERYTHING) -> Entry | None:
        """The newest of what is looked for."""
        found = self._found(search)
        return found[-1].entry() if found else None

    def mail(self, id: str, search: Search = EVERYTHING) -> Mail | None:
        """The mail itself."""
        for kept in self._found(search, [id]):
            return kept.mail()
        return None

    def tags(self, search: Search = EVERYTHING) -> dict[str, int]:
        """All tags that a mail has; where mails write one differently, the oldest one's way is told."""
        names: dict[str, str] = {}
        counts: dict[str, int] = {}
        for kept in self._found(search):
            for tag in kept.tags:
                key = fold(tag)
                names.setdefault(key, tag)
                counts[key] = counts.get(key, 0) + 1
        return {names[key]: counts[key] for key in sorted(counts)}

    def size_on_disk(self) -> int:
        """Octets of content; on a disk there are none."""
        return self._size

    def after(self, number: int, *, limit: int = 100) -> list[Entry]:
        """The mails whose number is greater than that, oldest first."""
        with self._lock:
            later = list(takewhile(lambda kept: kept.number > number, reversed(self._mails.values())))
        later.reverse()
        return [kept.entry() for kept in later[:limit]]

    # -- changing ------------------------------------------------------------------------------

    def mark(self, search: Search = EVERYTHING, *, read: bool, ids: Collection[str] | None = None) -> list[str]:
        """Mark as read or unread."""
        with self._changing:
            found = [kept for kept in self._found(search, ids) if kept.read is not read]
            with self._lock:
                for kept in found:
                    kept.read = read
                names = [kept.id for kept in found]
                for start in range(0, len(names), NAMED):
                    self._audience.note(Change("read" if read else "unread", tuple(names[start : start + NAMED])))
        self._audience.tell()
        return names

    def delete(self, search: Search = EVERYTHING, *, ids: Collection[str] | None = None) -> int:
        """Delete."""
        with self._changing:
            if search or ids is not None:
                found = self._found(search, ids)
                with self._lock:
                    self._forget(found)
                    if found:
                        names = tuple(kept.id for kept in found)
                        self._audience.note(Change("delete", names) if len(names) <= NAMED else Change("prune"))
                gone = len(found)
            else:
                with self._lock:
                    gone = self._forget_all()
                    if gone:
                        self._audience.note(Change("truncate"))
        self._audience.tell()
        return gone

    def set_tags(self, ids: Collection[str], tags: Collection[str], search: Search = EVERYTHING) -> None:
        """These mails have these tags, and no other ones."""
        to_be = tags_of(tags)
        with self._changing:
            found = self._found(search, ids)
            with self._lock:
                for kept in found:
                    kept.tags = to_be
                names = tuple(kept.id for kept in found)
                for start in range(0, len(names), NAMED):
                    self._audience.note(Change("tags", names[start : start + NAMED]))
        self._audience.tell()

    def rename_tag(self, tag: str, new: str, search: Search = EVERYTHING) -> int:
        """Call a tag something else.  Raises `ValueError` where that is not one tag."""
        return self._replace(fold(tag), (one_tag(new),), search)

    def delete_tag(self, tag: str, search: Search = EVERYTHING) -> int:
        """Take a tag off."""
        return self._replace(fold(tag), (), search)

    def _replace(self, tag: str, by: tuple[str, ...], search: Search) -> int:
        with self._changing:
            found = [kept for kept in self._found(search) if tag in map(fold, kept.tags)]
            with self._lock:
                for kept in found:
                    kept.tags = tags_of((*(one for one in kept.tags if fold(one) != tag), *by))
                if found:
                    self._audience.note(Change("prune"))
        self._audience.tell()
        return len(found)

    def prune(self, retention: Retention, now: float) -> int:
        """Delete what is more than is to be kept."""
        gone = 0
        with self._changing:
            surplus = _surplus(self._found(EVERYTHING), retention, now)
            while surplus:
                with self._lock:
                    self._forget(surplus[:_STEP])
                    self._audience.note(Change("prune"))
                gone += len(surplus[:_STEP])
                del surplus[:_STEP]
        self._audience.tell()
        return gone

    # -- notes ---------------------------------------------------------------------------------

    def recall(self, key: str) -> str | None:
        """What was last remembered under that key."""
        return self._notes.get(key)

    def remember(self, key: str, value: str, *, instead_of: str | None) -> bool:
        """Keep a short text."""
        with self._lock:
            if self._notes.get(key) != instead_of:
                return False
            self._notes[key] = value
        return True

    # -- hearing -------------------------------------------------------------------------------

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Have it called, in the thread that makes it, for each change; what is returned ends that."""
        return self._audience.subscribe(listener)

    # -- what all of these do ------------------------------------------------------------------

    def _found(self, search: Search, ids: Iterable[str] | None = None) -> list[_Kept]:
        """What is looked for, in the order of arrival; raises `SearchTooSlow`."""
        with self._lock:
            if ids is None:
                all_ = list(self._mails.values())
            else:
                all_ = sorted(map(self._mails.__getitem__, set(ids) & self._mails.keys()), key=lambda kept: kept.number)
        if not search:
            return all_
        for kept in all_:
            _ = kept.indexed
        deadline = monotonic() + self._search_timeout
        found = []
        for kept in all_:
            if monotonic() >= deadline:
                raise SearchTooSlow(f"the search took longer than {self._search_timeout:g} s; it is too much for one")
            if all(term.holds(kept) for term in search):
                found.append(kept)
        return found

    def _forget(self, gone: Iterable[_Kept]) -> None:
        for kept in gone:
            del self._mails[kept.id]
            self._unread.pop(kept.id, None)
            self._size -= kept.size

    def _forget_all(self) -> int:
        gone = len(self._mails)
        self._mails, self._unread, self._size = {}, {}, 0
        return gone


class _Kept:
    """A mail in the store.  What is in its content is read when somebody asks, and kept."""

    __slots__ = (
        *("_found_tags", "_indexed", "_parts", "_reading", "_set_tags"),
        *("arrival_tags", "envelope", "id", "number", "read", "received_at", "size"),
    )

    def __init__(self, number: int, arrival: Arrival, reading: threading.Lock) -> None:
        self.number = number
        self.id = arrival.id
        self.envelope = without_secrets(arrival.envelope)
        self.size = arrival.size
        self.received_at = datetime.fromtimestamp(arrival.received_at, UTC)
        self.read = False
        self.arrival_tags = arrival.tags
        # The list itself where it is one: whoever else holds it sees the same octets (see `data.joined`).
        self._parts = arrival.parts if isinstance(arrival.parts, list) else list(arrival.parts)
        self._reading = reading
        self._indexed: Indexed | None = None
        self._found_tags: tuple[str, ...] = ()
        self._set_tags: tuple[str, ...] | None = None

    def mail(self) -> Mail:
        """The mail; another one each time, as what people read out of it may be many times its size."""
        return Mail(self.id, self.envelope, self._parts, received_at=self.received_at.timestamp())

    @property
    def indexed(self) -> Indexed:
        """What the content says."""
        if self._indexed is None:
            with self._reading:
                if self._indexed is None:
                    read = indexed(self.mail())
                    self._found_tags = tags_of((*self.arrival_tags, *read.tags))
                    self._indexed = read
        return self._indexed

    @property
    def tags(self) -> tuple[str, ...]:
        """Those that it came with, until somebody sets others."""
        if self._set_tags is not None:
            return self._set_tags
        _ = self.indexed
        return self._found_tags

    @tags.setter
    def tags(self, tags: tuple[str, ...]) -> None:
        self._set_tags = tags

    @property
    def username(self) -> str:
        """Who brought it."""
        return "" if self.envelope.auth is None else self.envelope.auth.username

    @property
    def texts(self) -> Mapping[str, str]:
        return self.indexed.texts

    @property
    def addresses(self) -> Collection[tuple[str, str]]:
        return self.indexed.addresses

    @property
    def headers(self) -> Collection[tuple[str, str]]:
        return self.indexed.headers

    @property
    def attachments(self) -> int:
        return self.indexed.attachments

    @property
    def inlines(self) -> int:
        return self.indexed.inlines

    def entry(self) -> Entry:
        """As lists show it."""
        read = self.indexed
        return Entry(
            number=self.number,
            id=self.id,
            received_at=self.received_at,
            size=self.size,
            envelope=self.envelope,
            read=self.read,
            tags=tuple(sorted(self.tags, key=fold)),
            message_id=read.message_id,
            from_=read.from_,
            to=read.to,
            cc=read.cc,
            bcc=read.bcc,
            reply_to=read.reply_to,
            subject=read.subject,
            username=self.username,
            attachments=read.attachments,
            inlines=read.inlines,
            snippet=read.snippet,
        )


def _surplus(mails: list[_Kept], retention: Retention, now: float) -> list[_Kept]:
    """What is more than is to be kept of these, which are in the order of arrival."""
    old: list[_Kept] = []
    if retention.age is not None:
        oldest = datetime.fromtimestamp(now, UTC) - retention.age
        old = [kept for kept in mails if kept.received_at < oldest]
        most = retention.most_by_age(len(mails))
        if len(old) > most:
            _log.warning(
                "%d of %d mails are older than %s: has the clock been changed?  Deleting %d now, the rest later",
                *(len(old), len(mails), retention.age, most),
            )
            del old[most:]
    gone = {kept.number for kept in old}
    left = [kept for kept in mails if kept.number not in gone]
    size = sum(kept.size for kept in left)
    drop = 0 if retention.mails is None else max(0, len(left) - retention.mails)
    size -= sum(kept.size for kept in left[:drop])
    while retention.size is not None and size > retention.size:
        size -= left[drop].size
        drop += 1
    return [*old, *left[:drop]]
