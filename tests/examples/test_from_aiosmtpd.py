"""The same suite with `smtptest`: no handlers, no ports, no parsing, no certificates by hand."""

import re
import smtplib

import pytest

from lazr.smtptest import Match, Tls, presets
from tests.examples.shop_mail import Shop


@pytest.fixture
def shop(smtptest):
    return Shop(*smtptest.address)


def test_welcome(smtptest, shop):
    shop.welcome("zoe@example.com")

    mail = smtptest.inbox.one(to="zoe@example.com", subject="Welcome to the shop, Zoë")
    assert mail.sender == "shop@example.com"
    assert mail.text == "Your code is 123456.\n"
    assert "<b>123456</b>" in mail.html


def test_blind_copy(smtptest, shop):
    shop.welcome("zoe@example.com")

    assert smtptest.inbox.one().bcc == ("archive@example.com",)


def test_attachment(smtptest, shop):
    shop.invoice("zoe@example.com")

    assert smtptest.inbox.one().attachment("invoice.pdf").content == b"%PDF-1.7"


def test_mail_of_a_thread(smtptest, shop):
    thread = shop.invoice_later("zoe@example.com")

    assert smtptest.inbox.one(to="zoe@example.com", timeout=60).subject == "Invoice"
    thread.join()


def test_refused_recipient(smtptest, shop):
    smtptest.on("RCPT", to="*@full.example").reply(552, "5.2.2", "Mailbox full")
    refused = shop.welcome("zoe@full.example")

    assert refused == {"zoe@full.example": (552, b"5.2.2 Mailbox full")}
    assert smtptest.inbox.one().recipients == ("archive@example.com",)


def test_retry_after_greylisting(smtptest, shop):
    smtptest.rules.add(presets.greylist())
    shop.welcome("zoe@example.com", attempts=2)

    assert smtptest.inbox.one().recipients == ("zoe@example.com", "archive@example.com")


def test_error_after_the_content(smtptest, shop):
    smtptest.on("END_OF_DATA").reply(451, "4.3.0", "Disk error")

    with pytest.raises(smtplib.SMTPDataError, match="Disk error"):
        shop.invoice("zoe@example.com")
    smtptest.inbox.none()


def test_refused_content(smtptest, shop):
    fraud = Match(text=re.compile("invoice attached"))
    smtptest.on("END_OF_DATA", where=fraud).reply(554, "5.7.1", "Looks like fraud")
    shop.welcome("zoe@example.com")

    with pytest.raises(smtplib.SMTPDataError, match="fraud"):
        shop.invoice("zoe@example.com")
    assert smtptest.inbox.one().subject == "Welcome to the shop, Zoë"


@pytest.mark.smtptest(tls=Tls("starttls", required=True), auth={"shop": "secret"})
def test_starttls_and_login(smtptest):
    Shop(*smtptest.address, ca_file=smtptest.ca_file, password="secret").invoice("zoe@example.com")

    mail = smtptest.inbox.one()
    assert mail.username == "shop" and mail.session.tls
