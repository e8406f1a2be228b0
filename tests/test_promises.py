"""The promises P1 to P7 of docs/explanation/promises.md, each with tests that fail if it is broken."""

import os
import select
import smtplib
import socket
import sys
import threading
import time

import pytest

from lazr.smtptest import Limits, MailServer, Reply, StartError, StopTimeout, WaitTimeout
from tests.helpers.leaks import get_new_threads, list_descriptors
from tests.helpers.smtp_client import TO_RCPT


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_p1_mail_is_in_the_inbox_before_its_250(loop, connect, monkeypatch):
    with MailServer(loop=loop) as server:
        slow = server.inbox.append

        def append(mail):
            time.sleep(0.05)  # a slow store: a reply that did not wait for it would be read by now
            slow(mail)

        monkeypatch.setattr(server.inbox, "append", append)
        client = connect(server)
        client.send_command(b"EHLO x")
        for count in range(1, 4):
            assert client.send_mail().startswith(b"250")
            assert len(server.inbox) == count
            assert len(server.inbox.wait(count, timeout=0)) == count


@pytest.mark.parametrize("clients", [1, 2])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_p2_waiter_wakes_after_the_250_is_written(loop, clients, connect):
    with MailServer(loop=loop) as server:
        client, *_ = (connect(server) for _ in range(clients))
        client.send_command(b"EHLO x")
        seen = []

        def peek_reply():  # called in the server's thread when it notifies the waiters
            readable, _, _ = select.select([client.socket], [], [], 0)
            seen.append(client.socket.recv(100, socket.MSG_PEEK)[:3] if readable else b"nothing")

        server.inbox._listeners.append(peek_reply)
        for line in (b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>", b"DATA"):
            client.send_command(line)
        client.send(b"Hi\r\n.\r\n")  # `peek_reply` looks at the unread reply
        server.inbox.wait()
        server.call(lambda: None)  # wait until the thread has notified the waiters
        assert seen == [b"250"]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_p2_another_clients_reply_does_not_announce_a_mail_early(loop, connect):
    with MailServer(loop=loop) as server:
        other, client = connect(server), connect(server)
        client.send(TO_RCPT + b"DATA\r\n")
        seen = []

        def peek_reply():
            readable, _, _ = select.select([client.socket], [], [], 0)
            seen.append(client.socket.recv(10_000, socket.MSG_PEEK)[-5:] if readable else b"nothing")

        server.inbox._listeners.append(peek_reply)

        def receive_and_reply():  # in one turn of the loop: a message arrives, and another client gets a reply
            by_peer = {c.record.peer: c for c in server._connection_manager._connections}
            receiving, replying = (by_peer[f"127.0.0.1:{c.socket.getsockname()[1]}"] for c in (client, other))
            receiving.data_received(b"Hi\r\n.\r\n")
            replying.write(b"250 to the other\r\n")

        while server.call(lambda: not any(c.session.is_in_content for c in server._connection_manager._connections)):
            pass
        server.call(receive_and_reply)
        server.inbox.wait()
        server.call(lambda: None)
        assert seen == [b"ted\r\n"]


def test_p2_stop_after_wait_does_not_cut_off_the_client(connect):
    for _ in range(20):
        with MailServer() as server:
            client = connect(server)
            client.send(TO_RCPT + b"DATA\r\n")
            client.send(b"Hi\r\n.\r\n")
            server.inbox.wait()
        assert b"250 2.0.0 Message accepted\r\n" in client.read_to_end()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"a",
        b"a\nb\rc\0d\xff\r\n",
        b".\r\n..\r\n",
        b"no end\n",
        b"\n.\n\r.\r\n.\r\n",
        bytes(range(256)) * 9,
    ],
    ids=repr,
)
def test_p3_content_is_byte_identical(content, server, connect):
    client = connect(server)
    client.send(TO_RCPT + b"BDAT %d LAST\r\n" % len(content) + content)
    by_bdat = server.inbox.one()
    server.inbox.clear()

    lines = content + b"\r\n"
    stuffed = b"".join(b"\r\n" + (b"." if line[:1] == b"." else b"") + line for line in lines.split(b"\r\n"))[2:]
    client.send(TO_RCPT + b"DATA\r\n" + stuffed + b".\r\n")
    by_data = server.inbox.one()

    assert by_bdat.content == content
    assert by_data.content == lines


