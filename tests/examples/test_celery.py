"""A Celery worker in a process of its own, which sends the mail."""

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

@app.task
def welcome(to):
    with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as client:
        client.sendmail("app@example.com", [to], "Subject: Welcome\\r\\n\\r\\nHi")
"""
WORKER = ("worker", "--pool=solo", "--without-gossip", "--without-mingle", "--without-heartbeat")


@pytest.fixture
def environment(smtptest, tmp_path):
    """What the worker gets to know: its broker, and where mail goes."""
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


def test_the_worker_sends_the_mail(smtptest, worker, environment):
    # The web application's part: it only puts the task into the queue.
    enqueue = "import tasks; tasks.welcome.delay('ann@example.com')"
    subprocess.run([sys.executable, "-c", enqueue], env=environment, check=True, timeout=60)

    assert smtptest.inbox.one(to="ann@example.com", timeout=60).subject == "Welcome"
