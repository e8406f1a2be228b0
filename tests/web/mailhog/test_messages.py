"""Mails with the paths and fields of MailHog, by the source of MailHog."""

import json

import pytest

from lazr.smtptest import Envelope, Mail, MailServer
from lazr.smtptest.web.mailbox import Mailbox
from lazr.smtptest.web.mailhog import messages, schemas
from lazr.smtptest.web.outbound.relay import Relay
from lazr.smtptest.web.responses import encode_json
from tests.helpers.mime_messages import build_message_with_files
from tests.mail import malformed

MIXED = (
    "From: Ann <ann@example.com>\r\nTo: Bob <bob@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    "Received: one\r\nReceived: two\r\n three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "preamble\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
    "--c\r\nContent-Type: text/plain\r\n\r\nHello\r\n--c\r\n\r\nyou\r\n--c--\r\n"
    "--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBO\r\n--b--\r\nepilogue"
)


def get_json(rest_api, path, **query):
    response = rest_api.http.get(path, params=query)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json"), response.text
    return response.json()


def search(rest_api, kind, query):
    page = get_json(rest_api, "/api/v2/search", kind=kind, query=query)
    assert page["total"] == page["count"] == len(page["items"])
    return [item["ID"] for item in page["items"]]


def test_message_has_mailhogs_fields(rest_api):
    mail_id = rest_api.add_mail(MIXED, to=("bob@example.com", "hidden@example.com"))
    page = get_json(rest_api, "/api/v2/messages")
    (item,) = page.pop("items")

    assert page == {"total": 1, "count": 1, "start": 0} and item == get_json(rest_api, f"/api/v1/messages/{mail_id}")
    assert list(item) == ["ID", "From", "To", "Content", "Created", "MIME", "Raw"]
    assert item["ID"] == mail_id and item["Created"][10] == "T"
    assert item["From"] == {"Relays": None, "Mailbox": "ann", "Domain": "example.com", "Params": ""}
    assert [to["Mailbox"] for to in item["To"]] == ["bob", "hidden"]
    assert item["Content"] == {
        "Headers": {
            "From": ["Ann <ann@example.com>"],
            "To": ["Bob <bob@example.com>"],
            "Subject": ["=?utf-8?q?Gr=C3=BC=C3=9Fe?="],
            "Received": ["one", "two three"],
            "Content-Type": ["multipart/mixed; boundary=b"],
        },
        "Body": MIXED.partition("\r\n\r\n")[2],
        "Size": len(MIXED),
        "MIME": None,
    }
    both, picture = item["MIME"]["Parts"]
    assert [part["Body"] for part in both["MIME"]["Parts"]] == ["Hello", "you"]
    assert both["MIME"]["Parts"][1]["Headers"] == {} and both["MIME"]["Parts"][0]["MIME"] is None
    assert picture["Body"] == "iVBO" and picture["Headers"]["Content-Transfer-Encoding"] == ["base64"]
    assert item["Raw"] == {
        "From": "ann@example.com",
        "To": ["bob@example.com", "hidden@example.com"],
        "Data": MIXED,
        "Helo": "",
    }


