"""MailServer, as a tester uses it."""

import asyncio
import contextlib
import errno
import re
import smtplib
import socket
import subprocess
import sys
import threading
import time

import aiosmtplib
import pytest

from lazr.smtptest import Auth, Limits, Listen, MailServer, MissingExtra, Reply, StartError, WaitTimeout
from talk import TO_RCPT, Client


def send(server, to="bob@example.com", text="Subject: Hi\r\n\r\nHello\r\n"):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", [to], text)


def test_the_example_of_the_readme(server):
    send(server)

    mail = server.inbox.one(to="bob@example.com")
    assert mail.subject == "Hi"
    assert mail.text == "Hello\n"
    assert mail.content == b"Subject: Hi\r\n\r\nHello\r\n"
    assert mail.envelope.peer.startswith("127.0.0.1:")
    assert mail.envelope.helo


def test_it_says_where_it_is(server):
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
def test_it_says_with_which_credentials(auth):
    with MailServer(auth=auth) as server:
        env = server.env()
    assert {env[name] for name in ("SMTP_USERNAME", "EMAIL_HOST_USER", "MAIL_USERNAME")} == {"ann"}
    assert {env[name] for name in ("SMTP_PASSWORD", "EMAIL_HOST_PASSWORD", "MAIL_PASSWORD")} == {"secret"}


@pytest.mark.parametrize("auth", [None, {}, "any", lambda credentials: True])
def test_it_says_so_only_where_it_knows_a_password(auth):
    with MailServer(auth=auth) as server:
        assert "SMTP_USERNAME" not in server.env() and "MAIL_PASSWORD" not in server.env()


def test_before_its_start_it_has_no_address_that_a_client_could_mistake():
    server = MailServer()
    for where in (lambda: server.address, lambda: server.url, server.env):
        with pytest.raises(StartError, match="not started"):
            where()
    assert repr(server) == "<MailServer 127.0.0.1:0 stopped, <Inbox: 0 mails>>"
    with pytest.raises(WaitTimeout, match="the server is not running; `with MailServer"):
        server.inbox.one(timeout=0)


def test_a_failure_says_that_nobody_came(server):
    with pytest.raises(WaitTimeout, match=rf"no client has connected to 127\.0\.0\.1:{server.port}$"):
        server.inbox.one(timeout=0)


def test_a_failure_says_that_another_server_got_it(server, connect):
    with MailServer() as other:
        client = connect(other)
        client.ask(b"EHLO x")
        client.mail(to=b"ann@example.com")
        with pytest.raises(WaitTimeout) as failure:
            server.inbox.one(to="ann@example.com", timeout=0)
        assert f"matches, and is in {other!r}" in str(failure.value)
        with pytest.raises(WaitTimeout) as failure:
            server.inbox.one(to="bob@example.com", timeout=0)
        assert "matches" not in str(failure.value)


def test_a_failure_tells_the_end_of_the_dialogue(server, connect):
    for name in (b"one", b"two", b"three"):
        client = connect(server)
        client.ask(b"EHLO " + name)
        client.ask(b"QUIT")
        client.rest()
    with pytest.raises(WaitTimeout) as failure:
        server.inbox.one(timeout=0)

    told = str(failure.value)
    assert told.count("ended by QUIT; its last lines:") == 2 and "EHLO one" not in told
    assert told.splitlines()[-2].endswith("C: QUIT")


def test_arrivals_end_when_the_server_stops(connect):
    async def main():
        seen = []
        async with MailServer() as server:
            loop = asyncio.get_running_loop()

            async def read():
                seen.extend([mail.recipients async for mail in server.inbox.arrivals()])

            reading = asyncio.create_task(read())
            for to in (b"ann@example.com", b"bob@example.com"):
                client = await loop.run_in_executor(None, connect, server)
                await loop.run_in_executor(None, client.ask, b"EHLO x")
                await loop.run_in_executor(None, lambda c=client, t=to: c.mail(to=t))
        await asyncio.wait_for(reading, 10)
        return seen

    assert asyncio.run(main()) == [("ann@example.com",), ("bob@example.com",)]


