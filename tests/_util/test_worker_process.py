"""The child process that answers one request after the other."""

import os
import signal
import threading

import pytest

from lazr.smtptest._util.worker_process import ChildProcessFailed, WorkerProcess

ECHO = "tests.helpers.echo_worker"


@pytest.fixture
def worker(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ".")
    worker = WorkerProcess(ECHO, timeout=30)
    yield worker
    worker.close()


def test_requests_are_answered_in_order(worker):
    large = b"x" * 1_000_000

    assert [worker.request(data) for data in (b"a", b"", large)] == [b"A", b"", large.upper()]


def test_what_the_worker_prints_is_not_in_the_response(worker):
    assert worker.request(b"print") == b"PRINT"


@pytest.mark.parametrize("request_data", [b"exit", b"raise"])
def test_ended_worker_is_reported(worker, request_data):
    for _ in range(2):
        with pytest.raises(ChildProcessFailed):
            worker.request(request_data)


def test_killed_worker_is_reported(worker):
    assert worker.request(b"a") == b"A"
    killer = threading.Timer(0.05, worker.kill)
    killer.start()
    with pytest.raises(ChildProcessFailed):
        worker.request(b"hang")


def test_worker_that_takes_too_long_is_killed(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ".")
    worker = WorkerProcess(ECHO, timeout=30)
    worker.request(b"a")
    worker._timeout = 0.1
    with pytest.raises(ChildProcessFailed, match=r"the process took longer than 0\.1 s"):
        worker.request(b"hang")
    worker.close()
    assert worker._process.returncode is not None


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("size", [1, 1_000_000])  # the pipe takes the first at once, and only a part of the second
def test_suspended_worker_is_killed_at_the_time_limit(worker, size):
    worker.request(b"a")
    worker._timeout = 0.1
    worker._process.send_signal(signal.SIGSTOP)
    with pytest.raises(ChildProcessFailed, match=r"the process took longer than 0\.1 s"):
        worker.request(b"x" * size)
    assert worker._process.wait(30) == -signal.SIGKILL


def test_process_that_cannot_start_is_reported(monkeypatch):
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(ChildProcessFailed, match="cannot be started"):
        WorkerProcess(ECHO)
