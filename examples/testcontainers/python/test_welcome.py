"""The mails of an application, caught in a container that all tests share."""

import smtplib

import pytest

from lazr.smtptest.testcontainers import SmtptestContainer


@pytest.fixture(scope="session")
def catcher_container():
    with SmtptestContainer() as catcher:
        yield catcher


@pytest.fixture
def catcher(catcher_container):
    catcher_container.forget()  # each test begins with an empty inbox
    return catcher_container


def signup(address, smtp_address):  # your application
    with smtplib.SMTP(*smtp_address) as client:
        client.sendmail("app@example.com", [address], "Subject: Welcome\r\n\r\nYour code is 123456\r\n")


def test_welcome_has_a_code(catcher):
    signup("ann@example.com", catcher.smtp_address)

    assert catcher.inbox.one(to="ann@example.com", subject="Welcome").codes == ("123456",)


def test_each_user_gets_one_mail(catcher):
    signup("bob@example.com", catcher.smtp_address)

    assert catcher.inbox.one().recipients == ("bob@example.com",)
