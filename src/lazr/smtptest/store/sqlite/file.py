"""The SQLite file as a file.

Parse its path, reject foreign files, and move damaged files aside.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import make_url

from lazr.smtptest.errors import StoreUnavailable

__all__ = [
    "APPLICATION_ID",
    "BUSY_TIMEOUT_SECONDS",
    "find_unused_path",
    "get_file_size",
    "move_damaged_file_aside",
    "parse_path",
    "reject_foreign_file",
]

_log = logging.getLogger("lazr.smtptest.store")

APPLICATION_ID: int = 0x4C5A5354  # "LZST"
"""What bytes 68 to 71 of our SQLite files contain (https://www.sqlite.org/fileformat.html#application_id)."""
_SQLITE_MAGIC = b"SQLite format 3\0"

BUSY_TIMEOUT_SECONDS: float = 5.0
"""How long to wait for another program that locks the file, such as a backup."""


def parse_path(path_or_url: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a file, given as path or URL; symbolic links are resolved.

    Raises `ValueError` if the URL names no file.
    """
    if isinstance(path_or_url, str) and path_or_url.startswith("sqlite:"):
        database = make_url(path_or_url).database
        if not database or database == ":memory:":
            raise ValueError(
                f"the URL must name a file, got {path_or_url!r}; write sqlite:///path, or sqlite:////path from the root"
            )
        path_or_url = database
    return Path(path_or_url).resolve()


def get_file_size(path: str | Path) -> int:
    """Return the size of a file in bytes; 0 if there is no such file."""
    try:
        return os.stat(path).st_size  # a `Path` takes three times as long
    except FileNotFoundError:
        return 0


def reject_foreign_file(path: Path) -> None:
    """Raise `StoreUnavailable` if the file belongs to another program; change nothing."""
    try:
        with path.open("rb") as file:
            start = file.read(100)
    except FileNotFoundError:
        return
    lock = path.with_name(path.name + ".lock")
    if not start or (not start.startswith(_SQLITE_MAGIC) and lock.exists()):
        return  # a new file, or a damaged store, since a lock file is beside it
    if not start.startswith(_SQLITE_MAGIC):
        raise StoreUnavailable(f"{path} must be an SQLite file or not exist; it was left unchanged")
    if int.from_bytes(start[68:72]) != APPLICATION_ID:
        raise StoreUnavailable(f"{path} is an SQLite file of another program; it was left unchanged")


def move_damaged_file_aside(path: Path) -> None:
    """Rename the file and its write-ahead log to `<path>.corrupt-<time>`."""
    target = find_unused_path(path, "corrupt")
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{target}{suffix}")
    _log.warning("moved the damaged file to %s; the store starts with a new one", target)


def find_unused_path(path: Path, reason: str) -> Path:
    """Return `<path>.<reason>-<time>`, with letters appended if such a file exists."""
    candidate = f"{path}.{reason}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    while os.path.lexists(candidate):
        candidate += "x"
    return Path(candidate)
