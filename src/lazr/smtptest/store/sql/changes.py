"""Change mails: read marks, tags and deletion by search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete, insert, literal, or_, select, update

from lazr.smtptest.store.base import MAX_IDS_PER_CHANGE, Change
from lazr.smtptest.store.flags import encode_flags
from lazr.smtptest.store.search.terms import TagTerm
from lazr.smtptest.store.sql.database import split_into_batches
from lazr.smtptest.store.sql.row_mapping import build_tag_rows
from lazr.smtptest.store.sql.schema import mails, tags
from lazr.smtptest.store.tags import parse_tags
from lazr.smtptest.store.text_normalization import fold, make_storable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from lazr.smtptest.store.search.terms import Search
    from lazr.smtptest.store.sql.database import Database
    from lazr.smtptest.store.sql.deleter import Deleter
    from lazr.smtptest.store.sql.indexer import Indexer
    from lazr.smtptest.store.sql.queries import MessageQueries

__all__ = ["MessageChanges"]

# All bits that an INTEGER of PostgreSQL has, without its sign: flags of later versions are kept.
_ALL_FLAGS = 0x7FFF_FFFF


class MessageChanges:
    """The changing methods of an SQL store.

    Each finds the mails first, and then changes a batch per transaction.
    """

    def __init__(self, database: Database, indexer: Indexer, queries: MessageQueries, deleter: Deleter) -> None:
        self._database = database
        self._indexer = indexer
        self._queries = queries
        self._deleter = deleter

    def set_read(self, search: Search, ids: Collection[str] | None, *, read: bool) -> list[str]:
        """Mark mails as read or unread; return the IDs of those whose mark changed."""
        numbers = [match.number for match in self._queries.find_matches(search, ids, mails.c.read.is_(not read))]
        return self.set_read_by_number(numbers, read=read)

    def set_read_by_number(self, numbers: Sequence[int], *, read: bool) -> list[str]:
        """Mark these mails as read or unread; return the IDs of those whose mark changed."""
        marked: list[str] = []
        for batch in split_into_batches(numbers):
            with self._database.begin_write() as transaction:
                mod_seq = self._database.advance_mod_seq(transaction.connection)
                statement = update(mails).where(mails.c.number.in_(batch), mails.c.read.is_(not read))
                statement = statement.values(read=read, mod_seq=mod_seq)
                rows = transaction.connection.execute(statement.returning(mails.c.number, mails.c.id))
                names = [name for _, name in sorted(rows.all())]
                self._database.change_totals(transaction.connection, unread=-len(names) if read else len(names))
                transaction.changes += _build_changes("read" if read else "unread", names)
            marked += names
        return marked

    def set_flags(
        self,
        search: Search,
        ids: Collection[str] | None,
        *,
        add: Collection[str],
        remove: Collection[str],
        replace: Collection[str] | None,
    ) -> list[str]:
        """Change the system flags of the mails that match; return the IDs of those changed."""
        added, removed = encode_flags(add), encode_flags(remove)
        kept = mails.c.flags if replace is None else literal(encode_flags(replace))
        flags = kept.bitwise_and(~removed & _ALL_FLAGS).bitwise_or(added)
        return self._update(search, ids, {"flags": flags}, mails.c.flags != flags)

    def set_folder(self, search: Search, ids: Collection[str] | None, folder: str, owner: str) -> list[str]:
        """Put mails into another folder; return the IDs of those that were not there."""
        folder = make_storable(folder)
        owner = make_storable(owner) if folder else ""
        is_elsewhere = or_(mails.c.folder != folder, mails.c.owner != owner)
        return self._update(search, ids, {"folder": folder, "owner": owner}, is_elsewhere)

    def _update(
        self,
        search: Search,
        ids: Collection[str] | None,
        values: Mapping[str, object],
        is_different: ColumnElement[bool],
    ) -> list[str]:
        """Set columns of the mails that match; return the IDs of those that have other values now."""
        changed: list[str] = []
        numbers = [match.number for match in self._queries.find_matches(search, ids, is_different)]
        for batch in split_into_batches(numbers):
            with self._database.begin_write() as transaction:
                mod_seq = self._database.advance_mod_seq(transaction.connection)
                statement = update(mails).where(mails.c.number.in_(batch), is_different)
                statement = statement.values(**values, mod_seq=mod_seq)
                rows = transaction.connection.execute(statement.returning(mails.c.number, mails.c.id))
                names = [name for _, name in sorted(rows.all())]
                transaction.changes += _build_changes("flags", names)
            changed += names
        return changed

    def delete(self, search: Search, ids: Collection[str] | None) -> int:
        """Delete the mails that match; return how many were deleted."""
        deleted = self._deleter.delete([match.number for match in self._queries.find_matches(search, ids)])
        if deleted:
            is_short = len(deleted) <= MAX_IDS_PER_CHANGE
            self._database.publish(Change("delete", tuple(deleted)) if is_short else Change("prune"))
        return len(deleted)

    def set_tags(self, ids: Collection[str], new_tags: Collection[str], search: Search) -> None:
        """Replace all tags of the mails that match."""
        names = parse_tags(new_tags)
        matches = self._queries.find_matches_by_id(ids, search)
        # Index first: indexing adds the tags of the content, and must not do that after this change.
        self._indexer.index_numbers([match.number for match in matches])
        for batch in split_into_batches(matches):
            with self._database.begin_write() as transaction:
                connection = transaction.connection
                existing = _lock_existing(connection, [match.number for match in batch])
                connection.execute(delete(tags).where(tags.c.number.in_(existing)))
                _insert_tags(connection, existing, names)
                self._raise_mod_seq(connection, existing)
                transaction.changes += _build_changes("tags", [match.id for match in batch if match.number in existing])

    def replace_tag(self, tag: str, new: str | None, search: Search) -> int:
        """Rename a tag, given folded, or remove it without `new`; return how many mails had it."""
        changed = 0
        for batch in split_into_batches(self._queries.find_matches((*search, TagTerm(tag)), None)):
            with self._database.begin_write() as transaction:
                connection = transaction.connection
                existing = _lock_existing(connection, [match.number for match in batch])
                removed = delete(tags).where(tags.c.folded == tag, tags.c.number.in_(existing)).returning(tags.c.number)
                numbers = set(connection.scalars(removed))
                changed += len(numbers)
                self._raise_mod_seq(connection, numbers)
                if new is None:
                    continue
                tagged = select(tags.c.number).where(tags.c.folded == fold(new), tags.c.number.in_(numbers))
                _insert_tags(connection, numbers - set(connection.scalars(tagged)), [new])
        if changed:
            self._database.publish(Change("prune"))
        return changed

    def _raise_mod_seq(self, connection: Connection, numbers: Collection[int]) -> None:
        """Give mails that change a new modification sequence, in this transaction."""
        if numbers:
            mod_seq = self._database.advance_mod_seq(connection)
            connection.execute(update(mails).where(mails.c.number.in_(numbers)).values(mod_seq=mod_seq))


def _lock_existing(connection: Connection, numbers: Sequence[int]) -> set[int]:
    """Return which of these mails exist, and lock them.

    They cannot be deleted until the end of the transaction.
    """
    return set(connection.scalars(select(mails.c.number).where(mails.c.number.in_(numbers)).with_for_update()))


def _insert_tags(connection: Connection, numbers: Collection[int], names: Sequence[str]) -> None:
    rows = [row for number in numbers for row in build_tag_rows(number, names)]
    if rows:
        connection.execute(insert(tags), rows)


def _build_changes(kind: Literal["read", "unread", "tags", "flags"], ids: Sequence[str]) -> list[Change]:
    return [Change(kind, tuple(batch)) for batch in split_into_batches(ids, MAX_IDS_PER_CHANGE)]
