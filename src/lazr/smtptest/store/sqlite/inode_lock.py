"""A lock on a file itself: all its names, also hard links, lead to the same lock."""

from __future__ import annotations

import os
import struct
import sys
from typing import TYPE_CHECKING

from lazr.smtptest.errors import StoreInUse

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["InodeLock"]

# After everything that SQLite locks (https://www.sqlite.org/lockingv3.html), and after the end of every file.
_LOCKED_BYTE = 1 << 60


class InodeLock:
    """A lock on one byte of a file until `release`, or until the process ends in any way.

    The lock belongs to the open file (F_OFD_SETLK), so it does not disturb the locks of SQLite.  Where the system has
    no such locks, this does nothing.

    Release it after all connections to the file are closed: closing a file drops all locks of SQLite on it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Create the file if needed, and lock it; raise `StoreInUse` if it is locked."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
        except OSError:
            os.close(descriptor)
            raise StoreInUse(
                f"{self._path} is in use by another process, under another name; stop that process, or use another file"
            ) from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Unlock the file; does nothing if it is not locked."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


if sys.platform == "linux" and sys.maxsize > 1 << 32:
    import fcntl

    def _lock(descriptor: int) -> None:
        # struct flock: type, whence, start, length, process (fcntl(2))
        lock = struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, _LOCKED_BYTE, 1, 0)
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, lock)
else:

    def _lock(descriptor: int) -> None:
        return
