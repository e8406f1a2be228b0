"""Tests that use Mailpit's API, and the same tests with `smtptest serve` and with the fixture `smtptest`."""

import re
import smtplib

import httpx
import pytest

from tests.examples.mail_catcher import mail_catcher  # noqa: F401 - `smtptest serve` on free ports
from tests.examples.shop_mail import Shop

# -- before: written for Mailpit; they run unchanged against `smtptest serve` ---------------------


def test_welcome_before(mail_catcher):
    httpx.delete(f"{mail_catcher.url}/api/v1/messages").raise_for_status()
    Shop(mail_catcher.host, mail_catcher.port).welcome("zoe@example.com")

    found = httpx.get(f"{mail_catcher.url}/api/v1/search", params={"query": "to:=zoe@example.com"}).json()
    message = httpx.get(f"{mail_catcher.url}/api/v1/message/{found['messages'][0]['ID']}").json()
    assert message["Subject"] == "Welcome to the shop, Zoë"
    assert re.findall(r"\b\d{6}\b", message["Text"]) == ["123456"]


def test_refused_recipient_before(mail_catcher):
    triggers = {"Recipient": {"ErrorCode": 451, "Probability": 100}}
    httpx.put(f"{mail_catcher.url}/api/v1/chaos", json=triggers).raise_for_status()
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        Shop(mail_catcher.host, mail_catcher.port).welcome("zoe@example.com")

    httpx.put(f"{mail_catcher.url}/api/v1/chaos", json={}).raise_for_status()
    Shop(mail_catcher.host, mail_catcher.port).welcome("zoe@example.com")


# -- after: the additions of `smtptest serve` -----------------------------------------------------


def test_welcome_with_a_wait(mail_catcher):
    thread = Shop(mail_catcher.host, mail_catcher.port).invoice_later("zoe@example.com")

    wait = "query=to:=zoe@example.com&timeout=60"
    found = httpx.get(f"{mail_catcher.url}/api/v1/wait?{wait}", timeout=90).json()
    assert found["messages"][0]["Subject"] == "Invoice"
    thread.join()


def test_refused_recipient_with_a_rule(mail_catcher):
    rule = {"when": "RCPT", "match": {"to": "zoe@*"}, "do": [{"reply": [451, "4.2.1", "Busy"], "times": 1}]}
    httpx.post(f"{mail_catcher.url}/api/v1/rules", json=rule).raise_for_status()

    refused = Shop(mail_catcher.host, mail_catcher.port).welcome("zoe@example.com")
    assert refused == {"zoe@example.com": (451, b"4.2.1 Busy")}
    assert Shop(mail_catcher.host, mail_catcher.port).welcome("zoe@example.com") == {}


# -- after: a server in the test, if the application and the test are in Python -------------------


def test_welcome(smtptest):
    Shop(*smtptest.address).welcome("zoe@example.com")

    mail = smtptest.inbox.one(to="zoe@example.com", subject="Welcome to the shop, Zoë")
    assert mail.codes == ("123456",)


def test_refused_recipient(smtptest):
    smtptest.on("RCPT", to="zoe@*").reply(451, "4.2.1", "Busy").once()

    refused = Shop(*smtptest.address).welcome("zoe@example.com")
    assert refused == {"zoe@example.com": (451, b"4.2.1 Busy")}
    assert Shop(*smtptest.address).welcome("zoe@example.com") == {}
