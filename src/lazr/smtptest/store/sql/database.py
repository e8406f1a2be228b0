"""The interface that the parts of an SQL store need from a database.

It has snapshots, write transactions, locks and text indexes.

`SqliteDatabase` and `PostgresDatabase` implement it.  The parts (`Indexer`, `MessageQueries`, `MessageChanges`,
`Deleter`, `Pruner`, `Notes`) use nothing else of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from sqlalchemy import insert, select

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.store.sql.record_builder import encode_table_record
from lazr.smtptest.store.sql.row_mapping import read_bytes
from lazr.smtptest.store.sql.schema import contents, mail_tables, metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select, Table

    from lazr.smtptest.store.base import Change, Totals
    from lazr.smtptest.store.sql.record_builder import EncodeRecord, IndexRecord

    NumberQuery = Select[tuple[int]] | CompoundSelect[tuple[int]]

__all__ = ["MAX_MAILS_PER_STEP", "MAX_NUMBER", "Database", "WriteTransaction", "split_into_batches"]

MAX_MAILS_PER_STEP = 500
"""One statement or transaction concerns at most this many mails."""

MAX_NUMBER = 1 << 62
"""A number that no mail reaches, and that every database can store."""

_T = TypeVar("_T")


@dataclass
class WriteTransaction:
    """An open transaction, and the changes to publish after its commit."""

    connection: Connection
    changes: list[Change] = field(default_factory=list)


class Database(ABC):
    """A database with the tables of `schema`.

    Reading happens in snapshots.  Changes happen in short transactions, so that receiving never waits for long: a
    change to many mails is made to a batch at a time.
    """

    target_step_seconds: ClassVar[float] = 0.005
    """How long a transaction should take.  Receiving may have to wait that long."""

    mail_tables: ClassVar[tuple[Table, ...]] = mail_tables
    """All tables with rows of a mail; `mails` itself is the last."""

    @property
    def encode_record(self) -> EncodeRecord:
        """The format of the records that indexing writes."""
        return encode_table_record

    def get_indexing_step_seconds(self) -> float:
        """Return how long a transaction of indexing should take now."""
        return self.target_step_seconds

    def read_step_clock(self) -> float:
        """Return the seconds that a step of indexing is measured by."""
        return monotonic()

    @abstractmethod
    def read_snapshot(self, *, limit_time: bool = True) -> AbstractContextManager[Connection]:
        """Open a read-only snapshot; with `limit_time`, slow statements raise `SearchTooSlow`."""

    def lift_time_limit(self, connection: Connection) -> None:
        """Let the following statements of a snapshot take as long as they need."""
        return

    @abstractmethod
    def begin_write(self, *, sync: bool = False) -> AbstractContextManager[WriteTransaction]:
        """Open a transaction; commit it and publish its changes at the end of the block.

        With `sync`, the commit survives a loss of power.
        """

    def match_numbers(self, column: ColumnElement[int], numbers: Collection[int]) -> ColumnElement[bool]:
        """Return the condition that a column has one of these numbers."""
        return column.in_(numbers)

    def publish(self, change: Change) -> None:
        """Publish a change that is in the database already."""
        with self.begin_write() as transaction:
            transaction.changes.append(change)

    def insert_rows(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert rows, by the fastest means of the database."""
        if rows:
            connection.execute(insert(table), rows)

    def insert_records(self, connection: Connection, records: Sequence[IndexRecord]) -> None:
        """Insert what indexing has found about mails: records that `encode_record` has returned."""
        for table_rows in zip(*(tables for _, tables in records), strict=True):
            rows = [row for _, mail_rows in table_rows for row in mail_rows]
            self.insert_rows(connection, metadata.tables[table_rows[0][0]], rows)

    def list_outdated_numbers(self, connection: Connection, limit: int) -> Sequence[int]:
        """Return the numbers of mails that were indexed in an older format, in order."""
        return ()

    def replace_outdated(self, connection: Connection, numbers: Sequence[int], records: Sequence[IndexRecord]) -> None:
        """Replace what an older format has about mails; their tags stay.

        Args:
            connection: a connection in a write transaction.
            numbers: what `list_outdated_numbers` has returned.
            records: the new records of those of the mails that exist.
        """
        raise NotImplementedError

    def read_content(self, connection: Connection, number: int, size: int) -> bytes:
        """Return the content of a mail of `size` bytes; less of it in a damaged database."""
        return read_bytes(connection.scalar(select(contents.c.content).where(contents.c.number == number)))

    def read_totals(self, connection: Connection) -> Totals | None:
        """Return the counters of all mails; None if the database has to count them."""
        return None

    def change_totals(self, connection: Connection, *, mails: int = 0, unread: int = 0, size: int = 0) -> None:
        """Add numbers, which may be negative, to the counters of all mails, if there are any."""
        return

    def remove_from_full_text_index(self, connection: Connection, numbers: Sequence[int]) -> None:
        """Remove mails whose rows are still in the tables.

        Does nothing if the database maintains the index itself.
        """
        return

    def try_lock_pruning(self) -> AbstractContextManager[bool]:
        """Try to become the one process that prunes; the block gets whether that succeeded."""
        return nullcontext(enter_result=True)

    @abstractmethod
    def advance_mod_seq(self, connection: Connection) -> int:
        """Return a new modification sequence for changes in this write transaction."""

    @abstractmethod
    def get_mod_seq(self) -> int:
        """Return the last modification sequence up to which all changes are committed."""

    def list_numbers(self, connection: Connection, statement: NumberQuery) -> list[int]:
        """Return the numbers that a query finds, by the fastest means of the database."""
        return list(connection.scalars(statement))

    def fetch_rows(self, connection: Connection, statement: Select[Any]) -> Sequence[tuple[Any, ...]]:
        """Return all rows of a statement, by the fastest means of the database."""
        return [tuple(row) for row in connection.execute(statement)]

    @abstractmethod
    def get_assigned_number(self) -> int:
        """Return the greatest number that a mail has or had; all mails up to it are committed."""

    def get_settled_number(self) -> int:
        """Return a number as `get_stable_number` does, without making other transactions wait."""
        return MAX_NUMBER

    def read_contents(self, connection: Connection, sizes: Mapping[int, int]) -> dict[int, bytes]:
        """Return the contents of mails by number; less of them in a damaged database.

        Args:
            connection: the snapshot to read from.
            sizes: the length of each content, by the number of its mail.
        """
        statement = select(contents.c.number, contents.c.content)
        rows = connection.execute(statement.where(self.match_numbers(contents.c.number, list(sizes))))
        return {number: read_bytes(content) for number, content in rows}

    def get_stable_number(self) -> int:
        """Return a number such that no mail with a lower or equal number can still be committed."""
        return MAX_NUMBER


def split_into_batches(items: Sequence[_T], size: int = MAX_MAILS_PER_STEP) -> Iterator[Sequence[_T]]:
    """Yield slices of at most `size` items.

    >>> list(split_into_batches("abcde", 2))
    ['ab', 'cd', 'e']
    """
    for start in range(0, len(items), size):
        yield items[start : start + size]
