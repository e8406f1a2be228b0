"""aiosmtplib: a client in the event loop of the test, which verifies TLS."""

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
def test_mail_is_delivered(smtptest):
    asyncio.run(deliver(smtptest, smtptest.client_context()))

    mail = smtptest.inbox.one(to="ann@example.com")
    assert mail.text == "Hello Ann\n"
    assert "credentials" not in mail.session.sent_in_clear


@pytest.mark.smtptest(tls="starttls")
def test_unknown_certificate_is_refused(smtptest):
    with pytest.raises(ssl.SSLError):
        asyncio.run(deliver(smtptest, ssl.create_default_context()))

    smtptest.inbox.none()


@pytest.mark.smtptest(tls="starttls", auth={"app": "secret"})
def test_full_mailbox(smtptest):
    smtptest.on("RCPT", to="ann@example.com").reply(452, "4.2.2", "Mailbox full")

    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        asyncio.run(deliver(smtptest, smtptest.client_context()))
