"""aiosmtplib: a client in the test's own event loop, with TLS that is verified."""

import asyncio
import ssl
from email.message import EmailMessage

import aiosmtplib
import pytest


async def deliver(server, context):  # the code under test
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "app@example.com", "ann@example.com", "Hi"
    message.set_content("Hello Ann")
    await aiosmtplib.send(
        message,
        hostname=server.host,
        port=server.port,
        username="app",
        password="secret",
        start_tls=True,
        tls_context=context,
    )


@pytest.mark.smtptest(tls="starttls", auth={"app": "secret"})
def test_it_delivers(smtptest):
    asyncio.run(deliver(smtptest, smtptest.client_context()))

    mail = smtptest.inbox.one(to="ann@example.com")
    assert mail.text == "Hello Ann\n"
    assert "credentials" not in mail.session.sent_in_clear


@pytest.mark.smtptest(tls="starttls")
def test_it_refuses_a_certificate_that_nobody_signed(smtptest):
    with pytest.raises(ssl.SSLError):
        asyncio.run(deliver(smtptest, ssl.create_default_context()))

    smtptest.inbox.none()
