"""`grade` and `grade_command`: the order of results, progress, errors, and an end by Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from lazr.smtptest.grading import Outcome, grade, grade_command
from tests.grading import reference_client
from tests.grading.test_client import is_running
from tests.helpers.default_signals import default_signals

QUICK = ["content-plain", "rcpt-550", "greeting-554", "data-451", "quit-reset"]
# The content of a program that sends the mail of its environment with smtplib.
SENDER_PROGRAM = """
import os, smtplib, sys
env = os.environ
with smtplib.SMTP(env["SMTP_HOST"], int(env["SMTP_PORT"]), timeout=float(env["SMTP_TIMEOUT"])) as client:
    refused = client.sendmail(env["SMTP_SENDER"], env["SMTP_RECIPIENTS"].split(), sys.stdin.buffer.read())
sys.exit(str(refused) if refused else 0)
"""


def test_results_are_in_the_order_of_the_behaviors():
    grades = grade(reference_client.deliver, only=QUICK)

    assert [result.behavior.name for result in grades] == [
        "greeting-554", "rcpt-550", "data-451", "content-plain", "quit-reset"
    ]  # fmt: skip
    assert (grades.score, grades.client) == ("5 of 5", "deliver")


def test_each_result_is_reported_in_this_thread():
    reported = []

    grades = grade(
        reference_client.deliver, only=QUICK, on_result=lambda result: reported.append((threading.get_ident(), result))
    )

    assert {identity for identity, _ in reported} == {threading.get_ident()}
    assert {id(result) for _, result in reported} == {id(result) for result in grades}


def test_jobs_limits_the_trials_at_the_same_time():
    running, most = set(), []

    def deliver(task):
        running.add(task.behavior)
        most.append(len(running))
        reference_client.deliver(task)
        running.remove(task.behavior)

    grade(deliver, only=["content-plain", "content-large", "connection-two-mails"], jobs=1)

    assert most == [1, 1, 1]


def test_result_has_the_dialogue_and_its_findings():
    def deliver(task):
        connection = reference_client.open_connection(task)
        reference_client.send_message(connection, task, task.message)
        connection.close()

    (result,) = grade(deliver, only=["content-plain"])

    assert result.outcome is Outcome.DELIVERED
    assert [finding.code for finding in result.findings] == ["no_quit"]
    assert len(result.sessions) == len(result.transcripts) == 1
    assert result.transcripts[0] == str(result.sessions[0].transcript)
    assert "C: MAIL FROM:<ann@example.com>" in result.transcripts[0]


def test_trials_have_unique_messages():
    messages = []

    grade(lambda task: messages.append(task.message), only=["content-plain", "content-large"])
    grade(lambda task: messages.append(task.message), only=["content-plain", "content-large"])

    subjects = {line for message in messages for line in message.split(b"\r\n") if line.startswith(b"Subject: ")}
    assert len(subjects) == 4


def test_command_is_graded_by_its_exit_status():
    grades = grade_command([sys.executable, "-c", SENDER_PROGRAM], only=QUICK, client="my program")

    assert grades.client == "my program"
    assert {result.behavior.name: (result.outcome.value, result.exit_status) for result in grades} == {
        "greeting-554": ("refused and reported", 1),
        "rcpt-550": ("refused and reported", 1),
        "data-451": ("refused and reported", 1),
        "content-plain": ("delivered", 0),
        "quit-reset": ("delivered", 0),
    }
    assert "SMTPDataError" in grades[2].stderr


def test_ctrl_c_stops_all_commands():
    def interrupt(result):
        raise KeyboardInterrupt

    wait = "import os, time\nif os.environ['SMTPTEST_BEHAVIOR'] != 'content-plain': time.sleep(60)\n"

    with pytest.raises(KeyboardInterrupt):
        grade_command([sys.executable, "-c", wait + SENDER_PROGRAM], only=QUICK, timeout=30, on_result=interrupt)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs signals and pipes of POSIX")
@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("grade_command", "SIGINT"),
        ("grade_command", "SIGTERM"),
        ("grade_command", "SIGHUP"),
        ("run_control", "SIGTERM"),
    ],
)
def test_signal_ends_the_process_and_its_commands(tmp_path, call, name):
    number = getattr(signal, name)
    pipe = tmp_path / "pid"
    os.mkfifo(pipe)
    client = f"import os, pathlib, time; pathlib.Path({str(pipe)!r}).write_text(str(os.getpid())); time.sleep(60)"
    options = "only=['content-plain'], timeout=60" if call == "grade_command" else "60"
    program = (
        "from lazr.smtptest.grading import grade_command\n"
        "from lazr.smtptest.grading.control import run_control\n"
        f"{call}([{sys.executable!r}, '-c', {client!r}], {options})\n"
    )
    with default_signals(name):
        process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    pid = int(pipe.read_text())  # waits for the command

    process.send_signal(number)
    _, stderr = process.communicate(timeout=20)

    assert process.returncode == -number
    assert stderr.rstrip().endswith("KeyboardInterrupt") if number == signal.SIGINT else not stderr
    assert not is_running(pid)


def test_handlers_of_the_program_stay():
    handlers = []
    previous = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        grade(lambda task: handlers.append(signal.getsignal(signal.SIGTERM)), only=["content-plain"])
    finally:
        signal.signal(signal.SIGTERM, previous)

    assert handlers == [signal.SIG_IGN]
    assert signal.getsignal(signal.SIGTERM) is previous


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs limits of POSIX")
def test_too_many_jobs_for_the_system_are_explained():
    program = (
        "import resource; from lazr.smtptest.grading import grade\n"
        "import lazr.smtptest.grading.trial\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))\n"
        "grade(lambda task: None, only=['content-plain', 'content-dots', 'rcpt-550'], jobs=3)\n"
    )

    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)

    assert "cannot run that many trials at the same time (Too many open files); use fewer jobs" in process.stderr


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"command": "sendmail -t"}, TypeError, r"use shlex.split\(\)"),
        ({"command": []}, ValueError, "at least the name of a program"),
        ({"command": ["no-such-program-here"]}, FileNotFoundError, "there is no program 'no-such-program-here'"),
        ({"timeout": 0}, ValueError, "timeout must be a number of seconds > 0"),
        ({"timeout": "5"}, TypeError, "write timeout=5"),
        ({"jobs": 0}, ValueError, "jobs must be a whole number >= 1"),
        ({"jobs": 1.5}, ValueError, "jobs must be a whole number >= 1"),
        ({"only": ["grating"]}, ValueError, "did you mean 'greeting'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        grade_command(**{"command": [sys.executable]} | arguments)


def test_program_is_found_in_the_given_folder(tmp_path):
    (tmp_path / "client").write_text("#!/bin/sh\nexit 75\n")
    (tmp_path / "client").chmod(0o755)

    (result,) = grade_command(["./client"], only=["data-451"], cwd=tmp_path)

    assert (result.exit_status, result.outcome) == (75, Outcome.SKIPPED)
