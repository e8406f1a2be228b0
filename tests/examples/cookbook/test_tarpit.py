"""Each reply is in time, but their sum is not: the delivery needs a timeout of its own."""

import asyncio

import aiosmtplib
import pytest

from lazr.smtptest.presets import tarpit

MAIL = ("app@example.com", ["ann@example.com"], "Subject: Hi\r\n\r\nHi\r\n")


async def deliver(smtp, mail, seconds):  # the code under test
    async with asyncio.timeout(seconds):
        async with aiosmtplib.SMTP(hostname=smtp[0], port=smtp[1], timeout=seconds) as client:
            await client.sendmail(*mail)


def test_delivery_has_a_timeout_for_all_replies(smtptest):
    smtptest.rules.add(tarpit(0.2))  # the greeting, EHLO, MAIL, RCPT, DATA and its end: 1.2 s

    with pytest.raises(TimeoutError):
        asyncio.run(deliver(smtptest.address, MAIL, seconds=0.5))

    smtptest.inbox.none()
