"""`server.sessions`: the records of sessions, how each one ended, and the counters."""

import asyncio
import smtplib
import socket
import ssl
import struct
import threading

import pytest

from lazr.smtptest import Limits, MailServer, Reply
from lazr.smtptest.net.session_log import Sessions
from lazr.smtptest.protocol.smtp.session_record import SessionRecord
from tests.helpers.smtp_client import RawSmtpClient


def wait_for_sessions(server):
    """Return the sessions when no client is connected."""
    event = threading.Event()
    for _ in range(1000):
        if not server.call(lambda: server._connection_manager._connections):
            return server.sessions
        event.wait(0.01)
    raise AssertionError("clients are still connected after 10 s")


def send_quit(client):
    client.send_command(b"QUIT")


def close(client):
    client.close()


def reset(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def wait_for_timeout(client):
    assert client.read_reply().startswith(b"421")
    client.close()  # the server waits for the client to close


def flood(client):
    client.send(b"x" * 100_000)
    assert client.read_reply().startswith(b"421")
    client.close()


@pytest.mark.parametrize(
    ("leave", "how"),
    [(send_quit, "QUIT"), (close, "EOF"), (reset, "reset"), (wait_for_timeout, "timeout"), (flood, "421")],
)
def test_session_records_how_it_ended(leave, how, connect):
    with MailServer(limits=Limits(idle_timeout=0.3 if how == "timeout" else 30)) as server:
        client = connect(server)
        client.send_command(b"EHLO me")
        assert server.sessions[0].ended is None and server.sessions.counts["live"] == 1
        leave(client)
        (session,) = wait_for_sessions(server)

        assert session.ended == how and f"ended by {how}" in repr(session)
        assert server.sessions.counts[how] == 1 and server.sessions.counts["live"] == 0


def test_client_that_never_reads_ends_by_timeout(connect):
    with MailServer(limits=Limits(write_timeout=0.2, commands_without_mail=None)) as server:
        client = connect(server, receive_buffer=4096)
        client.socket.settimeout(0.2)
        with pytest.raises((TimeoutError, ConnectionError)):  # depends on when the server disconnects
            while True:
                client.send(b"HELP\r\n" * 1000)

        assert wait_for_sessions(server)[0].ended == "timeout"


def test_stop_ends_open_sessions(connect):
    with MailServer() as server:
        connect(server).send_command(b"EHLO me")
    assert [session.ended for session in server.sessions] == ["stop"]


def test_transcript_has_times_since_the_connect(connect):
    with MailServer(decide=lambda event, reply: Reply(250, "Late") if event.verb == "NOOP" else reply) as server:
        client = connect(server)
        client.send_command(b"EHLO me")
        client.send_command(b"NOOP")
        client.send_command(b"QUIT")
        (session,) = wait_for_sessions(server)
        lines = list(session.transcript)

    assert [line.text for line in lines if line.who == "C"] == ["EHLO me", "NOOP", "QUIT"]
    times = [line.at for line in lines]
    assert times == sorted(times) and times[0] == 0.0 and 0 < times[-1] < 60


def test_pending_reply_has_its_own_time():
    import asyncio

    async def decide(event, reply):
        if event.verb == "NOOP":
            await asyncio.sleep(0.05)
        return reply

    with MailServer(decide=decide) as server:
        with smtplib.SMTP(*server.address) as client:
            client.noop()
        command, reply = [
            line for line in wait_for_sessions(server)[0].transcript if "noop" in line.text or " Ok" in line.text
        ]

    assert reply.at - command.at >= 0.05


def test_counts_include_all_events():
    with MailServer(tls="starttls", auth={"ann": "secret"}) as server:
        for _ in range(2):
            with smtplib.SMTP(*server.address) as client:
                client.starttls(context=server.client_context())
                client.login("ann", "secret")
                client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")
        with smtplib.SMTP(*server.address) as client:
            client.helo()
            client.mail("ann@example.com")
        counts = wait_for_sessions(server).counts

    assert counts == {
        "connections": 3,
        "EHLO": 4,
        "HELO": 1,
        "LHLO": 0,
        "TLS": 2,
        "AUTH": 2,
        "mails": 2,
        "octets": 2 * len("Subject: Hi\r\n\r\nHello\r\n"),
        "refusals": 1,
        "live": 0,
        "QUIT": 3,
    }
    assert repr(server.sessions) == (
        "<Sessions: 3 connections, 4 EHLO, 1 HELO, 2 TLS, 2 AUTH, 2 mails, 44 octets, 1 refusals, 3 QUIT>"
    )


def build_record(ended="QUIT"):
    record = SessionRecord()
    record.mails = 1
    record.greetings = ("EHLO",)
    if ended:
        record.end(ended)
    return record


def test_latest_ended_sessions_are_kept_and_all_are_counted():
    sessions = Sessions(max_kept=5)
    live = [build_record(ended=None) for _ in range(3)]
    past = [build_record() for _ in range(200)]
    for record in (*live, *past):
        sessions.add(record)

    assert list(sessions[:3]) == live and sessions[-5:] == past[-5:] and sessions[-1] is past[-1]
    assert len(sessions) <= 3 + 5 + 22
    assert sessions.counts == Sessions().counts | {
        "connections": 203,
        "EHLO": 203,
        "mails": 203,
        "QUIT": 200,
        "live": 3,
    }
    assert "not kept" in str(past[0].transcript) and "not kept" not in str(past[-1].transcript)

    live[0].end("EOF")
    for _ in range(50):
        sessions.add(build_record())
    assert live[0] not in sessions and live[1] in sessions
    assert sessions.counts["EOF"] == 1 and sessions.counts["connections"] == 253

    sessions.clear()
    assert list(sessions) == live[1:] and sessions.counts["connections"] == 2


def test_mail_session_is_the_session_record(server):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")
    transcript = server.inbox[0].session.transcript

    # The case of the verb depends on the version of smtplib.
    assert "c: rcpt to:<bob@example.com>" in str(transcript).lower() and "C: Subject: Hi" in str(transcript)


def test_transcript_notes_proxy_headers_and_failed_handshakes(connect):
    with MailServer(proxy=True, tls="implicit") as server:
        client = connect(server, greet=False)
        client.send(b"PROXY TCP4 198.51.100.7 127.0.0.1 40000 25\r\nEHLO me\r\n")
        client.read_to_end()
        client.close()
        (session,) = wait_for_sessions(server)
        unproxied = connect(server, greet=False)
        unproxied.send(b"EHLO me\r\n" * 30)
        unproxied.read_to_end()

    lines = str(session.transcript).splitlines()
    assert "ProxyHeader(1, source=('198.51.100.7', 40000)" in lines[0] and "TLS failed: " in lines[-1]
    assert session.ended == "TLS failed" and server.sessions[1].ended == "PROXY failed"
    assert "PROXY header refused: " in str(server.sessions[1].transcript)


def test_transcript_of_smtplib_dialogue(connect):
    with MailServer() as server:
        client = RawSmtpClient(server.address)
        received = [client.send_command(line) for line in (b"EHLO me", b"NOOP", b"QUIT")]
        client.close()
        transcript = wait_for_sessions(server)[0].transcript

    replies = "".join(f"{line.text}\r\n" for line in transcript if line.who == "S")
    assert replies.encode().endswith(b"".join(received))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_settle_waits_for_complete_records(loop):
    with MailServer(tls="implicit", loop=loop) as server:
        for number in range(20):
            with pytest.raises(ssl.SSLError):
                smtplib.SMTP_SSL(*server.address, context=ssl.create_default_context())
            assert "unknown ca" in server.settle()[number].tls_failure
        assert server.sessions.counts["TLS"] == 0 and {session.ended for session in server.settle()} == {"TLS failed"}
    assert server.settle() is server.sessions


def test_settle_sees_a_client_that_has_just_connected(server):
    for number in range(1, 21):
        socket.create_connection(server.address).close()
        assert len(server.settle()) == number and server.sessions[-1].ended in {"EOF", "reset"}


def test_settle_timeout_names_the_open_sessions(server, connect):
    client = connect(server)
    client.send_command(b"EHLO me")
    with pytest.raises(TimeoutError, match=r"(?s)still connected after 0\.01 s:\n  <SessionRecord .*open>.*250 HELP"):
        server.settle(0.01)
    closing = threading.Timer(0.05, client.send_command, (b"QUIT",))
    closing.start()
    assert server.settle(20)[0].ended == "QUIT"
    closing.join()


def test_async_settle_works_in_any_loop(connect):
    async def main():
        async with MailServer() as server:
            with pytest.raises(RuntimeError, match="async_settle"):
                server.settle()
            _, writer = await asyncio.open_connection(*server.address)
            with pytest.raises(TimeoutError, match="still connected"):
                await server.async_settle(0.01)
            writer.close()
            assert (await server.async_settle())[0].ended in {"EOF", "reset"}
        with MailServer() as other:
            connect(other)
            with pytest.raises(TimeoutError, match="still connected"):
                await other.async_settle(0.01)

    asyncio.run(main())


def test_clear_keeps_sessions_that_begin_meanwhile():
    sessions = Sessions(max_kept=5)
    over = threading.Event()

    def clear():
        while not over.is_set():
            sessions.clear()

    clearing = threading.Thread(target=clear)
    clearing.start()
    live = [build_record(ended=None) for _ in range(5000)]
    for record in live:
        sessions.add(record)
    over.set()
    clearing.join()

    assert list(sessions) == live


# -- times and pictures ----------------------------------------------------------------------------


def test_session_has_its_start_as_mails_have_their_arrival(server, connect):
    client = connect(server)
    client.send_command(b"EHLO x")
    client.send_mail()
    session, mail = server.sessions[0], server.inbox.one()

    assert session.started.tzinfo is mail.received_at.tzinfo
    assert abs(mail.timestamp - session.timestamp) < 60 and session.started <= mail.received_at


def test_sessions_have_one_picture(server, connect):
    for _ in range(2):
        connect(server).send_command(b"EHLO x")
    sessions = server.sessions

    assert sessions._repr_svg_() == sessions.to_svg() and sessions.to_svg().count("EHLO x") == 2
    assert "<title>2 sessions<" in sessions.to_svg()


def test_completion_of_sessions_offers_what_readers_use():
    assert "counts" in dir(Sessions()) and "add" not in dir(Sessions())
