"""One mail: read, its header, its octets, its parts, and what is off."""

import hashlib
from email.message import EmailMessage
from itertools import islice

import pytest

from mail.malformed import messages

SCRIPT = "<script>alert(1)</script>"


def with_files(*files, html=""):
    """A message with attachments of these types, names and octets."""
    message = EmailMessage()
    message["From"] = "Ann <ann@example.com>"
    message["To"] = "bob@example.com"
    message["Subject"] = "Files"
    message.set_content("See the files.\n")
    if html:
        message.add_alternative(html, subtype="html")
    for kind, name, octets in files:
        maintype, _, subtype = kind.partition("/")
        message.add_attachment(octets, maintype=maintype, subtype=subtype, filename=name)
    return message.as_bytes().replace(b"\n", b"\r\n")


def test_a_message_has_mailpits_fields_and_read(caught):
    content = (
        "From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <1@example.com>\r\nX-Tags: news\r\n"
        "List-Unsubscribe: <mailto:out@example.com>, (a comment) <https://example.com/out>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHello\r\n"
    )
    name = caught.mail(content, user="ci")

    assert caught.http.get(f"/api/v1/message/{name}").json() == {
        "ID": name,
        "MessageID": "1@example.com",
        "Read": False,
        "From": {"Name": "Ann", "Address": "ann@example.com"},
        "To": [{"Name": "", "Address": "bob@example.com"}],
        "Cc": [],
        "Bcc": [],
        "ReplyTo": [],
        "ReturnPath": "ann@example.com",
        "Subject": "Grüße",
        "ListUnsubscribe": {
            "Header": "<mailto:out@example.com>, (a comment) <https://example.com/out>",
            "Links": ["mailto:out@example.com", "https://example.com/out"],
            "Errors": "",
            "HeaderPost": "List-Unsubscribe=One-Click",
        },
        "Date": "1997-11-21T09:55:06-06:00",
        "Tags": ["news"],
        "Username": "ci",
        "Text": "Hello\n",
        "HTML": "",
        "Size": len(content),
        "Inline": [],
        "Attachments": [],
    }


def test_reading_a_message_marks_it_as_read(caught):
    name = caught.mail()

    assert caught.http.get(f"/api/v1/message/{name}").json()["Read"] is False
    assert caught.store.totals().unread == 0
    assert caught.http.get(f"/api/v1/message/{name}").json()["Read"] is True


def test_a_message_without_a_date_has_that_of_its_arrival(caught):
    caught.mail()
    created = caught.http.get("/api/v1/messages").json()["messages"][0]["Created"]

    assert caught.http.get("/api/v1/message/latest").json()["Date"] == created


@pytest.mark.parametrize(
    ("header", "links", "faulty"),
    [
        ("", [], False),
        ("<mailto:a@example.com>", ["mailto:a@example.com"], False),
        ("https://example.com/", [], True),
        ("<ftp://example.com/>", [], True),
        ("<https://example.com/a b>", [], True),
        ("<https://example.com/a>; <mailto:b@example.com>", ["https://example.com/a", "mailto:b@example.com"], True),
    ],
)
def test_links_to_unsubscribe(caught, header, links, faulty):
    caught.mail(List_Unsubscribe=header)
    found = caught.http.get("/api/v1/message/latest").json()["ListUnsubscribe"]

    assert (found["Header"], found["Links"], bool(found["Errors"])) == (header, links, faulty)


SUFFIXES = [
    "",
    "/headers",
    "/raw",
    "/part/2",
    "/links",
    "/codes",
    "/envelope",
    "/defects",
    "/html-check",
    "/link-check",
]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_not_there_is_404(caught, suffix):
    strange = [(name, "404 page not found") for name in ("none", "%00", "x" * 5000, "a'b", "%F0%9F%98%80", "a%20b")]
    for name, words in (*strange, ("latest", "Message not found")):
        answer = caught.http.get(f"/api/v1/message/{name}{suffix}")

        assert (answer.status_code, answer.text) == (404, words)
        assert answer.headers["content-type"] == "text/plain"


