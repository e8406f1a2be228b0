"""A server in the asyncio loop of a coroutine: on asyncio and uvloop, in test frameworks, and each way to its end."""

import asyncio
import contextlib
import gc
import smtplib
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from lazr.smtptest import Limits, MailServer
from lazr.smtptest.net import reactor as reactor_module
from lazr.smtptest.net.asyncio_driver import AsyncioDriver, create_loop
from lazr.smtptest.net.connection_manager import ConnectionManager
from lazr.smtptest.net.poller import SelectPoller
from lazr.smtptest.net.reactor import Reactor
from tests.helpers.leaks import check_leaks, list_descriptors

MESSAGE = "Subject: Hi\r\n\r\nHello"


@pytest.fixture(scope="module")
def imported_loops():
    """Import each kind of loop: uvloop keeps some descriptors from then on."""
    for kind in ("asyncio", "uvloop"):
        create_loop(kind).close()


@pytest.fixture(params=["asyncio", "uvloop", "asyncio, select"])
def run(request, monkeypatch, imported_loops, caplog):
    """Return a function that runs a coroutine in a new loop, and fails if threads or descriptors remain.

    With "select", the poller has no descriptor, so that the server runs in a thread.
    """
    kind, _, poller = request.param.partition(", ")
    if poller:
        monkeypatch.setattr(reactor_module, "create_poller", SelectPoller)

    def run(coroutine):
        # The executor of `to_thread` ends with the run.
        with asyncio.Runner(loop_factory=lambda: create_loop(kind)) as runner:
            return runner.run(asyncio.wait_for(coroutine, 60))

    with check_leaks(caplog):
        yield run


def send_mail(server, recipient="bob@example.com", *, context=None):
    with smtplib.SMTP(*server.address, timeout=30) as client:
        if context is not None:
            client.starttls(context=context)
        return client.sendmail("ann@example.com", [recipient], MESSAGE)


async def send_from_coroutine(server, count=1):
    """Send mails by asyncio's streams, in the loop of the server."""
    reader, writer = await asyncio.open_connection(*server.address)
    await reader.readline()
    for _ in range(count):
        for command in (b"HELO x", b"MAIL FROM:<ann@example.com>", b"RCPT TO:<bob@example.com>", b"DATA", b"x\r\n."):
            writer.write(command + b"\r\n")
            reply = await reader.readline()
            assert reply[:1] in b"23", reply
    writer.write(b"QUIT\r\n")
    await reader.read()
    writer.close()
    await writer.wait_closed()


async def decide_in_coroutine(event, reply):
    await asyncio.sleep(0)
    return reply


@pytest.fixture(params=["no decide", "coroutine function"])
def decide(request):
    return decide_in_coroutine if request.param == "coroutine function" else None


def test_mails_of_threads_and_coroutines_arrive(run, decide):
    async def use():
        async with MailServer(decide=decide) as server:
            await asyncio.gather(
                *(asyncio.to_thread(send_mail, server) for _ in range(5)),
                *(send_from_coroutine(server, 5) for _ in range(5)),
            )
            assert len(server.inbox) == 30
            assert all(session.ended == "QUIT" for session in await server.async_settle())

    run(use())


def test_tls_rules_and_timeouts(run, decide):
    pytest.importorskip("trustme")

    async def use():
        async with MailServer(tls="starttls", decide=decide, limits=Limits(idle_timeout=0.3)) as server:
            server.on("RCPT", to="delayed@*").delay(0.05)
            server.on("DATA", to="dropped@*").drop()
            context = server.client_context()
            await asyncio.to_thread(send_mail, server, context=context)
            await asyncio.to_thread(send_mail, server, "delayed@example.com", context=context)
            with pytest.raises(smtplib.SMTPServerDisconnected):
                await asyncio.to_thread(send_mail, server, "dropped@example.com")
            reader, writer = await asyncio.open_connection(*server.address)
            assert b"421" in await reader.read()  # the timeout, without other events
            writer.close()

    run(use())


