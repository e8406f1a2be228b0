"""The seven promises of the design, each with a test that fails without it."""

import os
import select
import smtplib
import socket
import sys
import threading
import time

import pytest

from lazr.smtptest import Limits, MailServer, Reply, StartError, StopTimeout, WaitTimeout
from talk import TO_RCPT


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_p1_who_has_read_the_250_finds_the_mail(loop, connect, monkeypatch):
    with MailServer(loop=loop) as server:
        slow = server.inbox.append

        def append(mail):
            time.sleep(0.05)  # a slow store: a reply that does not wait for it would be read by now
            slow(mail)

        monkeypatch.setattr(server.inbox, "append", append)
        client = connect(server)
        client.ask(b"EHLO x")
        for count in range(1, 4):
            assert client.mail().startswith(b"250")
            assert len(server.inbox) == count
            assert len(server.inbox.wait(count, timeout=0)) == count


@pytest.mark.parametrize("clients", [1, 2])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_p2_who_waits_is_woken_when_the_250_is_written(loop, clients, connect):
    with MailServer(loop=loop) as server:
        client, *_ = (connect(server) for _ in range(clients))
        client.ask(b"EHLO x")
        seen = []

        def look():  # in the server's thread, at the very moment of the announcement
            readable, _, _ = select.select([client.socket], [], [], 0)
            seen.append(client.socket.recv(100, socket.MSG_PEEK)[:3] if readable else b"nothing")

        server.inbox._listeners.append(look)
        for line in (b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>", b"DATA"):
            client.ask(line)
        client.send(b"Hi\r\n.\r\n")  # its reply stays unread, for `look` to see
        server.inbox.wait()
        server.call(lambda: None)  # its thread has done with the announcement
        assert seen == [b"250"]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_p2_another_clients_reply_announces_no_mail_whose_own_is_not_written(loop, connect):
    with MailServer(loop=loop) as server:
        other, client = connect(server), connect(server)
        client.send(TO_RCPT + b"DATA\r\n")
        seen = []

        def look():
            readable, _, _ = select.select([client.socket], [], [], 0)
            seen.append(client.socket.recv(10_000, socket.MSG_PEEK)[-5:] if readable else b"nothing")

        server.inbox._listeners.append(look)

        def in_one_turn():  # a message comes, and somebody else is answered before this turn is over
            by_peer = {c._session.record.peer: c for c in server._service._connections}
            ours, others = (by_peer[f"127.0.0.1:{c.socket.getsockname()[1]}"] for c in (client, other))
            ours.buffer_updated(_put(server, b"Hi\r\n.\r\n"))
            others._write(b"250 to the other\r\n")

        while server.call(lambda: not any(c._session.in_content for c in server._service._connections)):
            pass
        server.call(in_one_turn)
        server.inbox.wait()
        server.call(lambda: None)
        assert seen == [b"ted\r\n"]


def _put(server, octets):
    server._service.buffer[: len(octets)] = octets
    return len(octets)


def test_p2_a_stop_right_behind_the_wait_does_not_cut_off_the_client(connect):
    for _ in range(20):
        with MailServer() as server:
            client = connect(server)
            client.send(TO_RCPT + b"DATA\r\n")
            client.send(b"Hi\r\n.\r\n")
            server.inbox.wait()
        assert b"250 2.0.0 Message accepted\r\n" in client.rest()


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
def test_p3_content_is_what_was_on_the_wire_to_the_octet(content, server, connect):
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


def test_p4_stop_closes_the_port_and_ends_the_thread_whatever_clients_do(connect):
    before = threading.active_count()
    server = MailServer()
    server.start()
    idle, in_data, silent = connect(server), connect(server), connect(server)
    in_data.send(TO_RCPT + b"DATA\r\nhalf")
    silent.send(b"HELP\r\n" * 50_000)  # and never reads
    address = server.address
    server.stop()

    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)
    assert idle.rest() == b"421 4.3.2 Server shutting down, goodbye\r\n"
    assert b"421 4.3.2" in in_data.rest()
    assert len(server.inbox) == 0


def test_p4_stopping_is_harmless_whenever(connect):
    server = MailServer()
    server.stop()
    server.start()
    port = server.port
    with pytest.raises(StartError):
        server.start()
    server.stop()
    server.stop()
    server.start()
    assert server.port == port  # an outage, for its clients
    assert connect(server).greeting.startswith(b"220")
    server.stop()