@pytest.mark.parametrize(
    ("content", "headers", "body"),
    [
        ("Subject: Hi\r\n\r\nHello\r\n", {"Subject": ["Hi"]}, "Hello\r\n"),
        ("\r\nHello", {}, "Hello"),
        ("Subject:\r\n Hi\n\nHello", {"Subject": ["Hi"]}, "Hello"),
        (b"Subject: \xff\r\n\r\n\x00\xff", {"Subject": ["\ufffd"]}, "\x00\ufffd"),
        ("Content-Type: multipart/mixed\r\n\r\nx", {"Content-Type": ["multipart/mixed"]}, "x"),
    ],
)
def test_header_fields_and_body_are_not_decoded(rest_api, content, headers, body):
    mail_id = rest_api.add_mail(content, sender="")
    item = get_json(rest_api, f"/api/v1/messages/{mail_id}")

    assert (item["Content"]["Headers"], item["Content"]["Body"]) == (headers, body)
    assert (item["From"]["Mailbox"], item["From"]["Domain"]) == ("", "")
    assert item["MIME"] == ({"Parts": []} if "Content-Type" in headers else None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "543210"),
        ({"limit": "2"}, "54"),
        ({"start": "4"}, "10"),
        ({"start": "2", "limit": "2"}, "32"),
        ({"start": "9"}, ""),
        ({"limit": "0"}, "543210"),
        ({"limit": "x", "start": "-1"}, "543210"),
        ({"limit": "²"}, "543210"),
        ({"limit": "9" * 30}, "543210"),
    ],
)
def test_pages(rest_api, query, expected):
    for number in range(6):
        rest_api.add_mail(Subject=f"Mail {number}")
    for path, search_query in (("messages", {}), ("search", {"kind": "to", "query": "bob"})):
        page = get_json(rest_api, f"/api/v2/{path}", **query, **search_query)

        assert "".join(item["Content"]["Headers"]["Subject"][0][-1] for item in page["items"]) == expected
        assert (page["total"], page["count"]) == (6, len(expected))


def test_search_kinds(rest_api):
    header = rest_api.add_mail(From="Zoe <zoe@example.com>", To="Ben <ben@example.com>")
    envelope = rest_api.add_mail(sender="zoe@example.com", to=("ben@example.com",), From="ann@example.com")
    both = rest_api.add_mail(
        sender="zoe@example.com", to=("ben@example.com",), From="zoe@example.com", To="ben@example.com"
    )
    content = rest_api.add_mail("Subject: Zoe\r\n\r\nben@example.com zoë\r\n")

    for kind, queries in (("from", ("zoe", "ZOE@Example", "oe@example.co")), ("to", ("ben", "BEN@", "en@ex"))):
        for query in queries:
            assert search(rest_api, kind, query) == [both, envelope, header]
    assert search(rest_api, "containing", "ZOË") == [content]
    assert set(search(rest_api, "containing", "ben@example.com")) == {header, envelope, both, content}
    assert search(rest_api, "to", "z*e") == search(rest_api, "from", "none") == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"kind": "to"},
        {"query": "x"},
        {"kind": "subject", "query": "x"},
        {"kind": "to", "query": " "},
        {"kind": "to", "query": "x", "start": "10001"},
    ],
)
def test_invalid_search_returns_400(rest_api, query):
    assert rest_api.http.get("/api/v2/search", params=query).status_code == 400


def test_list_ends_before_it_is_too_long(rest_api, monkeypatch):
    size = 2 * len(rest_api.store.get_mail(rest_api.add_mail()).content)
    for _ in range(4):
        rest_api.add_mail()
    monkeypatch.setattr(messages, "_MAX_PAGE_CHARACTERS", 3 * size)

    first = get_json(rest_api, "/api/v2/messages")
    second = get_json(rest_api, "/api/v2/messages", start=2)
    assert (first["total"], first["count"], second["count"]) == (5, 2, 2)
    monkeypatch.setattr(messages, "_MAX_PAGE_CHARACTERS", 1)
    assert get_json(rest_api, "/api/v2/messages")["count"] == 1


def test_large_mail_has_only_its_header_fields(rest_api, monkeypatch):
    mail_id = rest_api.add_mail(MIXED)
    assert get_json(rest_api, f"/api/v1/messages/{mail_id}")["Raw"]["Data"] == MIXED
    monkeypatch.setattr(schemas, "MAX_SHOWN_CHARACTERS", 3 * len(MIXED))
    item = get_json(rest_api, f"/api/v1/messages/{mail_id}")

    assert item["Content"]["Headers"]["From"] == ["Ann <ann@example.com>"]
    assert (item["Content"]["Body"], item["Content"]["Size"]) == ("", len(MIXED))
    assert item["MIME"] == {"Parts": []} and item["Raw"]["Data"] == ""
    assert rest_api.http.get(f"/api/v1/messages/{mail_id}/download").text == MIXED