def test_tasks_of_the_caller_go_on_under_load(run):
    async def use():
        async with MailServer() as server:
            clients = [asyncio.to_thread(send_mail, server) for _ in range(10)]
            sending = asyncio.ensure_future(asyncio.gather(*clients))
            turns = 0
            while not sending.done():
                await asyncio.sleep(0)
                turns += 1
            await sending
            assert turns > 10

    run(use())


def test_idle_server_takes_no_turns(imported_loops):
    async def use():
        async with MailServer(limits=Limits(idle_timeout=1000)) as server:
            await asyncio.to_thread(send_mail, server)
            _, writer = await asyncio.open_connection(*server.address)
            await asyncio.sleep(0.02)
            reactor = server._connection_manager.reactor
            passes = []
            run_once = reactor.run_once
            reactor.run_once = lambda wait: (passes.append(wait), run_once(wait))
            await asyncio.sleep(0.2)
            assert len(passes) <= 2
            del reactor.run_once
            writer.close()

    asyncio.run(use())


def test_server_starts_again_in_the_next_loop(run, decide):
    server = MailServer(decide=decide)

    async def use():
        async with server:
            await asyncio.to_thread(send_mail, server)

    for count in range(1, 4):
        run(use())
        assert len(server.inbox) == count and not server.running


def test_two_servers_share_a_loop(run):
    async def use():
        async with MailServer(decide=decide_in_coroutine) as one, MailServer() as two:
            await asyncio.gather(*(send_from_coroutine(server, 3) for server in (one, two)))
            assert len(one.inbox) == len(two.inbox) == 3

    run(use())


def test_end_with_open_clients_sends_421(run, decide):
    async def use():
        async with MailServer(decide=decide) as server:
            reader, writer = await asyncio.open_connection(*server.address)
            await reader.readline()
        assert (await reader.read()).startswith(b"421")
        writer.close()

    run(use())


def test_end_cancels_coroutines_that_wait(run):
    cancelled = []

    async def decide(event, reply):
        if event.verb == "VRFY":
            try:
                await asyncio.sleep(1000)
            finally:
                cancelled.append(event.verb)
        return reply

    async def use():
        async with MailServer(decide=decide) as server:
            reader, writer = await asyncio.open_connection(*server.address)
            await reader.readline()
            writer.write(b"VRFY ann\r\n")
            await send_from_coroutine(server)
        await asyncio.sleep(0)
        assert cancelled == ["VRFY"]
        writer.close()

    run(use())


def test_stop_in_another_thread_ends_the_server(run):
    async def use():
        async with MailServer() as server:
            await asyncio.to_thread(send_mail, server)
            await asyncio.to_thread(server.stop)
            assert not server.running
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*server.address)

    run(use())


def test_stop_in_a_handler_ends_the_server(run):
    async def use():
        def decide(event, reply):
            if event.verb == "QUIT":
                server.stop()
            return reply

        async with MailServer(decide=decide) as server:
            await asyncio.to_thread(send_mail, server)
            while server.running:
                await asyncio.sleep(0.001)

    run(use())


def test_failure_in_the_block_ends_the_server(run):
    async def use():
        with contextlib.suppress(ZeroDivisionError):
            async with MailServer() as server:
                await send_from_coroutine(server)
                raise ZeroDivisionError
        assert not server.running

    run(use())


def test_cancelled_block_ends_the_server(run):
    servers = []

    async def hold():
        async with MailServer() as server:
            servers.append(server)
            await asyncio.sleep(1000)

    async def use():
        task = asyncio.create_task(hold())
        while not servers:
            await asyncio.sleep(0.001)
        await send_from_coroutine(servers[0])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not servers[0].running

    run(use())


def test_second_cancellation_leaves_nothing_behind(run):
    servers = []

    async def decide(event, reply):
        if event.verb == "VRFY":
            await asyncio.sleep(1000)
        return reply

    async def hold():
        async with MailServer(decide=decide) as server:
            servers.append(server)
            await asyncio.sleep(1000)

    async def use():
        task = asyncio.create_task(hold())
        while not servers:
            await asyncio.sleep(0.001)
        reader, writer = await asyncio.open_connection(*servers[0].address)
        await reader.readline()
        writer.write(b"VRFY ann\r\n")
        await send_from_coroutine(servers[0])
        task.cancel()
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.05)
        assert not servers[0].running
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    run(use())


