"""Check an SQLite file for damage: at the start for a moment, and then in the background.

Reading a large file takes seconds, so opening it does not wait for that.  Before a file is used, its ends must be
readable: the schema, and the first and last rows of the tables that receiving writes.  A small file is checked
completely then.
"""

from __future__ import annotations

import enum
import logging
import os
import re
import sqlite3
import sys
import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest.store.sqlite.document import SearchableText, decode_text
from lazr.smtptest.store.sqlite.full_text_index import FULL_TEXT_TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Literal

__all__ = ["DAMAGE_CODES", "BackgroundCheck", "FileState", "Findings", "check_before_use", "run_check"]

_log = logging.getLogger("lazr.smtptest.store")

DAMAGE_CODES: frozenset[int] = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""The result codes of SQLite that mean damage (https://www.sqlite.org/rescode.html)."""

# SQLite reads half a gigabyte a second.
_MAX_CHECK_SECONDS_BEFORE_USE = 0.1
_INTERRUPT_INTERVAL_SECONDS = 0.01
_LOWEST_PRIORITY = 19

# A check ends after this number of findings; it must be more than the number of full-text indexes.
_MAX_FINDINGS = 20

# What receiving reads and writes.  A large content is not read.
_SELECTIONS_OF_ENDS = (
    "SELECT * FROM mails ORDER BY number {} LIMIT 5",
    "SELECT * FROM mails ORDER BY id {} LIMIT 5",
    "SELECT * FROM mails ORDER BY received_at {} LIMIT 5",
    "SELECT * FROM pending ORDER BY number {} LIMIT 5",
    "SELECT CASE WHEN length(content) < 1000000 THEN content END FROM contents ORDER BY number {} LIMIT 1",
)

# Since this version, SQLite's own checks read the full-text indexes.
_SQLITE_THAT_CHECKS_INDEXES = (3, 44, 0)
_INDEXED_DOCUMENTS_SQL = (
    "SELECT documents.number, data, too_long FROM documents JOIN mails USING (number) ORDER BY number {} LIMIT 1"
)
# Every version of the tokenizer finds such a trigram.
_PLAIN_TRIGRAM = re.compile(r"[a-z0-9]{3}")


class FileState(enum.Enum):
    """What a check before use has found."""

    INTACT = enum.auto()
    DAMAGED = enum.auto()
    INDEX_DAMAGED = enum.auto()
    """A full-text index is damaged, and can be rebuilt; the rest is intact, as far as it was checked."""
    UNKNOWN = enum.auto()
    """The file is too large to be checked at once; the parts that receiving needs are intact."""


class Findings(NamedTuple):
    """The first damage in the tables, and the first in the full-text indexes; or None."""

    tables: str | None = None
    full_text_index: str | None = None


def check_before_use(
    path: Path,
    connect: Callable[[], sqlite3.Connection],
    on_open: Callable[[], None] = lambda: None,
    *,
    is_thorough: bool = False,
) -> FileState:
    """Return whether a file is damaged, as far as a tenth of a second can show.

    Args:
        path: the file.
        connect: opens a connection to it.
        on_open: is called while the connection is open, after SQLite has read the write-ahead log.
        is_thorough: whether to check the indexes too, and without a time limit.
    """
    if not path.exists() or path.stat().st_size == 0:
        return FileState.INTACT
    try:
        with closing(connect()) as connection:
            [table_count] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            on_open()
            if is_thorough:
                findings = run_check(connection, "integrity_check")
                state = FileState.INTACT
            elif (quick_findings := _check_for_a_moment(connection)) is not None:
                findings = quick_findings
                state = FileState.INTACT
            else:
                findings = _read_ends(connection) if table_count else Findings()
                state = FileState.UNKNOWN
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF in DAMAGE_CODES:
            _log.warning("%s is damaged: %s", path, error)
            return FileState.DAMAGED
        raise
    except UnicodeDecodeError:  # of a message about a damaged schema, which quotes it
        _log.warning("%s is damaged: its schema is not text", path)
        return FileState.DAMAGED
    if findings.tables is not None:
        _log.warning("%s is damaged: %s", path, findings.tables)
        return FileState.DAMAGED
    if findings.full_text_index is not None:
        _log.warning("%s: a full-text index is damaged, and is rebuilt: %s", path, findings.full_text_index)
        return FileState.INDEX_DAMAGED
    return state


def _read_ends(connection: sqlite3.Connection) -> Findings:
    """Read the ends of the tables and of the full-text indexes.

    Damage of a table is an exception.
    """
    connection.execute("SELECT * FROM sqlite_sequence").fetchall()
    for selection in _SELECTIONS_OF_ENDS:
        for direction in ("ASC", "DESC"):
            connection.execute(selection.format(direction)).fetchall()
    return Findings(full_text_index=_check_full_text_indexes(connection, is_complete=False))


def _check_for_a_moment(connection: sqlite3.Connection) -> Findings | None:
    """Return what the quick check finds; None if there was no time for it."""
    # A progress handler would come too late: SQLite calls it after a whole table.
    timer = threading.Timer(_MAX_CHECK_SECONDS_BEFORE_USE, connection.interrupt)
    timer.start()
    try:
        return _run_quick_check(connection)
    finally:
        timer.cancel()
        timer.join()  # or it might interrupt the next statement


def _run_quick_check(connection: sqlite3.Connection) -> Findings | None:
    """Return what the quick check finds; None if it was interrupted."""
    try:
        return run_check(connection, "quick_check")
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_INTERRUPT:
            raise
        return None


def run_check(connection: sqlite3.Connection, check: Literal["quick_check", "integrity_check"]) -> Findings:
    """Return what SQLite finds first in the tables, and in the full-text indexes.

    The full-text indexes can be rebuilt from the mails, so their damage is no reason to move the file aside.
    """
    rows = connection.execute(f"PRAGMA {check}({_MAX_FINDINGS:d})").fetchall()
    # Before its finding, a row may have a line with the name of the database.
    texts = [str(text).splitlines()[-1] for (text,) in rows]
    of_tables = next((text for text in texts if text != "ok" and "fts5" not in text.lower()), None)
    of_index = next((text for text in texts if "fts5" in text.lower()), None)
    if of_tables is None and of_index is None:
        of_index = _check_full_text_indexes(connection, is_complete=True)
    return Findings(of_tables, of_index)


def _check_full_text_indexes(connection: sqlite3.Connection, *, is_complete: bool) -> str | None:
    """Return the first damage of a full-text index; None without damage.

    FTS5's command 'integrity-check' would need the write lock, and accepts an index that has lost all its parts.

    Args:
        connection: a connection to a file that may have tables of an older format, or none.
        is_complete: whether to read the whole indexes, unless SQLite's own checks have done so.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    try:
        if is_complete and sqlite3.sqlite_version_info < _SQLITE_THAT_CHECKS_INDEXES:
            for name in tables.intersection(FULL_TEXT_TABLES):
                _read_full_text_index(connection, name)
        if tables.issuperset({"document_words", "document_keys", "documents", "mails"}):
            return _find_missing_in_index(connection)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in DAMAGE_CODES:
            return str(error)
        raise
    return None


def _read_full_text_index(connection: sqlite3.Connection, name: str) -> None:
    # A snapshot is enough for this table (https://www.sqlite.org/fts5.html#the_fts5vocab_virtual_table_module).
    connection.execute(f"CREATE VIRTUAL TABLE temp.checked_vocabulary USING fts5vocab(main, {name}, row)")
    try:
        connection.execute("SELECT count(*), sum(cnt) FROM temp.checked_vocabulary").fetchall()
    finally:
        connection.execute("DROP TABLE temp.checked_vocabulary")


def _find_missing_in_index(connection: sqlite3.Connection) -> str | None:
    """Look up the first and the last indexed mail; describe one that an index lacks."""
    for direction in ("ASC", "DESC"):
        for number, data, is_too_long in connection.execute(_INDEXED_DOCUMENTS_SQL.format(direction)).fetchall():
            text = SearchableText(decode_text(data))
            words = text.get("anywhere").partition(b"\0")[0].decode("utf-8", "replace")
            trigram = None if is_too_long else _PLAIN_TRIGRAM.search(words)
            key = text.build_keys().partition(" ")[0]
            for name, term in (("document_words", trigram and trigram[0]), ("document_keys", key)):
                statement = f"SELECT 1 FROM {name} WHERE {name} MATCH ? AND rowid = ?"  # noqa: S608 - names from here
                if term and connection.execute(statement, (f'"{term}"', number)).fetchone() is None:
                    return f"mail {number} is missing in {name}"
    return None


class BackgroundCheck:
    """A thread that checks a whole file once, while it is in use.

    It reads a snapshot on a connection of its own, and yields the processor to all other threads.

    Args:
        path: the file.
        connect: opens a connection to it.
        on_damage: is called with what SQLite has found.
    """

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection], on_damage: Callable[[str], None]) -> None:
        self._path = path
        self._connect = connect
        self._on_damage = on_damage
        self._connection: sqlite3.Connection | None = None
        self._stop_requested = threading.Event()
        self._has_released_file = threading.Event()
        self._has_released_file.set()
        self._thread = threading.Thread(target=self._run, name=f"smtptest check of {path}", daemon=True)

    def start(self) -> None:
        """Start the check; the connection is open when this returns."""
        self._connection = self._connect()
        self._has_released_file.clear()
        self._thread.start()

    def stop(self) -> None:
        """End the check; its connection is closed when this returns."""
        self._stop_requested.set()
        # An interrupt has no effect before the statement begins.
        while not self._has_released_file.wait(_INTERRUPT_INTERVAL_SECONDS):
            connection = self._connection
            if connection is not None:
                with suppress(sqlite3.ProgrammingError):  # closed just now
                    connection.interrupt()

    def wait(self) -> None:
        """Wait until the check has ended and damage is reported."""
        self._thread.join()

    def _run(self) -> None:
        _lower_priority()
        damage = None
        with self._release_file_afterwards() as connection:
            try:
                findings = None if self._stop_requested.is_set() else _run_quick_check(connection)
                damage = None if findings is None else findings.tables or findings.full_text_index
            except sqlite3.Error as error:
                if error.sqlite_errorcode & 0xFF in DAMAGE_CODES:
                    damage = str(error)
                else:
                    _log.warning("%s cannot be checked for damage: %s", self._path, error)
        if damage is not None and not self._stop_requested.is_set():
            self._on_damage(damage)

    @contextmanager
    def _release_file_afterwards(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        assert connection is not None  # noqa: S101 - `start` has opened it
        try:
            yield connection
        finally:
            self._connection = None
            connection.close()
            self._has_released_file.set()


def _lower_priority() -> None:
    """Give this thread the lowest priority, on Linux.

    There, threads have priorities of their own.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
