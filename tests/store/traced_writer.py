"""A program for strace: add mails to an SQLite file, and print a line before and after each commit."""

import os
import sys

from lazr.smtptest.store import Arrival, SqliteStore
from tests.store.killed_writer import ENVELOPE, content

if __name__ == "__main__":
    with SqliteStore(sys.argv[1]) as store:
        for number, add in enumerate((store.add, store.try_add, store.add, store.try_add)):
            os.write(1, b"adding\n")
            add([Arrival(f"{number}", 1_700_000_000.0, ENVELOPE, [content(f"{number}")])])
            os.write(1, b"added\n")
