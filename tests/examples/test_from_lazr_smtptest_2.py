"""A test for lazr.smtptest 2.0.4, which version 3 runs unchanged, and the same test with `smtptest`."""

import smtplib
from queue import Empty

import pytest

from lazr.smtptest.controller import QueueController

MESSAGE = "From: ann@example.com\r\nTo: bob@example.com\r\nSubject: Welcome\r\n\r\nHi Bob\r\n"


def send(host, port):  # the code under test
    with smtplib.SMTP(host, port, timeout=60) as client:
        client.sendmail("ann@example.com", ["bob@example.com", "archive@example.com"], MESSAGE)


# -- before: the classes of 2009 ----------------------------------------------------------------


@pytest.fixture
def controller():
    controller = QueueController("localhost", 0)
    controller.start()
    yield controller
    controller.stop()


def test_welcome_before(controller):
    send(controller.server.host, controller.server.port)

    messages = list(controller)
    assert len(messages) == 1
    assert messages[0]["Subject"] == "Welcome"
    assert messages[0]["X-MailFrom"] == "ann@example.com"
    assert messages[0]["X-RcptTo"] == "bob@example.com, archive@example.com"
    with pytest.raises(Empty):
        controller.queue.get_nowait()


# -- after: the fixture -------------------------------------------------------------------------


def test_welcome(smtptest):
    send(*smtptest.address)

    mail = smtptest.inbox.one(subject="Welcome")
    assert mail.sender == "ann@example.com"
    assert mail.recipients == ("bob@example.com", "archive@example.com")
    assert smtptest.inbox == [mail]  # reading removes no mail
