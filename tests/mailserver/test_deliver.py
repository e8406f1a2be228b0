"""Mails that a test puts into the inbox without SMTP."""

from email.message import EmailMessage

import pytest

from lazr.smtptest import Mail, MailServer
from lazr.smtptest.errors import StoreFull
from lazr.smtptest.store import MemoryStore

MAIL = b"From: ann@example.com\r\nTo: bob@example.com\r\nSubject: Hi\r\n\r\nHello\r\n"


def build_message():
    message = EmailMessage()
    message["From"] = "ann@example.com"
    message["To"] = "bob@example.com"
    message["Subject"] = "Hi"
    message.set_content("Hello")
    return message


@pytest.mark.parametrize(
    "content",
    [MAIL, bytearray(MAIL), MAIL.decode(), MAIL.replace(b"\r\n", b"\n"), build_message(), Mail.from_bytes(MAIL)],
    ids=["bytes", "bytearray", "str", "LF", "EmailMessage", "Mail"],
)
def test_content_of_every_type_is_delivered(content):
    server = MailServer()

    mail = server.deliver(content)

    assert mail is server.inbox.one(to="bob@example.com", subject="Hi") and mail.sender == "ann@example.com"
    assert b"\r\nSubject: Hi\r\n" in mail.content


@pytest.mark.parametrize(
    ("to", "recipients"), [("x@y.example", ("x@y.example",)), (["a@b.c", "d@e.f"], ("a@b.c", "d@e.f"))]
)
def test_envelope_may_differ_from_the_header(to, recipients):
    mail = MailServer().deliver(MAIL, to=to, sender="bounce@example.com")

    assert mail.recipients == recipients and mail.sender == "bounce@example.com"


def test_envelope_of_a_mail_is_kept():
    mail = Mail.from_bytes(MAIL, sender="s@x.example", recipients=["r@x.example"])

    assert MailServer().deliver(mail).recipients == ("r@x.example",)


def test_wait_ends_with_a_delivered_mail():
    with MailServer() as server:
        server.deliver(MAIL)

        assert server.inbox.wait(1)[0].subject == "Hi"


def test_ids_of_mails_are_unique():
    with MailServer(imap=True) as server:
        assert len({server.deliver(MAIL).id for _ in range(5)}) == 5


@pytest.mark.parametrize("content", [None, 5, ["x"]])
def test_other_content_is_refused(content):
    with pytest.raises(TypeError, match="content must be bytes, a string, an EmailMessage or a Mail"):
        MailServer().deliver(content)


def test_full_store_raises_and_the_inbox_stays_empty():
    with MemoryStore(max_bytes=10) as store:
        server = MailServer(store=store)
        with pytest.raises(StoreFull):
            server.deliver(MAIL)
        assert not server.inbox
