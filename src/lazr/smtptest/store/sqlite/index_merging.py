"""Remove what deleted mails leave in the full-text indexes.

To delete a mail, FTS5 adds its words once more, marked as deleted.  Both disappear when the parts of the index that
have them are merged (https://www.sqlite.org/fts5.html#the_merge_command).  By itself, FTS5 merges the largest parts
rarely.  Without this, an index whose mails were deleted is up to three times as large as before.
"""

from __future__ import annotations

import threading
from time import thread_time
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from lazr.smtptest.store.sql.schema import mails
from lazr.smtptest.store.sqlite.full_text_index import merge_pages

if TYPE_CHECKING:
    from lazr.smtptest.store.sqlite.database import SqliteDatabase

__all__ = ["IndexMerger"]

# Merging writes the whole index anew, so it happens when this many mails and as many as are left were deleted.
_MIN_DELETED_MAILS = 500
_MIN_STEP_PAGES, _MAX_STEP_PAGES = 1, 200


class IndexMerger:
    """The merging of the full-text indexes of one file, in short steps.

    Thread safety: `note_deleted` may be called from any thread.

    Args:
        database: the open file.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._deleted_count = 0  # since the last merge
        self._is_merging = False
        self._step_pages = _MIN_STEP_PAGES

    def note_deleted(self, count: int) -> None:
        """Take note that mails were deleted one by one."""
        with self._lock:
            self._deleted_count += count

    def run_step(self) -> bool:
        """Merge some pages of the index if that is worth it.

        Returns whether there is more to merge.
        """
        if not self._is_merging and not self._is_worth_it():
            return False
        with self._database.acquire_driver_connection() as driver:
            if not self._is_merging:
                with self._lock:
                    self._deleted_count = 0
            started = thread_time()
            self._is_merging = merge_pages(driver, self._step_pages, is_first=not self._is_merging)
            elapsed = thread_time() - started
        if elapsed < self._database.target_step_seconds:
            self._step_pages = min(2 * self._step_pages, _MAX_STEP_PAGES)
        elif elapsed > 2 * self._database.target_step_seconds:
            self._step_pages = max(self._step_pages // 2, _MIN_STEP_PAGES)
        return self._is_merging

    def _is_worth_it(self) -> bool:
        if self._deleted_count < _MIN_DELETED_MAILS:
            return False
        # Not in the transaction: counting takes milliseconds, and receiving would wait.
        with self._database.read_snapshot(limit_time=False) as connection:
            left = connection.scalar(select(func.count()).select_from(mails)) or 0
        return self._deleted_count >= left
