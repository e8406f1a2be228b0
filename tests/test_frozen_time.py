"""Waits, timeouts and stopping work while a test has frozen time."""

import smtplib
import threading
import urllib.request

import freezegun
import pytest

from lazr.smtptest import Limits, MailServer, WaitTimeout
from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, WebServer, make_app


@pytest.fixture(autouse=True)
def frozen():
    with freezegun.freeze_time("2020-01-01"):
        yield


def deliver(server):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_waits_time_out_with_frozen_time(loop):
    with MailServer(loop=loop) as server:
        server.inbox.none(within=0.05)
        with pytest.raises(WaitTimeout):
            server.inbox.one(timeout=0.05)
        sending = threading.Timer(0.05, deliver, (server,))
        sending.start()
        assert server.inbox.one(timeout=20).subject == "Hi"
        sending.join()


def test_server_timeouts_pass_with_frozen_time(connect):
    with MailServer(limits=Limits(idle_timeout=0.1)) as server:
        assert connect(server).read_reply().startswith(b"421 4.4.2")


def test_mail_has_the_frozen_time():
    with MailServer() as server:
        deliver(server)
        assert f"{server.inbox[0].received_at:%Y-%m-%d}" == "2020-01-01"


def test_web_server_stops_after_a_test_that_froze_time():
    web = WebServer(make_app(AppContext(MemoryStore(), MailServer())))
    web.start()
    with freezegun.freeze_time("2040-01-01"):
        end = monotonic() + 0.5
        while monotonic() < end:  # its timers, ten per second, start while time is frozen
            urllib.request.urlopen(f"{web.url}/livez", timeout=10).close()
    web.stop(20)

    assert not web.running
