"""The same tests in Python, with the fixture `smtptest`: as with GreenMail, the server is a part of the test."""

import smtplib

import pytest

from tests.examples.shop_mail import Shop


def test_sends_welcome(smtptest):
    Shop(*smtptest.address).welcome("zoe@example.com")

    mail = smtptest.inbox.one(to="zoe@example.com")
    assert mail.subject == "Welcome to the shop, Zoë"
    assert mail.text == "Your code is 123456.\n"


def test_counts_the_mails_of_a_recipient(smtptest):
    shop = Shop(*smtptest.address)
    for name in ("ann", "zoe", "ann"):
        shop.invoice(f"{name}@example.com")

    assert len(smtptest.inbox.wait(2, to="ann@example.com")) == 2
    smtptest.inbox.none(to="bob@example.com")


def test_reports_a_full_mailbox(smtptest):
    smtptest.on("RCPT", to="*@full.example").reply(552, "5.2.2", "Mailbox full")

    with pytest.raises(smtplib.SMTPRecipientsRefused):
        Shop(*smtptest.address).invoice("zoe@full.example")


@pytest.mark.smtptest(auth={"ann": "secret"}, tls="implicit")  # setUser("ann", "secret"), ServerSetupTest.SMTPS
def test_logs_in(smtptest):
    with smtplib.SMTP_SSL(*smtptest.address, context=smtptest.client_context()) as client:
        client.login("ann", "secret")
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")

    assert smtptest.inbox.one(to="bob@example.com").username == "ann"
