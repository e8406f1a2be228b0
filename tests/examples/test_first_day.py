"""Ten first tests of a small shop.  No test waits, and no test chooses a port."""

import re
import smtplib
from email.message import EmailMessage

import pytest

from lazr.smtptest import Reply

# -- the application ----------------------------------------------------------------------------

WELCOME = '<p>Hi Ann</p><p><a href="https://shop.example/confirm?token=abc&amp;from=mail">Confirm your address</a></p>'


def message(to, subject, text, html=None):
    message = EmailMessage()
    message["From"] = "The Shop <shop@example.com>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


class Shop:
    """An application that sends mail; `login` and `context` are for AUTH and TLS."""

    def __init__(self, smtp, login=None, context=None):
        self.smtp, self.login, self.context = smtp, login, context

    def send(self, message, bcc=()):
        with smtplib.SMTP(*self.smtp) as client:
            if self.context:
                client.starttls(context=self.context)
            if self.login:
                client.login(*self.login)
            client.send_message(message, to_addrs=[message["To"], *bcc])

    def sign_up(self, address):
        self.send(message(address, "Welcome", "Hi Ann\n\nConfirm: https://shop.example/confirm?token=abc\n", WELCOME))

    def log_in(self, address):
        self.send(message(address, "Your code", "Order 20240117 waits.\n\nYour code is 493 027.\n"))

    def order(self, address):
        confirmation = message(address, "Your order", "Thank you")
        confirmation.add_attachment(b"%PDF-1.7 ...", maintype="application", subtype="pdf", filename="invoice.pdf")
        self.send(confirmation, bcc=["archive@example.com"])
        self.send(message(address, "It is on its way", "Track it"))

    def newsletter(self, addresses):
        """Send a mail to each address; return the addresses that were refused."""
        failed = []
        for address in addresses:
            try:
                self.send(message(address, "News", "Nothing new"))
            except smtplib.SMTPRecipientsRefused:
                failed.append(address)
        return failed


@pytest.fixture
def shop(smtptest):
    return Shop(smtptest.address)


# -- ten tests ----------------------------------------------------------------------------------


def test_a_welcome_mail(shop, smtptest):
    shop.sign_up("ann@example.com")

    mail = smtptest.inbox.one(to="ann@example.com", subject="Welcome")
    assert mail.text.startswith("Hi Ann")


def test_the_link_in_it(shop, smtptest):
    shop.sign_up("ann@example.com")

    link = smtptest.inbox.one().links[0]
    assert link.url == "https://shop.example/confirm?token=abc&from=mail"
    assert link.text == "Confirm your address"


def test_html_and_text_say_the_same(shop, smtptest):
    shop.sign_up("ann@example.com")

    mail = smtptest.inbox.one()
    assert "https://shop.example/confirm" in mail.html
    assert "https://shop.example/confirm" in mail.text


def test_a_one_time_code(shop, smtptest):
    shop.log_in("ann@example.com")

    assert smtptest.inbox.one(subject=re.compile("code")).codes[0] == "493027"


def test_an_attachment(shop, smtptest):
    shop.order("ann@example.com")

    [invoice] = smtptest.inbox.one(subject="Your order").attachments
    assert invoice.filename == "invoice.pdf"
    assert invoice.content.startswith(b"%PDF")


def test_a_blind_copy(shop, smtptest):
    shop.order("ann@example.com")

    assert smtptest.inbox.one(to="archive@example.com").bcc == ("archive@example.com",)


def test_two_mails_in_order(shop, smtptest):
    shop.order("ann@example.com")

    assert [mail.subject for mail in smtptest.inbox] == ["Your order", "It is on its way"]


def test_no_mail_for_an_empty_list(shop, smtptest):
    shop.newsletter([])

    smtptest.inbox.none()


def no_such_user(event, reply):
    if event.verb == "RCPT" and event.path.mailbox == "gone@example.com":
        return Reply(550, "5.1.1", "No such user")
    return reply


@pytest.mark.smtptest(decide=no_such_user)
def test_a_recipient_that_fails(shop, smtptest):
    assert shop.newsletter(["ann@example.com", "gone@example.com", "bob@example.com"]) == ["gone@example.com"]

    assert [mail.recipients for mail in smtptest.inbox] == [("ann@example.com",), ("bob@example.com",)]


@pytest.mark.smtptest(tls="starttls", auth={"shop": "secret"})
def test_tls_and_a_password(smtptest):
    Shop(smtptest.address, ("shop", "secret"), smtptest.client_context()).sign_up("ann@example.com")

    envelope = smtptest.inbox.one().envelope
    assert envelope.tls and envelope.tls.version == "TLSv1.3"
    assert envelope.auth and envelope.auth.username == "shop"