def test_p4_stop_says_where_the_thread_hangs(connect):
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_p4_a_forked_child_neither_hangs_nor_harms_its_parents_server(connect):
    with MailServer() as server:
        client = connect(server)
        pid = os.fork()
        if pid == 0:
            try:
                server.stop()
                with MailServer() as own, smtplib.SMTP(*own.address) as mine:
                    mine.sendmail("a@b.example", ["c@d.example"], "Hi")
                os._exit(0 if len(own.inbox) == 1 and not server.running else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        client.ask(b"EHLO x")
        assert client.mail().startswith(b"250")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a child's copy keeps the port open")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_p4_the_port_is_closed_although_a_child_holds_the_socket():
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


def test_p5_the_switch_interval_is_the_processs_own_again_when_the_last_server_stops():
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


def test_p5_alone_in_the_world(monkeypatch):
    def lookup(*_, **__):
        raise AssertionError("a name was looked up")

    for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr", "getfqdn", "getnameinfo"):
        monkeypatch.setattr(socket, name, lookup)
    environment, interval, threads = dict(os.environ), sys.getswitchinterval(), threading.active_count()
    servers = [MailServer("localhost") for _ in range(20)]
    for server in servers:
        server.start()

    assert len({server.port for server in servers}) == 20
    assert all(server.address[0] == "127.0.0.1" for server in servers)
    assert threading.active_count() == threads + 20
    for server in servers:
        server.stop()
    assert (dict(os.environ), sys.getswitchinterval(), threading.active_count()) == (environment, interval, threads)


def test_p6_after_an_attack_memory_descriptors_and_threads_are_back(connect):
    limits = Limits(message_size=200_000)
    with MailServer(limits=limits) as server:
        descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
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
                pass  # cut off in the middle of it, as it should be
            attacker.rest()
            attacker.close()
            fresh = connect(server)
            assert fresh.ask(b"NOOP") == b"250 2.0.0 Ok\r\n"
            fresh.close()
        assert server.call(lambda: all(not c._session._unread for c in server._service._connections))
        deadline = time.monotonic() + 5
        while len(os.listdir("/proc/self/fd")) > descriptors and time.monotonic() < deadline:
            server.call(lambda: None)
        assert len(os.listdir("/proc/self/fd")) <= descriptors
        assert threading.active_count() == threads


class Mine(BaseException):
    """What a test runner's own outcomes look like."""


@pytest.mark.parametrize("error", [KeyError("yours"), Mine("yours")], ids=lambda e: type(e).__name__)
def test_p7_your_bug_is_your_failure(error, connect):
    def decide(event, reply):
        if event.verb == "END_OF_DATA":
            raise error
        return reply

    server = MailServer(decide=decide)
    with pytest.raises(type(error), match="yours"), server:
        client = connect(server)
        client.ask(b"EHLO x")
        assert client.mail() == b"451 4.3.0 Local error: a handler of this server raised an exception\r\n"
        assert client.ask(b"NOOP").startswith(b"250")  # it goes on serving
    assert len(server.inbox) == 0


@pytest.mark.parametrize("error", [KeyError("yours"), Mine("yours")], ids=lambda e: type(e).__name__)
def test_p7_in_a_coroutine_too(error, connect):
    async def decide(event, reply):
        if event.verb == "NOOP":
            raise error
        return reply

    with pytest.raises(type(error), match="yours"), MailServer(decide=decide) as server:
        client = connect(server)
        assert client.ask(b"NOOP").startswith(b"451")
        assert client.ask(b"RSET").startswith(b"250")


def test_p7_a_wait_that_fails_raises_the_handlers_error(connect):
    def decide(event, reply):
        if event.verb == "END_OF_DATA":
            raise KeyError("yours")
        return reply

    with MailServer(decide=decide) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        client.mail()
        with pytest.raises(KeyError, match="yours"):
            server.inbox.one(timeout=0)
        with pytest.raises(WaitTimeout):
            server.inbox.one(timeout=0)  # it is raised once


def test_p7_several_errors_come_as_a_group_and_none_hides_the_tests_own(connect):
    def decide(event, reply):
        if event.verb == "NOOP":
            raise ValueError("mine")
        return reply

    with pytest.raises(ExceptionGroup) as found, MailServer(decide=decide) as server:
        client = connect(server)
        client.ask(b"NOOP")
        client.ask(b"NOOP")
    assert [type(e) for e in found.value.exceptions] == [ValueError, ValueError]

    with pytest.raises(AssertionError, match="the test's own") as own, MailServer(decide=decide) as server:
        connect(server).ask(b"NOOP")
        raise AssertionError("the test's own")
    assert own.value.__notes__ == ["and the server's handler, or its stop, raised ValueError: mine"]


@pytest.mark.parametrize("wrong", [None, "250 Ok", 250])
def test_p7_a_decision_that_is_no_reply_is_your_bug_too(wrong, connect):
    with (
        pytest.raises(TypeError, match="return the reply that it was given"),
        MailServer(decide=lambda event, reply: wrong) as server,
    ):
        assert connect(server).greeting.startswith(b"451")


def test_replies_can_be_decided_on():
    def decide(event, reply):
        return Reply(550, "5.1.1", "No such user") if event.verb == "RCPT" else reply

    with MailServer(decide=decide) as server, smtplib.SMTP(*server.address) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail("a@b.example", ["c@d.example"], "Hi")
        assert refused.value.recipients == {"c@d.example": (550, b"5.1.1 No such user")}
