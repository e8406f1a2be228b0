"""A lock file: one process holds it at a time, and it contains the ID of that process."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from lazr.smtptest.errors import StoreInUse

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LockFile"]

# Windows locks byte ranges, which other processes cannot even read.  This one is after everything that is written.
_WINDOWS_LOCK_OFFSET = 1 << 30


class LockFile:
    """A lock on a file until `release`, or until the process ends in any way.

    The file is never removed, or two processes could hold two files of the same name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Lock the file; raise `StoreInUse` if this or another process has locked it already."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
        except OSError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() if hasattr(os, "pread") else ""
            os.close(descriptor)
            process = f"process {holder}" if holder.isdecimal() else "another process"
            raise StoreInUse(
                f"{self._path.with_suffix('')} is in use by {process}; stop that process, or use another file"
            ) from None
        self._descriptor = descriptor
        with suppress(OSError):  # on a full disk, the lock alone must do
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())

    @property
    def is_held(self) -> bool:
        """Whether the lock is held."""
        return self._descriptor is not None

    def reacquire(self) -> None:
        """Lock the file again if the locked one was removed or replaced.

        Raises `StoreInUse` if the new file is locked already.
        """
        previous = self._descriptor
        if previous is not None and not _is_same_file(previous, self._path):
            self.acquire()
            os.close(previous)

    def release(self) -> None:
        """Unlock the file; does nothing if it is not locked."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _WINDOWS_LOCK_OFFSET, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # Not `lockf`: its locks belong to the process, so a second store in this process would get the lock too.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
