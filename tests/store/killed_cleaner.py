"""A program that, for each line of input, forks a child that adds, deletes and reclaims until it is killed.

Arguments: the path of an SQLite file.
Output: `pid` and the ID of the child; `adding` and `added` with the IDs of mails; `deleting` and `deleted` around each
deletion of all mails; `removing` and `removed` with the IDs of mails around a deletion of these; other words for what
the child does in the background; and `end` when it is dead.
"""

import os
import random
import sys
import threading

from lazr.smtptest.store import Arrival, SqliteStore
from lazr.smtptest.store.sqlite import deleter, file_shrinking, index_merging
from tests.store.killed_writer import ENVELOPE, content, print_line


def run_child(path, number):
    rng = random.Random(number)
    # All files are large, and have too much free space.
    deleter._MAX_PAGES_EMPTIED_AT_ONCE = rng.choice((0, 0, 100_000))
    deleter._MAX_MAILS_PER_STEP = 20
    file_shrinking._MAX_REWRITTEN_PAGES = rng.choice((0, 2_000))
    file_shrinking._MAX_STEP_PAGES = 10
    file_shrinking._KEPT_FREE_PAGES = 0
    index_merging._MIN_DELETED_MAILS = 0
    store = SqliteStore(path)
    store.open()

    def add(worker, count):
        names = [f"r{number}w{worker}n{count}m{mail}" for mail in range(1 + count % 7)]
        print_line(f"adding {' '.join(names)}")
        store.add([Arrival(name, 1_700_000_000.0, ENVELOPE, [content(name) * 4]) for name in names])
        print_line(f"added {' '.join(names)}")
        return names

    def receive(worker):
        for count in range(1_000_000):
            add(worker, count)

    def clean():
        names = []
        for count in range(1_000_000):
            names += add("c", count)
            store.index_pending(10)
            action = rng.choice(("delete", "remove", "compact", "reclaim", "reclaim", "reclaim"))
            if action == "delete":
                print_line("deleting")
                store.delete()
                print_line("deleted")
                names = []
            elif action == "remove":
                removed, names = names[::2], names[1::2]
                print_line(f"removing {' '.join(removed)}")
                store.delete(ids=removed)
                print_line(f"removed {' '.join(removed)}")
            elif action == "compact":
                print_line("compacting")
                store.compact()
            else:
                print_line("reclaiming")
                for _ in range(20):
                    store._sqlite_deleter.remove_rows() or store._merge_index() or store._file_shrinker.run_step()

    threads = [threading.Thread(target=receive, args=(worker,)) for worker in range(2)]
    for thread in threads:
        thread.start()
    clean()


if __name__ == "__main__":
    for number, _ in enumerate(sys.stdin):
        child = os.fork()
        if child == 0:
            print_line(f"pid {os.getpid()}")
            run_child(sys.argv[1], number)
            break
        os.waitpid(child, 0)
        print_line("end")
