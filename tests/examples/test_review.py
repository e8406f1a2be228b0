"""Check all mails that an application sends."""

import smtplib
from email.message import EmailMessage
from email.utils import localtime, make_msgid


def send_welcome(host, port):  # your application
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", "ann@example.com", "Welcome"
    message["Date"], message["Message-ID"] = localtime(), make_msgid(domain="shop.example.com")
    message.set_content("Hello Ann,\nconfirm your address: https://shop.example.com/confirm\n")
    with smtplib.SMTP(host, port) as client:
        client.send_message(message)


def test_mails_are_correct(smtptest):
    send_welcome(*smtptest.address)

    for mail in smtptest.inbox:
        mail.check().assert_no("warning", ignore=["link-insecure"])
