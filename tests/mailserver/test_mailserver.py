"""The public face of MailServer."""

import asyncio
import contextlib
import errno
import pydoc
import re
import smtplib
import socket
import subprocess
import sys
import threading
import time

import aiosmtplib
import pytest

from lazr.smtptest import (
    Auth,
    Limits,
    Listen,
    MailServer,
    MissingExtra,
    Reply,
    ServerObserver,
    StartError,
    WaitTimeout,
    net,
)
from lazr.smtptest.net.acceptor import Acceptor
from tests.helpers.leaks import check_leaks
from tests.helpers.smtp_client import TO_RCPT, RawSmtpClient


def send(server, to="bob@example.com", text="Subject: Hi\r\n\r\nHello\r\n"):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", [to], text)


def test_readme_example(server):
    send(server)

    mail = server.inbox.one(to="bob@example.com")
    assert mail.subject == "Hi"
    assert mail.text == "Hello\n"
    assert mail.content == b"Subject: Hi\r\n\r\nHello\r\n"
    assert mail.envelope.peer.startswith("127.0.0.1:")
    assert mail.envelope.helo


def test_address_url_and_env_describe_the_server(server):
    host, port = server.address

    assert (server.host, server.port) == (host, port) == ("127.0.0.1", port)
    assert server.url == f"smtp://127.0.0.1:{port}"
    assert server.env() == {
        "SMTP_HOST": host, "SMTP_PORT": str(port), "SMTP_URL": server.url, "EMAIL_HOST": host, "EMAIL_PORT": str(port),
        "MAIL_HOST": host, "MAIL_PORT": str(port), "MAIL_SERVER": host,
        "MAIL_STARTTLS": "False", "MAIL_SSL_TLS": "False",
    }  # fmt: skip
    assert repr(server) == f"<MailServer {host}:{port} running, <Inbox: 0 mails>>"
    assert MailServer(port=2525).address == ("127.0.0.1", 2525)


@pytest.mark.parametrize("auth", [{"ann": "secret"}, Auth({"ann": "secret", "bob": "other"})])
def test_env_has_the_first_user_of_a_mapping(auth):
    with MailServer(auth=auth) as server:
        env = server.env()
    assert {env[name] for name in ("SMTP_USERNAME", "EMAIL_HOST_USER", "MAIL_USERNAME")} == {"ann"}
    assert {env[name] for name in ("SMTP_PASSWORD", "EMAIL_HOST_PASSWORD", "MAIL_PASSWORD")} == {"secret"}


@pytest.mark.parametrize("auth", [None, {}, "any", lambda credentials: True])
def test_env_has_no_credentials_without_a_known_password(auth):
    with MailServer(auth=auth) as server:
        assert "SMTP_USERNAME" not in server.env() and "MAIL_PASSWORD" not in server.env()


def test_address_before_start_raises_start_error():
    server = MailServer()
    for where in (lambda: server.address, lambda: server.url, server.env):
        with pytest.raises(StartError, match="not started"):
            where()
    assert repr(server) == "<MailServer 127.0.0.1:0 stopped, <Inbox: 0 mails>>"
    with pytest.raises(StartError, match=r"the server was never started, .* write `with MailServer"):
        server.inbox.one(timeout=0)


def test_failed_wait_says_that_no_client_connected(server):
    with pytest.raises(WaitTimeout, match=rf"no client has connected to 127\.0\.0\.1:{server.port}$"):
        server.inbox.one(timeout=0)


def test_failed_wait_names_another_server_that_got_the_mail(server, connect):
    with MailServer() as other:
        client = connect(other)
        client.send_command(b"EHLO x")
        client.send_mail(to=b"ann@example.com")
        with pytest.raises(WaitTimeout) as failure:
            server.inbox.one(to="ann@example.com", timeout=0)
        assert f"matches, but arrived at {other!r}" in str(failure.value)
        with pytest.raises(WaitTimeout) as failure:
            server.inbox.one(to="bob@example.com", timeout=0)
        assert "matches" not in str(failure.value)


