"""The password has just changed: after a refused login, the application uses the new one."""

import smtplib

import pytest

from lazr.smtptest import Auth


def deliver(smtp, fetch_password, to, text):  # the code under test
    with smtplib.SMTP(*smtp) as client:
        try:
            client.login("app", fetch_password())
        except smtplib.SMTPAuthenticationError:
            client.login("app", fetch_password())
        client.sendmail("app@example.com", to, text)


@pytest.mark.smtptest(auth=Auth("any", mechanisms=["PLAIN"]))
def test_second_login_uses_the_new_password(smtptest):
    smtptest.on("AUTH").reply(535, "5.7.8", "Authentication credentials invalid").once()
    passwords = iter(["old", "new"])

    deliver(smtptest.address, lambda: next(passwords), "ann@example.com", "Subject: Hi\r\n\r\nHi\r\n")

    used = smtptest.inbox.one().envelope.auth
    assert used and used.password == "new"
