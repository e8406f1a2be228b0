"""A mail: the envelope, the exact bytes, and the parsed attributes."""

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from lazr.smtptest import Envelope, Mail


def received(content, to=("bob@example.com",), sender="ann@example.com"):
    envelope = Envelope(sender, to, mail_parameters={}, rcpt_parameters=tuple({} for _ in to))
    return Mail("1", envelope, [content])


def build_content():
    message = EmailMessage()
    message["From"] = "Ann <ann@example.com>"
    message["To"] = "Bob <bob@example.com>"
    message["Subject"] = "Grüße aus Köln"
    message.set_content("Häll\n")
    message.add_alternative("<p>Häll</p>", subtype="html")
    message.add_attachment(b"\x00\x01", maintype="image", subtype="png", filename="bild ü.png")
    message.add_attachment(EmailMessage(), filename="other.eml")
    return message.as_bytes().replace(b"\n", b"\r\n")


def test_attributes_of_a_composed_message():
    mail = received(build_content(), to=("bob@example.com", "hidden@example.com"))

    assert mail.subject == "Grüße aus Köln"
    assert mail.text == "Häll\n"
    assert mail.html == "<p>Häll</p>\n"
    assert mail.header("from") == "Ann <ann@example.com>"
    assert mail.header("x-none") == ""
    assert (mail.sender, mail.recipients) == ("ann@example.com", ("bob@example.com", "hidden@example.com"))
    assert mail.bcc == ("hidden@example.com",)
    image, other = mail.attachments
    assert (image.filename, image.content_type, image.content) == ("bild ü.png", "image/png", b"\x00\x01")
    assert repr(image) == "Attachment('bild ü.png', 'image/png', 2 bytes)"
    assert other.content_type == "message/rfc822"


def test_message_is_parsed_once_at_first_use():
    mail = received(b"Subject: Hi\r\n\r\nHello\r\n")

    assert mail.message is mail.message
    assert isinstance(mail.message, EmailMessage)
    assert mail.html == ""


def test_content_is_the_exact_bytes():
    content = build_content()
    mail = Mail("1", received(b"").envelope, [content[:100], content[100:]])

    assert mail.size == len(content)
    assert mail.content == content
    assert mail.text and mail.content == content


def test_unknown_charset_does_not_hide_the_text():
    mail = received(b"Content-Type: text/plain; charset=none-such\r\n\r\nH\xc3\xa4ll\r\n")

    assert mail.text == "Häll\n"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (b"=?utf-8?q?=C3=84pp?=", "Äpp"),
        (b"=?none-such?q?a?=", "a"),
        (b"=?utf-8?b?a?=", "=?utf-8?b?a?="),
    ],
)
def test_repr_decodes_the_subject_if_possible(subject, text):
    assert f"'{text}'" in repr(received(b"Subject: " + subject + b"\r\n\r\n"))


@pytest.mark.parametrize(
    ("content", "subject"),
    [
        (b"Subject: one\r\n two\r\n\tthree\r\nTo: x\r\n\r\n", "one two\tthree"),
        (b"Subject:\r\n Averylongword\r\n\r\n", "Averylongword"),
        (b"Subject: =?utf-8?q?Gr=C3=BC?=\r\n =?utf-8?q?=C3=9Fe?=\r\n\r\n", "Grüße"),
        (b"To: x\nSUBJECT : a\n b\n\n", "a b"),
        (b"Subject: a\r b\rTo: x\r\r", "a b"),
        (b"To: x\r\n\r\nSubject: of the body\r\n", ""),
        (b"To: x\n\nSubject: of the body\n", ""),
        (b"\r\nSubject: of the body\r\n", ""),
        (b"To: x\r\n Subject: of another field\r\nX-Subject: y\r\n\r\n", ""),
        (b"Subject: \xff\x00\r\nSubject: two\r\n\r\n", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_repr_finds_the_subject(content, subject):
    mail = received(content)
    pieces = Mail("1", mail.envelope, [content[i : i + 1] for i in range(len(content))])

    assert f" {subject!r} " in repr(mail) and f" {subject!r} " in repr(pieces)
    assert mail.subject == subject


def test_repr_searches_only_the_first_bytes_for_the_subject():
    far = [b"X: " + b"y" * 20_000 + b"\r\n", b"Subject: far\r\n\r\n"]

    assert " '' " in repr(Mail("1", received(b"").envelope, far))


def test_repr_finds_a_subject_split_between_pieces():
    assert "'Hello'" in repr(Mail("1", received(b"").envelope, [b"To: x\r\nSub", b"ject: Hello\r\n", b"\r\n"]))


def test_bcc_does_not_use_the_stdlib_message(monkeypatch):
    mail = received(b"To: x\r\n\r\n")

    def raise_index_error(*_):
        raise IndexError

    monkeypatch.setattr(type(mail.message), "get_all", raise_index_error)
    assert mail.bcc == ("bob@example.com",)


def test_received_at_is_the_current_time_in_utc():
    before = datetime.now(UTC)
    mail = received(b"")

    assert before <= mail.received_at <= datetime.now(UTC)
    assert mail.received_at.tzinfo is UTC


def test_repr_does_not_parse_the_message():
    mail = received(b"To: x\r\nSubject: Hello \xff\r\n\r\n", sender="")

    assert repr(mail) == "<Mail 1 <> -> bob@example.com 'Hello \N{REPLACEMENT CHARACTER}' 27 bytes>"
    assert mail._parsed_message is None
    assert repr(Mail("2", mail.envelope, [])) == "<Mail 2 <> -> bob@example.com '' 0 bytes>"
    assert repr(mail.envelope) == "Envelope('' -> 'bob@example.com')"