def test_calls_and_timers_wake_an_idle_loop(run):
    async def use():
        async with MailServer() as server:
            assert await asyncio.to_thread(server.call, lambda: 7) == 7
            fired = asyncio.Event()
            loop = asyncio.get_running_loop()
            reactor = server._connection_manager.reactor
            if server.is_in_loop_thread:
                reactor.call_later(0.01, fired.set)
            else:
                server.call(lambda: reactor.call_later(0.01, loop.call_soon_threadsafe, fired.set))
            await asyncio.wait_for(fired.wait(), 10)

    run(use())


@pytest.fixture
def failing_threads(monkeypatch):
    """Let no thread start."""

    def fail(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        yield


def test_failed_start_leaves_nothing_in_the_loop(run, failing_threads):
    async def use():
        found = []
        for _ in range(4):
            server = MailServer()
            with pytest.raises(RuntimeError, match="can't start"):
                async with server:
                    pass
            assert not server.running
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*server.address)
            del server
            gc.collect()
            found.append(list_descriptors())
        assert found[3] - found[0] == set()  # uvloop itself keeps one from the first start on

    run(use())


async def leave_block(server):
    await server.__aexit__(None, None, None)


# The ways to stop a server whose loop was closed.
STOPS = {
    "end of the block in another loop": lambda server: asyncio.run(leave_block(server)),
    "stop": lambda server: server.stop(),
    "stop in a thread": lambda server: run_in_thread(server.stop),
    "next start": lambda server: None,
}


def run_in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join(30)


@pytest.mark.parametrize("how", STOPS)
@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_server_can_be_stopped_after_its_loop_is_closed(kind, how, imported_loops, connect, caplog):
    with check_leaks(caplog):
        server = MailServer()
        loop = create_loop(kind)
        loop.run_until_complete(server.__aenter__())
        client = connect_in_loop(loop, connect, server)
        loop.close()
        assert not server.running
        STOPS[how](server)
        assert not server.running
        with server:
            send_mail(server)
        with contextlib.suppress(ConnectionResetError):
            assert client.read_to_end().startswith(b"421")
        with pytest.raises(ConnectionRefusedError):
            connect(server)
        client.close()
        del server, loop


def connect_in_loop(loop, connect, server):
    """Connect a client while the loop runs."""

    async def use():
        return await asyncio.to_thread(connect, server)

    client = loop.run_until_complete(use())
    loop.run_until_complete(loop.shutdown_default_executor())
    return client


def test_end_of_a_connection_that_stays_is_bounded(run, monkeypatch):
    monkeypatch.setattr(ConnectionManager, "close", lambda *_: None)

    async def use():
        async with MailServer() as server:
            reader, writer = await asyncio.open_connection(*server.address)
            await reader.readline()
            if server.is_in_loop_thread:
                await server._runner.close(0.01)
                assert not server.running
                with contextlib.suppress(ConnectionResetError):
                    assert (await reader.read()).startswith(b"421")
            else:
                monkeypatch.undo()  # it runs in a thread, where `stop` has a limit
            writer.close()

    run(use())


def test_stop_does_not_wait_for_a_thread_of_the_caller():
    server = MailServer()
    begun, stopped = threading.Event(), threading.Event()

    async def use():
        async with server:
            begun.set()
            await asyncio.to_thread(stopped.wait, 30)

    thread = threading.Thread(target=asyncio.run, args=(use(),), daemon=True)
    thread.start()
    begun.wait(30)
    start_time = time.monotonic()
    server.stop(10)
    assert time.monotonic() - start_time < 5
    stopped.set()
    thread.join(30)


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="eager tasks are new in Python 3.12")
def test_decisions_work_in_a_loop_with_eager_tasks():
    async def decide(event, reply):
        return reply

    async def use():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        async with MailServer(decide=decide) as server:
            await send_from_coroutine(server)
            assert len(server.inbox) == 1

    asyncio.run(use())  # some versions of uvloop cannot use this factory


