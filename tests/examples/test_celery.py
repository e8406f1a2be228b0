"""A Celery worker, in another process, sends the mail."""

import os
import subprocess
import sys

import pytest

TASKS = """
import os, smtplib
from celery import Celery

app = Celery("tasks", broker="filesystem://")
folder = os.environ["BROKER_FOLDER"]
app.conf.broker_transport_options = {
    "data_folder_in": folder, "data_folder_out": folder, "control_folder": f"{folder}/control",
}

@app.task(autoretry_for=(smtplib.SMTPException,), default_retry_delay=1)
def welcome(to):
    with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as client:
        client.sendmail("app@example.com", [to], "Subject: Welcome\\r\\n\\r\\nHi")
"""
WORKER = ("worker", "--pool=solo", "--without-gossip", "--without-mingle", "--without-heartbeat")


@pytest.fixture
def environment(smtptest, tmp_path):
    """Return the environment of the worker: its broker and its mail server."""
    (tmp_path / "tasks.py").write_text(TASKS)
    (tmp_path / "broker").mkdir()
    return os.environ | smtptest.env() | {"PYTHONPATH": str(tmp_path), "BROKER_FOLDER": str(tmp_path / "broker")}


@pytest.fixture
def worker(environment, tmp_path):
    with open(tmp_path / "worker.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app=tasks", *WORKER], env=environment, stdout=log, stderr=log
        )
        yield process
        process.terminate()
        process.wait(timeout=30)


def test_worker_sends_the_mail(smtptest, worker, environment):
    # The part of the web application: it puts the task into the queue.
    enqueue = "import tasks; tasks.welcome.delay('ann@example.com')"
    subprocess.run([sys.executable, "-c", enqueue], env=environment, check=True, timeout=60)

    assert smtptest.inbox.one(to="ann@example.com", timeout=60).subject == "Welcome"


@pytest.mark.slow
def test_worker_tries_again_after_greylisting(smtptest, worker, environment):
    smtptest.on("RCPT", to="bob@example.com").reply(451, "4.7.1", "Greylisted").times(1)
    enqueue = "import tasks; tasks.welcome.delay('bob@example.com')"
    subprocess.run([sys.executable, "-c", enqueue], env=environment, check=True, timeout=60)

    assert smtptest.inbox.one(to="bob@example.com", timeout=60).subject == "Welcome"
    assert len(smtptest.sessions) == 2
