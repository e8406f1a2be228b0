"""Index mails: parse their contents, and write the results into tables.

Lists and searches read these tables.  A long backlog is parsed by child processes, while this one writes.
"""

from __future__ import annotations

import logging
import pickle
import sys
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, select, update

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import StoreFull
from lazr.smtptest.store.sql.conditions import needs_index
from lazr.smtptest.store.sql.database import MAX_MAILS_PER_STEP, split_into_batches
from lazr.smtptest.store.sql.index_workers import IndexWorkers
from lazr.smtptest.store.sql.record_builder import PENDING_COLUMNS, RecordBuilder
from lazr.smtptest.store.sql.row_mapping import read_bytes
from lazr.smtptest.store.sql.schema import contents, mails, pending, sane_size, tags
from lazr.smtptest.store.tag_rules import TagRules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from lazr.smtptest.store.search.terms import Search
    from lazr.smtptest.store.sql.database import Database
    from lazr.smtptest.store.sql.record_builder import IndexRecord, PendingRow

__all__ = ["Indexer"]

_log = logging.getLogger("lazr.smtptest.store")

_MAX_MAILS_PER_BATCH, _MAX_BYTES_PER_BATCH = 100, 500_000
_MIN_MAILS_PER_TRANSACTION, _INITIAL_MAILS_PER_TRANSACTION = 20, 20
_MAX_MAILS_PER_PASS, _MAX_BYTES_PER_PASS = 1_000, 8_000_000
# After this many failures in a row, no child process is started any more.
_MAX_WORKER_FAILURES = 3
# A shorter backlog is parsed before a child process has started.
_MIN_MAILS_FOR_WORKERS = 300
_MAX_UPGRADES_PER_TRANSACTION, _MAX_UPGRADES_WHILE_RECEIVING = 50, 10
_LONG_STEP_SECONDS = 0.02

# In a damaged database, a content may be missing.
_SELECT_ROWS = select(*(mails.c[name] for name in PENDING_COLUMNS), contents.c.content).join_from(
    mails, contents, contents.c.number == mails.c.number, isouter=True
)


class _Batch(NamedTuple):
    """Pending mails, and their records.

    Args:
        rows: the mails.
        records: their records; a future if a child process builds them, None if none does.
    """

    rows: Sequence[PendingRow]
    records: Sequence[IndexRecord] | Future[list[IndexRecord]] | None


