"""A provider limits the rate: the newsletter stops, and returns the other addresses."""

import smtplib

from lazr.smtptest.presets import provider


def send_newsletter(smtp, addresses, text):  # the code under test: the addresses that are left
    with smtplib.SMTP(*smtp) as client:
        for number, address in enumerate(addresses):
            try:
                client.sendmail("news@example.com", address, text)
            except smtplib.SMTPResponseException as error:
                if error.smtp_code in (421, 450, 451):  # a limit for all mail, not a refusal of this one
                    return addresses[number:]
                raise
    return []


def test_newsletter_stops_at_the_rate_limit(smtptest):
    smtptest.rules.add(provider("gmail").rate_limit(2, per=3600))
    addresses = [f"{name}@gmail.example" for name in ("ann", "ben", "cat", "dan")]

    assert send_newsletter(smtptest.address, addresses, "Subject: News\r\n\r\nNews\r\n") == addresses[2:]

    assert [mail.recipients[0] for mail in smtptest.inbox] == addresses[:2]
