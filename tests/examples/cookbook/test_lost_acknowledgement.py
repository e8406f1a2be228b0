"""The server keeps the mail, and its 250 is lost (RFC 1047): the retry makes a copy."""

import smtplib
from email.message import EmailMessage
from email.utils import make_msgid


def deliver(smtp, message):  # the code under test
    message["Message-ID"] = make_msgid(domain="app.example.com")  # once, for both copies
    while True:
        try:
            with smtplib.SMTP(*smtp) as client:
                return client.send_message(message)
        except smtplib.SMTPServerDisconnected:
            continue


def test_both_copies_have_the_same_message_id(smtptest):
    smtptest.on("END_OF_DATA").truncate(0).close_after().once()
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "app@example.com", "ann@example.com", "Invoice 7"
    message.set_content("Please pay.")

    deliver(smtptest.address, message)

    first, second = smtptest.inbox.wait(2)
    assert first.content == second.content
    assert first.header("Message-ID") == second.header("Message-ID") == message["Message-ID"]
