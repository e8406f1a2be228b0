"""The format of our SQLite files: their application ID, and how they shrink."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest.store.sqlite.file import APPLICATION_ID

if TYPE_CHECKING:
    import sqlite3

__all__ = ["PageCount", "VacuumMode", "count_pages", "prepare_file", "rewrite_file"]


class VacuumMode(enum.IntEnum):
    """The values of the pragma `auto_vacuum`.

    See https://www.sqlite.org/pragma.html#pragma_auto_vacuum.
    """

    NONE = 0
    """The file never shrinks."""
    INCREMENTAL = 2
    """The file shrinks in steps.  All new files have this mode."""


class PageCount(NamedTuple):
    """How many pages a file has, and how many of them are free."""

    total: int
    free: int

    @property
    def used(self) -> int:
        """How many pages are in use."""
        return self.total - self.free


def count_pages(driver: sqlite3.Connection) -> PageCount:
    """Return the numbers of pages."""
    [total] = driver.execute("PRAGMA page_count").fetchone()
    [free] = driver.execute("PRAGMA freelist_count").fetchone()
    return PageCount(total, free)


def prepare_file(driver: sqlite3.Connection) -> None:
    """Give a new file our format; other files stay as they are."""
    if count_pages(driver).total == 0:
        # In one transaction, so a file is either empty or ours.
        driver.execute("BEGIN")
        driver.execute(f"PRAGMA auto_vacuum = {VacuumMode.INCREMENTAL:d}")  # has to come before any page
        driver.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
        driver.execute("COMMIT")


def rewrite_file(driver: sqlite3.Connection) -> None:
    """Write the whole file anew, without free pages.

    The new file can shrink in steps from then on.
    """
    driver.execute(f"PRAGMA auto_vacuum = {VacuumMode.INCREMENTAL:d}")
    driver.execute("VACUUM")
