"""Tests that use MailHog's API, and the same tests with the fixture `smtptest`."""

import re
import smtplib

import httpx
import pytest

from tests.examples.mail_catcher import mail_catcher  # noqa: F401 - `smtptest serve` on free ports
from tests.examples.shop_mail import Shop

# -- before: written for MailHog; they run unchanged against `smtptest serve` ---------------------


def test_welcome_before(mail_catcher):
    httpx.delete(f"{mail_catcher.url}/api/v1/messages").raise_for_status()
    Shop(mail_catcher.host, mail_catcher.port).welcome("zoe@example.com")

    search = {"kind": "to", "query": "zoe@example.com"}
    found = httpx.get(f"{mail_catcher.url}/api/v2/search", params=search).json()
    assert found["total"] == 1
    message = found["items"][0]
    assert message["Raw"]["To"] == ["zoe@example.com", "archive@example.com"]
    assert message["Content"]["Headers"]["From"] == ["shop@example.com"]
    assert re.findall(r"\b\d{6}\b", message["MIME"]["Parts"][0]["Body"]) == ["123456"]


def test_refused_recipient_before(mail_catcher):
    chances = {"AcceptChance": 1, "RejectRecipientChance": 1}
    httpx.post(f"{mail_catcher.url}/api/v2/jim", json=chances).raise_for_status()
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        Shop(mail_catcher.host, mail_catcher.port).welcome("zoe@example.com")

    httpx.delete(f"{mail_catcher.url}/api/v2/jim").raise_for_status()
    Shop(mail_catcher.host, mail_catcher.port).welcome("zoe@example.com")


# -- after: a server in the test ------------------------------------------------------------------


def test_welcome(smtptest):
    Shop(*smtptest.address).welcome("zoe@example.com")

    mail = smtptest.inbox.one(to="zoe@example.com")
    assert mail.recipients == ("zoe@example.com", "archive@example.com")
    assert mail.header("From") == "shop@example.com"
    assert mail.codes == ("123456",)


def test_refused_recipient(smtptest):
    with smtptest.on("RCPT").reply(451, "4.2.1", "Busy"), pytest.raises(smtplib.SMTPRecipientsRefused):
        Shop(*smtptest.address).welcome("zoe@example.com")

    Shop(*smtptest.address).welcome("zoe@example.com")
