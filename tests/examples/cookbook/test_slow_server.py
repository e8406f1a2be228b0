"""The server takes its time: the application does not wait for longer than it said it would."""

import smtplib

import pytest


class MailIsSlow(Exception):
    pass


def deliver(smtp, to, text, timeout):  # the code under test
    try:
        with smtplib.SMTP(*smtp, timeout=timeout) as client:
            client.sendmail("app@example.com", to, text)
    except (TimeoutError, smtplib.SMTPServerDisconnected) as error:  # smtplib may say the one or the other
        raise MailIsSlow from error


@pytest.mark.parametrize("when", ["CONNECT", "RCPT", "END_OF_DATA"])
def test_it_gives_up_in_time(smtptest, when):
    smtptest.on(when).delay(30)

    with pytest.raises(MailIsSlow):
        deliver(smtptest.address, "ann@example.com", "Hi", timeout=0.5)
