"""Waits under trio, beside a server in a thread."""

import asyncio
import smtplib
import threading

import pytest

from lazr.smtptest import Inbox, MailServer, StartError, WaitTimeout

trio = pytest.importorskip("trio")


def send(server, to="ann@example.com"):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("app@example.com", to, "Subject: Hi\r\n\r\nHello")


def test_async_waits_work_under_trio():
    async def main():
        with MailServer() as server:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, send, server)
                assert (await server.inbox.async_one(to="ann@example.com")).subject == "Hi"
            await server.inbox.async_none(since=server.inbox.mark(), within=0.01)
            with pytest.raises(WaitTimeout, match=r"^1 mail within 0\.01 s, expected 2"):
                await server.inbox.async_wait(2, timeout=0.01)
            assert (await server.async_settle())[-1].ended == "QUIT"
            rule = server.on("NOOP").reply(450).optional()
            with pytest.raises(WaitTimeout, match="expected the rule to act"):
                await rule.async_wait(timeout=0.01)
            async for mail in server.inbox.arrivals():
                assert mail.subject == "Hi"
                await trio.to_thread.run_sync(server.stop)

    trio.run(main)


def test_waits_wake_up_for_each_mail_under_trio():
    inbox = Inbox()

    def build(number):
        from lazr.smtptest import Envelope, Mail

        envelope = Envelope("a@example.com", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},))
        return Mail(str(number), envelope, [b"\r\n"])

    async def main():
        def add():
            for number in range(200):
                inbox.append(build(number))
                inbox.notify_waiters()

        thread = threading.Thread(target=add)
        thread.start()
        assert len(await inbox.async_wait(200, timeout=20)) == 200
        thread.join()

    trio.run(main)
    assert inbox._listeners == []


def test_server_in_the_loop_of_trio_raises_start_error():
    async def main():
        with pytest.raises(StartError, match="needs the event loop of asyncio, and trio runs here; write `with"):
            async with MailServer():
                pass

    trio.run(main)


def test_trio_that_is_imported_does_not_disturb_asyncio():
    async def main():
        with MailServer() as server:
            await asyncio.to_thread(send, server)
            return (await server.inbox.async_one()).subject

    assert asyncio.run(main()) == "Hi"
