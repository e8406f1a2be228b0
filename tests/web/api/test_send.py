"""Mails that are sent over HTTP."""

import base64
import json
import re

import pytest

ANN = {"Email": "ann@example.com", "Name": "Ann"}
PNG = b"\x89PNG\r\n\x1a\n"


def send(rest_api, **form):
    return rest_api.http.post("/api/v1/send", json={"From": ANN, "To": [{"Email": "bob@example.com"}]} | form)


def test_sent_mail_is_in_the_store(rest_api):
    response = send(
        rest_api,
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
    mail = rest_api.store.get_mail(response.json()["ID"])
    entry = rest_api.store.get_entry(mail.id)

    assert response.status_code == 200 and list(response.json()) == ["ID"]
    assert mail.envelope.mail_from == "ann@example.com"
    assert mail.recipients == ("bob@example.com", "bea@example.com", "cy@example.com", "hidden@example.com")
    assert mail.bcc == ("hidden@example.com",) and mail.headers["bcc"] == "hidden@example.com"
    assert mail.headers["return-path"] == "<ann@example.com>"
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


def test_only_from_is_required(rest_api):
    response = rest_api.http.post("/api/v1/send", content=json.dumps({"from": {"email": "ann@example.com"}}))
    mail = rest_api.store.get_mail(response.json()["ID"])

    assert (mail.text, mail.subject, mail.recipients, mail.defects) == ("", "", (), ())


@pytest.mark.parametrize(
    ("form", "return_paths", "bcc"),
    [
        ({}, ["<ann@example.com>"], []),
        ({"Bcc": []}, ["<ann@example.com>"], []),
        ({"Bcc": ["one@example.com", "two@example.com"]}, ["<ann@example.com>"], ["one@example.com, two@example.com"]),
        ({"Headers": {"return-PATH": "<bounces@example.com>"}}, ["<bounces@example.com>"], []),
    ],
)
def test_return_path_and_bcc_are_header_fields(rest_api, form, return_paths, bcc):
    mail_id = send(rest_api, **form).json()["ID"]
    headers = rest_api.http.get(f"/api/v1/message/{mail_id}/headers").json()

    assert (headers["Return-Path"], headers.get("Bcc", [])) == (return_paths, bcc)
    assert rest_api.store.get_mail(mail_id).envelope.mail_from == "ann@example.com"


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
        ({"Subject": "a\r\nBcc: eve@example.com"}, 'header "Subject" must not contain control'),
        ({"Headers": {"X-A": "a\nb"}}, 'header "X-A" must not contain control'),
        ({"Headers": {"X A": "a"}}, "header name must be printable ASCII without spaces and colons, got 'X A'"),
        ({"Headers": {"": "a"}}, "header name must be printable ASCII"),
        ({"Headers": {"To": "a"}}, 'cannot overwrite header: "To"'),
        ({"Headers": {"mime-VERSION": "a"}}, 'cannot overwrite header: "mime-VERSION"'),
        ({"Headers": {"X-Tags": "a"}, "Tags": ["b"]}, 'cannot overwrite header: "X-Tags"'),
        ({"Headers": {"X-A": 1}}, "Headers must be an object of strings"),
        ({"Tags": ["a\r\nb"]}, 'header "X-Tags" must not contain control'),
        ({"Attachments": [{"Content": "?", "Filename": "f"}]}, 'error decoding base64 attachment "f"'),
        ({"Attachments": [{"Content": "QQ==", "ContentType": "a"}]}, "content type must be type/subtype, got 'a'"),
        ({"Attachments": [{"Content": "QQ==", "ContentType": "a/b\r\nX: y"}]}, "content type must be type/subtype"),
        (
            {"Attachments": [{"Content": "QQ==", "ContentID": "a>\r\nX: y"}]},
            "content identifier must be printable ASCII",
        ),
        (
            {"Attachments": [{"Content": "QQ==", "Filename": "a\r\nX: y"}]},
            "file name must have at most 500 characters and no control characters",
        ),
        ({"Attachments": ["QQ=="]}, "Attachments must be a list of objects"),
        ({"To": "bob@example.com"}, "To must be a list of objects"),
    ],
)
def test_invalid_values_return_400_with_a_json_error(rest_api, form, reason):
    response = send(rest_api, **form)

    assert response.status_code == 400 and response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["Error"] and response.json()["Error"].startswith(reason)
    assert rest_api.store.get_totals().mails == 0


@pytest.mark.parametrize("body", ["", "{", "[]", "nope"])
def test_body_must_be_a_json_object(rest_api, body):
    response = rest_api.http.post("/api/v1/send", content=body)

    assert response.status_code == 400 and list(response.json()) == ["Error"]


# CVE-2024-6923, CVE-2026-1299: an encoded word in a value must not become a line end and a further header field.
def test_encoded_word_does_not_inject_a_header_field(rest_api):
    encoded_word = "=?utf-8?q?a=0D=0ABcc:_eve@example.com?="
    response = send(
        rest_api,
        Subject=encoded_word,
        Headers={"X-A": encoded_word},
        To=[{"Email": "bob@example.com", "Name": encoded_word}],
        Attachments=[{"Content": "QQ==", "Filename": encoded_word}],
    )
    mail = rest_api.store.get_mail(response.json()["ID"])

    assert b"\r\nBcc" not in mail.content and "bcc" not in mail.headers
    assert mail.message["bcc"] is None


def test_lines_end_with_crlf_and_have_at_most_998_bytes(rest_api):
    response = send(
        rest_api,
        Subject="x" * 2000,
        Text="ü\r\n" + "y" * 2000 + "\rz\n\n",
        HTML="<p>\n" + "z" * 2000,
        Headers={"X-L": "w" * 3000},
    )
    content = rest_api.store.get_mail(response.json()["ID"]).content

    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert rest_api.store.get_latest().subject == "x" * 2000
    assert rest_api.http.get("/api/v1/message/latest").json()["Text"] == "ü\n" + "y" * 2000 + "\nz\n\n"


def test_addresses_may_have_non_ascii_characters(rest_api):
    response = send(rest_api, To=[{"Email": "bøb@exämple.com", "Name": "Bøb"}, {"Email": "пётр@пример.рф"}])
    mail = rest_api.store.get_mail(response.json()["ID"])

    assert [str(address) for address in mail.to] == ["Bøb <bøb@exämple.com>", "пётр@пример.рф"]
    assert mail.recipients == ("bøb@exämple.com", "пётр@пример.рф")


def test_characters_that_stores_cannot_hold_are_replaced(rest_api):
    response = rest_api.http.post("/api/v1/send", content=b'{"From":{"Email":"a@b.example"},"Text":"\\ud800 \\u0000"}')

    assert rest_api.store.get_mail(response.json()["ID"]).text == "� �"
