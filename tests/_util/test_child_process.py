"""`run_in_child_process`: the limits on time and memory (threat W15)."""

import os
import sys

import pytest

from lazr.smtptest._util.child_process import ChildProcessFailed, run_in_child_process


def test_child_process_times_out(tmp_path, monkeypatch):
    (tmp_path / "endless.py").write_text(
        "from lazr.smtptest._util.child_process import read_stdin_with_limits\n"
        "read_stdin_with_limits()\nwhile True:\n    pass\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(ChildProcessFailed, match=r"longer than 0\.5 s"):
        run_in_child_process("endless", b"", timeout=0.5)


def test_memory_of_the_child_process_is_limited(tmp_path, monkeypatch):
    (tmp_path / "greedy.py").write_text(
        "import sys\nfrom lazr.smtptest._util.child_process import read_stdin_with_limits\n"
        "data = read_stdin_with_limits()\nsys.stdout.buffer.write(b'%d' % len(bytes(int(data))))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert run_in_child_process("greedy", b"1000000") == b"1000000"
    with pytest.raises(ChildProcessFailed, match="status"):
        run_in_child_process("greedy", b"2000000000")


def test_process_that_cannot_be_started_raises(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    with pytest.raises(ChildProcessFailed, match="cannot be started: No such file"):
        run_in_child_process("lazr.smtptest.web.sandbox.thumbnail_worker", b"")


def test_limit_that_cannot_be_set_leaves_the_other(tmp_path, monkeypatch):
    (tmp_path / "limited.py").write_text(
        "import resource, sys\nfrom lazr.smtptest._util.child_process import read_stdin_with_limits\n"
        "real = resource.setrlimit\n"
        "def set(limit, values):\n"
        "    if limit == resource.RLIMIT_AS:\n"
        "        raise ValueError('current limit exceeds maximum limit')\n"
        "    real(limit, values)\n"
        "resource.setrlimit = set\n"
        "read_stdin_with_limits()\nsys.stdout.buffer.write(b'%d' % resource.getrlimit(resource.RLIMIT_CPU)[0])\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    assert run_in_child_process("limited", b"") == b"20"
