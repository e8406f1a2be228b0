"""The password was changed a minute ago: a login that is refused fetches the new one, once."""

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
def test_it_logs_in_with_the_new_password(smtptest):
    smtptest.on("AUTH").reply(535, "5.7.8", "Authentication credentials invalid").once()
    passwords = iter(["old", "new"])

    deliver(smtptest.address, lambda: next(passwords), "ann@example.com", "Subject: Hi\r\n\r\nHi\r\n")

    assert smtptest.inbox.one().envelope.auth.password == "new"
