"""The acceptor of one listening socket: bursts, too few descriptors, and sockets that are shut down."""

import contextlib
import errno
import socket
import subprocess
import sys
from unittest import mock

import pytest

from lazr.smtptest.net import reactor as reactor_module
from lazr.smtptest.net.acceptor import Acceptor
from lazr.smtptest.net.poller import SelectPoller
from lazr.smtptest.net.reactor import Reactor
from tests.conftest import PROJECT


class Site:
    """A reactor with an acceptor, whose clients a test makes."""

    def __init__(self, *, uses_select=False):
        self.reactor = Reactor(SelectPoller() if uses_select else None)
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.listening.setblocking(False)
        self.accepted = []
        self.on_accept = lambda: None
        self.clients = []
        self.acceptor = Acceptor(self.reactor, self.listening, self.add)
        self.acceptor.open()

    def add(self, connected, peer_name):
        assert not connected.getblocking()
        self.accepted.append((connected, peer_name))
        self.on_accept()

    def connect(self, count):
        """Connect this many clients."""
        for _ in range(count):
            self.clients.append(socket.create_connection(self.listening.getsockname()))

    def close(self):
        self.acceptor.close()
        self.reactor.close()
        for one in (self.listening, *self.clients, *(connected for connected, _ in self.accepted)):
            one.close()


@pytest.fixture(params=["best", "select"])
def site(request):
    site = Site(uses_select=request.param == "select")
    yield site
    site.close()


def test_client_is_accepted_with_its_name(site):
    site.connect(1)
    site.reactor.run_once(10.0)
    assert [name for _, name in site.accepted] == [site.clients[0].getsockname()]


def test_each_client_of_a_burst_is_accepted_once(site):
    site.connect(200)
    passes = 0
    while len(site.accepted) < 200:
        site.reactor.run_once(10.0)
        passes += 1
    assert sorted(name for _, name in site.accepted) == sorted(one.getsockname() for one in site.clients)
    assert passes < 15  # each pass accepts twice as many as the one before, up to a limit
    assert not site.acceptor.accept(1)


def test_burst_leaves_turns_to_others(site):
    site.connect(200)
    largest = 0
    while len(site.accepted) < 200:
        before = len(site.accepted)
        site.reactor.run_once(10.0)
        largest = max(largest, len(site.accepted) - before)
    assert largest == 64


def test_accept_all_accepts_those_that_wait(site):
    site.connect(150)
    site.acceptor.accept_all()
    assert len(site.accepted) == 150


def test_close_in_a_burst_accepts_nothing_more(site):
    site.connect(10)
    site.on_accept = lambda: site.acceptor.close() if len(site.accepted) == 3 else None
    site.acceptor.accept_all()
    site.reactor.run_once(0.0)
    assert len(site.accepted) == 3
    site.acceptor.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems cannot shut a listening socket down")
def test_shut_down_socket_is_not_watched_any_more(site):
    site.connect(1)
    site.listening.shutdown(socket.SHUT_RDWR)
    for _ in range(10):
        site.reactor.run_once(0.0)
    assert site.reactor._poller.poll(0.0) == []
    site.acceptor.accept_all()
    assert site.accepted == []


def test_failing_connection_does_not_end_the_acceptor(site, caplog):
    def fail():
        raise ZeroDivisionError

    site.on_accept = fail
    site.connect(3)
    site.acceptor.accept_all()
    assert len(caplog.records) == len(site.accepted) == 3
    assert "ZeroDivisionError" in caplog.text
    assert {connected.fileno() for connected, _ in site.accepted} == {-1}
    site.on_accept = lambda: None
    site.connect(1)
    while len(site.accepted) < 4:
        site.reactor.run_once(10.0)


# -- too few descriptors ---------------------------------------------------------------------


class ExhaustedSocket:
    """A listening socket whose `accept` fails until the test stops that."""

    def __init__(self, listening):
        self.listening = listening
        self.error = None
        self.accept_count = 0

    def fileno(self):
        return self.listening.fileno()

    def accept(self):
        self.accept_count += 1
        if self.error is not None:
            raise OSError(self.error, "the test makes this fail")
        return self.listening.accept()


