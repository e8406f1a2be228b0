"""The same tests with `smtptest serve`, and with the fixture `smtptest`."""

import httpx

from tests.examples.mail_catcher import mail_catcher  # noqa: F401 - `smtptest serve` on free ports
from tests.examples.shop_mail import Shop

# -- the API of `smtptest serve` ------------------------------------------------------------------


def test_welcome_with_the_api(mail_catcher):
    api = f"{mail_catcher.url}/api/v1"
    httpx.delete(f"{api}/messages").raise_for_status()
    Shop(mail_catcher.host, mail_catcher.port).welcome("zoe@example.com")

    found = httpx.get(f"{api}/wait", params={"query": "to:=zoe@example.com", "timeout": 60}, timeout=90).json()
    message = httpx.get(f"{api}/message/{found['messages'][0]['ID']}").json()
    assert message["Subject"] == "Welcome to the shop, Zoë"
    envelope = httpx.get(f"{api}/message/{message['ID']}/envelope").json()
    assert envelope["To"] == ["zoe@example.com", "archive@example.com"]
    assert httpx.get(f"{api}/message/{message['ID']}/codes").json() == ["123456"]
    assert "<b>123456</b>" in message["HTML"]


def test_attachment_with_the_api(mail_catcher):
    api = f"{mail_catcher.url}/api/v1"
    Shop(mail_catcher.host, mail_catcher.port).invoice("zoe@example.com")

    [attachment] = httpx.get(f"{api}/message/latest").json()["Attachments"]
    assert httpx.get(f"{api}/message/latest/part/{attachment['PartID']}").content == b"%PDF-1.7"


# -- a server in the test -------------------------------------------------------------------------


def test_welcome(smtptest):
    Shop(*smtptest.address).welcome("zoe@example.com")

    mail = smtptest.inbox.one(to="zoe@example.com", subject="Welcome to the shop, Zoë")
    assert mail.recipients == ("zoe@example.com", "archive@example.com")
    assert mail.codes == ("123456",)
    assert "<b>123456</b>" in mail.html


def test_attachment(smtptest):
    Shop(*smtptest.address).invoice("zoe@example.com")

    assert smtptest.inbox.one().attachment("*.pdf").content == b"%PDF-1.7"
