"""A blocking client in the server's own event loop gets a 421 instead of waiting forever."""

import asyncio
import logging
import smtplib
import socket
import subprocess
import sys
import threading

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.net import blocked_loop


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    monkeypatch.setattr(blocked_loop, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(blocked_loop, "_BLOCKED_SECONDS", 0.05)


def test_blocking_client_gets_421_and_the_log_shows_where(caplog):
    async def run():
        async with MailServer() as server:
            with pytest.raises(smtplib.SMTPConnectError, match=r"blocks the event loop.*asyncio\.to_thread"):
                smtplib.SMTP(*server.address)
            return await asyncio.to_thread(send_mail, server)

    with caplog.at_level(logging.ERROR):
        assert asyncio.run(run()) == {}  # the server goes on
    assert "blocks the event loop" in caplog.text and "smtplib.SMTP(*server.address)" in caplog.text


def send_mail(server):
    with smtplib.SMTP(*server.address) as client:
        return client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")


def test_blocking_child_process_gets_421():
    code = "import smtplib, sys; smtplib.SMTP('127.0.0.1', int(sys.argv[1]))"

    async def run():
        async with MailServer() as server:
            command = [sys.executable, "-c", code, str(server.port)]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr

    assert "blocks the event loop" in asyncio.run(run())


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.noop(),
        lambda client: client.mail("app@example.com"),
        lambda client: client.sendmail("app@example.com", ["ann@example.com"], "Subject: Hi\r\n\r\nHello"),
        lambda client: client.quit(),
    ],
)
def test_blocking_call_on_an_accepted_connection_gets_421(caplog, call):
    async def run():
        async with MailServer() as server:
            client = await asyncio.to_thread(smtplib.SMTP, *server.address)
            await asyncio.to_thread(client.ehlo)
            try:
                outcome = call(client)
            except smtplib.SMTPException as error:
                outcome = error
            client.close()
            assert await asyncio.to_thread(send_mail, server) == {}  # the server goes on
            await server.async_settle()
            return outcome

    with caplog.at_level(logging.ERROR):
        outcome = asyncio.run(run())
    assert "blocks the event loop" in str(outcome)
    assert "421" in str(outcome)
    assert "call(client)" in caplog.text


def test_blocking_call_inside_tls_ends_the_connection(caplog):
    pytest.importorskip("trustme")

    async def run():
        async with MailServer(tls="starttls") as server:
            client = await asyncio.to_thread(smtplib.SMTP, *server.address)
            await asyncio.to_thread(client.starttls, context=server.client_context())
            with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
                client.noop()
            client.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert "blocks the event loop" in caplog.text


def test_client_waits_while_the_loop_computes(caplog):
    reached = threading.Event()

    def compute(server):
        with socket.create_connection(server.address):
            reached.wait(0.3)  # in the module threading, as a computation or a debugger would be in another module
            return server

    async def run():
        async with MailServer() as server:
            compute(server)
            return await asyncio.to_thread(send_mail, server)

    assert asyncio.run(run()) == {} and not caplog.records


def test_busy_loop_that_reacts_is_not_blocked(caplog, monkeypatch):
    find_waiting = blocked_loop.BlockedLoopWatch._find_waiting
    polls = []

    def count_polls(watch):
        polls.append(find_waiting(watch))
        return polls[-1]

    monkeypatch.setattr(blocked_loop.BlockedLoopWatch, "_find_waiting", count_polls)

    async def run():
        async with asyncio.timeout(60), MailServer() as server:
            while len(polls) < 20:
                results = await asyncio.gather(*(asyncio.to_thread(send_mail, server) for _ in range(5)))
                assert results == [{}] * 5

    asyncio.run(run())
    assert not caplog.records


def test_watch_ends_with_the_server():
    async def run():
        async with MailServer():
            assert "smtptest loop watch" in [thread.name for thread in threading.enumerate()]

    asyncio.run(run())
    assert "smtptest loop watch" not in [thread.name for thread in threading.enumerate()]
