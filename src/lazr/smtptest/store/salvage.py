"""A file of SQLite that has lost its name, but is still open, is written to one that has a name."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from lazr.smtptest.errors import StoreFull

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["salvage"]


def salvage(lost: sqlite3.Connection, to: Path) -> None:
    """Put all that a connection sees into a new file of that name; it is on disk, whole, or not there at all.

    Raises `StoreFull`, `sqlite3.Error` and `OSError`.
    """
    [octets] = lost.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()").fetchone()
    if shutil.disk_usage(to.parent).free < octets:  # not copied halfway for each mail that comes
        raise StoreFull(f"there is no room to save what was in {to}: {octets} octets")
    part = to.with_name(to.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(part)) as copy:
            copy.execute("PRAGMA synchronous = FULL")
            lost.backup(copy)
        part.rename(to)
        _sync(to.parent)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def _sync(directory: Path) -> None:
    """A name is on disk when its directory is; where directories cannot be opened, that is not ours to do."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(directory, os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
