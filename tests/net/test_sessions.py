"""`server.sessions`: who came, how each session ended, and how many there were of everything."""

import asyncio
import smtplib
import socket
import ssl
import struct
import threading

import pytest

from lazr.smtptest import Limits, MailServer, Reply
from lazr.smtptest.net.sessions import Sessions
from lazr.smtptest.protocol.smtp.record import SessionRecord
from talk import Client


def settled(server):
    """Wait until no connection is left."""
    waiting = threading.Event()
    for _ in range(1000):
        if not server.call(lambda: server._service._connections):
            return server.sessions
        waiting.wait(0.01)
    raise AssertionError("the connections do not end")


def say_quit(client):
    client.ask(b"QUIT")


def close(client):
    client.close()


def reset(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def be_silent(client):
    assert client.reply().startswith(b"421")


def flood(client):
    client.send(b"x" * 100_000)
    assert client.reply().startswith(b"421")


@pytest.mark.parametrize(
    ("leave", "how"), [(say_quit, "QUIT"), (close, "EOF"), (reset, "reset"), (be_silent, "timeout"), (flood, "421")]
)
def test_a_session_knows_how_it_ended(leave, how, connect):
    with MailServer(limits=Limits(idle_timeout=0.3 if how == "timeout" else 30)) as server:
        client = connect(server)
        client.ask(b"EHLO me")
        assert server.sessions[0].ended is None and server.sessions.counts["live"] == 1
        leave(client)
        (session,) = settled(server)

        assert session.ended == how and f"ended by {how}" in repr(session)
        assert server.sessions.counts[how] == 1 and server.sessions.counts["live"] == 0


def test_a_client_that_never_reads_ends_by_a_timeout(connect):
    with MailServer(limits=Limits(write_timeout=0.2, commands_without_mail=None)) as server:
        client = connect(server, receive_buffer=4096)
        client.socket.settimeout(0.2)
        with pytest.raises((TimeoutError, ConnectionError)):  # it waits, or is cut off already
            while True:
                client.send(b"HELP\r\n" * 1000)

        assert settled(server)[0].ended == "timeout"


def test_stopping_the_server_ends_its_sessions(connect):
    with MailServer() as server:
        connect(server).ask(b"EHLO me")
    assert [session.ended for session in server.sessions] == ["stop"]


def test_the_transcript_has_the_times_of_the_server(connect):
    with MailServer(decide=lambda event, reply: Reply(250, "Late") if event.verb == "NOOP" else reply) as server:
        client = connect(server)
        client.ask(b"EHLO me")
        client.ask(b"NOOP")
        client.ask(b"QUIT")
        (session,) = settled(server)
        lines = list(session.transcript)

    assert [line.text for line in lines if line.who == "C"] == ["EHLO me", "NOOP", "QUIT"]
    times = [line.at for line in lines]
    assert times == sorted(times) and times[0] == 0.0 and 0 < times[-1] < 60


def test_a_late_answer_stands_at_its_own_time():
    import asyncio

    async def decide(event, reply):
        if event.verb == "NOOP":
            await asyncio.sleep(0.05)
        return reply

    with MailServer(decide=decide) as server:
        with smtplib.SMTP(*server.address) as client:
            client.noop()
        asked, answered = [line for line in settled(server)[0].transcript if "noop" in line.text or " Ok" in line.text]

    assert answered.at - asked.at >= 0.05


def test_all_that_happened_is_counted():
    with MailServer(tls="starttls", auth={"ann": "secret"}) as server:
        for _ in range(2):
            with smtplib.SMTP(*server.address) as client:
                client.starttls(context=server.client_context())
                client.login("ann", "secret")
                client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")
        with smtplib.SMTP(*server.address) as client:
            client.helo()
            client.mail("ann@example.com")
        counts = settled(server).counts

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


def record(ended="QUIT"):
    made = SessionRecord()
    made.mails = 1
    made.greetings = ("EHLO",)
    if ended:
        made.end(ended)
    return made


def test_the_latest_of_the_past_are_kept_and_the_live_ones_and_all_are_counted():
    sessions = Sessions(kept=5)
    live = [record(ended=None) for _ in range(3)]
    past = [record() for _ in range(200)]
    for one in (*live, *past):
        sessions.add(one)

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
        sessions.add(record())
    assert live[0] not in sessions and live[1] in sessions
    assert sessions.counts["EOF"] == 1 and sessions.counts["connections"] == 253

    sessions.clear()
    assert list(sessions) == live[1:] and sessions.counts["connections"] == 2


def test_a_mail_leads_to_the_dialogue_that_brought_it(server):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")
    transcript = server.inbox[0].session.transcript

    # Which letters of the verb are capitals depends on the smtplib.
    assert "c: rcpt to:<bob@example.com>" in str(transcript).lower() and "C: Subject: Hi" in str(transcript)


def test_a_proxy_and_a_failed_handshake_stand_in_the_transcript(connect):
    with MailServer(proxy=True, tls="implicit") as server:
        client = connect(server, greet=False)
        client.send(b"PROXY TCP4 198.51.100.7 127.0.0.1 40000 25\r\nEHLO me\r\n")
        client.rest()
        (session,) = settled(server)
        stranger = connect(server, greet=False)
        stranger.send(b"EHLO me\r\n" * 30)
        stranger.rest()

    told = str(session.transcript).splitlines()
    assert "Proxied(1, source=('198.51.100.7', 40000)" in told[0] and "TLS failed: " in told[-1]
    assert session.ended == "TLS failed" and server.sessions[1].ended == "PROXY failed"
    assert "PROXY header refused: " in str(server.sessions[1].transcript)


def test_a_whole_client_sees_its_own_dialogue(connect):
    with MailServer() as server:
        client = Client(server.address)
        said = [client.ask(line) for line in (b"EHLO me", b"NOOP", b"QUIT")]
        client.close()
        transcript = settled(server)[0].transcript

    replies = "".join(f"{line.text}\r\n" for line in transcript if line.who == "S")
    assert replies.encode().endswith(b"".join(said))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_settled_sessions_say_all(loop):
    with MailServer(tls="implicit", loop=loop) as server:
        for number in range(20):
            with pytest.raises(ssl.SSLError):
                smtplib.SMTP_SSL(*server.address, context=ssl.create_default_context())
            assert "unknown ca" in server.settle()[number].tls_failure
        assert server.sessions.counts["TLS"] == 0 and {session.ended for session in server.settle()} == {"TLS failed"}
    assert server.settle() is server.sessions


def test_settling_sees_who_has_only_just_connected(server):
    for number in range(1, 21):
        socket.create_connection(server.address).close()
        assert len(server.settle()) == number and server.sessions[-1].ended in {"EOF", "reset"}


def test_settling_gives_up_and_names_who_is_still_there(server, connect):
    client = connect(server)
    client.ask(b"EHLO me")
    with pytest.raises(TimeoutError, match=r"(?s)still connected after 0\.01 s:\n  <SessionRecord .*open>.*250 HELP"):
        server.settle(0.01)
    closing = threading.Timer(0.05, client.ask, (b"QUIT",))
    closing.start()
    assert server.settle(20)[0].ended == "QUIT"
    closing.join()


def test_coroutines_settle_too(connect):
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


def test_clearing_loses_no_session_that_begins_meanwhile():
    sessions = Sessions(kept=5)
    over = threading.Event()

    def clear():
        while not over.is_set():
            sessions.clear()

    clearing = threading.Thread(target=clear)
    clearing.start()
    live = [record(ended=None) for _ in range(5000)]
    for one in live:
        sessions.add(one)
    over.set()
    clearing.join()

    assert list(sessions) == live
