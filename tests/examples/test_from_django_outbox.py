"""Tests with Django's `mail.outbox`, and the same tests with a real server."""

import smtplib

import django
import pytest
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import override_settings

if not settings.configured:  # a project has a settings module
    settings.configure(DEFAULT_FROM_EMAIL="shop@example.com")

BACKENDS = "django.core.mail.backends"


def use_backend(name, **options):
    if django.VERSION[:2] < (6, 1):
        addresses = {f"EMAIL_{key.upper()}": value for key, value in options.items()}
        return override_settings(EMAIL_BACKEND=f"{BACKENDS}.{name}.EmailBackend", **addresses)
    backend = {"BACKEND": f"{BACKENDS}.{name}.EmailBackend", "OPTIONS": options}
    return override_settings(MAILERS={"default": backend})


def confirm(order, to):  # the code under test
    message = EmailMultiAlternatives(f"Order {order}", "Thank you!", "Shop <shop@example.com>", to)
    message.bcc, message.extra_headers = ["log@example.com"], {"X-Order": order}
    message.attach_alternative("<p>Thank you!</p>", "text/html")
    message.attach("order.pdf", b"%PDF-1.7", "application/pdf")
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        return sorted(error.recipients)
    return []


# -- before: nothing is sent --------------------------------------------------------------------


@pytest.fixture
def outbox():
    with use_backend("locmem"):  # Django's test runner and pytest-django do this
        mail.outbox = []
        yield mail.outbox
        del mail.outbox


def test_confirmation_before(outbox):
    assert confirm("42", ["ann@example.com"]) == []

    assert len(outbox) == 1
    assert outbox[0].subject == "Order 42"
    assert outbox[0].body == "Thank you!"
    assert outbox[0].alternatives[0][0] == "<p>Thank you!</p>"
    assert outbox[0].from_email == "Shop <shop@example.com>"
    assert outbox[0].to == ["ann@example.com"]
    assert outbox[0].bcc == ["log@example.com"]
    assert outbox[0].extra_headers["X-Order"] == "42"
    assert outbox[0].attachments[0][0] == "order.pdf"


def test_two_orders_before(outbox):
    confirm("1", ["ann@example.com"])
    confirm("2", ["bob@example.com"])

    assert [message.subject for message in outbox] == ["Order 1", "Order 2"]


# -- after: the mails are sent ------------------------------------------------------------------


@pytest.fixture
def inbox(smtptest):
    with use_backend("smtp", host=smtptest.host, port=smtptest.port):
        yield smtptest.inbox


def test_confirmation(inbox):
    assert confirm("42", ["ann@example.com"]) == []

    message = inbox.one()
    assert message.subject == "Order 42"
    assert message.text.strip() == "Thank you!"
    assert "<p>Thank you!</p>" in message.html
    assert message.from_[0].display_name == "Shop"
    assert message.to[0].addr_spec == "ann@example.com"
    assert message.bcc == ("log@example.com",)
    assert message.header("X-Order") == "42"
    assert message.attachment("order.pdf").content == b"%PDF-1.7"


def test_two_orders(inbox):
    confirm("1", ["ann@example.com"])
    confirm("2", ["bob@example.com"])

    assert [message.subject for message in inbox] == ["Order 1", "Order 2"]


def test_refused_recipients(inbox, smtptest):  # no test with `mail.outbox` can do this
    smtptest.on("RCPT").reply(550, "5.1.1", "No such user")

    assert confirm("42", ["nobody@example.com"]) == ["log@example.com", "nobody@example.com"]
    inbox.none()
