"""The server limits the recipients of a message: the others get it with another message."""

import smtplib

from lazr.smtptest.presets import max_recipients


def announce(smtp, addresses, text):  # the code under test
    with smtplib.SMTP(*smtp) as client:
        while addresses:
            refused = client.sendmail("app@example.com", addresses, text)
            addresses = [address for address, (code, _) in refused.items() if code == 452]


def test_all_recipients_are_reached_with_several_messages(smtptest):
    smtptest.rules.add(max_recipients(2))
    everybody = [f"user{number}@example.com" for number in range(5)]

    announce(smtptest.address, everybody, "Subject: Hi\r\n\r\nHi\r\n")

    assert [len(mail.recipients) for mail in smtptest.inbox] == [2, 2, 1]
    assert {address for mail in smtptest.inbox for address in mail.recipients} == set(everybody)
