"""Run as a program under strace: adds mails to an SQLite file, and says when it begins and when it is told so."""

import os
import sys

from lazr.smtptest.store.contract import Arrival
from lazr.smtptest.store.sqlite import SqliteStore
from store.doomed import ENVELOPE, content

if __name__ == "__main__":
    with SqliteStore(sys.argv[1]) as store:
        for number in range(3):
            os.write(1, b"adding\n")
            store.add([Arrival(f"{number}", 1_700_000_000.0, ENVELOPE, [content(f"{number}")])])
            os.write(1, b"added\n")
