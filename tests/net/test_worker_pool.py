"""Threads for calls that may block."""

import threading

from lazr.smtptest.net.worker_pool import WorkerPool


def test_threads_start_when_they_are_needed_up_to_the_limit():
    pool = WorkerPool(2, "test")
    gate, done = threading.Event(), []
    assert pool.thread_count == 0

    for number in range(5):
        pool.submit(lambda number=number: (gate.wait(10), done.append(number)))
    assert pool.thread_count == 2

    gate.set()
    assert pool.close(10) and sorted(done) == [0, 1, 2, 3, 4]


def test_idle_thread_is_used_again():
    pool = WorkerPool(8, "test")
    threads = set()
    for _ in range(5):
        done = threading.Event()
        pool.submit(lambda done=done: (threads.add(threading.current_thread()), done.set()))
        assert done.wait(10)
        while not pool.has_idle_thread:
            pass

    assert pool.thread_count == len(threads) == 1 and pool.close(10)


def test_function_that_raises_does_not_end_its_thread(caplog):
    pool = WorkerPool(1, "test")
    done = threading.Event()
    pool.submit(lambda: 1 / 0)
    pool.submit(done.set)

    assert done.wait(10) and pool.close(10)
    assert "a call in a worker thread failed" in caplog.text


def test_close_does_not_wait_for_a_call_that_hangs():
    pool = WorkerPool(1, "test")
    gate, started = threading.Event(), threading.Event()
    pool.submit(lambda: (started.set(), gate.wait(10)))
    assert started.wait(10)

    assert not pool.close(0.01)
    pool.submit(lambda: None)
    gate.set()
    assert pool.close(10)
