"""One mail: its JSON, header fields, source, parts and details."""

import hashlib
from itertools import islice

import pytest

from lazr.smtptest.store import MemoryStore, SqliteStore
from tests.helpers.mime_messages import build_message_with_files
from tests.mail.malformed import messages


def test_message_has_mailpits_fields_and_read(rest_api):
    content = (
        "From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <1@example.com>\r\nX-Tags: news\r\n"
        "List-Unsubscribe: <mailto:out@example.com>, (a comment) <https://example.com/out>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHello\r\n"
    )
    mail_id = rest_api.add_mail(content, user="ci")

    assert rest_api.http.get(f"/api/v1/message/{mail_id}").json() == {
        "ID": mail_id,
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


@pytest.mark.parametrize("path", ["", "/raw", "/headers", "/links", "/envelope"])
def test_each_request_opens_one_snapshot_of_the_store(make_rest_api, tmp_path, path, monkeypatch):
    snapshots = []
    with SqliteStore(tmp_path / "mails.sqlite") as store:
        rest_api = make_rest_api(store)
        mail_id = rest_api.add_mail()
        store.index_pending()
        read_snapshot = store._database.read_snapshot
        monkeypatch.setattr(
            store._database, "read_snapshot", lambda **more: snapshots.append(1) or read_snapshot(**more)
        )

        assert rest_api.http.get(f"/api/v1/message/{mail_id}{path}").status_code == 200
        assert len(snapshots) == 1


@pytest.mark.parametrize("size", [10, 1_100_000])
def test_mark_of_a_message_stays_on_request(rest_api, size):
    message_id = rest_api.add_mail(f"Subject: x\r\n\r\n{'x' * size}\r\n")
    response = rest_api.http.get(f"/api/v1/message/{message_id}", params={"mark_read": 0})

    assert (response.status_code, response.json()["Read"]) == (200, False)
    assert rest_api.search_ids("is:unread") == [message_id]
    rest_api.http.get(f"/api/v1/message/{message_id}", params={"mark_read": 1})
    assert rest_api.search_ids("is:unread") == []


def test_getting_a_message_marks_it_as_read(rest_api):
    mail_id = rest_api.add_mail()

    assert rest_api.http.get(f"/api/v1/message/{mail_id}").json()["Read"] is False
    assert rest_api.store.get_totals().unread == 0
    assert rest_api.http.get(f"/api/v1/message/{mail_id}").json()["Read"] is True


class CountingStore(MemoryStore):
    """A store that records which of its reading methods are called."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __getattribute__(self, name):
        if name in ("get_entry", "get_latest", "get_mail", "open_message", "get_totals"):
            self.calls.append(name)
        return super().__getattribute__(name)


def test_getting_a_message_reads_the_store_once(make_rest_api):
    rest_api = make_rest_api(CountingStore())
    rest_api.add_mail()
    for path in ("/api/v1/message/latest", "/api/v1/message/latest/raw", "/view/latest.txt"):
        rest_api.store.calls.clear()
        assert rest_api.http.get(path).status_code == 200
        assert rest_api.store.calls == ["open_message"]


def test_message_without_date_has_its_arrival_time(rest_api):
    rest_api.add_mail()
    created = rest_api.http.get("/api/v1/messages").json()["messages"][0]["Created"]

    assert rest_api.http.get("/api/v1/message/latest").json()["Date"] == created


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
def test_list_unsubscribe(rest_api, header, links, faulty):
    rest_api.add_mail(List_Unsubscribe=header)
    unsubscribe = rest_api.http.get("/api/v1/message/latest").json()["ListUnsubscribe"]

    assert (unsubscribe["Header"], unsubscribe["Links"], bool(unsubscribe["Errors"])) == (header, links, faulty)


SUFFIXES = [
    "",
    "/headers",
    "/raw",
    "/part/2",
    "/links",
    "/codes",
    "/envelope",
    "/defects",
    "/authentication",
    "/html-check",
    "/link-check",
]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_unknown_message_returns_404(rest_api, suffix):
    texts_by_id = dict.fromkeys(["none", "%00", "x" * 5000, "a'b", "%F0%9F%98%80", "a%20b"], "404 page not found")
    for mail_id, text in (texts_by_id | {"latest": "Message not found"}).items():
        response = rest_api.http.get(f"/api/v1/message/{mail_id}{suffix}")

        assert (response.status_code, response.text) == (404, text)
        assert response.headers["content-type"] == "text/plain"


def test_latest_accepts_a_search(rest_api):
    red, blue = rest_api.add_mail(Subject="red"), rest_api.add_mail(Subject="blue")

    for query, mail_id in (({}, blue), ({"query": ""}, blue), ({"query": "subject:red"}, red)):
        assert rest_api.http.get("/api/v1/message/latest", params=query).json()["ID"] == mail_id
        assert rest_api.http.get("/api/v1/message/latest/envelope", params=query).status_code == 200
    assert rest_api.http.get("/api/v1/message/latest?query=subject:green").status_code == 404


def test_header_fields_have_gos_canonical_names(rest_api):
    mail_id = rest_api.add_mail(
        "Subject: =?utf-8?q?=C3=A4?=\r\n folded\r\n\tagain \r\nmessage-ID: <1@example.com>\r\n"
        "MIME-version: 1.0\r\nReceived: one\r\nReceived: two\r\nX-A-B: \xe4\r\n\r\n"
    )
    response = rest_api.http.get(f"/api/v1/message/{mail_id}/headers")

    assert list(response.json().items()) == [
        ("Message-Id", ["<1@example.com>"]),
        ("Mime-Version", ["1.0"]),
        ("Received", ["one", "two"]),
        ("Subject", ["=?utf-8?q?=C3=A4?= folded again"]),
        ("X-A-B", ["ä"]),
    ]
    assert rest_api.store.get_totals().unread == 1


@pytest.mark.parametrize("content", [b"", b"a\nb\rc\0\xff", b"Subject: x\r\n\r\n..dots\r\n", b"<html>\r\n" * 1000])
def test_raw_returns_the_content_byte_for_byte(rest_api, content):
    mail_id = rest_api.add_mail(content or b"\r\n")
    response = rest_api.http.get(f"/api/v1/message/{mail_id}/raw")

    assert response.content == (content or b"\r\n")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert "content-disposition" not in response.headers
    saved = rest_api.http.get(f"/api/v1/message/{mail_id}/raw?dl=1")
    assert saved.headers["content-disposition"] == f"attachment; filename={mail_id}.eml"


def test_attachments_have_checksums(rest_api):
    rest_api.add_mail(build_message_with_files(("application/pdf", "ü.pdf", b"%PDF")))
    message = rest_api.http.get("/api/v1/message/latest").json()

    assert message["Inline"] == []
    assert message["Attachments"] == [
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
    assert rest_api.http.get("/api/v1/messages").json()["messages"][0]["Attachments"] == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("POST", "release", 400, "Relaying is off"),
        ("GET", "link-check", 403, "Link checking is off"),
        ("GET", "link-check?follow=true", 403, "Link checking is off"),
    ],
)
def test_features_that_are_off_return_an_error(rest_api, method, path, status, word):
    mail_id = rest_api.add_mail(build_message_with_files(html="<a href='http://127.0.0.1:1/'>x</a>"))
    response = rest_api.http.request(
        method, f"/api/v1/message/{mail_id}/{path}", content=b"{}" if method == "POST" else None
    )

    assert response.status_code == status and word in response.text


def test_html_check_without_html_returns_400(rest_api):
    rest_api.add_mail()
    response = rest_api.http.get("/api/v1/message/latest/html-check")

    assert (response.status_code, response.text) == (400, "message does not contain HTML")


@pytest.mark.slow
def test_malformed_mails_never_fail_a_route(rest_api):
    mail_ids = [rest_api.add_mail(content() or b"\r\n") for _, content in islice(messages(), 0, None, 40)]
    for mail_id in mail_ids:
        for suffix in ("", "/headers", "/raw", "/links", "/codes", "/envelope", "/defects"):
            response = rest_api.http.get(f"/api/v1/message/{mail_id}{suffix}")
            assert response.status_code == 200, (suffix, response.text)
        assert rest_api.http.get(f"/view/{mail_id}.html").status_code in (200, 404)
    assert len(rest_api.list_ids(limit=0)) == len(mail_ids) > 50
