"""Tests that use the API of MailDev 3; they need MailDev, from `npm install maildev`."""

import re
import urllib.parse

import httpx
import pytest

from tests.examples.maildev_process import maildev  # noqa: F401 - MailDev on free ports
from tests.examples.shop_mail import Shop

pytestmark = pytest.mark.slow  # MailDev needs a second to start


def test_welcome(maildev):
    httpx.delete(f"{maildev.url}/api/email/all").raise_for_status()
    Shop(maildev.host, maildev.port).welcome("zoe@example.com")

    [message] = httpx.get(f"{maildev.url}/api/email", params={"to.address": "zoe@example.com"}).json()
    assert message["subject"] == "Welcome to the shop, Zoë"
    assert [to["address"] for to in message["envelope"]["to"]] == ["zoe@example.com", "archive@example.com"]
    assert re.findall(r"\b\d{6}\b", message["text"]) == ["123456"]
    assert "<b>123456</b>" in httpx.get(f"{maildev.url}/api/email/{message['id']}/html").text


def test_attachment(maildev):
    Shop(maildev.host, maildev.port).invoice("zoe@example.com")

    [message] = httpx.get(f"{maildev.url}/api/email").json()
    name = urllib.parse.quote(message["attachments"][0]["generatedFileName"])
    assert httpx.get(f"{maildev.url}/api/email/{message['id']}/attachment/{name}").content == b"%PDF-1.7"
