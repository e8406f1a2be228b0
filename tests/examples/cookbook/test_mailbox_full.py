"""A mailbox is full: its owner gets a message in the application."""

import smtplib

from lazr.smtptest.presets import quota_full


def notify(smtp, to, text):  # the code under test: None, or a message for the next login
    try:
        with smtplib.SMTP(*smtp) as client:
            client.sendmail("app@example.com", to, text)
    except smtplib.SMTPRecipientsRefused as error:
        _code, reason = error.recipients[to]
        if reason.startswith((b"4.2.2", b"5.2.2")):
            return "Your mailbox is full."
        raise
    return None


def test_owner_of_a_full_mailbox_gets_a_message(smtptest):
    smtptest.rules.add(quota_full(to="ann@*"))

    assert notify(smtptest.address, "ann@example.com", "Hi") == "Your mailbox is full."
    assert notify(smtptest.address, "ben@example.com", "Hi") is None
    assert smtptest.inbox.one().recipients == ("ben@example.com",)