def test_failed_wait_shows_the_last_lines_of_dialogues(server, connect):
    for name in (b"one", b"two", b"three"):
        client = connect(server)
        client.send_command(b"EHLO " + name)
        client.send_command(b"QUIT")
        client.read_to_end()
    with pytest.raises(WaitTimeout) as failure:
        server.inbox.one(timeout=0)

    told = str(failure.value)
    assert told.count("ended by QUIT; its last lines:") == 2 and "EHLO one" not in told
    assert told.splitlines()[-2].endswith("C: QUIT")


def test_arrivals_end_with_the_server(connect):
    async def main():
        seen = []
        async with MailServer() as server:
            loop = asyncio.get_running_loop()

            async def read():
                seen.extend([mail.recipients async for mail in server.inbox.arrivals()])

            reading = asyncio.create_task(read())
            for to in (b"ann@example.com", b"bob@example.com"):
                client = await loop.run_in_executor(None, connect, server)
                await loop.run_in_executor(None, client.send_command, b"EHLO x")
                await loop.run_in_executor(None, lambda c=client, t=to: c.send_mail(to=t))
        await asyncio.wait_for(reading, 10)
        return seen

    assert asyncio.run(main()) == [("ann@example.com",), ("bob@example.com",)]


def test_keep_mails_and_keep_bytes_keep_the_latest_mails(connect):
    with MailServer(keep_mails=2) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        for number in range(4):
            client.send_mail(to=b"user%d@example.com" % number)
        assert [mail.recipients[0] for mail in server.inbox] == ["user2@example.com", "user3@example.com"]
        assert server.inbox.dropped == 2 and server.sessions.counts["mails"] == 4
    with MailServer(keep_bytes=1) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        client.send_mail()
        client.send_mail()
        assert [mail.id for mail in server.inbox] == ["2"]


def test_failed_wait_lists_refused_commands(server, connect):
    client = connect(server)
    client.send_command(b"EHLO x")
    client.send_mail(to=b"not an address")
    client.send_command(b"F\x1bOO \xff")
    client.send_command(b"MAIL FROM:<other@example.com>")
    with pytest.raises(WaitTimeout) as failure:
        server.inbox.one(timeout=0)

    first, count, *refused = str(failure.value).splitlines()
    refused, dialogue = refused[:3], refused[3:]
    assert first == "no mail within 0 s"
    assert count == "  3 commands were refused:"
    assert [line.partition("; ")[0] for line in refused] == [
        "    RCPT TO:<not an address>: 501 5.1.3 Bad recipient address syntax",
        r"    F\x1bOO \xff: 501 5.5.2 Command must be ASCII or UTF-8",
        "    MAIL FROM:<other@example.com>: 503 5.5.1 Bad sequence of commands",
    ]
    assert re.fullmatch(r"  the session from 127\.0\.0\.1:\d+ is still open; its last lines:", dialogue[0])
    assert len(dialogue) == 9 and dialogue[-2].endswith("C: MAIL FROM:<other@example.com>")
    for _ in range(12):
        client.send_command(b"VRFY")
    with pytest.raises(WaitTimeout, match=r"(?s)15 commands were refused:\n    \(the last 10\)\n"):
        server.inbox.one(timeout=0)


def test_failed_wait_lists_refusals_of_decide(connect):
    def decide(event, reply):
        return Reply(550, "5.1.1", "No", "such user") if event.verb == "RCPT" else reply

    with MailServer(decide=decide) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        client.send_mail()
        with pytest.raises(WaitTimeout, match=r"RCPT TO:<bob@example.com>: 550-5.1.1 No / 550 5.1.1 such user"):
            server.inbox.one(timeout=0)


