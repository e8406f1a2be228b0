"""The write lock: high priority first, and no starvation."""

import threading

from lazr.smtptest.store.sqlite.write_lock import WriteLock


def test_high_priority_goes_first():
    lock, order, threads = WriteLock(max_wait=60.0), [], []

    def acquire(method, name):
        with method():
            order.append(name)

    with lock.acquire_high_priority():
        threads += [
            threading.Thread(target=acquire, args=(lock.acquire_low_priority, f"low {number}")) for number in range(3)
        ]
        threads.append(threading.Thread(target=acquire, args=(lock.acquire_high_priority, "high")))
        for thread in threads:
            thread.start()
        while lock._high_priority_waiters == 0:  # the others wait too, or start later
            pass
    for thread in threads:
        thread.join()

    assert order[0] == "high" and len(order) == 4


def test_low_priority_does_not_starve():
    lock, done = WriteLock(), []

    def maintain():
        with lock.acquire_low_priority():
            done.append(True)

    thread = threading.Thread(target=maintain)
    with lock.acquire_high_priority():
        thread.start()
    while not done:
        with lock.acquire_high_priority():
            pass
    thread.join()


def test_try_acquire_does_not_wait():
    lock = WriteLock()
    for acquire in (lock.acquire_high_priority, lock.acquire_low_priority):
        with acquire(), lock.try_acquire_high_priority() as is_acquired:
            assert not is_acquired
    with lock.try_acquire_high_priority() as is_acquired:
        assert is_acquired
        with lock.try_acquire_high_priority() as is_acquired_twice:
            assert not is_acquired_twice
    with lock.try_acquire_high_priority() as is_acquired:
        assert is_acquired


def test_try_acquire_lets_a_waiting_writer_go_first():
    lock, order = WriteLock(max_wait=0.0), []

    def maintain():
        with lock.acquire_low_priority():
            order.append("low")

    thread = threading.Thread(target=maintain)
    with lock.acquire_high_priority():
        thread.start()
        while lock._overdue_waiters == 0:
            pass
    while not order:
        with lock.try_acquire_high_priority() as is_acquired:
            order += ["high"] * is_acquired
    thread.join()

    assert order[0] == "low"
