"""Limits of connections: many clients, slow ones, ones that do not read, and ones that disappear."""

import asyncio
import errno
import socket
import struct
import tempfile
import threading
import time

import pytest

from lazr.smtptest import Limits, Listen, MailServer
from lazr.smtptest.protocol.smtp import MAX_ENTRIES
from tests.helpers.smtp_client import TO_RCPT, RawSmtpClient

SHORT_SECONDS = 0.15  # long enough that a busy machine does not exceed it by accident
TIMEOUT_REPLY = b"421 4.4.2 Timeout, goodbye\r\n"


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request):
    return request.param


def test_silent_client_times_out(loop, connect):
    with MailServer(limits=Limits(idle_timeout=SHORT_SECONDS), loop=loop) as server:
        client = connect(server)

        assert client.read_to_end() == TIMEOUT_REPLY


def test_active_client_does_not_time_out(loop, connect):
    with MailServer(limits=Limits(idle_timeout=SHORT_SECONDS, commands_without_mail=None), loop=loop) as server:
        client = connect(server)
        end = time.monotonic() + 2 * SHORT_SECONDS
        while time.monotonic() < end:
            assert client.send_command(b"NOOP").startswith(b"250")


@pytest.mark.parametrize("before", [b"", TO_RCPT + b"DATA\r\n"])
def test_slow_command_or_content_times_out(before, connect):
    limits = Limits(command_timeout=SHORT_SECONDS, data_rate=1_000_000, idle_timeout=20)
    with MailServer(limits=limits) as server:
        client = connect(server)
        client.send(before)
        client.socket.settimeout(0.01)
        end = time.monotonic() + 10
        received = b""
        while not received.endswith(TIMEOUT_REPLY) and time.monotonic() < end:
            try:
                client.send(b"x")
                received += client.socket.recv(1000)
            except TimeoutError:
                pass
        assert received.endswith(TIMEOUT_REPLY)


def test_data_rate_extends_the_time_for_content(connect):
    limits = Limits(command_timeout=SHORT_SECONDS, data_rate=0.1, idle_timeout=20)
    with MailServer(limits=limits) as server:
        client = connect(server)
        client.send(TO_RCPT + b"DATA\r\nSubject: slow\r\n")  # at 0.1 bytes per second, 15 bytes may take 150 s
        end = time.monotonic() + 2 * SHORT_SECONDS
        while time.monotonic() < end:
            server.call(lambda: None)
        client.send(b".\r\n")
        assert server.inbox.one().subject == "slow"


def test_session_timeout_ends_the_session(connect):
    with MailServer(limits=Limits(session_timeout=SHORT_SECONDS)) as server:
        assert connect(server).read_to_end() == TIMEOUT_REPLY


def test_limits_of_none_never_time_out(connect):
    limits = Limits(
        idle_timeout=None, command_timeout=None, session_timeout=None, write_timeout=None, connections=None,
        data_rate=None, crowded_timeout=None,
    )  # fmt: skip
    with MailServer(limits=limits) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        assert client.send_mail().startswith(b"250")


def test_content_without_data_rate_has_only_the_idle_timeout(connect):
    with MailServer(
        limits=Limits(command_timeout=SHORT_SECONDS, data_rate=None, idle_timeout=2 * SHORT_SECONDS)
    ) as server:
        client = connect(server)
        client.send(TO_RCPT + b"DATA\r\nhalf")
        assert client.read_to_end().endswith(TIMEOUT_REPLY)


def test_connection_beyond_the_limit_gets_421(loop, connect):
    with MailServer(limits=Limits(connections=2), loop=loop) as server:
        first, second = connect(server), connect(server)
        third = connect(server)

        assert third.greeting == b"421 4.3.2 Too many connections, try later\r\n"
        assert third.read_to_end() == b""
        assert first.send_command(b"NOOP").startswith(b"250")
        second.send_command(b"QUIT")
        second.read_to_end()
        while server.call(lambda: len(server._connection_manager._connections)) > 1:
            pass
        assert connect(server).greeting.startswith(b"220")  # although the third client is still connected


def test_crowded_server_shortens_timeouts(connect):
    limits = Limits(connections=10, crowded_timeout=SHORT_SECONDS, idle_timeout=60)
    with MailServer(limits=limits) as server:
        patient = [connect(server) for _ in range(8)]
        server.call(lambda: None)
        assert not server._connection_manager.is_crowded
        ninth = connect(server)
        assert [client.read_to_end() for client in [*patient, ninth]] == [TIMEOUT_REPLY] * 9
        for client in [*patient, ninth]:
            client.close()
        tenth = connect(server)
        end = time.monotonic() + 2 * SHORT_SECONDS
        while time.monotonic() < end:
            server.call(lambda: None)
        assert tenth.send_command(b"NOOP").startswith(b"250")