def test_also_adds_listeners(tmp_path, connect):
    path = tmp_path / "smtp.sock"
    with MailServer("::1", also=[Listen(), Listen(path=path)]) as server:
        assert server.url == f"smtp://[::1]:{server.port}"
        for listener in server.listeners:
            client = connect(listener.address if listener.path is None else listener.path)
            client.send_command(b"EHLO x")
            assert client.send_mail().startswith(b"250")
        peers = [mail.envelope.peer for mail in server.inbox]
        assert peers[0].startswith("[::1]:") and peers[1].startswith("127.0.0.1:") and peers[2] == "unix"
    assert not path.exists()


def test_stale_unix_socket_is_replaced_and_one_in_use_is_not(tmp_path, connect):
    path = str(tmp_path / "smtp.sock")
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(path)
    with MailServer(also=[Listen(path=path)]):
        assert connect(path).greeting.startswith(b"220")
        with pytest.raises(OSError, match="cannot listen on") as busy:
            MailServer(also=[Listen(path=path)]).start()
        assert busy.value.errno == errno.EADDRINUSE
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cannot listen on"):
        MailServer(also=[Listen(path=tmp_path / "file")]).start()


def test_busy_port_raises_oserror_with_the_address(server):
    before = time.monotonic()
    other = MailServer(port=server.port)
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{server.port}") as busy:
        other.start()

    assert busy.value.errno == errno.EADDRINUSE
    assert time.monotonic() - before < 2  # not after a timeout
    assert not other.running
    with pytest.raises(OSError, match="cannot listen"):
        MailServer(also=[Listen(port=server.port)]).start()
    with pytest.raises(OSError, match="cannot listen on no such host:0"):
        MailServer("no such host").start()


def test_only_host_names_are_looked_up(monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: asked.append(a[0]) or [(0, 0, 0, "", ("127.0.0.1", 0))])
    with MailServer("mail.test"):
        assert asked == ["mail.test"]
    with MailServer("") as server:
        assert server.address[0] == "127.0.0.1"
    assert asked == ["mail.test"]


def test_invalid_settings_raise(monkeypatch):
    with pytest.raises(ValueError, match=r"unknown loop .*; known: asyncio, uvloop"):
        MailServer(loop="trio")
    monkeypatch.setitem(sys.modules, "uvloop", None)
    server = MailServer(loop="uvloop")
    with pytest.raises(MissingExtra, match=r'pip install "lazr.smtptest\[uvloop\]"'):
        server.start()
    assert not server.running


def test_async_with_runs_without_a_thread():
    before = set(threading.enumerate())  # a server of another test may still be running

    async def main():
        async with MailServer() as server:
            await aiosmtplib.send(
                "Subject: Hi\n\nHello", sender="ann@example.com", recipients=["bob@example.com"],
                hostname=server.host, port=server.port,
            )  # fmt: skip
            new = set(threading.enumerate()) - before
            assert not any(thread.name.startswith("smtptest 127") for thread in new)
            [mail] = await server.inbox.async_wait(to="bob@example.com")
            with pytest.raises(RuntimeError, match=r"use `await inbox\.async_wait"):
                server.inbox.one(to="bob@example.com")
            assert mail.subject == "Hi"
        assert not server.running
        with pytest.raises(ValueError, match="yours"):
            async with MailServer(decide=raising) as server:
                _, writer = await asyncio.open_connection(*server.address)
                writer.close()
                await server.inbox.async_wait(timeout=0.5)
        with pytest.raises(OSError, match="cannot listen"):
            async with MailServer() as one, MailServer(port=one.port):
                pass

    def raising(event, reply):
        raise ValueError("yours")

    asyncio.run(main())


def test_run_blocks_until_stop(connect):
    server = MailServer()
    server.bind()

    def use():
        with RawSmtpClient(server.address) as client:
            client.send_command(b"EHLO x")
            client.send_mail()
        server.stop()

    user = threading.Thread(target=use)
    user.start()
    server.run()
    user.join(10)
    assert len(server.inbox) == 1


