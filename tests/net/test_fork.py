"""A forked child while a server runs: the child shares the poller and the sockets, and the parent notices nothing."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import smtplib
import threading
import time

import pytest

from lazr.smtptest import MailServer

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="requires os.fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

MESSAGE = "Subject: Hi\r\n\r\nHello"


def send_mail(server):
    with smtplib.SMTP(*server.address, timeout=30) as client:
        return client.sendmail("ann@example.com", ["bob@example.com"], MESSAGE)


@contextlib.contextmanager
def fork(function):
    """Run a function in a forked child, which lives until the end of the block; it must return True."""
    result, child_result = os.pipe()
    end, parent_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(parent_end)
            signal.alarm(20)
            status = 0 if function() is True else 1
            os.write(child_result, b"done")
            os.read(end, 1)
        finally:
            os._exit(status)
    os.close(child_result)
    os.close(end)
    try:
        assert os.read(result, 4) == b"done", "the child has failed"
        yield
    finally:
        os.close(parent_end)
        os.close(result)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0


def check_rest(server):
    """Check that the thread of the server is not busy."""
    before = server.call(time.thread_time)
    threading.Event().wait(0.2)
    assert server.call(time.thread_time) - before < 0.1


def do_nothing(server):
    return True


def stop(server):
    server.stop()
    server.stop()
    return not server.running


def make_another(server):
    with MailServer() as other:
        send_mail(other)
        return len(other.inbox) == 1


def use_the_copy(server):
    server.on("CONNECT").delay(0.01).optional()
    server.on("IDLE", after=0.5).reply(421).optional()
    return server.call(lambda: 7) == 7 and not server.running and len(server.settle()) == 5


def restart(server):
    """Start the copy: its port belongs to the parent."""
    with contextlib.suppress(OSError):
        server.start()
        return False
    return not server.running


def restart_after_stop(server):
    server.stop()
    return restart(server)


CHILDREN = [do_nothing, stop, make_another, use_the_copy, restart, restart_after_stop]


@pytest.mark.parametrize("child", CHILDREN)
def test_parent_goes_on_while_the_child_lives_and_after(child, connect):
    with MailServer() as server:
        clients = [connect(server) for _ in range(5)]
        with fork(lambda: child(server)):
            check_rest(server)
            for client in clients[:3]:  # copies of their sockets stay open in the child
                assert client.send_command(b"QUIT").startswith(b"221")
            clients[3].close()
            send_mail(server)
            check_rest(server)
        send_mail(server)
        assert clients[4].send_command(b"NOOP").startswith(b"250")
        assert len(server.inbox) == 2
        check_rest(server)
    assert not server.running


def test_child_of_multiprocessing_can_send_to_the_parent():
    context = multiprocessing.get_context("fork")
    with MailServer() as server:
        children = [context.Process(target=send_mail, args=(server,)) for _ in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join(30)
        assert [child.exitcode for child in children] == [0, 0, 0]
        assert len(server.inbox) == 3
        check_rest(server)


def leave_block(server):
    """Leave the `async with` block at once: the loop is that of the parent."""
    try:
        server.__aexit__(None, None, None).send(None)
    except StopIteration:
        return not server.running
    return False


@pytest.mark.parametrize("child", [do_nothing, make_another, stop, leave_block])
def test_parent_in_a_coroutine_goes_on(child):
    async def use():
        async with MailServer() as server:
            await asyncio.to_thread(send_mail, server)
            with fork(lambda: child(server)):
                await asyncio.to_thread(send_mail, server)
            await asyncio.to_thread(send_mail, server)
            assert len(server.inbox) == 3
            before = time.thread_time()
            await asyncio.sleep(0.2)
            assert time.thread_time() - before < 0.1

    asyncio.run(use())


def test_fork_while_another_thread_calls_does_not_block_the_child():
    held, release = threading.Event(), threading.Event()

    def hold_lock(lock):
        with lock:
            held.set()
            release.wait(30)

    server = MailServer()
    server.start()
    thread = threading.Thread(target=hold_lock, args=(server._connection_manager.reactor._lock,))
    thread.start()
    held.wait(30)
    try:
        with fork(lambda: use_the_copy_of_a_busy_server(server)):
            pass
    finally:
        release.set()
        thread.join()
    send_mail(server)
    server.stop()


def use_the_copy_of_a_busy_server(server):
    server.on("IDLE", after=0.5).reply(421).optional()
    server.forget()
    server.stop()
    return make_another(server)


def test_forked_child_sends_back_although_the_parent_was_sending():
    with MailServer() as application, MailServer(bounces_to=application.address) as server:
        mail = server.deliver(b"Subject: Hi\r\n\r\n", to="gone@example.com", sender="app@example.com")
        server.bounce(mail)
        service = server._bounce_service
        locks = (server._bounce_lock, service._condition, service._inbox_lock, service.notifications._condition)
        is_held, may_release = threading.Event(), threading.Event()

        def hold():
            with contextlib.ExitStack() as stack:
                for lock in locks:
                    stack.enter_context(lock)
                is_held.set()
                may_release.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        is_held.wait()
        with fork(lambda: server.bounce(mail).outcome == "delivered"):
            may_release.set()
            thread.join()
            assert server.bounce(mail).outcome == "delivered"
        application.settle()
        assert len(application.inbox) == 3
