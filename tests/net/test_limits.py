"""What the network puts up with: crowds, slow clients, clients that do not read, clients that vanish."""

import socket
import struct
import threading
import time

import pytest

from lazr.smtptest import Limits, Listen, MailServer
from talk import TO_RCPT, Client

SOON = 0.15  # seconds; long enough that a busy machine does not reach it by accident
TIMEOUT = b"421 4.4.2 Timeout, goodbye\r\n"


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request):
    return request.param


def test_a_client_that_says_nothing_is_timed_out(loop, connect):
    with MailServer(limits=Limits(idle_timeout=SOON), loop=loop) as server:
        client = connect(server)

        assert client.rest() == TIMEOUT


def test_a_client_that_talks_is_not(loop, connect):
    with MailServer(limits=Limits(idle_timeout=SOON, commands_without_mail=None), loop=loop) as server:
        client = connect(server)
        end = time.monotonic() + 2 * SOON
        while time.monotonic() < end:
            assert client.ask(b"NOOP").startswith(b"250")


@pytest.mark.parametrize("before", [b"", TO_RCPT + b"DATA\r\n"])
def test_a_command_or_content_that_dribbles_is_timed_out_as_a_whole(before, connect):
    limits = Limits(command_timeout=SOON, data_rate=1_000_000, idle_timeout=20)
    with MailServer(limits=limits) as server:
        client = connect(server)
        client.send(before)
        client.socket.settimeout(0.01)
        end = time.monotonic() + 10
        received = b""
        while not received.endswith(TIMEOUT) and time.monotonic() < end:
            try:
                client.send(b"x")
                received += client.socket.recv(1000)
            except TimeoutError:
                pass
        assert received.endswith(TIMEOUT)


def test_content_that_comes_fast_enough_may_take_longer_than_a_command(connect):
    limits = Limits(command_timeout=SOON, data_rate=0.1, idle_timeout=20)
    with MailServer(limits=limits) as server:
        client = connect(server)
        client.send(TO_RCPT + b"DATA\r\nSubject: slow\r\n")  # these 15 octets are worth 150 s
        end = time.monotonic() + 2 * SOON
        while time.monotonic() < end:
            server.call(lambda: None)
        client.send(b".\r\n")
        assert server.inbox.one().subject == "slow"


def test_a_whole_session_has_its_limit(connect):
    with MailServer(limits=Limits(session_timeout=SOON)) as server:
        assert connect(server).rest() == TIMEOUT


def test_no_limit_is_no_limit(connect):
    limits = Limits(
        idle_timeout=None, command_timeout=None, session_timeout=None, write_timeout=None, connections=None,
        data_rate=None, crowded_timeout=None,
    )  # fmt: skip
    with MailServer(limits=limits) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        assert client.mail().startswith(b"250")


def test_content_without_a_rate_limit_has_the_idle_limit_only(connect):
    with MailServer(limits=Limits(command_timeout=SOON, data_rate=None, idle_timeout=2 * SOON)) as server:
        client = connect(server)
        client.send(TO_RCPT + b"DATA\r\nhalf")
        assert client.rest().endswith(TIMEOUT)


def test_one_connection_too_many_is_421_and_takes_nobodys_place(loop, connect):
    with MailServer(limits=Limits(connections=2), loop=loop) as server:
        first, second = connect(server), connect(server)
        third = connect(server)

        assert third.greeting == b"421 4.3.2 Too many connections, try later\r\n"
        assert third.rest() == b""
        assert first.ask(b"NOOP").startswith(b"250")
        second.ask(b"QUIT")
        second.rest()
        while server.call(lambda: len(server._service._connections)) > 1:
            pass
        assert connect(server).greeting.startswith(b"220")  # although the third hangs on


def test_a_crowded_server_has_less_patience_and_an_empty_one_has_it_again(connect):
    limits = Limits(connections=10, crowded_timeout=SOON, idle_timeout=60)
    with MailServer(limits=limits) as server:
        patient = [connect(server) for _ in range(8)]
        server.call(lambda: None)
        assert not server._service.crowded
        ninth = connect(server)
        assert [client.rest() for client in [*patient, ninth]] == [TIMEOUT] * 9
        for client in [*patient, ninth]:
            client.close()
        tenth = connect(server)
        end = time.monotonic() + 2 * SOON
        while time.monotonic() < end:
            server.call(lambda: None)
        assert tenth.ask(b"NOOP").startswith(b"250")