def build_nested_message(depth, text):
    for number in range(depth):
        text = f"Content-Type: multipart/mixed; boundary=b{number}\r\n\r\n--b{number}\r\n{text}\r\n--b{number}--\r\n"
    return text


# W12: a mail cannot make a response many times its size.
@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        pytest.param("\r\n" + "\x01" * 8_000_000, id="control characters"),
        pytest.param("\r\n" + "<" * 8_000_000, id="escapes"),
        pytest.param(b"\r\n" + b"\xff" * 8_000_000, id="no UTF-8"),
        pytest.param("\r\n" + "\n" * 8_000_000, id="line ends"),
        pytest.param(build_nested_message(90, "\r\n" + "x" * 8_000_000), id="nested parts"),
        pytest.param("a:\r\n" * 1_000_000, id="header fields"),
        pytest.param(build_message_with_files(("image/png", "a.png", b"x" * 5_000_000)), id="a usual mail"),
    ],
)
def test_response_length_is_limited(rest_api, content):
    mail_id = rest_api.add_mail(content)
    for path in (f"/api/v1/messages/{mail_id}", "/api/v2/messages"):
        response = rest_api.http.get(path)

        assert response.status_code == 200 and len(response.text) < 27_000_000
        if isinstance(content, bytes) and b"a.png" in content:
            assert len(response.text) > 3 * len(content)  # not cut


@pytest.mark.slow
def test_malformed_mails_are_shown():
    envelope = Envelope("a@b@c", ("", "@", '"a@b"@c', "ü"), mail_parameters={}, rcpt_parameters=({},) * 4)
    for name, build in malformed.messages():
        content = build()
        message, characters = schemas.build_mailhog_message(Mail("x", envelope, [content]))

        assert message["Content"]["Size"] == len(content), name
        assert len(encode_json(message)) <= min(characters, schemas.MAX_SHOWN_CHARACTERS) * 1.5 + 10_000, name


def test_downloads(rest_api):
    mail_id = rest_api.add_mail(MIXED)
    whole = rest_api.http.get(f"/api/v1/messages/{mail_id}/download")
    picture = rest_api.http.get(f"/api/v1/messages/{mail_id}/mime/part/1/download")

    assert whole.content == MIXED.encode()
    assert whole.headers["content-disposition"] == f"attachment; filename={mail_id}.eml"
    assert picture.content == b"\x89PN"
    assert picture.headers["content-type"] == "image/png"
    for response in (whole, picture):
        assert response.headers["content-security-policy"].startswith("sandbox;")


def test_delete_one_message(rest_api):
    one, two = rest_api.add_mail(), rest_api.add_mail()
    response = rest_api.http.delete(f"/api/v1/messages/{one}")

    assert (response.status_code, response.content) == (200, b"")
    assert rest_api.list_ids() == [two]


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({}, "", ""),  # a client of MailHog
        ({"accept": "*/*"}, "", "ok"),
        ({"accept": "application/json, text/plain, */*"}, "", "ok"),
        ({}, "{}", "ok"),
    ],
)
def test_delete_all_has_no_body_for_clients_of_mailhog(rest_api, headers, body, expected):
    rest_api.add_mail()
    rest_api.http.headers.pop("accept")
    try:
        response = rest_api.http.request("DELETE", "/api/v1/messages", headers=headers, content=body)
    finally:
        rest_api.http.headers["accept"] = "*/*"

    assert (response.status_code, response.text) == (200, expected)
    assert rest_api.list_ids() == []


