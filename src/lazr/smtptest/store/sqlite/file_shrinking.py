"""Give the free pages of the file back to the disk, in short steps.

A deleted row leaves free pages, which new mails use again.  If there are many, the file gets shorter: pages at its end
move to free places before it.  SQLite can do that in files that have been created for it (`auto_vacuum`).
"""

from __future__ import annotations

from time import thread_time
from typing import TYPE_CHECKING

from lazr.smtptest.store.sqlite.connection import PAGE_BYTES
from lazr.smtptest.store.sqlite.file_format import VacuumMode, count_pages, rewrite_file

if TYPE_CHECKING:
    import sqlite3

    from lazr.smtptest.store.sqlite.database import SqliteDatabase
    from lazr.smtptest.store.sqlite.disk_space import DiskSpace

__all__ = ["FileShrinker"]

# Free pages that may stay: this many, and this part of the pages in use.  Shrinking begins at twice as many.
_KEPT_FREE_PAGES, _KEPT_FREE_FRACTION = 500, 8
# Besides the page itself: its parent, its place in the pointer map, and a part of the list of free pages.
_LOG_PAGES_PER_MOVED_PAGE = 6
# With few pages in use, writing the file anew takes less than 0.1 s (with 8,000 pages, 0.3 s).
_MAX_REWRITTEN_PAGES, _MAX_REWRITTEN_PAGES_OF_HUGE_FILE = 2_000, 8_000
_MIN_STEP_PAGES, _MAX_STEP_PAGES = 10, 2_000
_CACHE_KIBIBYTES = 16_384  # for the list of free pages


class FileShrinker:
    """The shrinking of one file.

    Args:
        database: the open file.
        disk_space: tells how much room the log has.
    """

    def __init__(self, database: SqliteDatabase, disk_space: DiskSpace) -> None:
        self._database = database
        self._disk_space = disk_space
        self._is_shrinking = False
        self._step_pages = _MIN_STEP_PAGES

    def run_step(self) -> bool:
        """Remove some free pages if there are too many; return whether more should go.

        On a disk that is nearly full, the log is copied into the file first, and the step is so small that it fits.
        """
        is_low = self._disk_space.is_low()
        if is_low:
            self._database.checkpoint(truncate=True)
        max_log_pages = self._disk_space.get_free_bytes() // PAGE_BYTES
        with self._database.acquire_driver_connection() as driver:
            pages = count_pages(driver)
            kept = _KEPT_FREE_PAGES + pages.used // _KEPT_FREE_FRACTION
            if pages.free <= (kept if self._is_shrinking else 2 * kept):
                self._is_shrinking = False
                return False
            # Moving one page to the front takes longer the more free pages there are: SQLite keeps a list of them.
            max_rewritten_pages = max(_MAX_REWRITTEN_PAGES, min(pages.free // 50, _MAX_REWRITTEN_PAGES_OF_HUGE_FILE))
            if pages.used <= min(max_rewritten_pages, max_log_pages // 4):
                rewrite_file(driver)
            elif driver.execute("PRAGMA auto_vacuum").fetchone() == (VacuumMode.NONE,):
                return False
            else:
                max_moved_pages = max_log_pages // _LOG_PAGES_PER_MOVED_PAGE
                self._remove_free_pages(driver, max(1, min(pages.free - kept, max_moved_pages)))
            self._is_shrinking = True
        return True

    def _remove_free_pages(self, driver: sqlite3.Connection, max_pages: int) -> None:
        started = thread_time()
        driver.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES:d}")
        try:
            # `execute` would remove one page only, because this statement returns no rows.
            driver.executescript(f"PRAGMA incremental_vacuum({min(self._step_pages, max_pages):d})")
        finally:
            driver.execute("PRAGMA cache_size = -2000")
        elapsed = thread_time() - started
        if elapsed < self._database.target_step_seconds:
            self._step_pages = min(2 * self._step_pages, _MAX_STEP_PAGES)
        elif elapsed > 2 * self._database.target_step_seconds:
            self._step_pages = max(self._step_pages // 2, _MIN_STEP_PAGES)
