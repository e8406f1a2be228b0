"""What all stores in databases have in common: reading mails into entries, finding, changing and pruning them.

A database is looked at in a snapshot (`_look`), and changed in steps (`_step`) that are short, so that nobody who
receives has to wait for one: what concerns many mails is done to some of them at a time.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, TypeVar

from sqlalchemy import and_, delete, exists, func, insert, literal, select, update

from lazr.smtptest.clock import monotonic
from lazr.smtptest.mail.mail import Mail
from lazr.smtptest.store.audience import Audience
from lazr.smtptest.store.conditions import microseconds, needs_reading
from lazr.smtptest.store.contract import NAMED, Change, Entry, Page, Totals
from lazr.smtptest.store.indexed import holdable, indexed, one_tag, tags_of
from lazr.smtptest.store.packedenvelope import unpacked_envelope
from lazr.smtptest.store.rows import entry_of, moment, read_rows, tag_rows
from lazr.smtptest.store.schema import contents, entries, mails, notes, of_mails, pending, tags
from lazr.smtptest.store.search import EVERYTHING, Search, Tag, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from lazr.smtptest.store.conditions import Conditions
    from lazr.smtptest.store.contract import Arrival, Retention

__all__ = ["SqlStore", "Step"]

_log = logging.getLogger("lazr.smtptest.store")

_T = TypeVar("_T")

# So many mails are done in one step: the dearer it is, the fewer.
_READ, _READ_OCTETS = 10, 500_000
_DELETED = 20
_CHANGED = 500

_HUGE = 1 << 62  # more than any number of a mail


@dataclass
class Step:
    """A transaction that changes something, and what to tell those who listen when it is committed."""

    connection: Connection
    changes: list[Change] = field(default_factory=list)


class _Found(NamedTuple):
    number: int
    id: str
    read: bool


class SqlStore(ABC):
    """A store in a database; what one database does in its own way is abstract here."""

    _short = 0.005  # seconds that a step is to take: so long may whoever receives have to wait

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._audience = Audience()
        # One reads mails into entries; who waits for it finds them read.
        self._reading = threading.Lock()

    # -- what a database does in its own way -----------------------------------------------------

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the mails are, for people; without a password."""

    @abstractmethod
    def open(self) -> None:
        """Be ready; see `Store.open`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; closing twice does no harm."""

    @abstractmethod
    def add(self, arrivals: Sequence[Arrival]) -> None:
        """Keep these; see `Store.add`.  Raises `ValueError` where a name is taken."""

    @abstractmethod
    def has_room(self, octets: int) -> bool:
        """Whether so many octets would be kept."""

    @abstractmethod
    def size_on_disk(self) -> int:
        """Octets that the store takes."""

    @abstractmethod
    def _look(self, *, hurry: bool = True) -> AbstractContextManager[Connection]:
        """A snapshot; in a hurry, whatever takes too long in it raises `SearchTooSlow`."""

    @abstractmethod
    def _step(self, *, safe: bool = False) -> AbstractContextManager[Step]:
        """A transaction; behind it the listeners are told.  Where it is safe, it survives the loss of power."""

    def _index(self, connection: Connection, numbers: Sequence[int]) -> None:
        """These have come into `texts`; a database that needs no index of its own does nothing."""
        return

    def _unindex(self, connection: Connection, numbers: Sequence[int]) -> None:
        """These are about to leave `texts`."""
        return

    def _alone(self) -> AbstractContextManager[bool]:
        """Whether no other process prunes, and none will before the end of this."""
        return nullcontext(enter_result=True)

    def _settled(self) -> int:
        """A number; up to it, no mail comes any more that is not there."""
        return _HUGE

    # -- being there -----------------------------------------------------------------------------

    @property
    def durable(self) -> bool:
        """Mails outlive the process."""
        return True

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    # -- reading into entries --------------------------------------------------------------------

    def catch_up(self, most: int = 100) -> int:
        """Read up to so many mails into entries; how many are left."""
        with self._reading:
            self._read_some(select(pending.c.number), most)
        with self._look(hurry=False) as connection:
            return connection.scalar(select(func.count()).select_from(pending)) or 0

    def _read_all(self) -> None:
        """Read all mails that are there by now."""
        with self._look(hurry=False) as connection:
            last = connection.scalar(select(func.max(pending.c.number)))
        if last is None:
            return
        while True:
            with self._reading:
                if not self._read_some(select(pending.c.number).where(pending.c.number <= last), 100):
                    return

    def _read_these(self, numbers: Collection[int]) -> None:
        """Read these, as far as nobody has."""
        for some in _cut(list(numbers), _CHANGED):
            chosen = select(pending.c.number).where(pending.c.number.in_(some))
            with self._look(hurry=False) as connection:
                left = connection.scalar(select(chosen.exists()))
            # Not while we have a connection: who reads needs one, and there are only so many.
            if left:
                with self._reading:
                    self._read_some(chosen, _CHANGED)

    def _read_some(self, chosen: Select[tuple[int]], most: int) -> int:
        """Read up to so many of those that are chosen; how many there were."""
        with self._look(hurry=False) as connection:
            statement = chosen.add_columns(mails.c.size).join_from(pending, mails, mails.c.number == pending.c.number)
            found = connection.execute(statement.order_by(pending.c.number).limit(most)).all()
        some: list[int] = []
        octets = 0
        for number, size in found:
            if some and octets + size > _READ_OCTETS:
                self._read_group(some)
                some, octets = [], 0
            some.append(number)
            octets += size
            if len(some) == _READ:
                self._read_group(some)
                some, octets = [], 0
        if some:
            self._read_group(some)
        return len(found)

    def _read_group(self, numbers: Sequence[int]) -> None:
        # What takes long, parsing, is done before the step.  Where another node does the same, one of both is told
        # in the step that nothing is pending any more, when the other has committed.
        columns = (mails.c.number, mails.c.id, mails.c.received_at, mails.c.envelope, mails.c.brought)
        joined = mails.join(contents, contents.c.number == mails.c.number)
        with self._look(hurry=False) as connection:
            statement = select(*columns, contents.c.content).select_from(joined).where(mails.c.number.in_(numbers))
            found = connection.execute(statement).all()
        read = {}
        for number, name, received_at, envelope, brought, content in found:
            mail = Mail(name, unpacked_envelope(envelope), [content], received_at=moment(received_at).timestamp())
            read[number] = list(read_rows(number, indexed(mail), brought))
        with self._step() as step:
            left = delete(pending).where(pending.c.number.in_(numbers)).returning(pending.c.number)
            here = [number for number in step.connection.scalars(left).all() if number in read]
            tables = [table for table, _ in read[here[0]]] if here else []
            for position, table in enumerate(tables):
                rows = [row for number in here for row in read[number][position][1]]
                if rows:
                    step.connection.execute(insert(table), rows)
            if here:
                self._index(step.connection, here)

    # -- finding ---------------------------------------------------------------------------------

    def totals(self, search: Search = EVERYTHING) -> Totals:
        """How much there is of what is looked for."""
        self._read_for(search)
        with self._look() as connection:
            return self._totals(connection, search)

    def _totals(self, connection: Connection, search: Search, *more: ColumnElement[bool]) -> Totals:
        unread = func.count().filter(mails.c.read.is_(False))
        statement = select(func.count(), unread, func.coalesce(func.sum(mails.c.size), 0)).select_from(mails)
        return Totals(*map(int, connection.execute(statement.where(*more, *self._conditions.all_of(search))).one()))

    def page(self, search: Search = EVERYTHING, *, start: int = 0, limit: int | None = 50) -> Page:
        """Some of what is looked for, newest first."""
        # All of a page is one snapshot.  Where a mail in it has yet to be read, it is made again when that
        # is done, without those that came meanwhile: or it might never end.
        newest = _HUGE
        while True:
            self._read_for(search)
            with self._look() as connection:
                newest = min(newest, connection.scalar(select(func.max(mails.c.number))) or 0)
                matched, unread, numbers = self._matched(connection, search, start, limit, mails.c.number <= newest)
                listed = self._listed(connection, numbers)
            if len(listed) == len(numbers):
                return Page(listed, matched, unread)
            self._read_these(numbers)

    def _matched(
        self, connection: Connection, search: Search, start: int, limit: int | None, *more: ColumnElement[bool]
    ) -> tuple[int, int, Sequence[int]]:
        """How many are found, how many of them unread, and the numbers of those on the page."""
        if search:
            found = self._found(connection, search, *more)
            found.reverse()
            shown = found[start:] if limit is None else found[start : start + limit]
            return len(found), sum(not one.read for one in found), [one.number for one in shown]
        # Who looks at the newest of very many does not look at them all.
        totals = self._totals(connection, search, *more)
        statement = select(mails.c.number).where(*more).order_by(mails.c.number.desc())
        some = statement.limit(_HUGE if limit is None else min(limit, _HUGE)).offset(min(start, _HUGE))
        return totals.mails, totals.unread, connection.scalars(some).all()

    def entry(self, id: str, search: Search = EVERYTHING) -> Entry | None:
        """The mail of that name, as lists show it."""
        found = self._found_of([id], search)
        return next(iter(self._entries([found[0].number])), None) if found else None

    def latest(self, search: Search = EVERYTHING) -> Entry | None:
        """The newest of what is looked for."""
        self._read_for(search)
        statement = select(mails.c.number).where(*self._conditions.all_of(search)).order_by(mails.c.number.desc())
        with self._look() as connection:
            number = connection.scalar(statement.limit(1))
        return None if number is None else next(iter(self._entries([number])), None)

    def mail(self, id: str, search: Search = EVERYTHING) -> Mail | None:
        """The mail itself."""
        found = self._found_of([id], search)
        if not found:
            return None
        columns = (mails.c.envelope, mails.c.received_at, contents.c.content)
        statement = select(*columns).join_from(mails, contents, contents.c.number == mails.c.number)
        with self._look(hurry=False) as connection:
            row = connection.execute(statement.where(mails.c.number == found[0].number)).one_or_none()
        if row is None:
            return None
        envelope, received_at, content = row
        return Mail(id, unpacked_envelope(envelope), [content], received_at=moment(received_at).timestamp())

    def tags(self, search: Search = EVERYTHING) -> dict[str, int]:
        """All tags that a mail has; where mails write one differently, the oldest one's way is told."""
        self._read_all()
        oldest = func.min(tags.c.number).label("oldest")
        chosen = select(tags.c.folded, func.count().label("mails"), oldest).group_by(tags.c.folded)
        if search:
            found = select(mails.c.number).where(*self._conditions.all_of(search))
            chosen = chosen.where(tags.c.number.in_(found))
        each = chosen.subquery()
        statement = select(tags.c.folded, tags.c.tag, each.c.mails).join_from(
            tags, each, and_(tags.c.folded == each.c.folded, tags.c.number == each.c.oldest)
        )
        with self._look() as connection:
            return {tag: count for _, tag, count in sorted(connection.execute(statement))}

    def after(self, number: int, *, limit: int = 100) -> list[Entry]:
        """The mails whose number is greater than that, oldest first."""
        between = mails.c.number > min(number, _HUGE), mails.c.number <= self._settled()
        statement = select(mails.c.number).where(*between).order_by(mails.c.number)
        with self._look() as connection:
            numbers = list(connection.scalars(statement.limit(min(limit, _HUGE))))
        return self._entries(numbers)

    def _read_for(self, search: Search) -> None:
        """Read what the search has to look into."""
        if needs_reading(search):
            self._read_all()

    def _found(self, connection: Connection, search: Search, *more: ColumnElement[bool]) -> list[_Found]:
        """What is looked for, in the order of arrival."""
        statement = select(mails.c.number, mails.c.id, mails.c.read).where(*more, *self._conditions.all_of(search))
        return [_Found(*row) for row in connection.execute(statement.order_by(mails.c.number))]

    def _found_of(self, ids: Collection[str], search: Search, *more: ColumnElement[bool]) -> list[_Found]:
        """Which of these are looked for, in the order of arrival; only these are read for it."""
        found: list[_Found] = []
        for some in _cut([name for name in dict.fromkeys(ids) if holdable(name) == name], _CHANGED):
            if needs_reading(search):
                with self._look() as connection:
                    statement = select(mails.c.number).where(mails.c.id.in_(some))
                    numbers = list(connection.scalars(statement))
                self._read_these(numbers)
            with self._look() as connection:
                found += self._found(connection, search, mails.c.id.in_(some), *more)
        return sorted(found)

    def _chosen(self, search: Search, ids: Collection[str] | None, *more: ColumnElement[bool]) -> list[_Found]:
        """What both, search and names, choose; in the order of arrival."""
        if ids is not None:
            return self._found_of(ids, search, *more)
        self._read_for(search)
        with self._look() as connection:
            return self._found(connection, search, *more)

    def _entries(self, numbers: Sequence[int]) -> list[Entry]:
        """Those of these mails that are still there, in this order."""
        self._read_these(numbers)
        with self._look() as connection:
            return self._listed(connection, numbers)

    def _listed(self, connection: Connection, numbers: Sequence[int]) -> list[Entry]:
        """Those of these mails that were read, in this order."""
        joined = mails.join(entries, entries.c.number == mails.c.number)
        columns = [*mails.c, *(column for column in entries.c if column is not entries.c.number)]
        listed: list[Entry] = []
        for some in _cut(numbers, _CHANGED):
            names: dict[int, list[str]] = {}
            for number, tag in connection.execute(select(tags.c.number, tags.c.tag).where(tags.c.number.in_(some))):
                names.setdefault(number, []).append(tag)
            statement = select(*columns).select_from(joined).where(mails.c.number.in_(some))
            rows = {row["number"]: row for row in connection.execute(statement).mappings()}
            listed += [entry_of(rows[number], names.get(number, ())) for number in some if number in rows]
        return listed

    # -- changing --------------------------------------------------------------------------------

    def mark(self, search: Search = EVERYTHING, *, read: bool, ids: Collection[str] | None = None) -> list[str]:
        """Mark as read or unread."""
        others = mails.c.read.is_(not read)
        marked: list[tuple[int, str]] = []
        for some in _cut(self._chosen(search, ids, others), _CHANGED):
            with self._step() as step:
                statement = update(mails).where(mails.c.number.in_([one.number for one in some]), others)
                changed = step.connection.execute(statement.values(read=read).returning(mails.c.number, mails.c.id))
                names = sorted(changed.all())
                step.changes += _named("read" if read else "unread", [name for _, name in names])
            marked += names
        return [name for _, name in marked]

    def delete(self, search: Search = EVERYTHING, *, ids: Collection[str] | None = None) -> int:
        """Delete."""
        if not search and ids is None:
            return self._truncate()
        gone = self._delete([one.number for one in self._chosen(search, ids)])
        if gone:
            self._announce(Change("delete", tuple(gone)) if len(gone) <= NAMED else Change("prune"))
        return len(gone)

    def _truncate(self) -> int:
        """Delete all that is there."""
        with self._look(hurry=False) as connection:
            numbers = list(connection.scalars(select(mails.c.number).order_by(mails.c.number)))
        gone = self._delete(numbers)
        if gone:
            self._announce(Change("truncate"))
        return len(gone)

    def _delete(self, numbers: Sequence[int]) -> list[str]:
        """Delete these, in steps; the names of those that were there."""
        gone: list[str] = []
        size = _DELETED
        while numbers:
            with self._step() as step:
                started = monotonic()
                gone += self._delete_some(step.connection, numbers[:size])
                took = monotonic() - started
            numbers = numbers[size:]
            # What it takes depends on the mails: next to nothing where nobody has read them.
            if took < self._short:
                size = min(2 * size, _CHANGED)
            elif took > 2 * self._short:
                size = max(size // 2, 1)
        return gone

    def _delete_some(self, connection: Connection, numbers: Sequence[int]) -> Sequence[str]:
        # `pending` comes first: on several nodes, that waits for whoever reads one of these into an entry.
        *others, last = of_mails
        connection.execute(delete(others[0]).where(others[0].c.number.in_(numbers)))
        self._unindex(connection, numbers)
        for table in others[1:]:
            connection.execute(delete(table).where(table.c.number.in_(numbers)))
        return connection.scalars(delete(last).where(last.c.number.in_(numbers)).returning(last.c.id)).all()

    def set_tags(self, ids: Collection[str], tags: Collection[str], search: Search = EVERYTHING) -> None:
        """These mails have these tags, and no other ones."""
        names = tags_of(tags)
        found = self._found_of(ids, search)
        self._read_these([one.number for one in found])  # or its own tags would come later
        for some in _cut(found, _CHANGED):
            with self._step() as step:
                here = self._still(step.connection, [one.number for one in some])
                self._replace_tags(step.connection, here, names)
                step.changes += _named("tags", [one.id for one in some if one.number in here])

    def _replace_tags(self, connection: Connection, numbers: Collection[int], names: Sequence[str]) -> None:
        connection.execute(delete(tags).where(tags.c.number.in_(numbers)))
        rows = [row for number in numbers for row in tag_rows(number, names)]
        if rows:
            connection.execute(insert(tags), rows)

    def _still(self, connection: Connection, numbers: Sequence[int]) -> set[int]:
        """Which of these are there, and will be until the end of the step."""
        statement = select(mails.c.number).where(mails.c.number.in_(numbers)).with_for_update()
        return set(connection.scalars(statement))

    def rename_tag(self, tag: str, new: str, search: Search = EVERYTHING) -> int:
        """Call a tag something else.  Raises `ValueError` where that is not one tag."""
        return self._exchange(fold(tag), one_tag(new), search)

    def delete_tag(self, tag: str, search: Search = EVERYTHING) -> int:
        """Take a tag off."""
        return self._exchange(fold(tag), None, search)

    def _exchange(self, tag: str, new: str | None, search: Search) -> int:
        changed = 0
        for some in _cut(self._chosen((*search, Tag(tag)), None), _CHANGED):
            with self._step() as step:
                here = self._still(step.connection, [one.number for one in some])
                had = delete(tags).where(tags.c.folded == tag, tags.c.number.in_(here)).returning(tags.c.number)
                numbers = set(step.connection.scalars(had))
                changed += len(numbers)
                if new is None:
                    continue
                has = select(tags.c.number).where(tags.c.folded == fold(new), tags.c.number.in_(numbers))
                numbers -= set(step.connection.scalars(has))
                rows = [row for number in numbers for row in tag_rows(number, [new])]
                if rows:
                    step.connection.execute(insert(tags), rows)
        if changed:
            self._announce(Change("prune"))
        return changed

    def prune(self, retention: Retention, now: float) -> int:
        """Delete what is more than is to be kept."""
        with self._alone() as alone:
            if not alone:
                return 0
            with self._look(hurry=False) as connection:
                surplus = self._surplus(connection, retention, now)
            gone = len(self._delete(surplus))
        if gone:
            self._announce(Change("prune"))
        return gone

    def _surplus(self, connection: Connection, retention: Retention, now: float) -> list[int]:
        """The numbers of what is more than is to be kept: what is too old, then the oldest of the rest."""
        total = self._totals(connection, EVERYTHING)
        old: list[tuple[int, int]] = []
        if retention.age is not None:
            too_old = mails.c.received_at < microseconds(datetime.fromtimestamp(now, UTC) - retention.age)
            most = retention.most_by_age(total.mails)
            count = connection.scalar(select(func.count()).select_from(mails).where(too_old)) or 0
            if count > most:
                _log.warning(
                    "%d of %d mails are older than %s: has the clock been changed?  Deleting %d now, the rest later",
                    *(count, total.mails, retention.age, most),
                )
            statement = select(mails.c.number, mails.c.size).where(too_old).order_by(mails.c.number).limit(most)
            old = list(connection.execute(statement))
        gone = {number for number, _ in old}
        left, size = total.mails - len(old), total.size - sum(octets for _, octets in old)
        surplus = sorted(gone)
        if _too_much(left, size, retention):
            # Behind a name, so that it ends with the first that may stay.
            rows = connection.execute(select(mails.c.number, mails.c.size).order_by(mails.c.number))
            for number, octets in rows:
                if not _too_much(left, size, retention):
                    break
                if number not in gone:
                    surplus.append(number)
                    left, size = left - 1, size - octets
            rows.close()
        return surplus

    # -- notes -----------------------------------------------------------------------------------

    def recall(self, key: str) -> str | None:
        """What was last remembered under that key."""
        with self._look() as connection:
            return connection.scalar(select(notes.c.value).where(notes.c.key == key))

    def remember(self, key: str, value: str, *, instead_of: str | None) -> bool:
        """Keep a short text, if nobody else was quicker."""
        if instead_of is None:
            there = exists().where(notes.c.key == key)
            statement = insert(notes).from_select(["key", "value"], select(literal(key), literal(value)).where(~there))
            try:
                with self._step(safe=True) as step:
                    return step.connection.scalar(statement.returning(notes.c.key)) is not None
            except ValueError:  # another node has just done the same
                return False
        changed = update(notes).where(notes.c.key == key, notes.c.value == instead_of).values(value=value)
        with self._step(safe=True) as step:
            return step.connection.scalar(changed.returning(notes.c.key)) is not None

    # -- hearing ---------------------------------------------------------------------------------

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Have it called for each change; what is returned ends that."""
        return self._audience.subscribe(listener)

    def _announce(self, change: Change) -> None:
        with self._step() as step:
            step.changes.append(change)


def _too_much(count: int, size: int, retention: Retention) -> bool:
    return (retention.mails is not None and count > retention.mails) or (
        retention.size is not None and size > retention.size
    )


def _named(kind: Literal["read", "unread", "tags"], ids: Sequence[str]) -> list[Change]:
    return [Change(kind, tuple(some)) for some in _cut(ids, NAMED)]


def _cut(all_: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """Pieces of that size, and what is left."""
    for start in range(0, len(all_), size):
        yield all_[start : start + size]