@pytest.mark.parametrize("mail_id", ["none", "a%00b", "x" * 101, "a@b"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/download"),
        ("GET", "/mime/part/0/download"),
        ("POST", "/release"),
    ],
)
def test_unknown_message_returns_404(rest_api, method, path, mail_id):
    rest_api.add_mail()
    response = rest_api.http.request(method, f"/api/v1/messages/{mail_id}{path}", content="{}")

    assert response.status_code == 404 and len(rest_api.list_ids()) == 1


def test_delete_does_not_know_latest(rest_api):
    rest_api.add_mail()
    assert rest_api.http.delete("/api/v1/messages/latest").status_code == 404 and len(rest_api.list_ids()) == 1


@pytest.mark.parametrize("part", ["2", "-1", "x", "9" * 30, "1.1", "²"])
def test_unknown_part_returns_404(rest_api, part):
    mail_id = rest_api.add_mail(MIXED)
    assert rest_api.http.get(f"/api/v1/messages/{mail_id}/mime/part/{part}/download").status_code == 404


def test_token_opens_the_mails_of_its_mailbox_only(make_rest_api):
    rest_api = make_rest_api(mailboxes=[Mailbox.of_recipient("one", "token-of-mailbox-1", "*@one.example")])
    other, own = rest_api.add_mail(), rest_api.add_mail(to=("bob@one.example",))
    rest_api.http.headers["authorization"] = "Bearer token-of-mailbox-1"

    assert [item["ID"] for item in get_json(rest_api, "/api/v2/messages")["items"]] == [own]
    assert search(rest_api, "from", "ann") == [own]
    assert rest_api.http.delete(f"/api/v1/messages/{other}").status_code == 404
    for path in ("/api/v2/jim", "/api/v2/outgoing-smtp"):
        assert rest_api.http.get(path).status_code == 403
    del rest_api.http.headers["authorization"]
    assert rest_api.http.get("/api/v2/messages").status_code == 401


def test_release_goes_through_the_relay_only(make_rest_api):
    with MailServer() as target:
        relay = Relay(*target.address, allow=["*@example.com"])
        rest_api = make_rest_api(relay=relay)
        mail_id = rest_api.add_mail()
        host, port = target.address
        statuses = []
        for form in (
            {"email": "bob@example.com", "host": "192.0.2.1", "port": "25"},
            {"email": "eve@example.org"},
            {},
            {"email": "bob@example.com", "host": host, "port": str(port)},
            {"Email": "bob@example.com"},
        ):
            response = rest_api.http.post(f"/api/v1/messages/{mail_id}/release", content=json.dumps(form))
            statuses.append(response.status_code)

        assert statuses == [400, 400, 400, 200, 200] and response.content == b""
        assert [mail.recipients for mail in target.inbox] == [("bob@example.com",)] * 2


@pytest.mark.parametrize("form", [{"Name": "mx"}, {"name": "mx", "host": "mx.example", "port": "25"}, {"Save": True}])
def test_release_by_the_name_of_a_server_is_refused(make_rest_api, form):
    with MailServer() as target:
        rest_api = make_rest_api(relay=Relay(*target.address, allow=["*"]))
        url = f"/api/v1/messages/{rest_api.add_mail()}/release"
        response = rest_api.http.post(url, json={"Email": "bob@example.com", **form})
        empty = rest_api.http.post(url, json={"email": "bob@example.com", "name": "", "save": False})

        assert response.status_code == 400
        assert f"Name and Save must be absent: this server has only the relay {target.address[0]}" in response.text
        assert empty.status_code == 200 and len(target.inbox) == 1


def test_release_without_a_relay_returns_400(rest_api):
    response = rest_api.http.post(f"/api/v1/messages/{rest_api.add_mail()}/release", content="{}")
    assert response.status_code == 400 and "--relay" in response.text


@pytest.mark.parametrize("path", ["/api/v1/messages", "/api/v2/messages", "/api/v2/jim", "/api/v2/none"])
def test_options_has_an_empty_text(rest_api, path):
    response = rest_api.http.options(path)
    assert (response.status_code, response.headers["content-type"], response.content) == (200, "text/plain", b"")
