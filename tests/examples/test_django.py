"""The mail functions of Django and its SMTP backend, with a real server."""

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

if not settings.configured:  # a project has a settings module
    settings.configure(DEFAULT_FROM_EMAIL="shop@example.com")


def welcome(to):  # the code under test
    message = EmailMultiAlternatives("Welcome", "Confirm: https://shop.example/c/42", to=[to], bcc=["log@example.com"])
    message.attach_alternative('<a href="https://shop.example/c/42">Confirm</a>', "text/html")
    message.send()


def use_server(server, **options):  # `options` are those of the backend, such as `use_tls`
    smtp = "django.core.mail.backends.smtp.EmailBackend"
    if django.VERSION[0] < 6 or django.VERSION[:2] == (6, 0):
        names = {"username": "EMAIL_HOST_USER", "password": "EMAIL_HOST_PASSWORD", "use_tls": "EMAIL_USE_TLS"}
        settings = {names[name]: value for name, value in options.items()}
        return override_settings(EMAIL_BACKEND=smtp, EMAIL_HOST=server.host, EMAIL_PORT=server.port, **settings)
    options |= {"host": server.host, "port": server.port}
    return override_settings(MAILERS={"default": {"BACKEND": smtp, "OPTIONS": options}})


# -- pytest -------------------------------------------------------------------------------------


@pytest.fixture
def inbox(smtptest):
    with use_server(smtptest):
        yield smtptest.inbox


def test_welcome(inbox):
    welcome("ann@example.com")

    mail = inbox.one(to="ann@example.com", subject="Welcome")
    assert mail.bcc == ("log@example.com",)
    assert "https://shop.example/c/42" in mail.html


def test_one_full_mailbox_raises_nothing(inbox, smtptest):
    smtptest.on("RCPT", to="ann@example.com").reply(452, "4.2.2", "Mailbox full")
    welcome("ann@example.com")

    assert inbox.one().recipients == ("log@example.com",)  # Django raises only if all recipients are refused


@pytest.mark.smtptest(tls="starttls", auth={"shop": "secret"})
def test_login(smtptest, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", smtptest.ca_file)  # Django verifies the certificate
    with use_server(smtptest, use_tls=True, username="shop", password="secret"):
        welcome("ann@example.com")

    mail = smtptest.inbox.one(to="ann@example.com")
    assert mail.username == "shop" and mail.envelope.tls


# -- Django's TestCase --------------------------------------------------------------------------


def refuse_recipients(event, reply):
    return Reply(452, "4.2.2", "Mailbox full") if event.verb == "RCPT" else reply


class WelcomeTest(MailServerMixin, SimpleTestCase):
    def test_welcome(self):
        with use_server(self.smtptest):
            welcome("ann@example.com")

        assert self.smtptest.inbox.one(to="ann@example.com").sender == "shop@example.com"

    def test_a_full_mailbox(self):
        self.smtptest_options = {"decide": refuse_recipients}
        with use_server(self.smtptest), pytest.raises(smtplib.SMTPRecipientsRefused):
            welcome("ann@example.com")


# -- another process, such as a management command ----------------------------------------------

COMMAND = """
import os
import django
from django.conf import settings

if tuple(django.VERSION[:2]) < (6, 1):
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

    assert smtptest.inbox.one(subject="Report").username == "django"