def test_the_latest_may_be_the_latest_that_a_search_finds(caught):
    red, blue = caught.mail(Subject="red"), caught.mail(Subject="blue")

    for query, name in (({}, blue), ({"query": ""}, blue), ({"query": "subject:red"}, red)):
        assert caught.http.get("/api/v1/message/latest", params=query).json()["ID"] == name
        assert caught.http.get("/api/v1/message/latest/envelope", params=query).status_code == 200
    assert caught.http.get("/api/v1/message/latest?query=subject:green").status_code == 404


def test_header_fields_are_named_as_go_names_them(caught):
    name = caught.mail(
        "Subject: =?utf-8?q?=C3=A4?=\r\n folded\r\n\tagain \r\nmessage-ID: <1@example.com>\r\n"
        "MIME-version: 1.0\r\nReceived: one\r\nReceived: two\r\nX-A-B: \xe4\r\n\r\n"
    )
    answer = caught.http.get(f"/api/v1/message/{name}/headers")

    assert list(answer.json().items()) == [
        ("Message-Id", ["<1@example.com>"]),
        ("Mime-Version", ["1.0"]),
        ("Received", ["one", "two"]),
        ("Subject", ["=?utf-8?q?=C3=A4?= folded again"]),
        ("X-A-B", ["ä"]),
    ]
    assert caught.store.totals().unread == 1


@pytest.mark.parametrize("content", [b"", b"a\nb\rc\0\xff", b"Subject: x\r\n\r\n..dots\r\n", b"<html>\r\n" * 1000])
def test_the_source_is_what_was_on_the_wire(caught, content):
    name = caught.mail(content or b"\r\n")
    answer = caught.http.get(f"/api/v1/message/{name}/raw")

    assert answer.content == (content or b"\r\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "content-disposition" not in answer.headers
    saved = caught.http.get(f"/api/v1/message/{name}/raw?dl=1")
    assert saved.headers["content-disposition"] == f"attachment; filename={name}.eml"


def test_attachments_are_listed_with_their_checksums(caught):
    caught.mail(with_files(("application/pdf", "ü.pdf", b"%PDF")))
    found = caught.http.get("/api/v1/message/latest").json()

    assert found["Inline"] == []
    assert found["Attachments"] == [
        {
            "PartID": "2",
            "FileName": "ü.pdf",
            "ContentType": "application/pdf",
            "ContentID": "",
            "Size": 4,
            "Checksums": {
                "MD5": hashlib.md5(b"%PDF").hexdigest(),
                "SHA1": hashlib.sha1(b"%PDF").hexdigest(),
                "SHA256": hashlib.sha256(b"%PDF").hexdigest(),
            },
        }
    ]
    assert caught.http.get("/api/v1/messages").json()["messages"][0]["Attachments"] == 1


# W3: a part is nobody's page.  Pictures can be looked at, what a browser would run is not called by its name.
@pytest.mark.parametrize(
    ("kind", "told", "how"),
    [
        ("image/png", "image/png", "inline"),
        ("image/webp", "image/webp", "inline"),
        ("image/svg+xml", "application/octet-stream", "attachment"),
        ("text/html", "application/octet-stream", "attachment"),
        ("application/xhtml+xml", "application/octet-stream", "attachment"),
        ("text/javascript", "application/octet-stream", "attachment"),
        ("application/x-javascript", "application/octet-stream", "attachment"),
        ("text/css", "application/octet-stream", "attachment"),
        ("application/pdf", "application/pdf", "attachment"),
        ("text/calendar", "text/calendar", "attachment"),
        ("application/zip", "application/zip", "attachment"),
    ],
)
def test_a_part_is_shown_or_saved_by_its_type(caught, kind, told, how):
    name = caught.mail(with_files((kind, "a file", SCRIPT.encode())))
    answer = caught.http.get(f"/api/v1/message/{name}/part/2")

    assert answer.content == SCRIPT.encode()
    assert answer.headers["content-type"] == told
    assert answer.headers["content-disposition"] == f"{how}; filename=a_file; filename*=UTF-8''a%20file"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("plain.pdf", "attachment; filename=plain.pdf"),
        ("", "attachment; filename=part-2"),
        ("../../etc/passwd", "attachment; filename=.._.._etc_passwd"),
        ("ü.pdf", "attachment; filename=_.pdf; filename*=UTF-8''%C3%BC.pdf"),
        ("a\tb;c=d.pdf", "attachment; filename=a_b_c_d.pdf; filename*=UTF-8''a_b%3Bc%3Dd.pdf"),
    ],
)
def test_the_name_of_a_file_cannot_leave_its_header(caught, name, told):
    caught.mail(with_files(("application/pdf", name, b"%PDF")))
    answer = caught.http.get("/api/v1/message/latest/part/2")

    assert answer.headers["content-disposition"] == told


