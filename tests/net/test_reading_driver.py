"""Connections of IMAP and POP3: calls in threads, backpressure, changes, timeouts, TLS and the stop."""

import imaplib
import poplib
import re
import smtplib
import socket
import ssl
import time

import pytest

from lazr.smtptest import Limits, Listen, MailServer, Tls
from tests.helpers.reading_client import GatedStore, RawReadingClient

MAIL = b"From: ann@example.com\r\nTo: bob@example.com\r\nSubject: Hi\r\n\r\nHello\r\n"
BIG_MAIL = b"Subject: Big\r\n\r\n" + (b"x" * 998 + b"\r\n") * 500
SHORT_SECONDS = 0.15


def select(server, **options):
    """Return a client that has selected INBOX."""
    client = RawReadingClient(server.imap.address, login="bob@example.com", **options)
    assert client.command("SELECT INBOX")[-1].startswith(b"a OK")
    return client


def test_call_that_blocks_does_not_hold_up_other_clients():
    store = GatedStore()
    with MailServer(imap=True, store=store) as server:
        server.deliver(MAIL)
        with select(server) as client:
            store.gate.clear()
            client.send(b"a FETCH 1 BODY[]\r\n")
            assert store.has_started.wait(10)
            with smtplib.SMTP(*server.address) as other:
                assert other.noop()[0] == 250

            store.gate.set()
            assert b"Hello\r\n" in client.read_until(b"a ")
    assert not any(thread.is_alive() for thread in store.threads)


def test_commands_wait_for_the_call_before_them():
    store = GatedStore()
    with MailServer(imap=True, store=store) as server:
        server.deliver(MAIL)
        with select(server) as client:
            store.gate.clear()
            client.send(b"a FETCH 1 BODY[]\r\nb NOOP\r\n")
            assert store.has_started.wait(10)
            store.gate.set()

            lines = client.read_until(b"b ")
            assert [line[:4] for line in lines if line[:2] in (b"a ", b"b ")] == [b"a OK", b"b OK"]


def test_stop_sends_the_result_of_a_call_first():
    store = GatedStore()
    server = MailServer(imap=True, store=store)
    with server:
        server.deliver(MAIL)
        client = select(server)
        store.gate.clear()
        client.send(b"a FETCH 1 BODY[]\r\n")
        assert store.has_started.wait(10)
        server.call(lambda: server._runner.call_soon(store.gate.set))
    with client:
        output = client.read_to_end()
    assert b"Hello\r\n" in output or output.startswith(b"* BYE"), output
    assert b"* BYE" in output


def test_stop_does_not_wait_for_a_call_that_hangs():
    store = GatedStore()
    server = MailServer(imap=True, store=store)
    server.start()
    server.deliver(MAIL)
    with select(server) as client:
        store.gate.clear()
        client.send(b"a FETCH 1 BODY[]\r\n")
        assert store.has_started.wait(10)
        started = time.monotonic()

        server.stop()

        assert time.monotonic() - started < 4.5 and not server.running
    store.gate.set()


def test_client_that_leaves_during_a_call_is_forgotten():
    store = GatedStore()
    with MailServer(imap=True, store=store) as server:
        server.deliver(MAIL)
        with select(server) as client:
            store.gate.clear()
            client.send(b"a FETCH 1 BODY[]\r\n")
            assert store.has_started.wait(10)
            client.socket.shutdown(socket.SHUT_RDWR)
        store.gate.set()

        assert server.settle(10)[-1].ended in ("EOF", "reset")


@pytest.mark.parametrize("make_store", [lambda: None, GatedStore], ids=["inline", "threads"])
def test_client_that_does_not_read_stops_the_calls(make_store):
    with MailServer(imap=True, store=make_store()) as server:
        for _ in range(40):
            server.deliver(BIG_MAIL, to="bob@example.com")
        with select(server, receive_buffer=4096) as client:
            client.send(b"a FETCH 1:* BODY.PEEK[]\r\n")
            connection = next(iter(server._connection_manager._connections))
            end = time.monotonic() + 10
            while not connection.is_writing_paused and time.monotonic() < end:
                time.sleep(0.01)

            unsent = server.call(connection.transport.get_write_buffer_size)
            assert connection.is_writing_paused and unsent < 4 * 1024 * 1024
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024)
            assert sum(len(line) for line in client.read_until(b"a OK")) > 40 * len(BIG_MAIL)


