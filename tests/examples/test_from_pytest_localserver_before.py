"""A test for pytest-localserver 0.10; its fixture `smtpserver` comes from the plugin of pytest-localserver."""

import smtplib

WELCOME = "From: app@example.com\r\nTo: ann@example.com\r\nSubject: Welcome\r\n\r\nHi Ann\r\n"


def test_welcome(smtpserver):
    with smtplib.SMTP(*smtpserver.addr) as client:
        client.sendmail("app@example.com", ["ann@example.com", "archive@example.com"], WELCOME)

    [message] = smtpserver.outbox
    assert message["Subject"] == "Welcome"
    assert message.details.rcpttos == ["ann@example.com", "archive@example.com"]
