"""`smtptest ready` and `smtptest secret`."""

import socket
import threading

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, WebServer, make_app, read_secret
from tests.helpers.command_line import run_smtptest
from tests.helpers.http_receiver import Receiver, respond


@pytest.fixture
def closed_port():
    """A port that refuses connections, and that no other program can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_running_server_is_ready(running_server):
    done = running_server("ready")
    assert (done.stdout, done.stderr, done.returncode) == (f"{running_server.web.url} is ready\n", "", 0)


def test_server_that_does_not_run_is_not_ready(closed_port):
    done = run_smtptest("ready", "--api", f"http://127.0.0.1:{closed_port}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"smtptest: not ready: http://127.0.0.1:{closed_port}: connection refused")


def test_timeout_names_the_waiting_time(closed_port):
    done = run_smtptest("ready", "--wait", "0.3", "--api", f"http://127.0.0.1:{closed_port}")
    assert done.returncode == 1 and "not ready after 0.3 s: " in done.stderr


def test_wait_ends_when_the_smtp_server_starts():
    store = MemoryStore()
    server = MailServer(store=store)
    with WebServer(make_app(AppContext(store, server))) as web:
        timer = threading.Timer(0.3, server.start)
        timer.start()
        try:
            done = run_smtptest("ready", "--wait", "30", "--api", web.url)
        finally:
            timer.join()
            server.stop()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("status", "message"),
    [(503, "its store or its SMTP server is unavailable (503)"), (404, "(404)"), (401, "(401)")],
)
def test_answer_with_an_error_is_not_ready(status, message):
    with Receiver(respond(status)) as receiver:
        done = run_smtptest("ready", "--api", receiver.url(path=""))
        assert receiver.get_request().path == "/readyz"
    assert done.returncode == 1 and message in done.stderr


def test_stopped_smtp_server_is_not_ready():
    store = MemoryStore()
    with WebServer(make_app(AppContext(store, MailServer(store=store)))) as web:
        done = run_smtptest("ready", "--api", web.url)
    assert done.returncode == 1 and "is unavailable (503)" in done.stderr


def test_secret_is_new_each_time_and_valid():
    secrets = {run_smtptest("secret").stdout.strip() for _ in range(3)}
    assert len(secrets) == 3
    assert all(len(read_secret(secret)) == 32 for secret in secrets)
