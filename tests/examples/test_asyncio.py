"""asyncio: the server in a thread beside the loop, or in the loop."""

import asyncio

import aiosmtplib
import pytest

from lazr.smtptest import MailServer

CONTENT = b"Subject: Hi\r\n\r\nHello"


async def deliver(server):  # the code under test
    await aiosmtplib.send(
        CONTENT, sender="app@example.com", recipients=["ann@example.com"], hostname=server.host, port=server.port
    )


def test_beside_the_loop(smtptest):
    async def main():
        await deliver(smtptest)
        [mail] = await smtptest.inbox.async_wait(to="ann@example.com")  # other tasks run meanwhile
        return mail

    assert asyncio.run(main()).subject == "Hi"


def test_in_the_loop():
    async def main():
        async with MailServer() as server:
            await deliver(server)
            [mail] = await server.inbox.async_wait(to="ann@example.com")
            return mail

    assert asyncio.run(main()).subject == "Hi"


def test_full_mailbox(smtptest):
    smtptest.on("RCPT", to="ann@example.com").reply(452, "4.2.2", "Mailbox full")

    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        asyncio.run(deliver(smtptest))