@contextlib.contextmanager
def exhaust(site, number):
    """Let `accept` fail with an error; give the socket, and a function that moves the time."""
    now = [1000.0]
    exhausted = ExhaustedSocket(site.listening)
    exhausted.error = number
    site.acceptor.close()
    with mock.patch.object(reactor_module, "monotonic", lambda: now[0]):  # noqa: PT008 - the value changes
        site.acceptor = Acceptor(site.reactor, exhausted, site.add)
        site.acceptor.open()

        def move_time(seconds):
            now[0] += seconds

        yield exhausted, move_time


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_without_descriptors_the_next_attempt_is_a_second_later(site, number, caplog):
    with exhaust(site, number) as (exhausted, move_time):
        site.connect(3)
        for _ in range(20):
            site.reactor.run_once(0.0)  # no busy loop meanwhile
        assert exhausted.accept_count == 1
        assert len(caplog.records) == 1
        move_time(1.1)
        site.reactor.run_once(0.0)
        site.reactor.run_once(0.0)
        assert exhausted.accept_count == 2
        exhausted.error = None
        move_time(1.1)
        for _ in range(5):
            site.reactor.run_once(0.0)
        assert len(site.accepted) == 3


def test_attempt_meanwhile_leaves_one_later_attempt(site, caplog):
    with exhaust(site, errno.EMFILE) as (exhausted, move_time):
        site.connect(1)
        site.reactor.run_once(0.0)
        for _ in range(3):
            site.acceptor.accept_all()  # as `settle` does
            move_time(0.1)
        exhausted.error = None
        for _ in range(5):
            move_time(1.1)
            site.reactor.run_once(0.0)
            site.reactor.run_once(0.0)
        assert len(site.accepted) == 1
    assert "failed" not in caplog.text
    assert {record.levelname for record in caplog.records} == {"ERROR"} and "cannot be accepted" in caplog.text


def test_close_while_descriptors_lack_cancels_the_attempt(site):
    with exhaust(site, errno.EMFILE) as (exhausted, move_time):
        site.connect(1)
        site.reactor.run_once(0.0)
        site.acceptor.close()
        exhausted.error = None
        move_time(2.0)
        site.reactor.run_once(0.0)
        site.reactor.run_once(0.0)
        assert site.accepted == []
        assert site.reactor.next_time is None


def test_client_that_left_the_backlog_delays_no_other(site):
    with exhaust(site, errno.ECONNABORTED) as (exhausted, _):
        site.connect(1)
        site.reactor.run_once(0.0)
        exhausted.error = None
        site.reactor.run_once(0.0)
        assert len(site.accepted) == 1


SERVER_WITHOUT_DESCRIPTORS = """
import logging, resource, smtplib, socket, time
from lazr.smtptest import Limits, MailServer

logging.basicConfig(level=logging.ERROR)
with MailServer(limits=Limits(connections=None)) as server:
    with smtplib.SMTP(*server.address, timeout=30) as client:
        client.noop()  # what the server imports late needs descriptors, too
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    clients = []
    try:
        while True:
            clients.append(socket.create_connection(server.address, timeout=30))
    except OSError as error:
        print("connected", len(clients), error.strerror)
    server.call(lambda: None)
    before = time.process_time()
    server.call(lambda: None)
    time.sleep(0.5)
    print("busy", time.process_time() - before > 0.3)
    for client in clients:
        client.close()
    with smtplib.SMTP(*server.address, timeout=30) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\\r\\n\\r\\nHello")
    print("mails", len(server.inbox))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of descriptors")
def test_server_survives_a_process_without_descriptors():
    done = subprocess.run(
        [sys.executable, "-c", SERVER_WITHOUT_DESCRIPTORS],
        cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Too many open files" in done.stdout and "busy False\nmails 1\n" in done.stdout
    assert "a client cannot be accepted" in done.stderr and "Traceback" not in done.stderr
