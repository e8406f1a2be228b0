"""A file of SQLite as a file: its name, whose it is, whether it is damaged, and putting it aside."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy.engine import make_url

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import StoreUnavailable

__all__ = ["APPLICATION", "BUSY", "is_damaged", "path_of", "put_aside", "refuse_strangers", "size_of", "unused_name"]

_log = logging.getLogger("lazr.smtptest.store")

# Octets 68 to 71 of an SQLite file say whose it is; this is ours.
APPLICATION: int = 0x4C5A5354  # "LZST"
_MAGIC = b"SQLite format 3\0"

# Seconds to wait for somebody else who writes into the file, as a program that saves it may.
BUSY: float = 5.0
# Seconds that looking for damage may take when a file is opened; a very large one is not looked at to its end.
_CHECK = 30.0


def path_of(where: str | os.PathLike[str]) -> Path:
    """The path that a URL or a path names; raises `ValueError`."""
    if isinstance(where, str) and where.startswith("sqlite:"):
        database = make_url(where).database
        if not database or database == ":memory:":
            raise ValueError(f"{where!r} names no file; it is sqlite:///path, with a fourth slash where that begins so")
        where = database
    return Path(where).absolute()


def size_of(path: str | Path) -> int:
    """Octets; of a file that is not there, 0."""
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:
        return 0


def refuse_strangers(path: Path) -> None:
    """Raises `StoreUnavailable` where the file is surely not ours.  It is not touched, nor is a lock put beside."""
    try:
        with path.open("rb") as file:
            start = file.read(100)
    except FileNotFoundError:
        return
    lock = path.with_name(path.name + ".lock")
    if not start or (not start.startswith(_MAGIC) and lock.exists()):
        return  # new, or ours and damaged: nobody else puts a lock there
    if not start.startswith(_MAGIC):
        raise StoreUnavailable(f"{path} is not an SQLite file; it was left as it is")
    if int.from_bytes(start[68:72]) != APPLICATION:
        raise StoreUnavailable(f"{path} belongs to another program; it was left as it is")


def is_damaged(path: Path) -> bool:
    """Whether SQLite finds damage in the file, in the time that it has for that."""
    if not path.exists() or path.stat().st_size == 0:
        return False
    started = monotonic()
    with closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY)) as connection:
        connection.set_progress_handler(lambda: monotonic() > started + _CHECK, 1_000)
        try:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            code = error.sqlite_errorcode & 0xFF
            if code == sqlite3.SQLITE_INTERRUPT:
                _log.info("%s is large; it was not looked at to its end for damage", path)
                return False
            if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
                _log.warning("%s is damaged: %s", path, error)
                return True
            raise
    if found[0] != "ok":
        _log.warning("%s is damaged: %s", path, found[0])
    return bool(found[0] != "ok")


def put_aside(path: Path) -> None:
    """Give it, and its log, another name."""
    aside = unused_name(path, "corrupt")
    for tail in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{path}{tail}").rename(f"{aside}{tail}")
    _log.warning("it was moved to %s, and a new one begun", aside)


def unused_name(path: Path, why: str) -> Path:
    """A name that no file has."""
    aside = f"{path}.{why}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    while os.path.lexists(aside):
        aside += "x"
    return Path(aside)
