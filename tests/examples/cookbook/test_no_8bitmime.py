"""A server without 8BITMIME gets 7-bit content, and the umlauts arrive unchanged."""

import smtplib
from email.message import EmailMessage

import pytest


def deliver(smtp, to, text):  # the code under test
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "app@example.com", to, "Hi"
    with smtplib.SMTP(*smtp) as client:
        client.ehlo()
        message.set_content(text, cte="8bit" if client.has_extn("8bitmime") else "quoted-printable")
        client.send_message(message)


@pytest.mark.parametrize("old", [False, True])
def test_content_fits_the_extensions_of_the_server(smtptest, old):
    if old:
        smtptest.on("EHLO").without("8BITMIME", "SMTPUTF8", "BINARYMIME")

    deliver(smtptest.address, "ann@example.com", "Grüße\n")

    mail = smtptest.inbox.one()
    assert mail.text == "Grüße\n"
    assert mail.content.isascii() == old
