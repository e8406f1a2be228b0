"""FastAPI-Mail, with a real server that requires TLS and a password."""

import asyncio

import pytest
from aiosmtplib import SMTPRecipientsRefused
from fastapi_mail import ConnectionConfig, FastMail, MessageSchema, MessageType
from pydantic import SecretStr


async def welcome(to, config):  # the code under test: an endpoint, or a background task
    message = MessageSchema(subject="Welcome", recipients=[to], body="<p>Hi</p>", subtype=MessageType.html)
    await FastMail(config).send_message(message)


@pytest.fixture
def config(smtptest):  # an application reads it from the environment, which `smtptest.env()` has
    return ConnectionConfig(
        MAIL_FROM="shop@example.com",
        MAIL_SERVER=smtptest.host,
        MAIL_PORT=smtptest.port,
        MAIL_USERNAME="shop",
        MAIL_PASSWORD=SecretStr("secret"),
        MAIL_STARTTLS=True,
        MAIL_SSL_TLS=False,
        CERT_BUNDLE=smtptest.ca_file,
    )


@pytest.mark.smtptest(tls="starttls", auth={"shop": "secret"})
def test_welcome(smtptest, config):
    asyncio.run(welcome("ann@example.com", config))

    mail = smtptest.inbox.one(to="ann@example.com", subject="Welcome")
    assert mail.html.strip() == "<p>Hi</p>"
    assert mail.envelope.tls and mail.envelope.tls.version == "TLSv1.3"
    assert mail.username == "shop"


@pytest.mark.smtptest(tls="starttls", auth={"shop": "secret"})
def test_full_mailbox(smtptest, config):
    smtptest.on("RCPT", to="ann@example.com").reply(452, "4.2.2", "Mailbox full")

    with pytest.raises(SMTPRecipientsRefused):
        asyncio.run(welcome("ann@example.com", config))
