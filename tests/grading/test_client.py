"""Commands and functions as clients: what they say, and how they are stopped."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from lazr.smtptest.grading import Deferred, NotSupported
from lazr.smtptest.grading.client import CommandClient, FunctionClient
from lazr.smtptest.grading.observation import Claim
from tests.grading.test_environment import TASK


def run_python(program, limit=20.0, cancel=None, **options):
    """Run a Python program as the client of a task."""
    client = CommandClient([sys.executable, "-c", program, "{host}"], **options)
    return client.run(TASK, limit, cancel or threading.Event())


def is_running(pid):
    """Return whether a process exists that is no zombie."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


@pytest.mark.parametrize(
    ("status", "claim"), [(0, Claim.SENT), (75, Claim.DEFERRED), (1, Claim.FAILED), (-15, Claim.FAILED)]
)
def test_exit_status_is_the_claim(status, claim):
    program = f"import os, signal, sys; os.kill(os.getpid(), {-status}) if {status} < 0 else sys.exit({status})"

    report = run_python(program)

    assert (report.claim, report.exit_status) == (claim, status)


def test_command_gets_message_environment_and_words():
    report = run_python(
        "import os, sys\n"
        "message = sys.stdin.buffer.read()\n"
        "assert message == open(os.environ['SMTP_MESSAGE_FILE'], 'rb').read() == b'Subject: 1\\r\\n\\r\\n'\n"
        "assert sys.argv[1] == os.environ['SMTP_HOST'] == 'localhost'\n"
        "assert os.environ['MINE'] == 'yes' and 'HOME' not in os.environ\n",
        env={"MINE": "yes"},
    )

    assert (report.claim, report.text) == (Claim.SENT, "")


def test_command_runs_in_the_given_folder(tmp_path):
    report = run_python("import os, sys; sys.exit(os.getcwd())", cwd=tmp_path)

    assert report.text == os.path.realpath(tmp_path)


def test_text_is_the_end_of_stderr():
    report = run_python("import sys; print('out'); sys.stderr.write('x' * 100_000 + 'the end'); sys.exit(1)")

    assert report.text.endswith("xthe end")
    assert len(report.text) == 8 * 1024


def test_text_is_the_end_of_stdout_without_stderr():
    assert run_python("print('\\udc80 only this'.encode('utf-8', 'surrogateescape').decode('latin-1'))").text


def test_hung_command_is_killed_with_its_children(tmp_path):
    file = tmp_path / "pid"
    program = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(file)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    begin = time.monotonic()

    report = run_python(program, limit=0.7)

    assert (report.claim, report.exit_status) == (Claim.HUNG, None)
    assert time.monotonic() - begin < 10
    assert not is_running(int(file.read_text()))


def test_child_in_background_is_killed_after_the_command(tmp_path):
    file = tmp_path / "pid"
    program = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(file)!r}).write_text(str(child.pid))\n"
    )

    assert run_python(program).claim is Claim.SENT
    assert not is_running(int(file.read_text()))


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.close(0)",
        "import os\nfor _ in range(400): os.write(1, b'x' * 250_000); os.write(2, b'y' * 4_000)",
    ],
    ids=["closed stdin", "100 MB"],
)
def test_command_may_close_its_input_and_print_much(program):
    report = run_python(program)

    assert report.claim is Claim.SENT
    assert len(report.text) <= 8 * 1024


@pytest.mark.slow
def test_daemon_of_the_command_does_not_delay_the_report(tmp_path):
    file = tmp_path / "pid"
    program = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        f"pathlib.Path({str(file)!r}).write_text(str(child.pid))\n"
    )
    begin = time.monotonic()

    report = run_python(program)

    os.kill(int(file.read_text()), signal.SIGKILL)
    assert report.claim is Claim.SENT
    assert time.monotonic() - begin < 15


@pytest.mark.skipif(os.name == "nt", reason="needs signals of POSIX")
def test_command_that_ignores_sigterm_is_killed():
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"

    assert run_python(program, limit=0.7).claim is Claim.HUNG


def test_cancel_kills_the_command():
    cancel = threading.Event()
    timer = threading.Timer(0.2, cancel.set)
    timer.start()

    report = run_python("import time; time.sleep(60)", cancel=cancel)

    assert report.claim is Claim.HUNG
    timer.join()


def run_function(deliver, limit=10.0):
    """Call a function as the client of a task."""
    return FunctionClient(deliver).run(TASK, limit, threading.Event())


def test_function_that_returns_says_sent():
    assert run_function(lambda task: False).claim is Claim.SENT


@pytest.mark.parametrize(
    ("error", "claim", "text"),
    [
        (OSError("no"), Claim.FAILED, "OSError: no"),
        (Deferred("later"), Claim.DEFERRED, "later"),
        (NotSupported("no TLS"), Claim.NOT_SUPPORTED, "no TLS"),
        (SystemExit(3), Claim.FAILED, "SystemExit: 3"),
    ],
)
def test_exception_of_a_function_is_the_claim(error, claim, text):
    def deliver(task):
        raise error

    report = run_function(deliver)

    assert (report.claim, report.text, report.exit_status) == (claim, text, None)


def test_coroutine_function_is_run():
    async def deliver(task):
        await asyncio.sleep(0)
        raise OSError(task.host)

    assert run_function(deliver).text == "OSError: localhost"


def test_function_that_hangs_is_left_alone():
    release = threading.Event()

    report = run_function(lambda task: release.wait(10), limit=0.1)

    release.set()
    assert report.claim is Claim.HUNG