def test_p4_stop_closes_the_port_and_ends_the_thread(connect):
    before = threading.enumerate()
    server = MailServer()
    server.start()
    idle, in_data, silent = connect(server), connect(server), connect(server)
    in_data.send(TO_RCPT + b"DATA\r\nhalf")
    silent.send(b"HELP\r\n" * 50_000)  # and never reads
    address = server.address
    server.stop()

    assert get_new_threads(before) == set()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)
    assert idle.read_to_end() == b"421 4.3.2 Server shutting down, goodbye\r\n"
    assert b"421 4.3.2" in in_data.read_to_end()
    assert len(server.inbox) == 0


def test_p4_stop_works_at_any_time(connect):
    server = MailServer()
    server.stop()
    server.start()
    port = server.port
    with pytest.raises(StartError):
        server.start()
    server.stop()
    server.stop()
    server.start()
    assert server.port == port  # clients see an outage, not another server
    assert connect(server).greeting.startswith(b"220")
    server.stop()


def test_p4_stop_timeout_shows_where_the_thread_hangs(connect):
    release = threading.Event()

    def decide(event, reply):
        if event.verb == "NOOP":
            release.wait(20)
        return reply

    server = MailServer(decide=decide)
    server.start()
    address = server.address
    thread = server._runner._thread
    client = connect(server)
    client.send(b"NOOP\r\n")
    try:
        with pytest.raises(StopTimeout, match=r"(?s)did not end within 0\.2 s.*release\.wait"):
            server.stop(deadline=0.2)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)
    finally:
        release.set()
        thread.join(10)
    assert not thread.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="requires os.fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_p4_forked_child_does_not_affect_the_parent(connect):
    with MailServer() as server:
        client = connect(server)
        pid = os.fork()
        if pid == 0:
            try:
                server.stop()
                with MailServer() as child_server, smtplib.SMTP(*child_server.address) as child_client:
                    child_client.sendmail("a@b.example", ["c@d.example"], "Hi")
                os._exit(0 if len(child_server.inbox) == 1 and not server.running else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        client.send_command(b"EHLO x")
        assert client.send_mail().startswith(b"250")


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="on other systems, a copy of the socket keeps the port open"
)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_p4_stop_closes_the_port_held_by_a_child():
    read, write = os.pipe()
    with MailServer() as server:
        address = server.address
        pid = os.fork()
        if pid == 0:
            os.close(write)
            os.read(read, 1)
            os._exit(0)
    try:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)
    finally:
        os.close(write)
        os.close(read)
        os.waitpid(pid, 0)


def test_p5_last_stopped_server_restores_the_switch_interval():
    usual = sys.getswitchinterval()
    one, two = MailServer(switch_interval=0.001), MailServer(switch_interval=0.0005)
    one.start()
    two.start()
    assert sys.getswitchinterval() == pytest.approx(0.0005)
    two.stop()
    assert sys.getswitchinterval() == pytest.approx(0.001)
    two.start()
    one.stop()
    assert sys.getswitchinterval() == pytest.approx(0.0005)
    two.stop()
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_p5_server_touches_no_global_state(monkeypatch):
    def lookup(*_, **__):
        raise AssertionError("a name was looked up")

    for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr", "getfqdn", "getnameinfo"):
        monkeypatch.setattr(socket, name, lookup)
    environment, interval, threads = dict(os.environ), sys.getswitchinterval(), threading.enumerate()
    servers = [MailServer("localhost") for _ in range(20)]
    for server in servers:
        server.start()

    assert len({server.port for server in servers}) == 20
    assert all(server.address[0] == "127.0.0.1" for server in servers)
    assert len(get_new_threads(threads)) == 20
    for server in servers:
        server.stop()
    assert (dict(os.environ), sys.getswitchinterval(), get_new_threads(threads)) == (environment, interval, set())