@pytest.mark.parametrize("number", ["0", "1", "3", "2.1", "x", "..%2f..%2fraw"])
def test_parts_that_are_not_there(caught, number):
    name = caught.mail(with_files(("application/pdf", "a.pdf", b"%PDF")))

    assert caught.http.get(f"/api/v1/message/{name}/part/{number}").status_code == 404


def test_a_message_that_is_nothing_but_a_file_has_one_part(caught):
    caught.mail("Content-Type: application/pdf; name=a.pdf\r\n\r\n%PDF")

    assert caught.http.get("/api/v1/message/latest").json()["Attachments"][0]["PartID"] == "1"
    assert caught.http.get("/api/v1/message/latest/part/1").content == b"%PDF"


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("POST", "release", 400, "Relaying is off"),
        ("GET", "link-check", 403, "Link checking is off"),
        ("GET", "link-check?follow=true", 403, "Link checking is off"),
        ("GET", "sa-check", 404, "404 page not found"),
    ],
)
def test_what_is_off_says_so(caught, method, path, status, word):
    name = caught.mail(with_files(html="<a href='http://127.0.0.1:1/'>x</a>"))
    answer = caught.http.request(method, f"/api/v1/message/{name}/{path}", content=b"{}" if method == "POST" else None)

    assert answer.status_code == status and word in answer.text


def test_html_is_not_checked_where_there_is_none(caught):
    caught.mail()
    answer = caught.http.get("/api/v1/message/latest/html-check")

    assert (answer.status_code, answer.text) == (400, "message does not contain HTML")


def test_links_codes_envelope_and_defects(caught):
    caught.mail(
        "Subject: Sign in\r\nDate: yesterday\r\n\r\nYour code is 123 456: https://example.com/?t=1\r\n",
        to=("bob@example.com", "cy@example.com"),
        sender="",
    )
    get = caught.http.get

    assert get("/api/v1/message/latest/links").json() == [
        {"URL": "https://example.com/?t=1", "Text": "https://example.com/?t=1", "Where": "text"}
    ]
    assert get("/api/v1/message/latest/codes").json() == ["123456"]
    assert get("/api/v1/message/latest/envelope").json() == {
        "From": "",
        "To": ["bob@example.com", "cy@example.com"],
        "FromParameters": {},
        "ToParameters": [{}, {}],
        "Bcc": ["bob@example.com", "cy@example.com"],
        "Helo": "",
        "Peer": "",
        "TLS": "",
        "User": "",
    }
    assert get("/api/v1/message/latest/defects").json() == [{"Where": "header Date", "Reason": "not a date"}]
    assert caught.store.totals().unread == 1


def test_nothing_in_a_malformed_mail_fails_a_route(caught):
    names = [caught.mail(content() or b"\r\n") for _, content in islice(messages(), 0, None, 40)]
    for name in names:
        for suffix in ("", "/headers", "/raw", "/links", "/codes", "/envelope", "/defects"):
            answer = caught.http.get(f"/api/v1/message/{name}{suffix}")
            assert answer.status_code == 200, (suffix, answer.text)
        assert caught.http.get(f"/view/{name}.html").status_code in (200, 404)
    assert len(caught.ids(limit=0)) == len(names) > 50
