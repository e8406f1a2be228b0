"""A server that fails for a while is tried again, after longer and longer pauses."""

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


def test_it_tries_again_until_the_server_can(smtptest):
    smtptest.on("DATA").reply(451, "4.3.0", "Try later").times(2)
    slept = []

    deliver(smtptest.address, "ann@example.com", "Subject: Hi\r\n\r\nHi\r\n", sleep=slept.append)

    assert smtptest.inbox.one().subject == "Hi"
    assert slept == [1, 10]
