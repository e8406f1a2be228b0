"""Remove all rows of large tables without making anything wait.

Emptying a table takes time for each of its pages.  So a table that must be empty at once gets another name, and an
empty one takes its place.  The rows of the old one are deleted in short steps.  Its name says what it is, so a later
run continues after an interruption.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.store.sqlite.connection import get_driver_connection

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from sqlalchemy import Connection

__all__ = ["delete_rows", "has_removed_tables", "remove_tables"]

_PREFIX = "removed"  # followed by a number and the old name
_LIST_SQL = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name GLOB 'removed_[0-9]*_*' ORDER BY name"


def remove_tables(connection: Connection, names: Sequence[str]) -> None:
    """Replace these tables by empty ones, in the transaction of the connection."""
    driver = get_driver_connection(connection)
    generation = 1 + max((int(name.split("_")[1]) for name, _ in driver.execute(_LIST_SQL)), default=0)
    # Triggers of other tables still mean the tables of these names.
    driver.execute("PRAGMA legacy_alter_table = ON")
    try:
        for name in names:
            _replace_table(driver, name, f"{_PREFIX}_{generation:d}_{name}")
    finally:
        driver.execute("PRAGMA legacy_alter_table = OFF")


def _replace_table(driver: sqlite3.Connection, name: str, new_name: str) -> None:
    # SQLite creates the indexes of constraints itself; they have no SQL.
    schema = driver.execute("SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ? AND sql <> ''", (name,))
    parts = sorted(schema.fetchall(), key=lambda part: part[0] != "table")
    for kind, part_name, _ in parts[1:]:  # names of indexes and triggers are unique in the whole database
        driver.execute(f'DROP {kind} "{part_name}"')
    driver.execute(f'ALTER TABLE "{name}" RENAME TO "{new_name}"')
    for _, _, sql in parts:
        driver.execute(sql)


def has_removed_tables(connection: Connection) -> bool:
    """Return whether rows of removed tables are left."""
    return bool(get_driver_connection(connection).execute(_LIST_SQL).fetchone())


def delete_rows(connection: Connection, max_mails: int) -> bool:
    """Delete the rows of about that many mails from removed tables.

    Returns whether more are left.

    The tables shrink side by side, in the order of the file, so that pages at its end become free together.
    """
    driver = get_driver_connection(connection)
    tables = driver.execute(_LIST_SQL).fetchall()
    for name, sql in tables:
        key = "number" if "WITHOUT ROWID" in sql.upper() else "rowid"
        [first] = driver.execute(f'SELECT min({key}) FROM "{name}"').fetchone()  # noqa: S608 - names of our tables
        if first is None:
            driver.execute(f'DROP TABLE "{name}"')
        else:
            driver.execute(f'DELETE FROM "{name}" WHERE {key} < ?', (first + max_mails,))  # noqa: S608
    return bool(tables)
