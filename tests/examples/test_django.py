"""Django's own mail functions and its SMTP backend, against a real server."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, send_mail
from django.test import SimpleTestCase, override_settings

from lazr.smtptest import MailServerMixin, Reply

SMTP = "django.core.mail.backends.smtp.EmailBackend"

if not settings.configured:  # a project has its settings module instead
    settings.configure(DEFAULT_FROM_EMAIL="shop@example.com")


def welcome(to):  # the code under test
    message = EmailMultiAlternatives("Welcome", "Confirm: https://shop.example/c/42", to=[to], bcc=["log@example.com"])
    message.attach_alternative('<a href="https://shop.example/c/42">Confirm</a>', "text/html")
    message.send()


# -- pytest -------------------------------------------------------------------------------------


@pytest.fixture
def inbox(smtptest):
    # With pytest-django: settings.EMAIL_BACKEND = SMTP, and so on, by its fixture `settings`.
    with override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST=smtptest.host, EMAIL_PORT=smtptest.port):
        yield smtptest.inbox


def test_welcome(inbox):
    welcome("ann@example.com")

    mail = inbox.one(to="ann@example.com", subject="Welcome")
    assert mail.bcc == ("log@example.com",)
    assert "https://shop.example/c/42" in mail.html


# -- Django's TestCase --------------------------------------------------------------------------


def refuse(event, reply):
    return Reply(452, "4.2.2", "Mailbox full") if event.verb == "RCPT" else reply


class WelcomeTest(MailServerMixin, SimpleTestCase):
    def setUp(self):
        server = self.smtptest
        self.enterContext(override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST=server.host, EMAIL_PORT=server.port))

    def test_welcome(self):
        welcome("ann@example.com")
        assert self.smtptest.inbox.one(to="ann@example.com").sender == "shop@example.com"

    def test_a_full_mailbox(self):
        full = self.smtptest_factory(decide=refuse)
        with override_settings(EMAIL_PORT=full.port):
            assert send_mail("Hi", "", None, ["ann@example.com"], fail_silently=True) == 0


# -- a process of its own, such as a management command -----------------------------------------

COMMAND = """
import os
from django.conf import settings
settings.configure(
    EMAIL_HOST=os.environ["EMAIL_HOST"],
    EMAIL_PORT=int(os.environ["EMAIL_PORT"]),
    EMAIL_HOST_USER=os.environ["EMAIL_HOST_USER"],
    EMAIL_HOST_PASSWORD=os.environ["EMAIL_HOST_PASSWORD"],
)
from django.core.mail import send_mail
send_mail("Report", "All is well", "cron@example.com", ["ann@example.com"])
"""


@pytest.mark.smtptest(auth={"django": "secret"})
def test_a_command(smtptest):
    subprocess.run([sys.executable, "-c", COMMAND], env=os.environ | smtptest.env(), check=True, timeout=60)

    assert smtptest.inbox.one(subject="Report").envelope.auth.username == "django"