def test_a_server_keeps_the_latest_mails(connect):
    with MailServer(keep_mails=2) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        for number in range(4):
            client.mail(to=b"user%d@example.com" % number)
        assert [mail.recipients[0] for mail in server.inbox] == ["user2@example.com", "user3@example.com"]
        assert server.inbox.dropped == 2 and server.sessions.counts["mails"] == 4
    with MailServer(keep_bytes=1) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        client.mail()
        client.mail()
        assert [mail.id for mail in server.inbox] == ["2"]


def test_a_failure_names_what_was_refused(server, connect):
    client = connect(server)
    client.ask(b"EHLO x")
    client.mail(to=b"not an address")
    client.ask(b"F\x1bOO \xff")
    client.ask(b"MAIL FROM:<other@example.com>")
    with pytest.raises(WaitTimeout) as failure:
        server.inbox.one(timeout=0)

    first, count, *refused = str(failure.value).splitlines()
    refused, dialogue = refused[:3], refused[3:]
    assert first == "expected one mail within 0 s; 0 came, and no other mail"
    assert count == "  3 commands were refused:"
    assert [line.partition("; ")[0] for line in refused] == [
        "    RCPT TO:<not an address>: 501 5.1.3 Bad recipient address syntax",
        r"    F\x1bOO \xff: 501 5.5.2 Neither ASCII nor UTF-8",
        "    MAIL FROM:<other@example.com>: 503 5.5.1 Bad sequence of commands",
    ]
    assert re.fullmatch(r"  the session from 127\.0\.0\.1:\d+ is still open; its last lines:", dialogue[0])
    assert len(dialogue) == 9 and dialogue[-2].endswith("C: MAIL FROM:<other@example.com>")
    for _ in range(12):
        client.ask(b"VRFY")
    with pytest.raises(WaitTimeout, match=r"(?s)15 commands were refused:\n    \(the last 10\)\n"):
        server.inbox.one(timeout=0)


def test_what_a_tester_refuses_is_named_too(connect):
    def decide(event, reply):
        return Reply(550, "5.1.1", "No", "such user") if event.verb == "RCPT" else reply

    with MailServer(decide=decide) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        client.mail()
        with pytest.raises(WaitTimeout, match=r"RCPT TO:<bob@example.com>: 550-5.1.1 No / 550 5.1.1 such user"):
            server.inbox.one(timeout=0)


def test_it_listens_in_several_places(tmp_path, connect):
    path = tmp_path / "smtp.sock"
    with MailServer("::1", also=[Listen(), Listen(path=path)]) as server:
        assert server.url == f"smtp://[::1]:{server.port}"
        for listener in server.listeners:
            client = connect(listener.address if listener.path is None else listener.path)
            client.ask(b"EHLO x")
            assert client.mail().startswith(b"250")
        peers = [mail.envelope.peer for mail in server.inbox]
        assert peers[0].startswith("[::1]:") and peers[1].startswith("127.0.0.1:") and peers[2] == "unix"
    assert not path.exists()


def test_a_socket_left_over_by_a_crash_is_taken_over_and_one_in_use_is_not(tmp_path, connect):
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


def test_a_busy_port_is_an_oserror_at_once_and_names_it(server):
    before = time.monotonic()
    other = MailServer(port=server.port)
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{server.port}") as busy:
        other.start()

    assert busy.value.errno == errno.EADDRINUSE
    assert time.monotonic() - before < 2  # and not after a time-out
    assert not other.running
    with pytest.raises(OSError, match="cannot listen"):
        MailServer(also=[Listen(port=server.port)]).start()
    with pytest.raises(OSError, match="cannot listen on no such host:0"):
        MailServer("no such host").start()


def test_a_host_name_is_looked_up_only_when_it_is_one(monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: asked.append(a[0]) or [(0, 0, 0, "", ("127.0.0.1", 0))])
    with MailServer("mail.test"):
        assert asked == ["mail.test"]
    with MailServer("") as server:
        assert server.address[0] == "127.0.0.1"
    assert asked == ["mail.test"]


