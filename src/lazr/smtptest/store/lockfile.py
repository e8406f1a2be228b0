"""A file that one process holds at a time, and that says which."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from lazr.smtptest.errors import StoreInUse

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LockFile"]

# Windows locks ranges of octets, which others can then not even read; this one is behind all that is written.
_FAR = 1 << 30


class LockFile:
    """Held until `release`, or until the process ends, however it ends.

    The file stays: to remove it would let two processes hold two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def hold(self) -> None:
        """Raises `StoreInUse` where another one holds it, in this process or in another."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
        except OSError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() if hasattr(os, "pread") else ""
            os.close(descriptor)
            by = f"process {holder}" if holder.isdecimal() else "another process"
            raise StoreInUse(f"{self._path.with_suffix('')} is in use by {by}; only one can have it") from None
        self._descriptor = descriptor
        with suppress(OSError):  # on a disk that is full, it is held all the same
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())

    @property
    def held(self) -> bool:
        """Whether this process holds it."""
        return self._descriptor is not None

    def renew(self) -> None:
        """Hold the file of that name, also where the one that was held has been removed.  Raises `StoreInUse`."""
        before = self._descriptor
        if before is not None and not _is(before, self._path):
            self.hold()
            os.close(before)

    def release(self) -> None:
        """Let go of it; twice does no harm."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # Not `lockf`: that would let a second store of this process in, and lose the lock when that one closes.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
