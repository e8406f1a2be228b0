"""Run as a program: for each line on its input, a child that adds mails until it is killed, and tells which are safe.

It is given where to keep them, and a letter for their names.
It says the child's process, then the name of each mail when `add` has returned, then `end` when the child is dead.
"""

import os
import sys
import threading

from lazr.smtptest import Envelope
from lazr.smtptest.store.contract import Arrival
from lazr.smtptest.store.places import store_at

ENVELOPE = Envelope("app@example.com", ("ann@example.com",), mail_parameters={}, rcpt_parameters=({},))


def content(name):
    return b"Subject: %s\r\n\r\n" % name.encode() + name.encode() * 150


def say(line):
    os.write(1, line.encode() + b"\n")  # at once, and in one piece


def live(place, letter, number):
    store = store_at(place)
    store.open()

    def receive(worker):
        for count in range(1_000_000):
            names = [f"{letter}{number}w{worker}n{count}m{mail}" for mail in range(1 + count % 7)]
            store.add([Arrival(name, 1_700_000_000.0, ENVELOPE, [content(name)]) for name in names])
            say(" ".join(names))

    def tidy():
        while True:
            store.catch_up(5)
            store.mark(read=True)

    threads = [threading.Thread(target=receive, args=(worker,)) for worker in range(3)]
    threads.append(threading.Thread(target=tidy))
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    for number, _ in enumerate(sys.stdin):
        child = os.fork()
        if child == 0:
            say(f"pid {os.getpid()}")
            live(sys.argv[1], sys.argv[2], number)
            break
        os.waitpid(child, 0)
        say("end")
