"""A mailbox is full: its owner is told in the application, and others get their mail."""

import smtplib

from lazr.smtptest.presets import quota_full


def notify(smtp, to, text):  # the code under test: None, or what to show when they next log in
    try:
        with smtplib.SMTP(*smtp) as client:
            client.sendmail("app@example.com", to, text)
    except smtplib.SMTPRecipientsRefused as error:
        _code, said = error.recipients[to]
        if said.startswith((b"4.2.2", b"5.2.2")):
            return "Your mailbox is full."
        raise
    return None


def test_the_owner_of_the_full_mailbox_is_told(smtptest):
    smtptest.rules.add(quota_full(to="ann@*"))

    assert notify(smtptest.address, "ann@example.com", "Hi") == "Your mailbox is full."
    assert notify(smtptest.address, "ben@example.com", "Hi") is None
    assert smtptest.inbox.one().recipients == ("ben@example.com",)
