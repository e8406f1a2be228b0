"""A suite for pytest-mailpit 0.4; its fixtures come from the plugin, and need a running server."""

import smtplib
from email.message import EmailMessage

import pytest


def reset_password(smtp, to):  # the code under test
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", to, "Reset your password"
    message.set_content("Your code is 123 456.\n")
    message.add_alternative('<a href="https://shop.example/reset/1?t=7">Reset</a>', subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="help.pdf")
    with smtplib.SMTP(*smtp, timeout=60) as client:
        client.send_message(message)


def test_reset(mailpit, mailpit_smtp, mailpit_inbox):
    reset_password(mailpit_smtp, mailpit_inbox.address)

    message = mailpit_inbox.wait_for_message(subject="Reset", sender="shop@example.com", timeout=60)
    assert message.code() == "123456"
    assert message.link("/reset/") == "https://shop.example/reset/1?t=7"
    assert mailpit.get_attachment(message.attachment("*.pdf")) == b"%PDF-1.7"


def test_nobody_else_gets_a_mail(mailpit_smtp, mailpit_inbox_factory):
    ann, bob = mailpit_inbox_factory(), mailpit_inbox_factory()
    reset_password(mailpit_smtp, ann.address)

    ann.wait_for_message(timeout=60)
    bob.assert_no_message(within=0.1)


def test_busy_server(mailpit_smtp, mailpit_inbox, mailpit_chaos):
    mailpit_chaos.reject_recipients(451)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        reset_password(mailpit_smtp, mailpit_inbox.address)

    mailpit_chaos.reset()
    reset_password(mailpit_smtp, mailpit_inbox.address)
    mailpit_inbox.wait_for_message(timeout=60)