def test_client_that_reads_no_replies_is_cut(loop, connect):
    limits = Limits(write_timeout=SHORT_SECONDS, commands_without_mail=None, replies_waiting=4096)
    with MailServer(limits=limits, loop=loop) as server:
        client = connect(server)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.settimeout(0.5)
        sent = 0
        with pytest.raises(OSError):  # noqa: PT011 - first a timeout, later a reset
            while sent < 50_000_000:
                sent += client.socket.send(b"HELP\r\n" * 1000)
        other = connect(server)
        assert other.send_command(b"NOOP").startswith(b"250")
        end = time.monotonic() + 10
        while server.call(lambda: len(server._connection_manager._connections)) > 1 and time.monotonic() < end:
            pass
        assert server.call(lambda: len(server._connection_manager._connections)) == 1


def test_slow_reader_gets_all_replies(loop, connect):
    limits = Limits(commands_without_mail=None, replies_waiting=2048)
    with MailServer(limits=limits, loop=loop) as server:
        client = connect(server, receive_buffer=16_384)

        def shrink_send_buffer():  # so that few replies fill the buffer of the kernel
            [connection] = server._connection_manager._connections
            connection.get_socket().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            return connection

        connection = server.call(shrink_send_buffer)
        sender = threading.Thread(target=client.send, args=(b"NOOP\r\n" * 20_000 + b"QUIT\r\n",))
        sender.start()
        end = time.monotonic() + 10
        while not server.call(lambda: connection.is_writing_paused) and time.monotonic() < end:
            pass
        assert connection.is_writing_paused  # backpressure: the server stops reading
        replies = client.read_to_end()
        sender.join(10)
        assert replies == b"250 2.0.0 Ok\r\n" * 20_000 + b"221 2.0.0 Bye\r\n"


@pytest.mark.slow
def test_slow_reader_is_not_cut():
    limits = Limits(write_timeout=1.0, commands_without_mail=None, replies_waiting=2048)
    with MailServer(limits=limits) as server, RawSmtpClient(server.address) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.setblocking(False)
        sent = received = 0
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            try:
                sent += client.socket.send(b"HELP\r\n" * 100)
            except BlockingIOError:
                pass
            try:
                received += len(client.socket.recv(20_000))
            except BlockingIOError:
                pass
        assert server.call(lambda: len(server._connection_manager._connections)) == 1
        assert received > 10_000


def test_half_close_after_quit_gets_all_replies(loop, connect):
    with MailServer(loop=loop) as server:
        client = connect(server)
        client.send(TO_RCPT + b"DATA\r\nHi\r\n.\r\nQUIT\r\n")
        client.socket.shutdown(socket.SHUT_WR)

        assert client.read_to_end().endswith(b"250 2.0.0 Message accepted\r\n221 2.0.0 Bye\r\n")


def test_half_close_without_quit_gets_all_replies(loop, connect):
    with MailServer(loop=loop) as server:
        client = connect(server)
        client.send(b"NOOP\r\nNOOP\r\nNO")
        client.socket.shutdown(socket.SHUT_WR)

        assert client.read_to_end() == b"250 2.0.0 Ok\r\n" * 2


def test_reset_by_the_client_leaves_no_connection(loop):
    with MailServer(loop=loop) as server:
        for how in ("close", "reset"):
            client = RawSmtpClient(server.address)
            client.send(TO_RCPT + b"DATA\r\nhalf a mess")
            if how == "reset":
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        end = time.monotonic() + 10
        while server.call(lambda: len(server._connection_manager._connections)) and time.monotonic() < end:
            pass
        assert server.call(lambda: len(server._connection_manager._connections)) == 0
        assert len(server.inbox) == 0


def test_client_that_sends_after_421_can_read_it(loop, connect):
    with MailServer(limits=Limits(message_size=10_000), loop=loop) as server:
        client = connect(server)
        client.send(TO_RCPT + b"DATA\r\n")
        try:
            for _ in range(50):
                client.send(b"x" * 10_000)
        except OSError:
            pass
        assert b"421 4.7.0 Message far over the size limit, goodbye\r\n" in client.read_to_end()


def test_commands_before_the_greeting_are_answered(loop):
    with MailServer(loop=loop) as server, RawSmtpClient(server.address, greet=False) as client:
        client.send(b"NOOP\r\nQUIT\r\n")

        assert [line[:3] for line in client.read_to_end().splitlines()] == [b"220", b"250", b"221"]


