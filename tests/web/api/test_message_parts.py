"""The parts of a mail as files."""

import pytest

from tests.helpers.mime_messages import build_message_with_files

SCRIPT = "<script>alert(1)</script>"


# W3: a part is never run as a page.  Browsers show pictures; active content is sent as application/octet-stream.
@pytest.mark.parametrize(
    ("content_type", "response_type", "disposition"),
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
def test_part_is_inline_or_attachment_by_its_type(rest_api, content_type, response_type, disposition):
    mail_id = rest_api.add_mail(build_message_with_files((content_type, "a file", SCRIPT.encode())))
    response = rest_api.http.get(f"/api/v1/message/{mail_id}/part/2")

    assert response.content == SCRIPT.encode()
    assert response.headers["content-type"] == response_type
    assert response.headers["content-disposition"] == f"{disposition}; filename=a_file; filename*=UTF-8''a%20file"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("plain.pdf", "attachment; filename=plain.pdf"),
        ("", "attachment; filename=part-2"),
        ("../../etc/passwd", "attachment; filename=.._.._etc_passwd"),
        ("ü.pdf", "attachment; filename=_.pdf; filename*=UTF-8''%C3%BC.pdf"),
        ("a\tb;c=d.pdf", "attachment; filename=a_b_c_d.pdf; filename*=UTF-8''a_b%3Bc%3Dd.pdf"),
    ],
)
def test_file_name_cannot_inject_into_the_header(rest_api, name, header):
    rest_api.add_mail(build_message_with_files(("application/pdf", name, b"%PDF")))
    response = rest_api.http.get("/api/v1/message/latest/part/2")

    assert response.headers["content-disposition"] == header


@pytest.mark.parametrize("number", ["0", "1", "3", "2.1", "x", "..%2f..%2fraw"])
def test_unknown_part_returns_404(rest_api, number):
    mail_id = rest_api.add_mail(build_message_with_files(("application/pdf", "a.pdf", b"%PDF")))

    assert rest_api.http.get(f"/api/v1/message/{mail_id}/part/{number}").status_code == 404


def test_message_that_is_one_file_has_one_part(rest_api):
    rest_api.add_mail("Content-Type: application/pdf; name=a.pdf\r\n\r\n%PDF")

    assert rest_api.http.get("/api/v1/message/latest").json()["Attachments"][0]["PartID"] == "1"
    assert rest_api.http.get("/api/v1/message/latest/part/1").content == b"%PDF"


@pytest.mark.parametrize("fields", ["; name=a.csv", "\r\nContent-Disposition: inline; filename=a.csv"])
@pytest.mark.parametrize("subtype", ["csv", "calendar", "x-vcard", "xml"])
def test_whole_mail_of_a_file_type_with_a_name_is_an_attachment(rest_api, subtype, fields):
    rest_api.add_mail(f"Content-Type: text/{subtype}{fields}\r\n\r\na,b\r\n")
    message = rest_api.http.get("/api/v1/message/latest").json()

    attachments = [*message["Attachments"], *message["Inline"]]
    assert [(one["ContentType"], one["FileName"]) for one in attachments] == [(f"text/{subtype}", "a.csv")]
    assert (message["Text"], message["HTML"]) == ("", "")
    assert rest_api.http.get(f"/api/v1/message/latest/part/{attachments[0]['PartID']}").content == b"a,b\r\n"