def test_idle_client_gets_new_mail():
    with MailServer(imap=True) as server, select(server) as client:
        client.send(b"a IDLE\r\n")
        assert client.read_line().startswith(b"+ ")
        with smtplib.SMTP(*server.address) as sender:
            sender.sendmail("ann@example.com", ["bob@example.com"], MAIL)

        assert client.read_until(b"* 1 EXISTS")[-1] == b"* 1 EXISTS\r\n"
        client.send(b"DONE\r\n")
        assert client.read_until(b"a ")[-1].startswith(b"a OK")


def test_changes_of_another_session_are_seen():
    with MailServer(imap=True) as server:
        server.deliver(MAIL)
        with select(server) as client, select(server) as other:
            client.send(b"a IDLE\r\n")
            assert client.read_line().startswith(b"+ ")
            other.command(r"STORE 1 +FLAGS (\Flagged)")

            assert b"\\Flagged" in client.read_until(b"* 1 FETCH")[-1]


def test_subscription_ends_with_the_connection():
    with MailServer(imap=True) as server:
        with select(server):
            pass
        server.settle(10)
        dispatcher = server._reading._accounts._dispatcher
        assert not (dispatcher._by_owner or dispatcher._by_recipient or dispatcher._others)


def test_error_of_a_session_cuts_the_connection(caplog):
    class BrokenStore(GatedStore):
        def read_contents(self, *arguments, **options):
            raise ZeroDivisionError("broken")

    with pytest.raises(ZeroDivisionError, match="broken"), MailServer(imap=True, store=BrokenStore()) as server:
        server.deliver(MAIL)
        with select(server) as client:
            client.send(b"a FETCH 1 BODY[]\r\n")
            assert client.read_to_end() == b""


@pytest.mark.parametrize(("protocol", "end"), [("imap", b"* BYE Timeout, goodbye\r\n"), ("pop3", b"")])
def test_silent_client_times_out(protocol, end):
    with MailServer(limits=Limits(idle_timeout=SHORT_SECONDS), **{protocol: True}) as server:
        with RawReadingClient(getattr(server, protocol).address) as client:
            assert client.read_to_end() == end
        assert server.settle()[-1].ended == "timeout"


@pytest.mark.parametrize(("limits", "least"), [(None, 1_700), (Limits(idle_timeout=400), 390)])
def test_client_may_be_idle_for_longer_after_login(limits, least):
    with MailServer(imap=True, limits=limits) as server, select(server):
        connection = next(iter(server._connection_manager._connections))
        left = server.call(lambda: connection.deadlines._compute() - time.monotonic())

        assert least < left < least + 200


@pytest.mark.parametrize(
    ("limits", "seconds"), [({}, 100 + 1000 / 50), ({"data_rate": None}, 1800), ({"command_timeout": None}, 1800)]
)
def test_literal_has_the_time_of_content_after_login(limits, seconds):
    limits = Limits(**{"command_timeout": 100, "data_rate": 50, **limits})
    with MailServer(imap=True, limits=limits) as server, select(server) as client:
        connection = next(iter(server._connection_manager._connections))

        def get_seconds_left():
            return server.call(lambda: connection.deadlines._timer.time - time.monotonic())

        def be_silent():  # for 1000 s
            connection.deadlines.reply_time -= 1000

        server.call(be_silent)
        client.send(b"a APPEND INBOX {1001}\r\n")
        assert client.read_line().startswith(b"+ ")
        assert get_seconds_left() <= min(seconds, 300)  # the timer of the idle timeout may be earlier
        client.send(b"x" * 1000)
        end = time.monotonic() + 10
        while connection.session.content_size < 1000 and time.monotonic() < end:
            time.sleep(0.01)
        server.call(connection.update_deadline)
        assert seconds - 20 < get_seconds_left() <= seconds

        client.send(b"x\r\n")
        assert client.read_until(b"a ")[-1].startswith(b"a OK")
        server.call(connection.update_deadline)
        assert get_seconds_left() > 1_700


def test_slow_literal_ends_the_session():
    with MailServer(imap=True, limits=Limits(data_rate=1000)) as server:
        with select(server) as client:
            server.call(lambda: setattr(server.limits, "command_timeout", SHORT_SECONDS))
            client.send(b"a APPEND INBOX {1000+}\r\nSubject: ")

            assert client.read_to_end() == b"* BYE Timeout, goodbye\r\n"
        assert server.settle()[-1].ended == "timeout"


@pytest.mark.parametrize(
    ("protocol", "greeting"),
    [("imap", b"* BYE [UNAVAILABLE] Too many connections"), ("pop3", b"-ERR [SYS/TEMP] Too many connections")],
)
def test_client_that_is_one_too_many_is_turned_away(protocol, greeting):
    with MailServer(limits=Limits(connections=1), **{protocol: True}) as server:
        address = getattr(server, protocol).address
        with RawReadingClient(address), RawReadingClient(address) as second:
            assert second.greeting.startswith(greeting)


