"""Mails that come over HTTP."""

import base64
import json
import re

import pytest

from lazr.smtptest.web.compose import File, composed, sniffed

ANN = {"Email": "ann@example.com", "Name": "Ann"}
PNG = b"\x89PNG\r\n\x1a\n"


def sent(caught, **form):
    return caught.http.post("/api/v1/send", json={"From": ANN, "To": [{"Email": "bob@example.com"}]} | form)


def test_a_mail_that_is_sent_is_in_the_store(caught):
    answer = sent(
        caught,
        From={"Email": "ann@example.com", "Name": 'Änn "A", of X'},
        To=[{"Email": "bob@example.com", "Name": "Bob"}, {"Email": "bea@example.com"}],
        Cc=[{"Email": "cy@example.com", "Name": "Cy"}],
        Bcc=["hidden@example.com"],
        ReplyTo=[{"Email": "desk@example.com"}],
        Subject="Grüße " + "und mehr " * 30,
        Text="Häll\n.\nend\n",
        HTML="<p>Häll <img src='cid:logo'></p>",
        Tags=["one", "Two Three"],
        Headers={"X-Custom": "yes"},
        Attachments=[
            {"Content": base64.b64encode(PNG).decode(), "Filename": "logo.png", "ContentID": "logo"},
            {"Content": f"data:x/y;base64,{base64.b64encode(b'Hi').decode()}", "Filename": "ü.txt"},
            {"Content": "", "Filename": "none.bin", "ContentType": "application/x-none; a=b"},
        ],
    )
    mail = caught.store.mail(answer.json()["ID"])
    entry = caught.store.entry(mail.id)

    assert answer.status_code == 200 and list(answer.json()) == ["ID"]
    assert mail.envelope.mail_from == "ann@example.com"
    assert mail.recipients == ("bob@example.com", "bea@example.com", "cy@example.com", "hidden@example.com")
    assert mail.bcc == ("hidden@example.com",) and "bcc" not in mail.headers
    assert str(mail.from_[0]) == '"Änn \\"A\\", of X" <ann@example.com>'
    assert [str(one) for one in (*mail.to, *mail.cc, *mail.reply_to)] == [
        "Bob <bob@example.com>",
        "bea@example.com",
        "Cy <cy@example.com>",
        "desk@example.com",
    ]
    assert mail.subject == "Grüße " + "und mehr " * 30
    assert (mail.text, mail.html) == ("Häll\n.\nend\n", "<p>Häll <img src='cid:logo'></p>")
    assert entry.tags == ("one", "Two Three") and mail.headers["x-custom"] == "yes"
    assert [(part.filename, part.content_type, part.content, part.inline) for part in mail.attachments] == [
        ("logo.png", "image/png", PNG, True),
        ("ü.txt", "text/plain", b"Hi", False),
        ("none.bin", "application/x-none", b"", False),
    ]
    assert mail.date is not None and re.fullmatch(r"<\w{22}@localhost>", mail.message_id)
    assert mail.defects == ()


