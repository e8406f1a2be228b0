"""Copy an SQLite file that was removed, but is still open, to a new file."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from lazr.smtptest.errors import StoreFull

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["get_part_path", "recover_database", "sync_directory"]


def get_part_path(target: Path) -> Path:
    """Return the name of a copy while it is written; then it gets the name of the target."""
    return target.with_name(target.name + ".part")


def recover_database(connection: sqlite3.Connection, target: Path) -> None:
    """Write everything that a connection sees to a new file.

    Afterwards the new file is durable, or does not exist.

    Raises:
        StoreFull: the disk has too little room.
        sqlite3.Error: the file cannot be read or written.
        OSError: the new file cannot be created.
    """
    [size] = connection.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()").fetchone()
    if shutil.disk_usage(target.parent).free < size:  # fail early, as each mail that arrives tries this again
        raise StoreFull(f"the disk has too little room to recover {target}: {size:,} bytes are needed")
    part = get_part_path(target)
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(part)) as copy:
            copy.execute("PRAGMA synchronous = FULL")
            connection.backup(copy)
        part.rename(target)
        sync_directory(target.parent)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def sync_directory(directory: Path) -> None:
    """Make the name of a new file durable.

    Systems that cannot open directories do not need this.
    """
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(directory, os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
