"""Check that a test leaves no threads, descriptors, or errors in the log."""

import contextlib
import gc
import logging
import os
import threading

DESCRIPTORS = "/proc/self/fd"


def list_descriptors():
    """Return the open descriptors with what they refer to; none where the system has no list."""
    found = set()
    for fd in os.listdir(DESCRIPTORS) if os.path.isdir(DESCRIPTORS) else ():
        with contextlib.suppress(FileNotFoundError):  # the descriptor by which the folder is listed
            found.add((fd, os.readlink(f"{DESCRIPTORS}/{fd}")))
    return found


def get_new_threads(earlier):
    """Return the threads that run and are not among the earlier ones.

    A number of threads would prove nothing: a thread that an earlier test has left may end meanwhile.
    """
    return set(threading.enumerate()) - set(earlier)


@contextlib.contextmanager
def check_leaks(caplog=None):
    """Fail if the block leaves new threads or descriptors, or has logged errors in `caplog`."""
    gc.collect()
    threads, descriptors = set(threading.enumerate()), list_descriptors()
    yield
    gc.collect()  # a lost coroutine or an exception that was not retrieved is reported here
    assert get_new_threads(threads) == set()
    assert list_descriptors() - descriptors == set()
    records = [] if caplog is None else caplog.records
    assert [record.getMessage() for record in records if record.levelno >= logging.ERROR] == []
