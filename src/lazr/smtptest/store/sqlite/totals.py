"""Counters of all mails in an SQLite file, so that no list has to count them.

Every transaction that adds, marks or deletes mails changes the counters too, so a snapshot has the matching values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.store.base import Totals
from lazr.smtptest.store.sql.row_mapping import read_integer

if TYPE_CHECKING:
    import sqlite3

__all__ = ["change_totals", "read_mod_seq", "read_totals", "reset_totals", "write_mod_seq"]


def read_totals(driver: sqlite3.Connection) -> Totals:
    """Return the counters."""
    row = driver.execute("SELECT mails, unread, size FROM totals").fetchone() or (0, 0, 0)
    return Totals(*(max(0, read_integer(value)) for value in row))


def change_totals(
    driver: sqlite3.Connection, *, mails: int = 0, unread: int = 0, size: int = 0, mod_seq: int = 0
) -> None:
    """Add numbers, which may be negative, to the counters.

    This happens in the transaction of the connection.

    Args:
        driver: the connection.
        mails: how many more mails there are.
        unread: how many more of them are unread.
        size: how many more bytes they have.
        mod_seq: the greatest modification sequence from now on; 0 leaves it.
    """
    driver.execute(
        "UPDATE totals SET mails = mails + ?, unread = unread + ?, size = size + ?, mod_seq = max(mod_seq, ?)",
        (mails, unread, size, mod_seq),
    )


def read_mod_seq(driver: sqlite3.Connection) -> int:
    """Return the greatest modification sequence."""
    row = driver.execute("SELECT mod_seq FROM totals").fetchone() or (1,)
    return max(1, read_integer(row[0]))


def write_mod_seq(driver: sqlite3.Connection, mod_seq: int) -> None:
    """Set the greatest modification sequence, in the transaction of the connection."""
    driver.execute("UPDATE totals SET mod_seq = ?", (mod_seq,))


def reset_totals(driver: sqlite3.Connection) -> None:
    """Set the counters to zero in this transaction; keep the modification sequence."""
    driver.execute("UPDATE totals SET mails = 0, unread = 0, size = 0")
