"""Reasons of verdicts: what they quote of a client, and what they say about its task."""

import socket
import time

import pytest

from lazr.smtptest.grading import grade
from tests.grading import reference_client


def send_to_first_recipient(task):
    with reference_client.connect(task) as connection:
        connection.sendmail(task.sender, task.recipients[:1], task.message)


def wait_without_tls(task):
    with socket.create_connection((task.host, task.port)) as connection:
        connection.recv(100)


def hang_after_content(task):
    with reference_client.connect(task) as connection:
        reference_client.send_message(connection, task, task.message)
        time.sleep(1.0)


@pytest.mark.parametrize("name", ["ehlo-no-pipelining", "rcpt-too-many"])
def test_reason_names_recipients_that_got_no_rcpt(name):
    (result,) = grade(send_to_first_recipient, only=[name])
    assert result.reason == (
        "the client said that the mail was sent, but it did not arrive for carol@example.com, dave@example.com: "
        "the client sent no RCPT for carol@example.com, dave@example.com"
    )


def test_reason_of_refused_recipient_is_the_reply():
    (result,) = grade(send_all, only=["rcpt-one-of-three-550"])
    assert result.reason.endswith("did not arrive for carol@example.com: the server answered 550 to RCPT")


def send_all(task):
    with reference_client.connect(task) as connection:
        connection.sendmail(task.sender, task.recipients, task.message)


def test_reason_of_client_that_waits_in_clear_names_the_handshake():
    (result,) = grade(wait_without_tls, only=["tls-valid"], timeout=0.5)
    assert result.reason == "the client was stopped after 0.5 s, without a result: the TLS handshake had not ended"


def test_reason_of_client_that_hangs_after_the_content():
    (result,) = grade(hang_after_content, only=["content-plain"], timeout=0.5)
    assert result.reason == "the client was stopped after 0.5 s, without a result: it had sent the content"


TRACEBACKS = {
    "python": 'Traceback (most recent call last):\n  File "x.py", line 1\n    send()\nOSError: refused',
    "ruby": "smtp.rb:9:in `check': OSError: refused\n\tfrom smtp.rb:8:in `send'\n\tfrom x.rb:1:in `<main>'",
    "node": "Error: refused\n    at send (x.js:1:1) {\n  code: 'EENVELOPE'\n}",
    "java": "Exception in thread main: failed\n\tat A.b\nCaused by: refused\n\tat C.d\n\t... 2 more",
    "indented": "  refused",
    "signs": "refused\n}\n---\n",
    "only signs": "***",
}


@pytest.mark.parametrize("language", TRACEBACKS)
def test_reason_quotes_the_message_of_a_traceback(language):
    def deliver(task):
        raise OSError(TRACEBACKS[language])

    (result,) = grade(deliver, only=["content-plain"])
    assert result.reason.partition("it did not connect")[2].endswith(("refused)", "***)"))
