"""A process that adds, indexes and deletes mails, and prints what it has done, until it is killed."""

import os
import sys
import threading

import psycopg

from lazr.smtptest.store import Arrival, create_store
from tests.store.killed_writer import ENVELOPE, content


def print_line(line):
    os.write(1, line.encode() + b"\n")  # unbuffered, in one write


def run(url, round_):
    store = create_store(url)
    store.open()

    def index():
        while True:
            store.index_pending(7)

    threading.Thread(target=index, daemon=True).start()
    for turn in range(1_000_000):
        for group in range(4):
            names = [f"r{round_}t{turn}g{group}m{mail}" for mail in range(10)]
            store.add([Arrival(name, 1_700_000_000.0, ENVELOPE, [content(name)]) for name in names])
            print_line(" ".join(names))
        with psycopg.connect(url) as other:
            if turn % 2:  # the tables are in use, so that their rows are deleted later
                other.execute("SELECT count(*) FROM mails")
            print_line("deleting")
            store.delete()
        print_line("deleted")
        store._reclaim_at = 0.0
        store.reclaim_space()


if __name__ == "__main__":
    run(*sys.argv[1:])
