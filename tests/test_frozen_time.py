"""A test that freezes time still waits, gives up and stops."""

import smtplib
import threading
import urllib.request

import freezegun
import pytest

from lazr.smtptest import Limits, MailServer, WaitTimeout
from lazr.smtptest.clock import monotonic
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.web.app import make_app
from lazr.smtptest.web.catcher import Catcher
from lazr.smtptest.web.run import WebServer


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


def test_a_web_server_that_lives_longer_than_a_test_that_froze_time_still_stops():
    web = WebServer(make_app(Catcher(MemoryStore(), MailServer())))
    web.start()
    with freezegun.freeze_time("2040-01-01"):
        enough = monotonic() + 0.5
        while monotonic() < enough:  # its own timers, ten in a second, begin in this time
            urllib.request.urlopen(f"{web.url}/livez", timeout=10).close()
    web.stop(20)

    assert not web.running