def test_handler_can_stop_the_server(connect):
    def decide(event, reply):
        if event.verb == "QUIT":
            server.stop()
        return reply

    server = MailServer(decide=decide)
    server.start()
    client = connect(server)
    assert client.send_command(b"QUIT").startswith(b"221")
    server._runner._end_event.wait(10)
    assert not server.running
    server.stop()


def test_slow_coroutine_does_not_delay_other_sessions(connect):
    late = threading.Event()

    async def decide(event, reply):
        if event.verb == "RCPT" and "slow" in event.path.mailbox:
            while not late.is_set():
                await asyncio.sleep(0.001)
            return Reply(250, "2.1.5", "at last")
        return reply

    with MailServer(decide=decide) as server:
        slow, quick = connect(server), connect(server)
        slow.send_command(b"EHLO x")
        slow.send_command(b"MAIL FROM:<a@b.example>")
        slow.send(b"RCPT TO:<slow@b.example>\r\nNOOP\r\n")
        quick.send_command(b"EHLO x")
        assert quick.send_mail().startswith(b"250")
        late.set()
        assert slow.read_reply() == b"250 2.1.5 at last\r\n"
        assert slow.read_reply() == b"250 2.0.0 Ok\r\n"
        assert len(server.inbox) == 1


@pytest.mark.parametrize("answer", ["raise", "none"])
def test_failing_coroutine_raises_in_the_test(answer, connect):
    async def decide(event, reply):
        if event.verb == "NOOP":
            if answer == "raise":
                raise KeyError("must return a Reply")
            return None
        return reply

    with pytest.raises((KeyError, TypeError), match="must return a Reply"), MailServer(decide=decide) as server:
        assert connect(server).send_command(b"NOOP").startswith(b"451")


def test_decision_after_disconnect_keeps_no_mail(connect, caplog):
    over = threading.Event()

    async def decide(event, reply):
        if event.verb == "END_OF_DATA":
            while not over.is_set():
                await asyncio.sleep(0.001)
        return reply

    with MailServer(decide=decide, limits=Limits(session_timeout=0.2)) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        assert client.send_mail().startswith(b"421 4.4.2")
        over.set()
        client.read_to_end()
        server.call(lambda: None)
        assert len(server.inbox) == 0  # the client got a refusal, and will send the mail again
    assert caplog.records == []


def test_stop_waits_for_a_pending_decision(connect):
    asked, go_on = threading.Event(), threading.Event()

    async def decide(event, reply):
        if event.verb == "END_OF_DATA":
            asked.set()
            while not go_on.is_set():
                await asyncio.sleep(0.001)
        return reply

    server = MailServer(decide=decide)
    server.start()
    client = connect(server)
    client.send(TO_RCPT + b"DATA\r\n")
    client.send(b"Hi\r\n.\r\n")
    assert asked.wait(10)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    while not server._connection_manager.is_closing:
        pass
    go_on.set()
    stopping.join(10)
    assert client.read_to_end().endswith(b"250 2.0.0 Message accepted\r\n421 4.3.2 Server shutting down, goodbye\r\n")
    assert len(server.inbox) == 1


def test_call_and_stop_do_not_block_the_callers_loop():
    def decide(event, reply):
        if event.verb == "NOOP":
            server.stop()
        return reply

    async def main():
        nonlocal server
        async with MailServer(decide=decide) as server:
            assert server.call(lambda: 42) == 42
            reader, writer = await asyncio.open_connection(*server.address)
            await reader.readline()
            writer.write(b"NOOP\r\n")
            assert await reader.readline() == b"250 2.0.0 Ok\r\n"
            assert await reader.readline() == b"421 4.3.2 Server shutting down, goodbye\r\n"
            writer.close()
        assert not server.running

    server = None
    asyncio.run(main())


def test_stop_cancels_a_decision_that_never_comes(connect):
    async def decide(event, reply):
        if event.verb == "NOOP":
            await asyncio.sleep(3600)
        return reply

    with MailServer(decide=decide) as server:
        client = connect(server)
        client.send(b"NOOP\r\n")
        server.call(lambda: None)
    assert client.read_to_end() == b"421 4.3.2 Server shutting down, goodbye\r\n"


