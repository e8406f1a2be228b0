"""Tests that use the fixtures of pytest-mailpit, for the Python of the clients; `tests/web/test_clients.py` runs them.

The environment has MAILPIT_URL and MAILPIT_SMTP.  A test whose name ends in `_fails` fails on purpose.
"""

import os
import smtplib
from email.message import EmailMessage

import pytest
from pytest_mailpit import MailpitAPIError, MailpitAssertionError, build_query

WORKING = f"{os.environ['MAILPIT_URL']}/livez"
MISSING = f"{os.environ['MAILPIT_URL']}/api/v1/message/none"
PICTURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def send(mailpit_smtp):
    def send(to, subject="Hello", text="Hi", html="", *, fields=(), files=()):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "Shop <shop@example.com>", to, subject
        for name, value in fields:
            message[name] = value
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
        for name, content in files:
            message.add_attachment(content, maintype="image", subtype="png", filename=name)
        with smtplib.SMTP(*mailpit_smtp, timeout=30) as client:
            client.send_message(message)

    return send


def test_links_codes_and_files(send, mailpit, mailpit_inbox):
    html = (
        '<a href="https://shop.example/reset/1?a=1&amp;b=2">Reset <b>it</b></a> <a href="https://shop.example">Shop</a>'
    )
    send(mailpit_inbox.address, "Your code", "Your code is 123 456", html, files=[("logo.png", PICTURE)])
    message = mailpit_inbox.wait_for_message(subject="code", sender="shop@example.com")

    assert message.link("/reset/") == message.link(text="Reset it") == "https://shop.example/reset/1?a=1&b=2"
    assert len(message.links()) == 2 and message.code() == "123456"
    assert mailpit.get_attachment(message.attachment("*.png", content_type="image/*")) == PICTURE
    assert mailpit.get_headers(message.id)["Subject"] == ["Your code"]
    assert b"Subject: Your code" in mailpit.get_raw(message.id)


def test_links_work(send, mailpit_inbox):
    send(mailpit_inbox.address, html=f'<a href="{WORKING}">x</a>')
    result = mailpit_inbox.wait_for_message().assert_links_work()

    assert [(link.url, link.status_code) for link in result.links] == [(WORKING, 200)]


def test_broken_link_is_named(send, mailpit_inbox):
    send(mailpit_inbox.address, html=f'<a href="{WORKING}">x</a> <a href="{MISSING}">y</a>')
    message = mailpit_inbox.wait_for_message()

    with pytest.raises(MailpitAssertionError, match=f"1 of 2 links (?s:.*) 404 Not Found  {MISSING}"):
        message.assert_links_work()
    assert message.assert_links_work(ignore=["/message/"]).errors == 1


def test_html_support(send, mailpit_inbox):
    send(mailpit_inbox.address, html="<p style='display:flex'>x</p>")
    message = mailpit_inbox.wait_for_message()

    assert 0 < message.assert_html_support(at_least=0).supported < 100
    with pytest.raises(MailpitAssertionError, match=r"expected at least 100%"):
        message.assert_html_support(at_least=100)


def test_unsubscribe_link(send, mailpit_inbox):
    fields = [
        ("List-Unsubscribe", "<mailto:u@example.com>, <https://shop.example/u/1>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ]
    send(mailpit_inbox.address, fields=fields)
    assert mailpit_inbox.wait_for_message().unsubscribe_link(one_click=True) == "https://shop.example/u/1"


def test_several_messages_and_none(send, mailpit, mailpit_inbox, mailpit_inbox_factory):
    other = mailpit_inbox_factory()
    for number in range(3):
        send(mailpit_inbox.address, f"Mail {number}")

    assert [message.subject for message in mailpit_inbox.wait_for_messages(3)] == ["Mail 0", "Mail 1", "Mail 2"]
    other.assert_no_message(within=0.1)
    found = mailpit.search_all(build_query(to=mailpit_inbox.address), page_size=2)
    assert len(found) == 3 and found[0].created.tzinfo is not None
    mailpit.mark_read([found[0].id], read=False)
    mailpit.set_tags([found[0].id], ["one", "two"])
    assert [mail.read for mail in mailpit.search_all(build_query(to=mailpit_inbox.address))] == [False, True, True]
    assert mailpit.get_message(found[0].id).tags == ("one", "two")
    mailpit.delete_messages([found[0].id])
    mailpit_inbox.clear()
    assert mailpit_inbox.messages() == []


def test_chaos(send, mailpit_chaos, mailpit_inbox):
    mailpit_chaos.reject_recipients(451)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(mailpit_inbox.address)
    mailpit_chaos.reset()
    send(mailpit_inbox.address)
    mailpit_inbox.wait_for_message()


def test_information_and_errors(mailpit):
    assert mailpit.info().version and mailpit.is_ready()
    with pytest.raises(MailpitAPIError) as raised:
        mailpit.get_message("none")
    assert raised.value.status_code == 404


def test_missing_mail_fails(send, mailpit_inbox):
    send(mailpit_inbox.address, "Welcome to the shop")
    mailpit_inbox.wait_for_message(subject="Reset your password", timeout=0.1)
