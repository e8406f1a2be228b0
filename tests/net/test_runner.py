"""A run of a server in a thread: with each poller, with and without coroutine functions, until its stop."""

import asyncio
import contextlib
import errno
import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
import warnings

import pytest

from lazr.smtptest import Limits, MailServer, net
from lazr.smtptest.errors import MissingExtra, StopTimeout
from lazr.smtptest.mailserver.local_delivery import LocalDelivery
from lazr.smtptest.net import reactor as reactor_module
from lazr.smtptest.net.asyncio_driver import create_loop
from lazr.smtptest.net.poller import SelectPoller
from tests.conftest import PROJECT
from tests.helpers.leaks import check_leaks, get_new_threads
from tests.helpers.smtp_client import TO_RCPT

MESSAGE = "Subject: Hi\r\n\r\nHello"


@pytest.fixture(params=["best", "select", "woken by a socket"])
def poller(request, monkeypatch):
    """Let each reactor use this poller, or wake by a socket pair, as on Windows."""
    if request.param == "select":
        monkeypatch.setattr(reactor_module, "create_poller", SelectPoller)
    elif request.param == "woken by a socket":
        monkeypatch.delattr(os, "eventfd", raising=False)
    return request.param


async def decide_in_coroutine(event, reply):
    await asyncio.sleep(0)
    return reply


DECISIONS = {"no decide": None, "function": lambda event, reply: reply, "coroutine function": decide_in_coroutine}


@pytest.fixture(params=DECISIONS)
def decide(request):
    return DECISIONS[request.param]


@pytest.fixture(scope="module")
def imported_loops():
    """Import each kind of loop: uvloop keeps some descriptors from then on."""
    for kind in ("asyncio", "uvloop"):
        create_loop(kind).close()


@pytest.fixture(autouse=True)
def no_leaks(caplog, imported_loops):
    """Fail if a test leaves threads, descriptors, or errors in the log."""
    with check_leaks(caplog):
        yield


def send_mail(server, recipient="bob@example.com", *, context=None):
    with smtplib.SMTP(*server.address, timeout=30) as client:
        if context is not None:
            client.starttls(context=context)
        return client.sendmail("ann@example.com", [recipient], MESSAGE)


