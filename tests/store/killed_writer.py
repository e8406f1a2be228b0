"""A program that, for each line of input, forks a child that adds mails until it is killed.

Arguments: the URL of the store, and a letter for the IDs of the mails.
Output: `pid` and the ID of the child, the IDs of each batch after `add` has returned, and `end` when the child is dead.
"""

import os
import sys
import threading

from lazr.smtptest import Envelope
from lazr.smtptest.store import Arrival, create_store

ENVELOPE = Envelope("app@example.com", ("ann@example.com",), mail_parameters={}, rcpt_parameters=({},))


def content(name):
    return b"Subject: %s\r\n\r\n" % name.encode() + name.encode() * 150


def print_line(line):
    os.write(1, line.encode() + b"\n")  # unbuffered, in one write


def run_child(url, letter, number):
    store = create_store(url)
    store.open()

    try_add = getattr(store, "try_add", lambda arrivals: False)

    def receive(worker):
        for count in range(1_000_000):
            names = [f"{letter}{number}w{worker}n{count}m{mail}" for mail in range(1 + count % 7)]
            arrivals = [Arrival(name, 1_700_000_000.0, ENVELOPE, [content(name)]) for name in names]
            if not try_add(arrivals):
                store.add(arrivals)
            print_line(" ".join(names))

    def maintain():
        while True:
            store.index_pending(5)
            store.set_read(read=True)

    threads = [threading.Thread(target=receive, args=(worker,)) for worker in range(3)]
    threads.append(threading.Thread(target=maintain))
    for thread in threads:
        thread.start()
    for thread in threads:  # after the end of the main thread, the indexer could start no thread
        thread.join()


if __name__ == "__main__":
    for number, _ in enumerate(sys.stdin):
        child = os.fork()
        if child == 0:
            print_line(f"pid {os.getpid()}")
            run_child(sys.argv[1], sys.argv[2], number)
            break
        os.waitpid(child, 0)
        print_line("end")