def test_settings_that_make_no_sense_are_refused(monkeypatch):
    with pytest.raises(ValueError, match='loop is "asyncio" or "uvloop"'):
        MailServer(loop="trio")
    monkeypatch.setitem(sys.modules, "uvloop", None)
    server = MailServer(loop="uvloop")
    with pytest.raises(MissingExtra, match=r'pip install "lazr.smtptest\[uvloop\]"'):
        server.start()
    assert not server.running


def test_it_runs_in_the_callers_own_loop_without_a_thread():
    before = set(threading.enumerate())  # another test's server may live longer than that test

    async def main():
        async with MailServer() as server:
            await aiosmtplib.send(
                "Subject: Hi\n\nHello", sender="ann@example.com", recipients=["bob@example.com"],
                hostname=server.host, port=server.port,
            )  # fmt: skip
            new = set(threading.enumerate()) - before
            assert not any(thread.name.startswith("smtptest") for thread in new)
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


def test_it_runs_in_this_thread_until_somebody_stops_it(connect):
    server = MailServer()
    server.bind()

    def use():
        with Client(server.address) as client:
            client.ask(b"EHLO x")
            client.mail()
        server.stop()

    user = threading.Thread(target=use)
    user.start()
    server.run()
    user.join(10)
    assert len(server.inbox) == 1


def test_a_handler_may_stop_its_server(connect):
    def decide(event, reply):
        if event.verb == "QUIT":
            server.stop()
        return reply

    server = MailServer(decide=decide)
    server.start()
    client = connect(server)
    assert client.ask(b"QUIT").startswith(b"221")
    server._runner._ended.wait(10)
    assert not server.running
    server.stop()


def test_a_coroutine_may_take_its_time_while_others_go_on(connect):
    late = threading.Event()

    async def decide(event, reply):
        if event.verb == "RCPT" and "slow" in event.path.mailbox:
            while not late.is_set():
                await asyncio.sleep(0.001)
            return Reply(250, "2.1.5", "at last")
        return reply

    with MailServer(decide=decide) as server:
        slow, quick = connect(server), connect(server)
        slow.ask(b"EHLO x")
        slow.ask(b"MAIL FROM:<a@b.example>")
        slow.send(b"RCPT TO:<slow@b.example>\r\nNOOP\r\n")
        quick.ask(b"EHLO x")
        assert quick.mail().startswith(b"250")
        late.set()
        assert slow.reply() == b"250 2.1.5 at last\r\n"
        assert slow.reply() == b"250 2.0.0 Ok\r\n"
        assert len(server.inbox) == 1


@pytest.mark.parametrize("answer", ["raise", "none"])
def test_a_coroutine_that_fails_is_the_testers_failure(answer, connect):
    async def decide(event, reply):
        if event.verb == "NOOP":
            if answer == "raise":
                raise KeyError("return the reply")
            return None
        return reply

    with pytest.raises((KeyError, TypeError), match="return the reply"), MailServer(decide=decide) as server:
        assert connect(server).ask(b"NOOP").startswith(b"451")


def test_a_decision_that_comes_too_late_keeps_no_mail(connect, caplog):
    over = threading.Event()

    async def decide(event, reply):
        if event.verb == "END_OF_DATA":
            while not over.is_set():
                await asyncio.sleep(0.001)
        return reply

    with MailServer(decide=decide, limits=Limits(session_timeout=0.2)) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        assert client.mail().startswith(b"421 4.4.2")
        over.set()
        client.rest()
        server.call(lambda: None)
        assert len(server.inbox) == 0  # the client was told no, and will send it again
    assert caplog.records == []


def test_a_stop_lets_a_decision_that_is_under_way_come(connect):
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
    while not server._service.closing:
        pass
    go_on.set()
    stopping.join(10)
    assert client.rest().endswith(b"250 2.0.0 Message accepted\r\n421 4.3.2 Server shutting down, goodbye\r\n")
    assert len(server.inbox) == 1


def test_in_the_callers_loop_call_and_stop_do_not_block_it():
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


