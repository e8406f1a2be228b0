"""A suite for smtpdfix 0.5; its fixture `smtpd` comes from the plugin of smtpdfix."""

from email.message import EmailMessage
from smtplib import SMTP


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
