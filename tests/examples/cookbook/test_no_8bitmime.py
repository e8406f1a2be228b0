"""A server that wants 7-bit content gets it, and the umlauts arrive all the same."""

import smtplib
from email import policy
from email.message import EmailMessage

import pytest


def deliver(smtp, message):  # the code under test
    with smtplib.SMTP(*smtp) as client:
        client.ehlo()
        bits = "8bit" if client.has_extn("8bitmime") else "7bit"
        content = message.as_bytes(policy=policy.SMTP.clone(cte_type=bits))
        client.sendmail(message["From"], message["To"], content)


@pytest.mark.parametrize("old", [False, True])
def test_the_content_is_what_the_server_can_take(smtptest, old):
    if old:
        smtptest.on("EHLO").without("8BITMIME", "SMTPUTF8", "BINARYMIME")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "app@example.com", "ann@example.com", "Hi"
    message.set_content("Grüße\n", cte="8bit")

    deliver(smtptest.address, message)

    mail = smtptest.inbox.one()
    assert mail.text == "Grüße\n"
    assert mail.content.isascii() == old