# -- the driver alone ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_driver_runs_timers_and_calls_in_order(kind, imported_loops):
    async def use():
        reactor = Reactor()
        driver = AsyncioDriver(reactor)
        log = []
        reactor.call_soon(log.append, "before the start")
        driver.start()
        for delay in (0.03, 0.01, 0.02):
            reactor.call_later(delay, log.append, delay)
        cancelled = reactor.call_later(0.005, log.append, "cancelled")
        reactor.call_later(0.015, reactor.call_later, 0.001, log.append, "timer of a timer")
        reactor.call_soon(reactor.call_in_next_pass, log.append, "next pass")
        cancelled.cancel()
        thread = threading.Thread(target=reactor.call_soon_threadsafe, args=(log.append, "thread"))
        thread.start()
        await asyncio.to_thread(thread.join)
        while len(log) < 7:
            await asyncio.sleep(0.001)
        assert [one for one in log if isinstance(one, float)] == [0.01, 0.02, 0.03]
        calls = [one for one in log if one in {"before the start", "next pass"}]
        assert calls == ["before the start", "next pass"]
        assert {"thread", "timer of a timer"} <= set(map(str, log)) and "cancelled" not in log
        driver.end()
        driver.end()
        await driver.ended
        reactor.call_soon(log.append, "after the end")
        await asyncio.sleep(0.01)
        assert "after the end" not in log
        reactor.close()

    with asyncio.Runner(loop_factory=lambda: create_loop(kind)) as runner:
        runner.run(asyncio.wait_for(use(), 60))


def test_passes_go_on_after_one_that_fails():
    async def use():
        loop = asyncio.get_running_loop()
        failures, done = [], asyncio.Event()
        loop.set_exception_handler(lambda loop, context: failures.append(context["exception"]))
        reactor = Reactor()
        driver = AsyncioDriver(reactor)
        run_once = reactor.run_once

        def fail_once(wait):
            reactor.run_once = run_once
            raise ZeroDivisionError

        reactor.run_once = fail_once
        driver.start()
        reactor.call_soon(done.set)
        await asyncio.wait_for(done.wait(), 10)
        assert [type(error) for error in failures] == [ZeroDivisionError]
        driver.end()
        reactor.close()

    asyncio.run(use())


# -- test frameworks -------------------------------------------------------------------------

FRAMEWORKS = {
    "pytest-asyncio": (
        "asyncio_mode = auto\nasyncio_default_fixture_loop_scope = function",
        """
        import pytest_asyncio

        @pytest_asyncio.fixture
        async def server():
            async with MailServer(decide=decide) as server:
                yield server

        async def test_mail(server):
            await asyncio.to_thread(send_mail, server)
            assert len(server.inbox) == 1

        async def test_second_mail(server):
            await asyncio.to_thread(send_mail, server)
            assert (await server.inbox.async_one()).subject == "Hi"
        """,
    ),
    "anyio": (
        "addopts = -p no:asyncio",
        """
        pytestmark = pytest.mark.anyio

        @pytest.fixture(params=["asyncio", ("asyncio", {"use_uvloop": True})])
        def anyio_backend(request):
            return request.param

        @pytest.fixture
        async def server():
            async with MailServer(decide=decide) as server:
                yield server

        async def test_mail(server):
            await asyncio.to_thread(send_mail, server)
            assert (await server.inbox.async_one()).subject == "Hi"
        """,
    ),
}

FRAMEWORK_TEST = """
import asyncio, smtplib
import pytest
from lazr.smtptest import MailServer

async def decide(event, reply):
    await asyncio.sleep(0)
    return reply

def send_mail(server):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\\r\\n\\r\\nHello")
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_server_in_a_fixture_of_a_framework(name, tmp_path):
    pytest.importorskip(name.replace("-", "_"))
    option, code = FRAMEWORKS[name]
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{option}\n")
    (tmp_path / "test_framework.py").write_text(FRAMEWORK_TEST + textwrap.dedent(code))
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout, done.stdout
