"""The server fails twice: the application tries again, after growing pauses."""

import smtplib
import time


def deliver(smtp, to, text, pauses=(1, 10, 60), sleep=time.sleep):  # the code under test
    pauses = list(pauses)
    while True:
        try:
            with smtplib.SMTP(*smtp) as client:
                return client.sendmail("app@example.com", to, text)
        except smtplib.SMTPResponseException as error:
            if error.smtp_code >= 500 or not pauses:
                raise
            sleep(pauses.pop(0))


def test_delivery_is_retried_until_the_server_accepts(smtptest):
    smtptest.on("DATA").reply(451, "4.3.0", "Try later").times(2)
    pauses_taken: list[float] = []

    deliver(smtptest.address, "ann@example.com", "Subject: Hi\r\n\r\nHi\r\n", sleep=pauses_taken.append)

    assert smtptest.inbox.one().subject == "Hi"
    assert pauses_taken == [1, 10]