def test_a_stop_ends_a_decision_that_never_comes(connect):
    async def decide(event, reply):
        if event.verb == "NOOP":
            await asyncio.sleep(3600)
        return reply

    with MailServer(decide=decide) as server:
        client = connect(server)
        client.send(b"NOOP\r\n")
        server.call(lambda: None)
    assert client.rest() == b"421 4.3.2 Server shutting down, goodbye\r\n"


def test_a_function_can_be_called_in_the_servers_thread(server):
    assert server.call(threading.current_thread) is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        server.call(lambda: 1 // 0)
    server.stop()
    assert server.call(threading.current_thread) is threading.current_thread()


def test_mails_need_not_be_kept(connect):
    contents = []

    def decide(event, reply):
        if event.verb == "END_OF_DATA":
            contents.append(event.content)
        return reply

    with MailServer(keep_mails=False, decide=decide) as server:
        send(server)
    assert len(contents) == 1 and len(server.inbox) == 0


def test_the_switch_interval_is_the_servers_while_it_runs_only():
    usual = sys.getswitchinterval()
    with MailServer(switch_interval=0.0005):
        assert sys.getswitchinterval() == pytest.approx(0.0005)
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_a_program_ends_although_its_server_was_not_stopped():
    program = (
        "from lazr.smtptest import MailServer\nimport socket\nserver = MailServer(); server.start()\n"
        "client = socket.create_connection(server.address); print(client.recv(3).decode())\nclient.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("220\n", "")


def test_a_thousand_sessions_at_once_deliver_and_none_is_lost():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    clients = []
    try:
        with MailServer() as server:
            clients = [Client(server.address) for _ in range(1000)]
            for number, client in enumerate(clients):
                client.send(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<n%d@example.com>\r\nDATA\r\n" % number)
            for number, client in enumerate(clients):
                for _ in range(4):
                    client.reply()
                client.send(b"Number %d\r\n.\r\nQUIT\r\n" % number)
            for client in clients:
                assert client.reply().startswith(b"250") and client.reply().startswith(b"221")
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


def test_a_large_message_is_spooled_and_comes_back_whole(connect):
    content = b"".join(b"line %d\r\n" % number for number in range(100_000))
    with MailServer(limits=Limits(session_memory=10_000)) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        assert client.mail(content=content).startswith(b"250")
        assert server.inbox.one().content == content


def test_many_start_and_stop_leave_nothing_behind(connect):
    import gc
    import os

    def once(clients):
        with MailServer() as server:
            for _ in range(clients):
                connect(server).send(TO_RCPT + b"DATA\r\nhalf")

    once(3)
    gc.collect()
    before = len(os.listdir("/proc/self/fd")), threading.active_count()
    for round_ in range(200):
        with MailServer() as server:
            if round_ % 10 == 0:
                with Client(server.address) as client:
                    client.send(TO_RCPT + b"DATA\r\nhalf")
    gc.collect()
    files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    assert files <= before[0] and threads <= before[1]  # what another test has left may have gone meanwhile


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_connection_that_comes_with_the_stop_leaves_nothing_open(loop):
    import gc

    for _ in range(30):
        with MailServer(loop=loop) as server:
            clients = [socket.create_connection(server.address, timeout=10) for _ in range(5)]
        for client in clients:
            client.close()
    gc.collect()  # an open transport would warn, and a warning is an error


def test_a_server_that_stops_asks_nobody_any_more():
    """It says what is due, and leaves the rest of what the client has sent unread."""
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
    with Client(server.address) as client:
        client.send(b"NOOP\r\n" * 50)
        assert asked.wait(10)
        address = server.address
        stopping = threading.Thread(target=server.stop, args=(20,))
        stopping.start()
        with contextlib.suppress(ConnectionError):
            while True:  # until it takes nobody any more, which is how a stop begins
                socket.create_connection(address, timeout=10).close()
        gate.set()
        said = client.rest()
        stopping.join(20)

    assert said == b"250 2.0.0 Ok\r\n421 4.3.2 Server shutting down, goodbye\r\n"
    assert len(heard) == 1
    assert not server.running
