"""The server fails three mails in ten, with a fixed seed: no mail is lost."""

import smtplib

from lazr.smtptest.presets import flaky


def deliver_all(smtp, addresses, text):  # the code under test: the number of rounds
    rounds = 0
    while addresses:
        rounds += 1
        failed = []
        with smtplib.SMTP(*smtp) as client:
            for address in addresses:
                try:
                    client.sendmail("app@example.com", address, text)
                except smtplib.SMTPDataError:
                    failed.append(address)
        addresses = failed
    return rounds


def test_every_address_gets_the_mail_once(smtptest):
    smtptest.rules.add(flaky(0.3, seed=2009))
    everybody = [f"user{number}@example.com" for number in range(30)]

    assert deliver_all(smtptest.address, everybody, "Subject: Hi\r\n\r\nHi\r\n") > 1

    assert sorted(mail.recipients[0] for mail in smtptest.inbox) == sorted(everybody)