@pytest.mark.parametrize(("protocol", "goodbye"), [("imap", b"* BYE"), ("pop3", b"-ERR [SYS/TEMP]")])
def test_stop_tells_the_client(protocol, goodbye):
    server = MailServer(**{protocol: True})
    with server:
        client = RawReadingClient(getattr(server, protocol).address)
    with client:
        assert client.read_to_end().startswith(goodbye)
    assert server.sessions[-1].ended == "stop" and server.sessions[-1].protocol == protocol


@pytest.mark.parametrize("mode", ["starttls", "implicit", "both"])
def test_clients_use_tls(mode):
    with MailServer(tls=mode, imap=True, pop3=True) as server:
        server.deliver(MAIL)
        context = server.client_context()
        if mode == "implicit":
            imap = imaplib.IMAP4_SSL(*server.imap.address, ssl_context=context)
            pop3 = poplib.POP3_SSL(*server.pop3.address, context=context)
        else:
            imap, pop3 = imaplib.IMAP4(*server.imap.address), poplib.POP3(*server.pop3.address)
            imap.starttls(context)
            pop3.stls(context)
        imap.login("bob@example.com", "x")
        assert imap.select() == ("OK", [b"1"])
        imap.logout()
        pop3.user("bob@example.com")
        pop3.pass_("x")
        assert pop3.stat()[0] == 1
        pop3.quit()
        if mode == "both":
            with imaplib.IMAP4_SSL(*server.imap.tls_address, ssl_context=context) as client:
                client.login("bob@example.com", "x")
        assert all(session.tls is not None for session in server.settle())


def test_input_after_starttls_is_not_executed():
    with MailServer(tls="starttls", imap=True) as server, RawReadingClient(server.imap.address) as client:
        client.send(b"a STARTTLS\r\nb LOGIN mallory x\r\n")

        assert client.read_line().startswith(b"* BYE")
        assert client.read_to_end() == b"" and b"mallory" in server.sessions[-1].discarded


def test_tls_fault_answers_in_the_words_of_the_protocol():
    with (
        MailServer(tls=Tls("starttls", fault="plaintext"), imap=True) as server,
        RawReadingClient(server.imap.address) as client,
    ):
        client.send(b"a STARTTLS\r\n")
        client.read_line()
        with pytest.raises(ssl.SSLError):
            server.client_context().wrap_socket(client.socket, server_hostname="localhost")


def test_proxy_names_the_client():
    with MailServer(imap=Listen(proxy=True)) as server, socket.create_connection(server.imap.address) as client:
        client.sendall(b"PROXY TCP4 192.0.2.9 192.0.2.1 4000 143\r\na LOGOUT\r\n")
        assert b"* BYE" in client.makefile("rb").read()
        assert server.settle()[-1].peer == "192.0.2.9:4000"


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_too_many_failed_logins_from_one_address_are_refused(protocol):
    limits = Limits(auth_failures_per_minute=1)
    with MailServer(auth={"ann": "secret"}, limits=limits, **{protocol: True}) as server:
        replies = []
        for _ in range(4):
            with RawReadingClient(getattr(server, protocol).address) as client:
                line = b"a LOGIN ann x\r\n" if protocol == "imap" else b"USER ann\r\nPASS x\r\n"
                client.send(line)
                if protocol == "pop3":
                    client.read_line()
                replies.append(client.read_line())

        assert re.match(rb"(a NO \[LIMIT\]|-ERR \[SYS/TEMP\]) Too many failed logins", replies[-1])


def test_successful_logins_are_not_limited():
    limits = Limits(auth_failures_per_minute=1)
    with MailServer(auth={"ann": "secret"}, limits=limits, imap=True) as server:
        for _ in range(4):
            with RawReadingClient(server.imap.address, login="ann") as client:
                client.command("LOGOUT")


def test_server_in_an_asyncio_loop_serves_imap():
    import asyncio

    async def run():
        async with MailServer(imap=True, store=GatedStore()) as server:
            server.deliver(MAIL)
            reader, writer = await asyncio.open_connection(*server.imap.address)
            writer.write(b"a LOGIN bob@example.com x\r\nb SELECT INBOX\r\nc FETCH 1 BODY[]\r\nd LOGOUT\r\n")
            output = await reader.read()
            writer.close()
            return output

    assert b"Hello\r\n" in asyncio.run(run())
