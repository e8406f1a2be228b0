"""FastAPI-Mail, against a real server that wants TLS and a password."""

import asyncio

import pytest
from fastapi_mail import ConnectionConfig, FastMail, MessageSchema, MessageType


async def welcome(to, config):  # the code under test: an endpoint, or a background task
    message = MessageSchema(subject="Welcome", recipients=[to], body="<p>Hi</p>", subtype=MessageType.html)
    await FastMail(config).send_message(message)


@pytest.fixture
def config(smtptest, monkeypatch):
    for name, value in smtptest.env().items():  # ConnectionConfig reads MAIL_SERVER, MAIL_PORT and so on
        monkeypatch.setenv(name, value)
    return ConnectionConfig(MAIL_FROM="shop@example.com", CERT_BUNDLE=smtptest.ca_file)


@pytest.mark.smtptest(tls="starttls", auth={"shop": "secret"})
def test_welcome(smtptest, config):
    asyncio.run(welcome("ann@example.com", config))

    mail = smtptest.inbox.one(to="ann@example.com", subject="Welcome")
    assert mail.html.strip() == "<p>Hi</p>"
    assert mail.envelope.tls.version == "TLSv1.3" and mail.envelope.auth.username == "shop"