def test_p6_attacks_leak_no_memory_descriptors_or_threads(connect):
    limits = Limits(message_size=200_000)
    with MailServer(limits=limits) as server:
        descriptors, threads = list_descriptors(), set(threading.enumerate())
        for attack in (
            b"x" * 300_000,
            b"NOOP\r\n" * 1000,
            b"\xff\x00" * 10_000,
            TO_RCPT + b"DATA\r\n" + b"x" * 500_000,
            TO_RCPT + b"BDAT 99999999999999999999 LAST\r\n",
            b"EHLO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<a@b.example>\r\n" * 3000,
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01" + os.urandom(500),
        ):
            attacker = connect(server)
            try:
                attacker.send(attack)
                attacker.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the server closes the connection during the attack
            attacker.read_to_end()
            attacker.close()
            fresh = connect(server)
            assert fresh.send_command(b"NOOP") == b"250 2.0.0 Ok\r\n"
            fresh.close()
        assert server.call(lambda: all(not c.session.has_unread_input for c in server._connection_manager._connections))
        deadline = time.monotonic() + 5
        while list_descriptors() - descriptors and time.monotonic() < deadline:
            server.call(lambda: None)
        assert list_descriptors() - descriptors == set()
        assert set(threading.enumerate()) - threads == set()


class RunnerOutcome(BaseException):
    """An exception like the outcomes of a test runner."""


@pytest.mark.parametrize("error", [KeyError("yours"), RunnerOutcome("yours")], ids=lambda e: type(e).__name__)
def test_p7_exception_in_decide_raises_in_the_test(error, connect):
    def decide(event, reply):
        if event.verb == "END_OF_DATA":
            raise error
        return reply

    server = MailServer(decide=decide)
    with pytest.raises(type(error), match="yours"), server:
        client = connect(server)
        client.send_command(b"EHLO x")
        assert client.send_mail() == b"451 4.3.0 Local error: a handler of this server raised an exception\r\n"
        assert client.send_command(b"NOOP").startswith(b"250")  # the session continues
    assert len(server.inbox) == 0


@pytest.mark.parametrize("error", [KeyError("yours"), RunnerOutcome("yours")], ids=lambda e: type(e).__name__)
def test_p7_exception_in_coroutine_raises_in_the_test(error, connect):
    async def decide(event, reply):
        if event.verb == "NOOP":
            raise error
        return reply

    with pytest.raises(type(error), match="yours"), MailServer(decide=decide) as server:
        client = connect(server)
        assert client.send_command(b"NOOP").startswith(b"451")
        assert client.send_command(b"RSET").startswith(b"250")


def test_p7_failed_wait_raises_the_handlers_error(connect):
    def decide(event, reply):
        if event.verb == "END_OF_DATA":
            raise KeyError("yours")
        return reply

    with MailServer(decide=decide) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        client.send_mail()
        with pytest.raises(KeyError, match="yours"):
            server.inbox.one(timeout=0)
        with pytest.raises(WaitTimeout):
            server.inbox.one(timeout=0)  # the KeyError is raised only once


def test_p7_errors_are_grouped_and_noted_on_the_tests_own(connect):
    def decide(event, reply):
        if event.verb == "NOOP":
            raise ValueError("mine")
        return reply

    with pytest.raises(ExceptionGroup) as group, MailServer(decide=decide) as server:
        client = connect(server)
        client.send_command(b"NOOP")
        client.send_command(b"NOOP")
    assert [type(e) for e in group.value.exceptions] == [ValueError, ValueError]

    with pytest.raises(AssertionError, match="the test's own") as failure, MailServer(decide=decide) as server:
        connect(server).send_command(b"NOOP")
        raise AssertionError("the test's own")
    assert failure.value.__notes__ == ["and the server's handler, or its stop, raised ValueError: mine"]


@pytest.mark.parametrize("wrong", [None, "250 Ok", 250])
def test_p7_decision_of_a_wrong_type_raises(wrong, connect):
    with (
        pytest.raises(TypeError, match="return the reply that it was called with"),
        MailServer(decide=lambda event, reply: wrong) as server,
    ):
        assert connect(server).greeting.startswith(b"451")


def test_decide_can_change_replies():
    def decide(event, reply):
        return Reply(550, "5.1.1", "No such user") if event.verb == "RCPT" else reply

    with MailServer(decide=decide) as server, smtplib.SMTP(*server.address) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail("a@b.example", ["c@d.example"], "Hi")
        assert refused.value.recipients == {"c@d.example": (550, b"5.1.1 No such user")}
