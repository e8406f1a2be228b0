"""Checks of mails against RFCs and the advice of mailbox providers."""

import itertools
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from lazr.smtptest import Mail
from lazr.smtptest.mail.review.message_checks import check_message
from tests.helpers.mime_messages import build_message_with_files
from tests.mail.malformed import messages
from tests.mail.test_corpus import MAILS, receive

NOW = format_datetime(datetime.now(UTC))
GOOD = {
    "From": "ann@example.com",
    "To": "bob@example.com",
    "Subject": "Hi",
    "Date": NOW,
    "Message-ID": "<1@example.com>",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
}
HTML = {"Content-Type": "text/html; charset=utf-8"}
ONE_CLICK = {"List-Unsubscribe": "<https://a.test/u>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def check(fields, body="Hello\r\n"):
    """Return the checks of a mail by name; fields that are None are left out."""
    header = "".join(f"{name}: {value}\r\n" for name, value in (GOOD | fields).items() if value is not None)
    mail = Mail.from_bytes(f"{header}\r\n{body}".encode())
    return {check.name: check for check in check_message(mail)}


def test_good_mail_has_only_good_results():
    checks = check({})

    assert {one.status for one in checks.values()} == {"ok"}
    assert {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Unsubscribe"} <= set(checks)
    assert "Text alternative" not in checks and "Image descriptions" not in checks


# (fields, name of the check, its status, a part of its text)
FIELDS = [
    ({"From": None}, "From", "error", "missing"),
    ({"From": "Ann"}, "From", "ok", "Ann"),
    ({"From": ""}, "From", "error", "no address"),
    ({"From": "a@b.test, c@b.test"}, "From", "error", "Sender"),
    ({"From": "a@b.test, c@b.test", "Sender": "a@b.test"}, "From", "ok", "a@b.test"),
    ({"To": None}, "To", "warning", "neither"),
    ({"To": None, "Cc": "bob@example.com"}, "To", "ok", "1 in"),
    ({"Subject": None}, "Subject", "warning", "missing"),
    ({"Subject": " "}, "Subject", "warning", "empty"),
    ({"Date": None}, "Date", "error", "missing"),
    ({"Date": "yesterday"}, "Date", "error", "not a date"),
    ({"Date": "Fri, 21 Nov 1997 09:55:06 -0600"}, "Date", "warning", "hours before"),
    ({"Date": "Mon, 01 Jan 0001 00:00:00 +1400"}, "Date", "error", ""),
    ({"Date": "Fri, 31 Dec 9999 23:59:59 -1200"}, "Date", "error", ""),
    ({"Message-ID": None}, "Message-ID", "warning", "missing"),
    ({"Message-ID": "<1>"}, "Message-ID", "warning", "form"),
    ({"MIME-Version": None}, "MIME-Version", "warning", "missing"),
    ({"MIME-Version": "2.0"}, "MIME-Version", "warning", "1.0"),
    ({"MIME-Version": "1.0 (produced by x)"}, "MIME-Version", "ok", "1.0"),
    ({"List-Id": "<a.test>"}, "List-Unsubscribe", "warning", "missing"),
    ({"Precedence": "Bulk"}, "List-Unsubscribe", "warning", "missing"),
    ({"List-Unsubscribe": "https://a.test/u"}, "List-Unsubscribe", "error", "URLs in <>"),
    ({"List-Unsubscribe": "<ftp://a.test/u>"}, "List-Unsubscribe", "error", "mailto:"),
    ({"List-Unsubscribe": "(none)"}, "List-Unsubscribe", "error", "no URL"),
    ({"List-Unsubscribe": "<https://a.test/u>"}, "List-Unsubscribe", "warning", "one-click"),
    (ONE_CLICK, "List-Unsubscribe", "ok", "one-click"),
    (ONE_CLICK | {"List-Unsubscribe": "<mailto:u@a.test>"}, "List-Unsubscribe", "error", "https:"),
    (ONE_CLICK | {"List-Unsubscribe-Post": "yes"}, "List-Unsubscribe", "error", "One-Click"),
    (ONE_CLICK | {"List-Unsubscribe": None}, "List-Unsubscribe", "error", "without List-Unsubscribe"),
]


@pytest.mark.parametrize(("fields", "name", "status", "text"), FIELDS)
def test_header_is_checked(fields, name, status, text):
    result = check(fields)[name]

    assert result.status == status and text in result.text and result.where.startswith("header ")


# (HTML, name of the check, its status, a part of its text)
BODIES = [
    ("<p>Hi", "Text alternative", "warning", "no text/plain"),
    ("<p>Hi", "HTML size", "ok", "of the 104,448"),
    ("<p>" + "ü\r\n" * 40_000, "HTML size", "warning", "120,"),
    ("<p>\r\n<img src=a.png>\r\n<img src=b.png alt=''>", "Image descriptions", "warning", "1 of 2 images"),
    ("<p>\r\n<img src=a.png>", "Image descriptions", "warning", "the first in line 2"),
    ("<img alt='a'>", "Image descriptions", "ok", "1 image, all"),
    ("<p>Hi", "Image descriptions", "ok", "no image"),
    ("<a href='HTTP://a.test/x'>a</a>", "Insecure links", "warning", "1 link without TLS, such as HTTP://a.test/x"),
    ("<a href='https://a.test/x'>a</a>", "Insecure links", "ok", "no http:"),
    ("<a href='http://localhost:8000/x'>a</a>", "Local links", "warning", "1 link to hosts"),
    ("<a href='https://[::1]/x'>a</a>", "Local links", "warning", "1 link to hosts"),
    ("<a href='http://[broken/x'>a</a>", "Local links", "ok", "no link"),
    ("<p>Hello {{ user.name }}", "Placeholders", "warning", "{{ user.name }}"),
    ("<p>Hello undefined,", "Placeholders", "warning", "Hello undefined"),
    ("<p>100 % {sure}", "Placeholders", "ok", "no placeholder"),
    ("x" * 80, "Line length", "ok", "1 line of more than 78"),
    ("x\r\n" + "x" * 999, "Line length", "error", "1 line of more than 998 bytes, the first is line 10"),
]


@pytest.mark.parametrize(("body", "name", "status", "text"), BODIES)
def test_content_is_checked(body, name, status, text):
    result = check(HTML, body)[name]

    assert result.status == status and text in result.text


def test_placeholder_in_subject_is_found():
    assert check({"Subject": "Hi ${name}"})["Placeholders"].where == "header Subject"


def test_text_beside_html_is_checked():
    alternative = (
        "--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Hi\r\n--b--\r\n"
    )
    fields = {"Content-Type": "multipart/alternative; boundary=b"}

    assert check(fields, alternative.format("Hi"))["Text alternative"].status == "ok"
    assert check(fields, alternative.format(" "))["Text alternative"].text == "the text/plain part is empty"


def test_attachments_are_checked():
    files = [
        ("image/png", "a.png", b"\x89PNG\r\n\x1a\n\0"),
        ("image/png", "b.png", b"%PDF-1.7"),
        ("application/octet-stream", "c.bin", b"%PDF-1.7"),
        ("application/octet-stream", "d.EXE", b"MZ\0"),
    ]
    checks = {one.name: one for one in check_message(Mail.from_bytes(build_message_with_files(*files)))}

    assert checks["Attachment a.png"].status == checks["Attachment c.bin"].status == "ok"
    assert "application/pdf" in checks["Attachment b.png"].text and checks["Attachment b.png"].status == "warning"
    assert ".exe files" in checks["Attachment d.EXE"].text and checks["Attachment d.EXE"].where == "part 5"


@pytest.mark.slow
def test_large_message_is_a_warning():
    checks = {one.name: one for one in check_message(Mail.from_bytes(b"A: b\r\n\r\n" + b"x\r\n" * 9_000_000))}

    assert checks["Message size"].status == "warning"


@pytest.mark.parametrize("path", list(MAILS)[::7])
def test_mails_of_corpus_are_checked(path):
    assert len(check_message(receive(path))) >= 10


def test_checks_of_malformed_mails_never_raise():
    envelope = receive(next(iter(MAILS))).envelope
    for _, build in itertools.islice(messages(), 2, None, 11):
        content = build()
        if len(content) < 100_000:
            for one in check_message(Mail("1", envelope, [content])):
                assert one.name and one.status in ("ok", "warning", "error") and len(one.text) < 500 and one.where