def test_call_runs_a_function_in_the_servers_thread(server):
    assert server.call(threading.current_thread) is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        server.call(lambda: 1 // 0)
    server.stop()
    assert server.call(threading.current_thread) is threading.current_thread()


def test_keep_mails_false_keeps_no_mail(connect):
    contents = []

    def decide(event, reply):
        if event.verb == "END_OF_DATA":
            contents.append(event.content)
        return reply

    with MailServer(keep_mails=False, decide=decide) as server:
        send(server)
    assert len(contents) == 1 and len(server.inbox) == 0


def test_switch_interval_is_set_only_while_running():
    usual = sys.getswitchinterval()
    with MailServer(switch_interval=0.0005):
        assert sys.getswitchinterval() == pytest.approx(0.0005)
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_running_server_does_not_keep_the_process_alive():
    program = (
        "from lazr.smtptest import MailServer\nimport socket\nserver = MailServer(); server.start()\n"
        "client = socket.create_connection(server.address); print(client.recv(3).decode())\nclient.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("220\n", "")


def test_thousand_concurrent_sessions_deliver():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    clients = []
    try:
        with MailServer() as server:
            clients = [RawSmtpClient(server.address) for _ in range(1000)]
            for number, client in enumerate(clients):
                client.send(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<n%d@example.com>\r\nDATA\r\n" % number)
            for number, client in enumerate(clients):
                for _ in range(4):
                    client.read_reply()
                client.send(b"Number %d\r\n.\r\nQUIT\r\n" % number)
            for client in clients:
                assert client.read_reply().startswith(b"250") and client.read_reply().startswith(b"221")
            assert sorted(mail.recipients[0] for mail in server.inbox) == sorted(
                f"n{number}@example.com" for number in range(1000)
            )
            assert all(
                mail.content == b"Number %s\r\n" % mail.recipients[0][1:].split("@")[0].encode()
                for mail in server.inbox
            )
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_large_message_is_spooled_and_complete(connect):
    content = b"".join(b"line %d\r\n" % number for number in range(100_000))
    with MailServer(limits=Limits(session_memory=10_000)) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        assert client.send_mail(content=content).startswith(b"250")
        assert server.inbox.one().content == content


@pytest.mark.slow
def test_many_starts_and_stops_leak_nothing(connect):

    def once(clients):
        with MailServer() as server:
            for _ in range(clients):
                connect(server).send(TO_RCPT + b"DATA\r\nhalf")

    once(3)
    with check_leaks():
        for round_ in range(200):
            with MailServer() as server:
                if round_ % 10 == 0:
                    with RawSmtpClient(server.address) as client:
                        client.send(TO_RCPT + b"DATA\r\nhalf")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_connection_during_stop_is_closed(loop):
    import gc

    for _ in range(30):
        with MailServer(loop=loop) as server:
            clients = [socket.create_connection(server.address, timeout=10) for _ in range(5)]
        for client in clients:
            client.close()
    gc.collect()  # an open transport would warn, and warnings are errors


FAILING_PARTS = {
    "connection that begins": (net.Connection, "connection_made"),
    "connection that ends": (net.Connection, "shut_down"),
    "acceptor": (Acceptor, "close"),
    "acceptor of clients that wait": (Acceptor, "accept_all"),
}


@pytest.mark.parametrize("part", FAILING_PARTS)
@pytest.mark.parametrize("in_coroutine", [False, True])
def test_failing_part_does_not_prevent_the_stop(part, in_coroutine, connect, monkeypatch, caplog):
    owner, name = FAILING_PARTS[part]
    server = MailServer()
    waiting = []

    def fail(*_):
        raise OSError(errno.EBADF, "the test makes this fail")

    def add_client():
        waiting.append(socket.create_connection(server.address))
        patch.setattr(owner, name, fail)

    async def use():
        async with server:
            await asyncio.to_thread(connect, server)
            server.call(add_client)

    with monkeypatch.context() as patch:
        if in_coroutine:
            asyncio.run(asyncio.wait_for(use(), 60))
        else:
            server.start()
            connect(server)
            server.call(add_client)
            server.stop()
    assert not server.running
    assert "the test makes this fail" in caplog.text
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.address)
    waiting[0].close()
    with server:
        send(server)


def test_stopping_server_does_not_call_decide():
    """It sends pending replies, and does not process the rest of the input."""
    asked, gate, heard = threading.Event(), threading.Event(), []

    async def later(reply):
        asked.set()
        await asyncio.to_thread(gate.wait, 10)
        return reply

    def decide(event, reply):
        if getattr(event, "verb", "") != "NOOP":
            return reply
        heard.append(event)
        return later(reply)

    server = MailServer(decide=decide)
    server.start()
    with RawSmtpClient(server.address) as client:
        client.send(b"NOOP\r\n" * 50)
        assert asked.wait(10)
        address = server.address
        stopping = threading.Thread(target=server.stop, args=(20,))
        stopping.start()
        with contextlib.suppress(ConnectionError):
            while True:  # until it refuses connections, which is how a stop begins
                socket.create_connection(address, timeout=10).close()
        gate.set()
        said = client.read_to_end()
        stopping.join(20)

    assert said == b"250 2.0.0 Ok\r\n421 4.3.2 Server shutting down, goodbye\r\n"
    assert len(heard) == 1
    assert not server.running


# -- invalid parameters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "error", "text"),
    [
        ({"port": -1}, ValueError, "port must be 0 to 65535, got -1; use 0 for any free port"),
        ({"port": 99999}, ValueError, "port must be 0 to 65535, got 99999; use 0 for any free port"),
        ({"port": "25"}, TypeError, "port must be a number from 0 to 65535, got '25'; use 0 for any free port"),
        ({"port": True}, TypeError, "port must be a number from 0 to 65535, got True"),
        ({"host": 1025}, TypeError, 'host must be an address such as "127.0.0.1", got 1025; write port=1025'),
        ({"limits": {"errors": 5}}, TypeError, "limits must be a Limits, got {'errors': 5}; write limits=Limits(...)"),
        ({"lenient": True}, TypeError, "lenient must be a Lenient, got True; write lenient=Lenient(...)"),
        ({"extensions": "SIZE"}, TypeError, "got the string 'SIZE'; write extensions=['SIZE']"),
        ({"extensions": [5]}, TypeError, "extensions must have keywords and Extension values, got 5"),
        ({"also": "::1"}, TypeError, "also must be a list of Listen values, got '::1'; write also=[Listen('::1')]"),
        ({"also": ["::1"]}, TypeError, "also must be a list of Listen values, got '::1'; write also=[Listen('::1')]"),
        ({"also": Listen("::1")}, TypeError, "list of Listen values, got Listen('::1', 0); write also=["),
        ({"also": 5}, TypeError, "also must be a list of Listen values, got 5"),
        ({"trusted": "127.0.0.1"}, TypeError, "trusted must be a list of addresses, got the string '127.0.0.1'; write"),
        ({"transcript": "ful"}, ValueError, "'ful'"),
    ],
)  # fmt: skip
def test_invalid_parameter_is_rejected_by_the_constructor(parameters, error, text):
    with pytest.raises(error) as raised:
        MailServer(**parameters)
    assert text in str(raised.value)


def test_listen_is_a_value():
    assert Listen("::1", 25) == Listen("::1", 25) != Listen("::1", 26) and Listen() != "127.0.0.1"
    assert len({Listen(), Listen(), Listen(path="x.sock")}) == 2


def test_parameters_may_be_iterated_once():
    with MailServer(extensions=iter(["SIZE"]), also=iter([Listen()])) as server:
        assert len(server.listeners) == 2
        with smtplib.SMTP(*server.listeners[1].address) as client:
            client.ehlo()
            assert "size" in client.esmtp_features


# -- servers that are not running ----------------------------------------------------------------

NEVER_STARTED = "the server was never started, so no client can connect and no mail can arrive; write `with MailServer"

WAITS = {
    "one": lambda server: server.inbox.one(),
    "wait": lambda server: server.inbox.wait(2),
    "none": lambda server: server.inbox.none(within=60),
    "arrivals": lambda server: list(server.inbox.arrivals()),
    "async_one": lambda server: asyncio.run(server.inbox.async_one()),
    "async_wait": lambda server: asyncio.run(server.inbox.async_wait(2, timeout=None)),
    "async_none": lambda server: asyncio.run(server.inbox.async_none(within=60)),
    "settle": lambda server: server.settle(),
    "async_settle": lambda server: asyncio.run(server.async_settle()),
    "rule": lambda server: server.on("RCPT").reply(450).optional().wait(),
    "async_rule": lambda server: asyncio.run(server.on("RCPT").reply(450).optional().async_wait()),
}


@pytest.mark.parametrize("wait", WAITS)
def test_wait_on_a_server_that_was_never_started_fails_at_once(wait):
    with pytest.raises(StartError, match=re.escape(NEVER_STARTED)):
        WAITS[wait](MailServer(timeout=600))


@pytest.mark.parametrize("wait", WAITS)
def test_wait_on_a_stopped_server_ends_at_once(wait):
    with MailServer(timeout=600) as server:
        pass
    if wait in ("none", "async_none", "arrivals", "settle", "async_settle"):
        WAITS[wait](server)
    else:
        with pytest.raises(WaitTimeout) as failure:
            WAITS[wait](server)
        assert "rule" in wait or "the server is not running" in str(failure.value)


@pytest.mark.parametrize("wait", ["one", "wait", "none", "arrivals", "async_one", "async_none"])
def test_wait_ends_when_the_server_stops(wait):
    with MailServer(timeout=600) as server:
        ended = threading.Event()

        def wait_for_mail():
            with contextlib.suppress(WaitTimeout):
                WAITS[wait](server)
            ended.set()

        thread = threading.Thread(target=wait_for_mail)
        thread.start()
        assert not ended.wait(0.05)
    thread.join(20)
    assert ended.is_set()


def test_wait_on_a_stopped_server_finds_its_mails(connect):
    with MailServer() as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        client.send_mail()
    assert server.inbox.one().id == server.inbox.wait(1)[0].id
    assert len(list(server.inbox.arrivals())) == 1


def test_wait_begins_between_bind_and_start(connect):
    server = MailServer()
    server.bind()
    starter = threading.Timer(0.05, server.start)
    starter.start()
    with pytest.raises(WaitTimeout, match="no client has connected"):
        server.inbox.one(timeout=0.2)
    starter.join()
    server.stop()


# -- the default timeout -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wait", "message"),
    [
        (lambda server: server.inbox.one(), "no mail within 0.02 s"),
        (lambda server: server.inbox.wait(2), "no mail within 0.02 s, expected 2"),
        (lambda server: asyncio.run(server.inbox.async_one()), "no mail within 0.02 s"),
        (lambda server: server.on("RCPT").reply(450).optional().wait(), "to act once within 0.02 s"),
        (lambda server: server.inbox.one(timeout=0.01), "no mail within 0.01 s"),
        (lambda server: server.inbox.one(timeout=5.0 / 500), "no mail within 0.01 s"),
    ],
)
def test_timeout_of_the_server_is_the_default_of_all_waits(wait, message):
    with MailServer(timeout=0.02) as server, pytest.raises(WaitTimeout, match=re.escape(message)):
        wait(server)


