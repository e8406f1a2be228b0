"""The same suite with the fixture `smtptest`, without another server."""

import smtplib

import pytest

from tests.examples.pytest_mailpit_before import reset_password  # the code under test


def test_reset(smtptest):
    reset_password(smtptest.address, "ann@example.com")

    mail = smtptest.inbox.one(to="ann@example.com", subject="Reset your password", sender="shop@example.com")
    assert mail.codes == ("123456",)
    assert [link.url for link in mail.links if "/reset/" in link.url] == ["https://shop.example/reset/1?t=7"]
    assert mail.attachment("*.pdf").content == b"%PDF-1.7"


def test_nobody_else_gets_a_mail(smtptest):
    reset_password(smtptest.address, "ann@example.com")

    smtptest.inbox.one(to="ann@example.com")
    smtptest.inbox.none(to="bob@example.com", within=0.1)


def test_busy_server(smtptest):
    smtptest.on("RCPT").reply(451, "4.2.1", "Busy").once()
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        reset_password(smtptest.address, "ann@example.com")

    reset_password(smtptest.address, "ann@example.com")
    smtptest.inbox.one()
