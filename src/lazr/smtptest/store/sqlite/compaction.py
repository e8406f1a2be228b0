"""Write an SQLite file anew, without free pages, and put the copy in its place."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lazr.smtptest.errors import StoreFull
from lazr.smtptest.store.sqlite.connection import PAGE_BYTES
from lazr.smtptest.store.sqlite.file import get_file_size
from lazr.smtptest.store.sqlite.file_format import VacuumMode, count_pages
from lazr.smtptest.store.sqlite.recovery import get_part_path, sync_directory

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["write_compact_copy"]

_SPARE_BYTES = 1024 * 1024
_PROGRESS_INTERVAL_SECONDS = 0.1


@contextmanager
def write_compact_copy(
    driver: sqlite3.Connection, path: Path, on_progress: Callable[[int, int], None]
) -> Iterator[Callable[[], None]]:
    """Write a copy of the file without free pages.

    The block gets a function that puts the copy in the place of the file.

    Call that function after all connections to the file are closed.  The process may be killed at any time: the file
    is the old one or the new one.  Without that call, the copy is removed.

    Args:
        driver: a connection to the file, in autocommit mode.
        path: the file.
        on_progress: is called with the bytes that are written, and with those to write, about.

    Raises:
        StoreFull: the disk has too little room for the copy.
    """
    part = get_part_path(path)
    needed = count_pages(driver).used * PAGE_BYTES
    free = shutil.disk_usage(path.parent).free
    part.unlink(missing_ok=True)  # of an earlier run that was killed
    if free < needed + _SPARE_BYTES:
        raise StoreFull(
            f"the disk of {path} must have {needed + _SPARE_BYTES:,} bytes free to write a compact copy, got {free:,};"
            " delete some files or mails"
        )
    status = path.stat()
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with suppress(OSError, AttributeError):  # another user's file, or Windows
                os.fchmod(descriptor, status.st_mode & 0o777)
                os.fchown(descriptor, status.st_uid, status.st_gid)
            driver.execute(f"PRAGMA auto_vacuum = {VacuumMode.INCREMENTAL:d}")  # the copy can shrink in steps
            with _watch_size(part, needed, on_progress):
                driver.execute("VACUUM INTO ?", (str(part),))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

        def replace_file() -> None:
            # A log that is left belongs to the old file, and SQLite would apply it to the new one.
            if get_file_size(f"{path}-wal"):
                raise OSError(f"{path} is in use by another program; stop it, and try again")
            part.replace(path)
            sync_directory(path.parent)

        yield replace_file
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def _watch_size(part: Path, needed: int, on_progress: Callable[[int, int], None]) -> Iterator[None]:
    """Report the size of a file while it is written."""
    is_written = threading.Event()

    def report() -> None:
        while not is_written.wait(_PROGRESS_INTERVAL_SECONDS):
            on_progress(min(get_file_size(part), needed), needed)

    thread = threading.Thread(target=report, name=f"smtptest progress of {part}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_written.set()
        thread.join()
    on_progress(needed, needed)
