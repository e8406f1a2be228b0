"""Notice that an open SQLite file was removed, moved or replaced on disk."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["FileIdentity"]

_WAL_SUFFIXES = ("-wal", "-shm")


class FileIdentity:
    """The files (device and inode) behind a database's path when it was opened.

    This includes SQLite's side files.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._ids: dict[str, tuple[int, int] | None] = {}

    def record(self) -> None:
        """Remember which files the path and its side files name now."""
        self._ids = {suffix: self._get_id(suffix) for suffix in ("", *_WAL_SUFFIXES)}

    def forget(self) -> None:
        """Forget the files; the identity is not current until the next `record`."""
        self._ids = {}

    def is_current(self) -> bool:
        """Return whether the path still names the file that was recorded."""
        return bool(self._ids) and self._get_id() == self._ids[""]

    def remove_stale_wal(self) -> None:
        """Remove the recorded side files.

        SQLite would apply them to the new file, to which they do not belong.
        """
        for suffix in _WAL_SUFFIXES:
            if self._get_id(suffix) == self._ids.get(suffix) is not None:
                Path(f"{self._path}{suffix}").unlink()

    def _get_id(self, suffix: str = "") -> tuple[int, int] | None:
        try:
            # Called for each commit, and a `Path` takes five times as long.
            status = os.stat(self._path + suffix)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino
