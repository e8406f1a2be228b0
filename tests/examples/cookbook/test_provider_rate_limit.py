"""A provider says that it has enough for now: the newsletter stops, and knows where to go on."""

import smtplib

from lazr.smtptest.presets import provider


def send_newsletter(smtp, addresses, text):  # the code under test: who has not got it yet
    with smtplib.SMTP(*smtp) as client:
        for number, address in enumerate(addresses):
            try:
                client.sendmail("news@example.com", address, text)
            except smtplib.SMTPResponseException as error:
                if error.smtp_code in (421, 450, 451):  # not this mail is unwelcome, but more of them now
                    return addresses[number:]
                raise
    return []


def test_it_stops_where_gmail_wants_it_to(smtptest):
    smtptest.rules.add(provider("gmail").rate_limit(2, per=3600))
    everybody = [f"{name}@gmail.example" for name in ("ann", "ben", "cat", "dan")]

    assert send_newsletter(smtptest.address, everybody, "Subject: News\r\n\r\nNews\r\n") == everybody[2:]

    assert [mail.recipients[0] for mail in smtptest.inbox] == everybody[:2]
