"""Decide whether the disk, and the limit on the file, have room for another mail."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import StoreFull, StoreUnavailable
from lazr.smtptest.store.sql.schema import mails, pending, sane_size
from lazr.smtptest.store.sqlite.connection import PAGE_BYTES
from lazr.smtptest.store.sqlite.file import get_file_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lazr.smtptest.store.base import Arrival
    from lazr.smtptest.store.sqlite.database import SqliteDatabase

__all__ = ["DiskSpace"]

# How long a measurement stays valid.  Asking the system takes half as long as inserting a mail.
_CACHE_SECONDS = 0.05
# A count of the backlog stays valid for this many times as long as it took.
_COUNT_INTERVAL_FACTOR = 20
# The estimate of a large backlog reads this many mails at each end.
_MAX_SAMPLED_MAILS = 200

# What indexing a mail adds to the file: at most this many times its content, this many times its envelope, and this
# much for each mail.  Measured: 1.1 to 2.3 times the content, 13 to 18 times the recipients, 1 KB for each mail.
_INDEX_BYTES_PER_CONTENT_BYTE = 4
_INDEX_BYTES_PER_ENVELOPE_BYTE = 20
_INDEX_BYTES_PER_MAIL = 1_500
_ENVELOPE_BYTES = 60  # of an envelope without recipients, as `mails` has it; each recipient takes 3 more

_PENDING_BYTES = select(
    func.coalesce(
        func.sum(
            _INDEX_BYTES_PER_CONTENT_BYTE * sane_size
            + _INDEX_BYTES_PER_MAIL
            + _INDEX_BYTES_PER_ENVELOPE_BYTE * func.length(mails.c.envelope)
        ),
        0,
    )
).join_from(pending, mails, mails.c.number == pending.c.number)

# Each address of a mail may be in another page of the index on addresses, and the log gets the whole page.
_ROWS_PER_RECIPIENT = 2
_MAX_HEADER_BYTES = 1_000_000

_INDEXING_RESERVE_FRACTION = 4


class DiskSpace:
    """The account of the disk space that mails take.

    Mails take space when they are inserted, and later when they are indexed.  On a disk that is nearly full, three
    thresholds follow each other:

    1. Inserting stops first.  It leaves the reserve, and what indexing the mails that are in the store needs.
    2. Indexing stops when it would use more than three quarters of the reserve.  Mails can still be read: they are
       parsed when they are needed.
    3. Deleting may use all that is left, in small steps.

    Args:
        path: the database file.
        database: the database in it, for the sizes of pending mails and free pages.
        max_bytes: the limit on the file; None is no limit.
        reserve: how many bytes of the disk inserting leaves free, so that mails can still be indexed and deleted.
    """

    def __init__(self, path: Path, database: SqliteDatabase, *, max_bytes: int | None, reserve: int) -> None:
        self._path = path
        self._database = database
        self._max_bytes = max_bytes
        self._reserve = reserve
        self._measured_at = float("-inf")
        self._measured_free_bytes = 0  # without the reserve, and without what the log still adds to the file
        self._pending_counted_at = float("-inf")
        self._pending_count_valid_seconds = _CACHE_SECONDS
        # What indexing needs for all mails since the start, and for those that are indexed or deleted at least.
        self._added_bytes = self._indexed_bytes = 0
        self._max_address_rows = 0  # of one mail that may be pending

    @property
    def added_bytes(self) -> int:
        """The needs of indexing for all mails since the start, in bytes."""
        return self._added_bytes

    def count_backlog(self) -> None:
        """Estimate the needs of the mails that were not indexed when the store was closed.

        Reading the rows of a large backlog would take seconds, so this reads the first and the last of them.  The
        exact needs are counted when the disk is nearly full.
        """
        self._measured_at = self._pending_counted_at = float("-inf")
        self._indexed_bytes = self._max_address_rows = 0
        self._added_bytes = self._estimate_pending_bytes()

    def note_added(self, messages: Sequence[Arrival]) -> None:
        """Take note that these mails were inserted."""
        for message in messages:
            self._added_bytes += _estimate_index_bytes(message)
            self._max_address_rows = max(self._max_address_rows, _count_address_rows(message))

    def note_indexed(self, added_bytes: int) -> None:
        """Take note that all mails up to this value of `added_bytes` are indexed."""
        self._indexed_bytes = max(self._indexed_bytes, added_bytes)
        if self._indexed_bytes == self._added_bytes:
            self._max_address_rows = 0

    def has_room_in_file(self, size: int) -> bool:
        """Return whether the limit on the file allows a mail of `size` bytes."""
        if self._max_bytes is None:
            return True
        return self._max_bytes - self._get_used_bytes() > size + size // 10 + 10 * PAGE_BYTES

    def has_room_on_disk(self, size: int) -> bool:
        """Return whether the disk has room for mails of `size` bytes.

        Mails need room in the write-ahead log, and then in the file.

        Deleted mails leave free pages, which are reused before the file grows, and a log that keeps its length.  So
        when the disk is nearly full, the log may take a part of the reserve.
        """
        if self.has_ample_room(size) or self._get_available_bytes() >= 2 * size:
            return True
        # Measure again before refusing a mail.
        for use_cache in (True, False):
            self._count_pending_bytes(use_cache=use_cache)
            available = self._get_available_bytes(use_cache=use_cache)
            if available >= 2 * size:
                return True
            if available + self._reserve // 2 >= size and available + self._get_free_page_bytes() >= 2 * size:
                return True
        return False

    def has_ample_room(self, size: int) -> bool:
        """Return whether the disk certainly has room for mails of `size` bytes."""
        needed = 2 * size + self._added_bytes - self._indexed_bytes + self._max_address_rows * PAGE_BYTES
        return self._measure_free_bytes() >= needed

    def is_low(self) -> bool:
        """Return whether the disk has no space left beyond the reserve."""
        self._get_available_bytes()
        return self._measured_free_bytes <= 0

    def get_free_bytes(self) -> int:
        """Return how many bytes of the disk are free for the log, including the reserve."""
        return max(0, self._measure_free_bytes() + self._reserve)

    def describe_shortage(self) -> str | None:
        """Return why no mail can be accepted now; None if the disk has room."""
        if self.has_room_on_disk(0):
            return None
        free = shutil.disk_usage(self._path.parent).free
        return (
            f"the disk of {self._path} must have more than {self._reserve:,} bytes free, got {free:,}; no mail is"
            " accepted until then: free some space, or leave less free with --min-free"
        )

    def check_indexing_room(self, size: int, address_count: int) -> None:
        """Raise `StoreFull` if indexing would use the part of the disk that deleting needs.

        Args:
            size: the bytes of all rows that indexing inserts in one transaction.
            address_count: how many of the rows are addresses.
        """
        needed = self._get_log_bytes(address_count) + _INDEX_BYTES_PER_CONTENT_BYTE * size
        self._measured_at = float("-inf")  # parsing the mails took much longer than measuring does
        if self._measure_free_bytes() + self._reserve >= needed + self._reserve // _INDEXING_RESERVE_FRACTION:
            return
        self._database.checkpoint(truncate=True)
        self._measured_at = float("-inf")
        left = self._measure_free_bytes() + self._reserve - self._reserve // _INDEXING_RESERVE_FRACTION
        if left < needed:
            raise StoreFull(
                f"the disk of {self._path} must have {needed:,} bytes free to index mails, got {max(left, 0):,};"
                " delete some files or mails"
            )

    def _get_log_bytes(self, address_count: int) -> int:
        """Return how many bytes of the log the pages of that many addresses take."""
        return min(address_count * PAGE_BYTES, get_file_size(self._path) + address_count * 100)

    def _count_pending_bytes(self, *, use_cache: bool) -> None:
        """Find out how many bytes were indexed or deleted since `index_pending` last finished."""
        started = monotonic()
        if use_cache and started - self._pending_counted_at < self._pending_count_valid_seconds:
            return
        added_bytes = self._added_bytes
        pending_bytes = self._query_pending_bytes()
        self.note_indexed(added_bytes - pending_bytes)
        # The estimate of `count_backlog` may have been too low.
        self._added_bytes = max(self._added_bytes, self._indexed_bytes + pending_bytes)
        self._pending_counted_at = monotonic()
        # Counting a large backlog takes longer than a mail may wait each time.
        elapsed = self._pending_counted_at - started
        self._pending_count_valid_seconds = max(_CACHE_SECONDS, _COUNT_INTERVAL_FACTOR * elapsed)

    def _query_pending_bytes(self) -> int:
        """Return the needs of indexing the mails that are pending now."""
        with self._database.read_snapshot(limit_time=False) as connection:
            return int(connection.scalar(_PENDING_BYTES) or 0)

    def _estimate_pending_bytes(self) -> int:
        """Return about how many bytes indexing needs for the mails that are pending now."""
        with self._database.read_snapshot(limit_time=False) as connection:
            count = connection.scalar(select(func.count()).select_from(pending)) or 0
            if count <= 2 * _MAX_SAMPLED_MAILS:
                return int(connection.scalar(_PENDING_BYTES) or 0)
            sampled = 0
            for order in (pending.c.number, pending.c.number.desc()):
                numbers = connection.scalars(select(pending.c.number).order_by(order).limit(_MAX_SAMPLED_MAILS)).all()
                sampled += int(connection.scalar(_PENDING_BYTES.where(pending.c.number.in_(numbers))) or 0)
        return sampled * count // (2 * _MAX_SAMPLED_MAILS)

    def _get_used_bytes(self) -> int:
        """Return how many bytes of the file are in use."""
        return self._get_page_bytes("page_count") - self._get_free_page_bytes()

    def _get_free_page_bytes(self) -> int:
        """Return how many bytes of the file are free for reuse."""
        return self._get_page_bytes("freelist_count")

    def _get_page_bytes(self, pragma: str) -> int:
        with self._database.read_snapshot() as connection:
            pages: int = connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one()
        return pages * PAGE_BYTES

    def _get_available_bytes(self, *, use_cache: bool = True) -> int:
        """Return how many bytes of the disk inserting may use.

        The reserve and the needs of indexing are subtracted.
        """
        if not use_cache:
            self._measured_at = float("-inf")
        free = self._measure_free_bytes()
        return free - (self._added_bytes - self._indexed_bytes) - self._get_log_bytes(self._max_address_rows)

    def _measure_free_bytes(self) -> int:
        """Return how many bytes of the disk are free, without the reserve.

        The pages that are in the log only are subtracted: they get their place in the file at the next checkpoint.
        """
        now = monotonic()
        if now - self._measured_at >= _CACHE_SECONDS:
            try:
                free = shutil.disk_usage(self._path.parent).free - self._reserve
                if free < sys.maxsize // 2 and get_file_size(f"{self._path}-wal"):
                    free -= max(0, self._get_page_bytes("page_count") - get_file_size(self._path))
                self._measured_free_bytes = free
            except FileNotFoundError:
                return sys.maxsize  # inserting will create the directory
            except OSError as error:
                raise StoreUnavailable(f"{self._path}: {error.strerror}") from error
            self._measured_at = now
        return self._measured_free_bytes


def _estimate_index_bytes(message: Arrival) -> int:
    """Return how much indexing a mail adds to the file, at most."""
    recipients = message.envelope.rcpt_tos
    envelope_bytes = _ENVELOPE_BYTES + sum(map(len, recipients)) + 3 * len(recipients)
    return (
        _INDEX_BYTES_PER_CONTENT_BYTE * message.size
        + _INDEX_BYTES_PER_ENVELOPE_BYTE * envelope_bytes
        + _INDEX_BYTES_PER_MAIL
    )


def _count_address_rows(message: Arrival) -> int:
    """Return how many addresses of a mail are indexed, at most."""
    count, scanned = _ROWS_PER_RECIPIENT * len(message.envelope.rcpt_tos), 0
    for part in message.parts:
        end = part.find(b"\r\n\r\n")
        header_end = len(part) if end < 0 else end
        count += part.count(b"@", 0, header_end)
        scanned += header_end
        if end >= 0 or scanned > _MAX_HEADER_BYTES:
            break
    return count
