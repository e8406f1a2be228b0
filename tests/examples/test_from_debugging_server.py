"""A test for `smtpd.DebuggingServer`, which needs Python 3.11, and the same test with `smtptest`."""

import contextlib
import io
import smtplib
import subprocess
import sys
import threading
import warnings

import pytest

CONTENT = "From: app@example.com\r\nTo: ann@example.com\r\nSubject: Welcome\r\n\r\nHi Ann\r\n"


def send(host, port):  # the code under test
    with smtplib.SMTP(host, port, timeout=60) as client:
        client.sendmail("app@example.com", ["ann@example.com", "archive@example.com"], CONTENT)


# -- before: a server in a thread, and its output -----------------------------------------------


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python 3.12 has no smtpd")
def test_welcome_before():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import asyncore
        import smtpd

    output, sockets, stopped = io.StringIO(), {}, threading.Event()

    def serve():
        while not stopped.is_set():
            asyncore.loop(timeout=0.1, map=sockets, count=1)

    with contextlib.redirect_stdout(output):
        server = smtpd.DebuggingServer(("127.0.0.1", 0), None, map=sockets)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            send(*server.socket.getsockname())
        finally:
            stopped.set()
            thread.join()
            asyncore.close_all(map=sockets)

    assert "b'Subject: Welcome'" in output.getvalue()
    assert "b'Hi Ann'" in output.getvalue()


# -- after: the fixture, on every Python --------------------------------------------------------


def test_welcome(smtptest):
    send(*smtptest.address)

    mail = smtptest.inbox.one(to="ann@example.com", subject="Welcome")
    assert mail.text == "Hi Ann\n"
    assert mail.bcc == ("archive@example.com",)


# -- after: the same output as before, from a command -------------------------------------------


def test_printing_server():
    command = [sys.executable, "-u", "-m", "lazr.smtptest", "-n", "-c", "DebuggingServer", "localhost:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        address = server.stdout.readline().split()[2].strip(",")  # Listening on smtp://127.0.0.1:40000, …
        host, _, port = address.removeprefix("smtp://").rpartition(":")
        send(host, int(port))
        server.terminate()  # prints what has arrived
        output = server.stdout.read()

    assert "RCPT TO:<archive@example.com>" in output
    assert "Subject: Welcome\n" in output
    assert "Hi Ann\n" in output
