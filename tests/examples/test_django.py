"""Django's own mail functions and its SMTP backend, against a real server."""

import os
import smtplib
import subprocess
import sys

import django
import pytest
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.test import SimpleTestCase, override_settings

from lazr.smtptest import MailServerMixin, Reply

if not settings.configured:  # a project has its settings module instead
    settings.configure(DEFAULT_FROM_EMAIL="shop@example.com")


def welcome(to):  # the code under test
    message = EmailMultiAlternatives("Welcome", "Confirm: https://shop.example/c/42", to=[to], bcc=["log@example.com"])
    message.attach_alternative('<a href="https://shop.example/c/42">Confirm</a>', "text/html")
    message.send()


def mail_goes_to(server):
    smtp = "django.core.mail.backends.smtp.EmailBackend"
    if django.VERSION < (6, 1):
        return override_settings(EMAIL_BACKEND=smtp, EMAIL_HOST=server.host, EMAIL_PORT=server.port)
    options = {"host": server.host, "port": server.port}
    return override_settings(MAILERS={"default": {"BACKEND": smtp, "OPTIONS": options}})


# -- pytest -------------------------------------------------------------------------------------


@pytest.fixture
def inbox(smtptest):
    with mail_goes_to(smtptest):
        yield smtptest.inbox


def test_welcome(inbox):
    welcome("ann@example.com")

    mail = inbox.one(to="ann@example.com", subject="Welcome")
    assert mail.bcc == ("log@example.com",)
    assert "https://shop.example/c/42" in mail.html


# -- Django's TestCase --------------------------------------------------------------------------


def full(event, reply):
    return Reply(452, "4.2.2", "Mailbox full") if event.verb == "RCPT" else reply


class WelcomeTest(MailServerMixin, SimpleTestCase):
    def test_welcome(self):
        with mail_goes_to(self.smtptest):
            welcome("ann@example.com")

        assert self.smtptest.inbox.one(to="ann@example.com").sender == "shop@example.com"

    def test_a_full_mailbox(self):
        self.smtptest_options = {"decide": full}
        with mail_goes_to(self.smtptest), pytest.raises(smtplib.SMTPRecipientsRefused):
            welcome("ann@example.com")


# -- a process of its own, such as a management command -----------------------------------------

COMMAND = """
import os
import django
from django.conf import settings

if django.VERSION < (6, 1):
    settings.configure(
        EMAIL_HOST=os.environ["EMAIL_HOST"],
        EMAIL_PORT=int(os.environ["EMAIL_PORT"]),
        EMAIL_HOST_USER=os.environ["EMAIL_HOST_USER"],
        EMAIL_HOST_PASSWORD=os.environ["EMAIL_HOST_PASSWORD"],
    )
else:
    settings.configure(MAILERS={"default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": os.environ["EMAIL_HOST"],
            "port": int(os.environ["EMAIL_PORT"]),
            "username": os.environ["EMAIL_HOST_USER"],
            "password": os.environ["EMAIL_HOST_PASSWORD"],
        },
    }})

from django.core.mail import send_mail
send_mail("Report", "All is well", "cron@example.com", ["ann@example.com"])
"""


@pytest.mark.smtptest(auth={"django": "secret"})
def test_a_command(smtptest):
    subprocess.run([sys.executable, "-c", COMMAND], env=os.environ | smtptest.env(), check=True, timeout=60)

    assert smtptest.inbox.one(subject="Report").envelope.auth.username == "django"