def test_a_client_that_does_not_read_is_read_no_further_and_then_cut(loop, connect):
    limits = Limits(write_timeout=SOON, commands_without_mail=None, replies_waiting=4096)
    with MailServer(limits=limits, loop=loop) as server:
        client = connect(server)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.settimeout(0.5)
        sent = 0
        with pytest.raises(OSError):  # noqa: PT011 - time-out first, reset later
            while sent < 50_000_000:
                sent += client.socket.send(b"HELP\r\n" * 1000)
        other = connect(server)
        assert other.ask(b"NOOP").startswith(b"250")
        end = time.monotonic() + 10
        while server.call(lambda: len(server._service._connections)) > 1 and time.monotonic() < end:
            pass
        assert server.call(lambda: len(server._service._connections)) == 1


def test_a_slow_reader_gets_all_of_its_replies(loop, connect):
    limits = Limits(commands_without_mail=None, replies_waiting=2048)
    with MailServer(limits=limits, loop=loop) as server:
        client = connect(server, receive_buffer=16_384)

        def shrink():  # so that little is enough to fill what the kernel would take
            [connection] = server._service._connections
            connection._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            return connection

        connection = server.call(shrink)
        sender = threading.Thread(target=client.send, args=(b"NOOP\r\n" * 20_000 + b"QUIT\r\n",))
        sender.start()
        end = time.monotonic() + 10
        while not server.call(lambda: connection._paused) and time.monotonic() < end:
            pass
        assert connection._paused  # it is read no further, because it does not read
        replies = client.rest()
        sender.join(10)
        assert replies == b"250 2.0.0 Ok\r\n" * 20_000 + b"221 2.0.0 Bye\r\n"


def test_a_client_that_reads_slowly_but_reads_is_not_cut():
    limits = Limits(write_timeout=1.0, commands_without_mail=None, replies_waiting=2048)
    with MailServer(limits=limits) as server, Client(server.address) as client:
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
        assert server.call(lambda: len(server._service._connections)) == 1
        assert received > 10_000


def test_a_client_that_half_closes_behind_quit_gets_every_reply(loop, connect):
    with MailServer(loop=loop) as server:
        client = connect(server)
        client.send(TO_RCPT + b"DATA\r\nHi\r\n.\r\nQUIT\r\n")
        client.socket.shutdown(socket.SHUT_WR)

        assert client.rest().endswith(b"250 2.0.0 Message accepted\r\n221 2.0.0 Bye\r\n")


def test_a_client_that_half_closes_without_quit_gets_every_reply_too(loop, connect):
    with MailServer(loop=loop) as server:
        client = connect(server)
        client.send(b"NOOP\r\nNOOP\r\nNO")
        client.socket.shutdown(socket.SHUT_WR)

        assert client.rest() == b"250 2.0.0 Ok\r\n" * 2


def test_a_client_that_vanishes_leaves_nothing(loop):
    with MailServer(loop=loop) as server:
        for how in ("close", "reset"):
            client = Client(server.address)
            client.send(TO_RCPT + b"DATA\r\nhalf a mess")
            if how == "reset":
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        end = time.monotonic() + 10
        while server.call(lambda: len(server._service._connections)) and time.monotonic() < end:
            pass
        assert server.call(lambda: len(server._service._connections)) == 0
        assert len(server.inbox) == 0


def test_who_talks_on_behind_a_421_can_still_read_it(loop, connect):
    with MailServer(limits=Limits(message_size=10_000), loop=loop) as server:
        client = connect(server)
        client.send(TO_RCPT + b"DATA\r\n")
        try:
            for _ in range(50):
                client.send(b"x" * 10_000)
        except OSError:
            pass
        assert b"421 4.7.0 Message far too big, goodbye\r\n" in client.rest()


def test_commands_before_the_greeting_do_no_harm(loop):
    with MailServer(loop=loop) as server, Client(server.address, greet=False) as client:
        client.send(b"NOOP\r\nQUIT\r\n")

        assert [line[:3] for line in client.rest().splitlines()] == [b"220", b"250", b"221"]


def test_no_reply_waits_for_the_acknowledgement_of_another(loop, connect):
    with MailServer("127.0.0.1", also=[Listen("::1")], loop=loop) as server:
        for listener in server.listeners:
            connect(listener.address)
        options = server.call(
            lambda: [
                c._transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                for c in server._service._connections
            ]
        )
        assert options == [1, 1]


def test_many_who_half_open_delay_nobody(connect):
    with MailServer() as server:
        for _ in range(200):
            connect(server, greet=False).send(b"EHLO")
        client = connect(server)
        client.ask(b"EHLO x")
        assert client.mail().startswith(b"250")