def test_replies_do_not_wait_for_tcp_acknowledgments(loop, connect):
    with MailServer("127.0.0.1", also=[Listen("::1")], loop=loop) as server:
        for listener in server.listeners:
            connect(listener.address)
        options = server.call(
            lambda: [
                c.get_socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                for c in server._connection_manager._connections
            ]
        )
        assert options == [1, 1]


def test_many_open_connections_do_not_delay_others(connect):
    with MailServer() as server:
        for _ in range(200):
            connect(server, greet=False).send(b"EHLO")
        client = connect(server)
        client.send_command(b"EHLO x")
        assert client.send_mail().startswith(b"250")


def count_events_by_turn(handled):
    """Return how many events each turn of the loop has handled."""

    async def count():
        counts = []
        for _ in range(10_000):
            before = len(handled)
            await asyncio.sleep(0)
            counts.append(len(handled) - before)
            if b"QUIT" in handled:
                break
        return counts

    return count()


@pytest.mark.parametrize("line", [b"RCPT TO:<bob@example.com>\r\n", b"NOOP\r\n", b"\r\n"])
def test_pipelining_client_leaves_turns_to_other_clients(line):
    handled = []

    def decide(event, reply):
        handled.append(b"QUIT" if event.verb == "QUIT" else event)
        return reply

    async def run():
        limits = Limits(errors=None, commands_without_mail=None)
        async with MailServer(decide=decide, limits=limits) as server:
            with socket.create_connection(server.address) as client:
                client.sendall(b"EHLO x\r\nMAIL FROM:<>\r\n" + line * 2000 + b"QUIT\r\n")
                return await count_events_by_turn(handled)

    counts = asyncio.run(run())

    assert sum(counts) == 2004  # with CONNECT, EHLO, MAIL and QUIT
    assert max(counts) <= 101


def test_client_with_many_pipelined_commands_gets_all_replies(loop, connect):
    with MailServer(limits=Limits(commands_without_mail=None), loop=loop) as server:
        client = connect(server)
        client.send(b"NOOP\r\n" * 5000 + b"QUIT\r\n")

        assert client.read_to_end() == b"250 2.0.0 Ok\r\n" * 5000 + b"221 2.0.0 Bye\r\n"


def test_connection_that_cannot_begin_leaves_nothing_behind(connect, monkeypatch, caplog):
    with MailServer() as server:
        with monkeypatch.context() as patch:
            patch.setattr("lazr.smtptest.net.connection.format_peer_name", lambda name: 1 / 0)
            client = connect(server, greet=False)
            assert client.read_to_end() == b""
        assert server.call(lambda: server._connection_manager.open_connection_count) == 0
        assert connect(server).greeting.startswith(b"220")
    assert "ZeroDivisionError" in caplog.text


async def decide_later(event, reply):
    await asyncio.sleep(0.05)
    return reply


@pytest.mark.parametrize("waits", ["decision", "delay"])
def test_client_is_timed_out_after_a_wait_longer_than_its_limit(waits, connect):
    limits = Limits(idle_timeout=0.2, command_timeout=0.2)

    async def wait_long(event, reply):
        await asyncio.sleep(0.4 if event.verb == "EHLO" else 0)
        return reply

    with MailServer(limits=limits, decide=wait_long if waits == "decision" else None) as server:
        if waits == "delay":
            server.on("EHLO").delay(0.4)
        client = connect(server)
        assert client.send_command(b"EHLO x").startswith(b"250")
        assert client.read_to_end().startswith(b"421 4.4.2 Timeout")


@pytest.mark.parametrize("way", ["read", "turn", "decision", "delay"])
def test_content_that_cannot_be_kept_ends_its_connection(way, connect, monkeypatch):
    def fail():
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    limits = Limits(session_memory=100, commands_without_mail=None)
    with MailServer(limits=limits, decide=decide_later if way == "decision" else None) as server:
        if way == "delay":
            server.on("RCPT").delay(0.05)
        client = connect(server)
        idle_commands = b"NOOP\r\n" * (120 if way == "turn" else 0)
        client.send(b"EHLO x\r\n" + idle_commands + b"MAIL FROM:<>\r\nRCPT TO:<ann@example.com>\r\n")
        client.send(b"BDAT 5000 LAST\r\n" + b"x" * 5000)
        assert b"Message accepted" not in client.read_to_end()
        assert connect(server).greeting.startswith(b"220")


def test_transcript_is_bounded_between_reads(connect):
    limits = Limits(commands_without_mail=None)
    with MailServer(limits=limits) as server:
        client = connect(server)
        client.send(b"NOOP\r\n" * 20_000 + b"QUIT\r\n")
        assert client.read_to_end().endswith(b"221 2.0.0 Bye\r\n")
        assert len(server.settle()[-1].transcript.entries) < 2 * MAX_ENTRIES