def run_in_threads(count, function):
    """Call a function in several threads; return the results."""
    results = []
    threads = [threading.Thread(target=lambda: results.append(function())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


# -- each poller and kind of decision --------------------------------------------------------


def test_mails_arrive(poller, decide):
    with MailServer(decide=decide) as server:
        for _ in range(3):
            send_mail(server)
        assert run_in_threads(10, lambda: send_mail(server)) == [{}] * 10
        assert len(server.inbox) == 13
        assert all(session.ended == "QUIT" for session in server.settle())


def test_mails_arrive_in_tls(poller, decide):
    pytest.importorskip("trustme")
    with MailServer(tls="starttls", decide=decide) as server:
        context = server.client_context()
        assert run_in_threads(4, lambda: send_mail(server, context=context)) == [{}] * 4
        assert all(session.tls is not None for session in server.settle())


def test_rules_act(poller, decide):
    with MailServer(decide=decide) as server:
        server.on("RCPT", to="delayed@*").delay(0.05)
        server.on("DATA", to="dropped@*").drop()
        server.on("CONNECT", session=3).throttle(100_000)
        send_mail(server, "delayed@example.com")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send_mail(server, "dropped@example.com")
        send_mail(server)
        assert len(server.inbox) == 2


def test_large_mail_and_unread_replies(poller, decide, connect):
    with MailServer(decide=decide, limits=Limits(commands_without_mail=None)) as server:
        client = connect(server, receive_buffer=4096)
        client.send(TO_RCPT + b"DATA\r\n" + b"x" * 70 + b"\r\n" + b"y" * 2_000_000 + b"\r\n.\r\n")
        client.send(b"NOOP\r\n" * 2000 + b"QUIT\r\n")
        replies = client.read_to_end()
        assert replies.count(b"250 2.0.0") >= 2001 and replies.rstrip().split(b"\r\n")[-1].startswith(b"221")
        assert server.inbox.one().size > 2_000_000


def test_calls_of_threads_return_their_results(poller, decide):
    with MailServer(decide=decide) as server:
        send_mail(server)
        assert (
            sorted(run_in_threads(8, lambda: server.call(threading.get_ident)))
            == [server.call(threading.get_ident)] * 8
        )
        with pytest.raises(ZeroDivisionError):
            server.call(lambda: 1 / 0)


def test_server_restarts_on_its_port(poller, decide):
    server = MailServer(decide=decide)
    for number in range(1, 6):
        with server:
            send_mail(server)
            assert len(server.inbox) == number
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address, timeout=5)


@pytest.mark.parametrize("connections", [None, 30, 10_000])
def test_limit_of_the_poller_turns_clients_away(monkeypatch, connect, connections):
    monkeypatch.setattr(reactor_module, "create_poller", SelectPoller)
    monkeypatch.setattr(SelectPoller, "max_sockets", 40)
    with MailServer(limits=Limits(connections=connections)) as server:
        clients = [connect(server) for _ in range(40)]
        assert [client.greeting[:3] for client in clients] == [b"220"] * 20 + [b"421"] * 20
        clients[0].send_command(b"QUIT")
        clients[0].close()
        while not connect(server).greeting.startswith(b"220"):  # the server has not noticed the end yet
            pass


def test_stop_under_load_loses_no_accepted_mail(poller, decide):
    server = MailServer(decide=decide)
    server.start()
    accepted = []

    def send_until_refused():
        with contextlib.suppress(OSError, smtplib.SMTPException):
            while True:
                with smtplib.SMTP(*server.address, timeout=30) as client:
                    for _ in range(3):
                        client.sendmail("ann@example.com", ["bob@example.com"], MESSAGE)
                        accepted.append(1)

    threads = [threading.Thread(target=send_until_refused) for _ in range(4)]
    for thread in threads:
        thread.start()
    server.inbox.wait(20)
    server.stop()
    for thread in threads:
        thread.join(60)
    assert not server.running
    # A client may not have read its last 250.
    assert len(accepted) <= len(server.inbox) <= len(accepted) + 4


def test_stop_from_a_handler(poller):
    server = MailServer(decide=lambda event, reply: (event.verb == "QUIT" and server.stop(), reply)[1])
    server.start()
    send_mail(server)
    deadline = time.monotonic() + 30
    while server.running and time.monotonic() < deadline:
        threading.Event().wait(0.001)
    assert not server.running
    server.stop()


def test_run_in_the_calling_thread(poller, decide):
    server = MailServer(decide=decide)
    server.bind()
    results = []

    def use_server():
        results.append(send_mail(server))
        server.stop()

    thread = threading.Thread(target=use_server)
    thread.start()
    server.run()
    thread.join()
    assert results == [{}] and len(server.inbox) == 1


# -- coroutine functions ---------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_first_coroutine_leaves_the_other_sessions_alone(loop, connect):
    def decide(event, reply):
        return decide_in_coroutine(event, reply) if event.verb == "VRFY" else reply

    errors = []

    def send_many():
        try:
            with smtplib.SMTP(*server.address, timeout=30) as client:
                for _ in range(30):
                    client.sendmail("ann@example.com", ["bob@example.com"], MESSAGE)
        except Exception as error:
            errors.append(error)

    with MailServer(decide=decide, loop=loop) as server:
        halfway = connect(server)
        halfway.send(TO_RCPT + b"DATA\r\nSubject: half")
        threads = [threading.Thread(target=send_many) for _ in range(5)]
        for thread in threads:
            thread.start()
        server.inbox.wait(10)
        assert connect(server).send_command(b"VRFY ann").startswith(b"252")
        for thread in threads:
            thread.join(60)
        halfway.send(b"way\r\n\r\n.\r\n")
        assert server.inbox.one(subject="halfway")
        assert errors == [] and len(server.inbox) == 151


def test_timers_of_before_the_first_coroutine_still_fire(poller, connect):
    def decide(event, reply):
        return decide_in_coroutine(event, reply) if event.verb == "VRFY" else reply

    with MailServer(decide=decide, limits=Limits(idle_timeout=0.3)) as server:
        idle = connect(server)
        assert connect(server).send_command(b"VRFY ann").startswith(b"252")
        assert idle.read_to_end().startswith(b"421")


def test_other_sessions_go_on_while_a_coroutine_waits(poller, connect):
    releases = []

    async def decide(event, reply):
        if event.verb == "VRFY":
            release = asyncio.Event()
            releases.append((asyncio.get_running_loop(), release))
            await release.wait()
        return reply

    with MailServer(decide=decide) as server:
        waiting = [connect(server) for _ in range(5)]
        for client in waiting:
            client.send(b"VRFY ann\r\n")
        for _ in range(5):
            send_mail(server)
        assert len(releases) == 5
        for loop, release in releases:
            loop.call_soon_threadsafe(release.set)
            connect(server).send_command(b"NOOP")  # wakes a poller that asyncio cannot watch
        assert all(client.read_reply().startswith(b"252") for client in waiting)


def test_background_task_of_a_coroutine_goes_on(poller, connect):
    done = threading.Event()
    tasks = []

    async def work():
        for _ in range(3):
            await asyncio.sleep(0.001)
        done.set()

    async def decide(event, reply):
        if event.verb == "VRFY":
            tasks.append(asyncio.create_task(work()))
        return reply

    with MailServer(decide=decide) as server:
        connect(server).send_command(b"VRFY ann")
        assert done.wait(10)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_coroutine_of_a_rule_is_cancelled_when_its_client_leaves(poller, connect, loop):
    begun, cancelled = threading.Event(), threading.Event()

    async def wait(event):
        begun.set()
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with MailServer(loop=loop) as server:
        server.on("VRFY").call(wait)
        for _ in range(2):  # the first coroutine, and a later one
            client = connect(server)
            client.send(b"VRFY ann\r\n")
            assert begun.wait(10)
            client.close()
            assert cancelled.wait(10)
            server.settle()
            begun.clear()
            cancelled.clear()


def test_client_that_leaves_at_once_causes_no_warning(poller):
    async def decide(event, reply):
        return reply

    with warnings.catch_warnings(record=True) as caught, MailServer(decide=decide) as server:
        for _ in range(20):
            with socket.create_connection(server.address) as client:
                client.sendall(b"EHLO x\r\nQUIT\r\n")
        server.settle()
    assert [str(one.message) for one in caught] == []


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_stop_cancels_coroutines_that_wait(poller, connect, loop):
    cancelled = []

    async def decide(event, reply):
        if event.verb == "VRFY":
            try:
                await asyncio.sleep(1000)
            finally:
                cancelled.append(event.verb)
        return reply

    with warnings.catch_warnings(record=True) as caught:
        with MailServer(decide=decide, loop=loop) as server:
            for _ in range(3):
                client = connect(server)
                client.send(b"VRFY ann\r\n")
            send_mail(server)
            server.call(lambda: None)
        assert cancelled == ["VRFY"] * 3
    assert [str(one.message) for one in caught] == []


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_stop_ends_async_generators_and_threads(poller, connect, loop):
    ended, generators = [], []
    begun, release = threading.Event(), threading.Event()

    async def generate():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            ended.append("generator")

    def work():
        begun.set()
        release.wait(30)
        ended.append("thread")

    async def decide(event, reply):
        if event.verb == "VRFY":
            generators.append(generate())
            await anext(generators[0])
            await asyncio.get_running_loop().run_in_executor(None, work)
        return reply

    with MailServer(decide=decide, loop=loop) as server:
        connect(server).send(b"VRFY ann\r\n")
        assert begun.wait(30)
        threading.Timer(0.05, release.set).start()
    assert sorted(ended) == ["generator", "thread"]


def test_stop_does_not_wait_for_ever_for_generators_and_threads(connect):
    generators, begun, release = [], threading.Event(), threading.Event()

    async def generate():
        try:
            yield 1
        finally:
            await asyncio.sleep(1000)

    async def decide(event, reply):
        if event.verb == "VRFY":
            generators.append(generate())
            await anext(generators[0])
            begun.set()
            await asyncio.to_thread(release.wait, 30)
        return reply

    earlier = threading.enumerate()
    server = MailServer(decide=decide)
    server.start()
    connect(server).send(b"VRFY ann\r\n")
    assert begun.wait(30)
    before = time.monotonic()
    server.stop(1)
    assert time.monotonic() - before < 5
    release.set()
    for thread in get_new_threads(earlier):
        thread.join(30)


def test_exception_of_a_coroutine_is_answered_and_raised(poller, connect):
    async def decide(event, reply):
        await asyncio.sleep(0)
        raise ZeroDivisionError

    server = MailServer(decide=decide)
    server.start()
    assert connect(server).greeting.startswith(b"451")
    with pytest.raises((ZeroDivisionError, ExceptionGroup)):
        server.stop()


def test_coroutine_that_ignores_its_cancellation_is_reported(connect):
    release = threading.Event()

    async def decide(event, reply):
        while event.verb == "VRFY" and not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
        return reply

    server = MailServer(decide=decide)
    server.start()
    connect(server).send(b"VRFY ann\r\n")
    send_mail(server)
    with pytest.raises(StopTimeout):
        server.stop(deadline=0.3)
    release.set()
    (thread,) = [one for one in threading.enumerate() if one.name == f"smtptest {server.host}:{server.port}"]
    thread.join(30)


INTERRUPTED_SERVER = """
import asyncio, signal, socket, sys, threading, warnings
from lazr.smtptest import MailServer

warnings.simplefilter("error")

def interrupt():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

async def decide(event, reply):
    if event.verb == "VRFY":
        threading.Timer(0.1, interrupt).start()
        await asyncio.sleep(1000)
    return reply

server = MailServer(decide=decide if sys.argv[1] == "coroutine" else None)
server.bind()
client = socket.create_connection(server.address)
client.sendall(b"VRFY ann\\r\\n")
if sys.argv[1] != "coroutine":
    threading.Timer(0.3, interrupt).start()
try:
    server.run()
except KeyboardInterrupt:
    print("interrupted", server.running)
client.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
@pytest.mark.parametrize("kind", ["coroutine", "none"])
def test_interrupt_ends_a_server_in_the_main_thread(kind):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_SERVER, kind],
        cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout == "interrupted False\n"


# -- imports, and failed starts --------------------------------------------------------------

SERVER_WITHOUT_COROUTINES = """
import smtplib, sys
from lazr.smtptest import MailServer

with MailServer(tls="starttls" if "tls" in sys.argv else None, decide=lambda event, reply: reply) as server:
    server.on("RCPT").delay(0.01)
    server.on("VRFY").reply(252)
    server.on("EXPN").drop().optional()
    with smtplib.SMTP(*server.address) as client:
        if "tls" in sys.argv:
            client.starttls(context=server.client_context())
        client.verify("ann")
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\\r\\n\\r\\nHello")
    server.inbox.one(to="bob@example.com")
    server.settle()
print("asyncio" in sys.modules)

async def decide(event, reply):
    return reply

with MailServer(decide=decide) as server, smtplib.SMTP(*server.address) as client:
    client.noop()
print("asyncio" in sys.modules)
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["plain", "tls"])
def test_only_a_coroutine_function_imports_asyncio(mode):
    if mode == "tls":
        pytest.importorskip("trustme")
    done = subprocess.run(
        [sys.executable, "-c", SERVER_WITHOUT_COROUTINES, mode],
        cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("False\nTrue\n", "")


def test_failed_start_keeps_no_descriptors(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)
    server = MailServer(loop="uvloop")
    for start in (server.start, server.run):
        for _ in range(3):
            with pytest.raises(MissingExtra):
                start()
    assert not server.running


def test_thread_that_cannot_start_keeps_no_descriptors(monkeypatch):
    def fail(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError, match="can't start"):
            MailServer().start()


@pytest.mark.parametrize(
    ("owner", "name"),
    [(net, "Reactor"), (net, "ConnectionManager"), (net, "Runner"), (LocalDelivery, "start_run")],
)
def test_start_that_fails_after_the_bind_closes_the_port(monkeypatch, owner, name):
    def fail(*_, **__):
        raise OSError(errno.EMFILE, "too many")

    server = MailServer(switch_interval=0.001)
    with check_leaks(), monkeypatch.context() as patch:
        patch.setattr(owner, name, fail)
        for start in (server.start, server.run, lambda: asyncio.run(server.__aenter__())):
            with pytest.raises(OSError, match="too many"):
                start()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(server.address)
    assert not server.running
    with server:
        send_mail(server)


def test_signals_do_not_disturb_the_passes(connect):
    with MailServer() as server:
        before = signal.signal(signal.SIGUSR1, lambda *_: None)
        try:
            client = connect(server)
            for _ in range(100):
                signal.raise_signal(signal.SIGUSR1)
                assert client.send_command(b"RSET").startswith(b"250")
        finally:
            signal.signal(signal.SIGUSR1, before)
