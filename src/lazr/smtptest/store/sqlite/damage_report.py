"""Remember that an open file turned out to be damaged, also for the next start."""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from lazr.smtptest.store.sqlite.damage_check import DAMAGE_CODES

__all__ = ["DamageReport", "get_result_code", "is_damage", "is_index_conflict"]

_log = logging.getLogger("lazr.smtptest.store")


def get_result_code(error: BaseException) -> int:
    """Return the primary result code of an error of SQLite; 0 without a code."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return int(getattr(origin, "sqlite_errorcode", 0)) & 0xFF


def is_damage(error: BaseException) -> bool:
    """Return whether an error of SQLite means that the file is damaged."""
    return get_result_code(error) in DAMAGE_CODES or is_index_conflict(error)


def is_index_conflict(error: BaseException) -> bool:
    """Return whether a full-text index violates a constraint of its own tables.

    Only a damaged one does, and its message names no column.
    """
    origin = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(origin, sqlite3.IntegrityError) and str(origin) == "constraint failed"


class DamageReport:
    """Whether damage was found, and the file `<path>.damaged` that tells the next start.

    The check before use is short, and does not look at indexes.  With this file, the next start checks everything.

    Args:
        path: the database file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = Path(f"{path}.damaged")
        self._lock = threading.Lock()
        self._has_tried_repair = False
        self.text: str | None = None
        """What SQLite reported; None without damage."""

    @property
    def is_found(self) -> bool:
        """Whether damage was found since the start, and not repaired."""
        return self.text is not None

    def exists(self) -> bool:
        """Return whether an earlier run has left a report."""
        return self._file.exists()

    def record(self, damage: BaseException | str) -> bool:
        """Record damage: an error, or the result of a check.

        Returns whether it was unknown before.
        """
        with self._lock:
            if self.text is not None:
                return False
            self.text = str(damage.orig if isinstance(damage, DBAPIError) else damage)
        _log.error("%s is damaged: %s; no mail is accepted until it is repaired", self._path, self.text)
        self.leave(self.text)
        return True

    def leave(self, text: str) -> None:
        """Write the file for the next start, for damage that this one repairs at once."""
        with suppress(OSError):
            self._file.write_text(f"{text}\n")

    def may_repair(self) -> bool:
        """Return whether a repair should be tried now: once, after damage was found."""
        with self._lock:
            is_first = self.text is not None and not self._has_tried_repair
            self._has_tried_repair = self._has_tried_repair or is_first
            return is_first

    def clear(self) -> None:
        """Forget the damage: the file is repaired, or is a new one."""
        with self._lock:
            self.text = None
        with suppress(OSError):
            self._file.unlink(missing_ok=True)