def test_timeout_is_the_default_of_settle(connect):
    with MailServer(timeout=0.02) as server:
        connect(server)
        with pytest.raises(TimeoutError, match=r"still connected after 0\.02 s"):
            server.settle()
        with pytest.raises(TimeoutError, match=r"still connected after 0\.02 s"):
            asyncio.run(server.async_settle())


# -- arguments and attributes --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"host": 1025}, TypeError, 'host must be an address such as "127.0.0.1", got 1025; write port=1025'),
        ({"host": ("a", 1)}, TypeError, r"got \('a', 1\); write MailServer\(\*address\)"),
        ({"host": None}, TypeError, "host must be an address"),
        ({"hostname": 5}, TypeError, "hostname must be a string, got 5"),
        ({"greeting": None}, TypeError, "greeting must be a string, got None"),
        ({"strict": "yes"}, TypeError, "strict must be True or False, got 'yes'"),
        ({"proxy": 1}, TypeError, "proxy must be True or False, got 1"),
        ({"xclient": None}, TypeError, "xclient must be True or False, got None"),
        ({"decide": "foo"}, TypeError, r"decide must be a function decide\(event, reply\) .*, got 'foo'; for a fixed"),
        ({"observer": ServerObserver}, TypeError, r"observer must be an object .*; write observer=ServerObserver\(\)"),
        ({"observer": print}, TypeError, "observer must be an object of a subclass of ServerObserver"),
        ({"keep_mails": "5"}, TypeError, "keep_mails must be True, False or a number of mails, got '5'"),
        ({"keep_mails": None}, TypeError, "keep_mails must be True, False or a number of mails, got None"),
        ({"keep_mails": -1}, ValueError, "keep_mails must be a number of mails >= 1, got -1"),
        ({"keep_bytes": "1M"}, TypeError, "keep_bytes must be a number of bytes, got '1M'"),
        ({"timeout": "1"}, TypeError, "timeout must be a number of seconds, got '1'; write timeout=1"),
        ({"timeout": -1}, ValueError, "timeout must be a number of seconds >= 0, got -1"),
        ({"timeout": None}, TypeError, "timeout must be a number of seconds, got None"),
        ({"switch_interval": 0}, ValueError, "switch_interval must be a number of seconds > 0, got 0"),
        ({"switch_interval": "fast"}, TypeError, "switch_interval must be a number of seconds, got 'fast'"),
        ({"store": "postgresql://me:secret@db/x"}, TypeError, "store must be an open store, got an object of type str"),
        ({"store": dict}, TypeError, "store must be an open store, got an object of type type"),
    ],
)
def test_wrong_argument_raises_in_the_constructor(arguments, kind, message):
    with pytest.raises(kind, match=message) as failure:
        MailServer(**arguments)
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("messages", r"write server\.inbox"),
        ("wait_for_mail", r"write server\.inbox\.one\(to=…\)"),
        ("hostname", r"write server\.host"),
        ("shutdown", r"write server\.stop\(\)"),
        ("is_running", r"write server\.running"),
        ("sessionz", r"did you mean 'sessions'\?"),
        ("inbx", r"did you mean 'inbox'\?"),
        ("zzz", "known: "),
    ],
)
def test_unknown_attribute_raises_attribute_error_with_advice(name, advice):
    with pytest.raises(AttributeError, match=rf"^'MailServer' object has no attribute '{name}'.*{advice}"):
        getattr(MailServer(), name)


def test_help_shows_the_parts_of_a_server():
    text = pydoc.render_doc(MailServer, renderer=pydoc.plaintext)
    for part in ("inbox", "rules", "sessions", "refusals"):
        assert f"\n |  {part}\n" in text, part
    assert "= <the timeout of MailServer, 5 s>" in text


def test_refusals_name_failed_logins(connect):
    with MailServer(auth={"ann": "secret"}, tls=None) as server:
        client = smtplib.SMTP(*server.address)
        with contextlib.suppress(smtplib.SMTPException):
            client.login("bob", "wrong")
        client.close()
        assert any("bob" in line and "535" in line for line in server.refusals)
        assert not any("wrong" in line for line in server.refusals)
