"""A test that freezes time still waits, gives up and stops."""

import smtplib
import threading

import freezegun
import pytest

from lazr.smtptest import Limits, MailServer, WaitTimeout


@pytest.fixture(autouse=True)
def frozen():
    with freezegun.freeze_time("2020-01-01"):
        yield


def deliver(server):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_expectations_end(loop):
    with MailServer(loop=loop) as server:
        server.inbox.none(within=0.05)
        with pytest.raises(WaitTimeout):
            server.inbox.one(timeout=0.05)
        sending = threading.Timer(0.05, deliver, (server,))
        sending.start()
        assert server.inbox.one(timeout=20).subject == "Hi"
        sending.join()


def test_the_servers_own_deadlines_pass(connect):
    with MailServer(limits=Limits(idle_timeout=0.1)) as server:
        assert connect(server).reply().startswith(b"421 4.4.2")


def test_a_mail_says_the_time_that_the_test_has_set():
    with MailServer() as server:
        deliver(server)
        assert f"{server.inbox[0].received_at:%Y-%m-%d}" == "2020-01-01"
