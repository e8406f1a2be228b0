"""Tests for smtpdfix with the alias, and the same tests with `smtptest`."""

from email.message import EmailMessage
from smtplib import SMTP

import pytest

from lazr.smtptest.pytest_aliases import smtpd  # noqa: F401


def welcome():
    message = EmailMessage()
    message["From"] = "app@example.com"
    message["To"] = "ann@example.com"
    message["Subject"] = "Welcome"
    message.set_content("Hi Ann")
    return message


def test_welcome(smtpd):
    with SMTP(smtpd.hostname, smtpd.port) as client:
        client.send_message(welcome())

    assert len(smtpd.messages) == 1
    assert smtpd.messages[0]["Subject"] == "Welcome"


def test_login(smtpd):
    smtpd.config.use_starttls = True
    smtpd.config.enforce_auth = True

    with SMTP(smtpd.hostname, smtpd.port) as client:
        client.starttls()
        client.login(smtpd.config.login_username, smtpd.config.login_password)
        client.send_message(welcome())

    assert len(smtpd.messages) == 1


# -- the same tests moved -----------------------------------------------------------------------


def test_welcome_moved(smtptest):
    with SMTP(*smtptest.address) as client:
        client.send_message(welcome())

    assert smtptest.inbox.one(to="ann@example.com", subject="Welcome").text == "Hi Ann\n"


@pytest.mark.smtptest(tls="starttls", auth={"user": "password"})
def test_login_moved(smtptest):
    with SMTP(*smtptest.address) as client:
        client.starttls(context=smtptest.client_context())  # verifies the certificate
        client.login("user", "password")
        client.send_message(welcome())

    assert smtptest.inbox.one().username == "user"
