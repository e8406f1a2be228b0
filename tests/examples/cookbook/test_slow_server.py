"""The server is slow: the application gives up after its timeout."""

import smtplib

import pytest


class MailIsSlow(Exception):
    pass


def deliver(smtp, to, text, timeout):  # the code under test
    try:
        with smtplib.SMTP(*smtp, timeout=timeout) as client:
            client.sendmail("app@example.com", to, text)
    except (TimeoutError, smtplib.SMTPServerDisconnected) as error:  # smtplib raises one or the other
        raise MailIsSlow from error


@pytest.mark.parametrize("when", ["CONNECT", "RCPT", "END_OF_DATA"])
def test_delivery_gives_up_after_its_timeout(smtptest, when):
    smtptest.on(when).delay(30)

    with pytest.raises(MailIsSlow):
        deliver(smtptest.address, "ann@example.com", "Hi", timeout=0.5)