def test_the_least_is_a_sender(caught):
    answer = caught.http.post("/api/v1/send", content=json.dumps({"from": {"email": "ann@example.com"}}))
    mail = caught.store.mail(answer.json()["ID"])

    assert (mail.text, mail.subject, mail.recipients, mail.defects) == ("", "", (), ())


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"From": {}}, "invalid From address: "),
        ({"From": {"Email": "nobody"}}, "invalid From address: nobody"),
        ({"To": [{"Email": "x y@example.com"}]}, "invalid To address: x y@example.com"),
        ({"Cc": [{"Name": "Cy"}]}, "invalid Cc address: "),
        ({"Bcc": ["@example.com"]}, "invalid Bcc address: @example.com"),
        ({"ReplyTo": [{"Email": "a@b@"}]}, "invalid Reply-To address: a@b@"),
        ({"To": [{"Email": "bob@example.com\r\nBcc: eve@example.com"}]}, "invalid To address"),
        ({"To": [{"Email": "bob@example.com", "Name": "a\nb"}]}, "invalid To address"),
        ({"Subject": "a\r\nBcc: eve@example.com"}, 'header "Subject" has a control character'),
        ({"Headers": {"X-A": "a\nb"}}, 'header "X-A" has a control character'),
        ({"Headers": {"X A": "a"}}, 'no name of a header field: "X A"'),
        ({"Headers": {"": "a"}}, "no name of a header field"),
        ({"Headers": {"To": "a"}}, 'cannot overwrite header: "To"'),
        ({"Headers": {"mime-VERSION": "a"}}, 'cannot overwrite header: "mime-VERSION"'),
        ({"Headers": {"X-Tags": "a"}, "Tags": ["b"]}, 'cannot overwrite header: "X-Tags"'),
        ({"Headers": {"X-A": 1}}, "Headers is an object of strings"),
        ({"Tags": ["a\r\nb"]}, 'header "X-Tags" has a control character'),
        ({"Attachments": [{"Content": "?", "Filename": "f"}]}, 'error decoding base64 attachment "f"'),
        ({"Attachments": [{"Content": "QQ==", "ContentType": "a"}]}, 'no content type: "a"'),
        ({"Attachments": [{"Content": "QQ==", "ContentType": "a/b\r\nX: y"}]}, "no content type"),
        ({"Attachments": [{"Content": "QQ==", "ContentID": "a>\r\nX: y"}]}, "no content identifier"),
        ({"Attachments": [{"Content": "QQ==", "Filename": "a\r\nX: y"}]}, "a file name has a control character"),
        ({"Attachments": ["QQ=="]}, "Attachments is a list of objects"),
        ({"To": "bob@example.com"}, "To is a list of objects"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_json(caught, form, reason):
    answer = sent(caught, **form)

    assert answer.status_code == 400 and answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["Error"] and answer.json()["Error"].startswith(reason)
    assert caught.store.totals().mails == 0


@pytest.mark.parametrize("body", ["", "{", "[]", "nope"])
def test_a_body_that_is_no_object_is_refused(caught, body):
    answer = caught.http.post("/api/v1/send", content=body)

    assert answer.status_code == 400 and list(answer.json()) == ["Error"]


# CVE-2024-6923, CVE-2026-1299: what is written as an encoded word stays one, and is no line end.
def test_an_encoded_word_becomes_no_header_field(caught):
    word = "=?utf-8?q?a=0D=0ABcc:_eve@example.com?="
    answer = sent(
        caught,
        Subject=word,
        Headers={"X-A": word},
        To=[{"Email": "bob@example.com", "Name": word}],
        Attachments=[{"Content": "QQ==", "Filename": word}],
    )
    mail = caught.store.mail(answer.json()["ID"])

    assert b"\r\nBcc" not in mail.content and "bcc" not in mail.headers
    assert mail.message["bcc"] is None


def test_lines_have_crlf_and_are_not_too_long(caught):
    answer = sent(
        caught,
        Subject="x" * 2000,
        Text="ü\r\n" + "y" * 2000 + "\rz\n\n",
        HTML="<p>\n" + "z" * 2000,
        Headers={"X-L": "w" * 3000},
    )
    content = caught.store.mail(answer.json()["ID"]).content

    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert caught.store.latest().subject == "x" * 2000
    assert caught.http.get("/api/v1/message/latest").json()["Text"] == "ü\n" + "y" * 2000 + "\nz\n\n"


def test_addresses_may_be_in_any_script(caught):
    answer = sent(caught, To=[{"Email": "bøb@exämple.com", "Name": "Bøb"}, {"Email": "пётр@пример.рф"}])
    mail = caught.store.mail(answer.json()["ID"])

    assert [str(one) for one in mail.to] == ["Bøb <bøb@exämple.com>", "пётр@пример.рф"]
    assert mail.recipients == ("bøb@exämple.com", "пётр@пример.рф")


def test_what_no_store_can_hold_is_replaced(caught):
    answer = caught.http.post("/api/v1/send", content=b'{"From":{"Email":"a@b.example"},"Text":"\\ud800 \\u0000"}')

    assert caught.store.mail(answer.json()["ID"]).text == "� �"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", "application/octet-stream"),
        (b"PK\x03\x04", "application/zip"),
        ("ü".encode(), "text/plain; charset=utf-8"),
        (b"", "text/plain; charset=utf-8"),
        (b"\xff\xfe", "application/octet-stream"),
    ],
)
def test_a_type_that_nobody_says_is_seen_from_the_content(content, kind):
    assert sniffed(content) == kind


@pytest.mark.parametrize("inline", [True, False])
def test_a_message_of_several_parts_is_read_as_it_was_meant(inline):
    content = composed(["From: a@b.example"], "text", "", [File("f.bin", "a/b", b"x" * 500, "cid" if inline else "")])

    assert b"multipart/mixed" in content and content.count(b"multipart/") == 1
