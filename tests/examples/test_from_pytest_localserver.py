"""A test for pytest-localserver with the alias, and the same test with `smtptest`."""

import smtplib

from lazr.smtptest.pytest_aliases import smtpserver  # noqa: F401

WELCOME = "From: app@example.com\r\nTo: ann@example.com\r\nSubject: Welcome\r\n\r\nHi Ann\r\n"


def test_welcome(smtpserver):
    with smtplib.SMTP(*smtpserver.addr) as client:
        client.sendmail("app@example.com", ["ann@example.com", "archive@example.com"], WELCOME)

    [message] = smtpserver.outbox
    assert message["Subject"] == "Welcome"
    assert message.details.rcpttos == ["ann@example.com", "archive@example.com"]


# -- the same test moved ------------------------------------------------------------------------


def test_welcome_moved(smtptest):
    with smtplib.SMTP(*smtptest.address) as client:
        client.sendmail("app@example.com", ["ann@example.com", "archive@example.com"], WELCOME)

    mail = smtptest.inbox.one(to="ann@example.com", subject="Welcome")
    assert mail.bcc == ("archive@example.com",)