class Indexer:
    """The indexing of pending mails, in batches.

    Thread safety: all methods may be called from any thread.  One thread indexes at a time; others wait for it, and
    then find the mails indexed.

    Args:
        database: the database with the mails.
        check_room: raises `StoreFull` if there is no room for rows of so many bytes, with so many addresses among
            them; by default there is always room.
        tag_rules: which tags a mail gets when it is indexed; by default those of its X-Tags fields.
        worker_count: how many child processes parse a long backlog; 0 for none, None for as many as the machine's
            cores allow.
    """

    def __init__(
        self,
        database: Database,
        *,
        check_room: Callable[[int, int], None] = lambda size, address_count: None,
        tag_rules: TagRules | None = None,
        worker_count: int | None = None,
    ) -> None:
        self._database = database
        self._check_room = check_room
        self.tag_rules: TagRules = tag_rules or TagRules()
        self._builder = RecordBuilder(self.tag_rules, database.encode_record)
        self._worker_count = worker_count
        self._worker_failures = 0  # in a row
        self._in_progress: deque[_Batch] = deque()  # oldest first
        self._mails_per_transaction = _INITIAL_MAILS_PER_TRANSACTION
        self._lock = threading.Lock()
        self._workers_lock = threading.Lock()  # guards the following
        self._workers: IndexWorkers | None = None
        self._is_closed = False

    def open(self) -> None:
        """Let child processes start again after `close`."""
        with self._workers_lock:
            self._is_closed = False

    def close(self) -> None:
        """End the child processes, and start no others.

        A thread that is indexing goes on without them.
        """
        with self._workers_lock:
            self._is_closed = True
        self._end_workers()

    def index_pending(self, limit: int) -> int:
        """Index at most `limit` of the oldest pending mails, or else upgrade older rows.

        Returns:
            how many are left, at least.
        """
        with self._lock:
            if not self._index_oldest(limit):
                self._upgrade_outdated(limit)
        with self._database.read_snapshot(limit_time=False) as connection:
            left = connection.scalar(select(func.count()).select_from(pending)) or 0
            is_outdated_left = bool(self._database.list_outdated_numbers(connection, 1))
        if not left:
            self._end_workers()
        return left + is_outdated_left

    def index_for_search(self, search: Search) -> None:
        """Index all mails that are pending now, if the search depends on their contents."""
        if needs_index(search):
            self.index_all()

    def index_all(self) -> None:
        """Index all mails that are pending now."""
        with self._database.read_snapshot(limit_time=False) as connection:
            last = connection.scalar(select(func.max(pending.c.number)))
        while last is not None:
            with self._lock:
                indexed = self._index_oldest(_MAX_MAILS_PER_PASS)
            if not indexed:
                return
            with self._database.read_snapshot(limit_time=False) as connection:
                if connection.scalar(select(pending.c.number).where(pending.c.number <= last).limit(1)) is None:
                    break
        with self._lock:
            if not self._in_progress:  # otherwise another thread indexes later mails
                self._end_workers()

    def index_briefly(self, seconds: float) -> None:
        """Index the oldest pending mails for a moment; do nothing while another thread does."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            deadline = monotonic() + seconds
            while self._index_oldest(_MIN_MAILS_PER_TRANSACTION, may_start_workers=False):
                if monotonic() > deadline:
                    return
        finally:
            self._lock.release()

    def index_numbers(self, numbers: Collection[int]) -> None:
        """Index those of these mails that are pending."""
        for batch in split_into_batches(list(numbers)):
            pending_batches = self._select_batches(pending.c.number.in_(batch), len(batch), _MAX_MAILS_PER_BATCH)
            if pending_batches:
                with self._lock:
                    for some in pending_batches:
                        self._index_rows(self._load_pending(some))

    # -- the backlog, from its oldest mail on ------------------------------------------------------

    def _index_oldest(self, limit: int, *, may_start_workers: bool = True) -> int:
        """Index at most `limit` of the oldest pending mails; return how many there were."""
        last = max((row["number"] for batch in self._in_progress for row in batch.rows), default=0)
        max_mails = max(limit + _MAX_MAILS_PER_PASS, _MIN_MAILS_FOR_WORKERS)
        batches = self._select_batches(pending.c.number > last, max_mails, min(limit, _MAX_MAILS_PER_BATCH))
        backlog = sum(map(len, batches)) + sum(len(batch.rows) for batch in self._in_progress)
        if not backlog:
            self._end_workers()
            return 0
        if may_start_workers and backlog >= _MIN_MAILS_FOR_WORKERS:
            self._start_workers()
        remaining = iter(batches)
        left = limit
        max_bytes = _MAX_BYTES_PER_PASS
        while left > 0 and max_bytes > 0:
            self._start_batches(remaining)
            if not self._in_progress:
                break
            rows, records = self._collect(self._in_progress.popleft())
            if len(rows) > left:
                self._in_progress.appendleft(_Batch(rows[left:], records[left:]))
            self._write_records(rows[:left], records[:left])
            max_bytes -= sum(len(read_bytes(row["content"])) for row in rows[:left])
            left -= min(left, len(rows))
        return limit - left

    def _select_batches(self, condition: ColumnElement[bool], limit: int, max_batch: int) -> list[list[int]]:
        """Return the numbers of the oldest pending mails, in batches of limited size.

        Args:
            condition: what the mails must satisfy.
            limit: how many mails to return at most.
            max_batch: how many mails a batch has at most.
        """
        statement = select(pending.c.number, sane_size).join_from(pending, mails, mails.c.number == pending.c.number)
        statement = statement.where(condition).order_by(pending.c.number).limit(limit)
        with self._database.read_snapshot(limit_time=False) as connection:
            return _split_by_size([(number, size) for number, size in connection.execute(statement)], max_batch)

    def _start_batches(self, remaining: Iterator[list[int]]) -> None:
        """Load the next batches, so that each child process has one, and one waits for it."""
        workers = self._workers  # another thread may end them meanwhile
        wanted = 1 if workers is None else workers.count + 1
        while len(self._in_progress) < wanted and (numbers := next(remaining, None)) is not None:
            rows = self._load_pending(numbers)
            if rows:
                future = None if workers is None else workers.submit(rows)
                self._in_progress.append(_Batch(rows, future))

    def _collect(self, batch: _Batch) -> tuple[Sequence[PendingRow], Sequence[IndexRecord]]:
        """Return the rows and records of a batch, parsed here if no child process did it."""
        if isinstance(batch.records, Future):
            try:
                records = batch.records.result()
            except Exception as error:  # noqa: BLE001 - a child process may fail in any way
                self._note_worker_failure(error)
            else:
                self._worker_failures = 0
                return batch.rows, records
        elif batch.records is not None:
            return batch.rows, batch.records
        return batch.rows, [self._builder.build(row) for row in batch.rows]

    def _note_worker_failure(self, error: Exception) -> None:
        if self._workers is None:  # the store is being closed
            return
        self._worker_failures += 1
        _log.warning("a process that parses mails has failed; this process parses its mails: %s", error)
        if self._worker_failures == _MAX_WORKER_FAILURES:
            self._end_workers()
            self._worker_count = 0

    def _start_workers(self) -> None:
        # A frozen program would start itself instead of Python.
        can_start = self._worker_count != 0 and sys.executable and not getattr(sys, "frozen", False)
        with self._workers_lock:
            if self._workers is not None or self._is_closed or not can_start:
                return
            try:
                self._workers = IndexWorkers(self._builder, self._worker_count)
            except (pickle.PicklingError, AttributeError, TypeError) as error:  # tag rules of the user's own
                _log.info("indexing uses no child processes: %s", error)
                self._worker_count = 0

    def _end_workers(self) -> None:
        with self._workers_lock:
            workers, self._workers = self._workers, None
        if workers is not None:
            workers.close()

    # -- writing -----------------------------------------------------------------------------------

    def _load_pending(self, numbers: Sequence[int]) -> list[PendingRow]:
        statement = _SELECT_ROWS.where(
            self._database.match_numbers(mails.c.number, numbers), mails.c.number.in_(select(pending.c.number))
        )
        with self._database.read_snapshot(limit_time=False) as connection:
            return _read_rows(connection, statement)

    def _index_rows(self, rows: Sequence[PendingRow]) -> None:
        if rows:
            self._write_records(rows, [self._builder.build(row) for row in rows])

    def _write_records(self, rows: Sequence[PendingRow], records: Sequence[IndexRecord]) -> None:
        """Write the records of mails that are still pending, in transactions of limited time."""
        ids = {row["number"]: row["id"] for row in rows}
        position = 0
        while position < len(records):
            part = records[position : position + self._mails_per_transaction]
            started = self._database.read_step_clock()
            self._write_part(part, ids)
            elapsed = self._database.read_step_clock() - started
            position += len(part)
            step = self._database.get_indexing_step_seconds()
            if elapsed > 2 * step:
                self._mails_per_transaction = max(self._mails_per_transaction // 2, _MIN_MAILS_PER_TRANSACTION)
            elif elapsed < step:
                self._mails_per_transaction = min(2 * self._mails_per_transaction, MAX_MAILS_PER_STEP)

    def _write_part(self, records: Sequence[IndexRecord], ids: Mapping[int, str]) -> None:
        try:
            self._check_room(*_measure_records(records))
        except StoreFull:
            if len(records) == 1:
                raise
            for record in records:
                self._write_part([record], ids)
            return
        numbers = [record[0] for record in records]
        with self._database.begin_write() as transaction:
            connection = transaction.connection
            # The file may have been replaced by another one, whose mails have the same numbers.
            found = connection.execute(
                select(mails.c.number, mails.c.id).where(self._database.match_numbers(mails.c.number, numbers))
            )
            same = [number for number, name in found if name == ids[number]]
            # Two nodes may have parsed the same mails.  The first that deletes them from `pending` writes the rows.
            statement = (
                delete(pending).where(self._database.match_numbers(pending.c.number, same)).returning(pending.c.number)
            )
            taken = set(connection.scalars(statement))
            new = [record for record in records if record[0] in taken]
            if new:
                self._database.insert_records(connection, new)
                self._raise_mod_seq_of_tagged(connection, taken)

    def _raise_mod_seq_of_tagged(self, connection: Connection, numbers: Collection[int]) -> None:
        """Give mails a new modification sequence whose tags are known from now on."""
        tagged = set(
            connection.scalars(select(tags.c.number).where(self._database.match_numbers(tags.c.number, numbers)))
        )
        if tagged:
            mod_seq = self._database.advance_mod_seq(connection)
            connection.execute(
                update(mails).where(self._database.match_numbers(mails.c.number, tagged)).values(mod_seq=mod_seq)
            )

    # -- mails that were indexed in an older format ------------------------------------------------

    def _upgrade_outdated(self, limit: int) -> None:
        """Index some mails of an older format again."""
        with self._database.read_snapshot(limit_time=False) as connection:
            is_hurried = self._database.get_indexing_step_seconds() < _LONG_STEP_SECONDS
            max_mails = _MAX_UPGRADES_WHILE_RECEIVING if is_hurried else _MAX_UPGRADES_PER_TRANSACTION
            outdated = self._database.list_outdated_numbers(connection, min(limit, max_mails))
            if not outdated:
                return
            selected = connection.execute(select(mails.c.number, sane_size).where(mails.c.number.in_(outdated)))
            sizes: dict[int, int] = {row[0]: row[1] for row in selected}
            numbers = _split_by_size([(number, sizes.get(number, 0)) for number in outdated], max_mails)[0]
            is_complete = mails.c.number.in_(numbers), contents.c.number.is_not(None)
            rows = _read_rows(connection, _SELECT_ROWS.where(*is_complete))
        records = [self._builder.build(row) for row in rows]
        self._check_room(*_measure_records(records))
        with self._database.begin_write() as transaction:
            self._database.replace_outdated(transaction.connection, numbers, records)


def _split_by_size(selected: Sequence[tuple[int, int]], max_mails: int) -> list[list[int]]:
    """Return the numbers of mails, given with their sizes, in batches of limited size.

    A batch has few bytes, or one mail.

    >>> _split_by_size([(1, 900_000), (2, 0), (3, 0), (4, 0)], 2)
    [[1], [2, 3], [4]]
    """
    batches: list[list[int]] = []
    size = 0
    for number, mail_size in selected:
        if not batches or len(batches[-1]) == max_mails or size + mail_size > _MAX_BYTES_PER_BATCH:
            batches.append([])
            size = 0
        batches[-1].append(number)
        size += mail_size
    return batches


def _read_rows(connection: Connection, statement: Select[Any]) -> list[PendingRow]:
    names = (*PENDING_COLUMNS, "content")
    rows = connection.execute(statement.order_by(mails.c.number))
    return [dict(zip(names, row, strict=True)) for row in rows]


def _measure_records(records: Sequence[IndexRecord]) -> tuple[int, int]:
    """Return the bytes of the values in records, and how many addresses they index."""
    # SQLite indexes the addresses of many mails in one page.
    return sum(map(_measure, records)), 0


def _measure(value: object) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_measure, value.values()))
    return sum(map(_measure, value)) if isinstance(value, list | tuple) else 0
