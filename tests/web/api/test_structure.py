"""The tree of MIME parts, and the places of defects, over HTTP."""

import hashlib
import time

import pytest

from tests.helpers.mime_messages import build_message_with_files

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def test_tree_has_places_types_and_checksums(rest_api):
    mail_id = rest_api.add_mail(
        build_message_with_files(("image/png", "a.png", PNG), ("application/pdf", "b.pdf", PNG))
    )
    source = rest_api.http.get(f"/api/v1/message/{mail_id}/raw").content
    structure = rest_api.http.get(f"/api/v1/message/{mail_id}/structure").json()
    root = structure["Part"]
    text, png, pdf = root["Parts"]

    assert structure["Size"] == len(source) and root["BodyEnd"] == len(source)
    assert (root["PartID"], root["ContentType"], root["DetectedType"]) == ("", "multipart/mixed", "")
    assert root["DecodedSize"] is root["SHA256"] is root["MD5"] is None
    assert source[text["BodyStart"] : text["BodyEnd"]].strip() == b"See the files."
    assert source[png["HeaderStart"] : png["HeaderEnd"]].startswith(b"Content-Type: image/png\r\n")
    assert source[png["HeaderEnd"] : png["BodyStart"]] == b"\r\n"
    assert (png["PartID"], png["FileName"], png["Encoding"], png["Disposition"]) == (
        "2",
        "a.png",
        "base64",
        "attachment",
    )
    assert (png["DecodedSize"], png["DetectedType"]) == (len(PNG), "image/png")
    assert (pdf["ContentType"], pdf["DetectedType"]) == ("application/pdf", "image/png")
    assert png["SHA256"] == hashlib.sha256(PNG).hexdigest()
    assert png["MD5"] == hashlib.md5(PNG, usedforsecurity=False).hexdigest()


def test_part_ids_are_those_of_attachments(rest_api):
    rest_api.add_mail(build_message_with_files(("image/png", "a.png", PNG), html="<p>Hi"))
    structure = rest_api.http.get("/api/v1/message/latest/structure").json()
    message = rest_api.http.get("/api/v1/message/latest").json()
    (attachment,) = message["Attachments"]
    leaves = [part for part in structure["Part"]["Parts"] if part["FileName"]]

    assert [part["PartID"] for part in leaves] == [attachment["PartID"]]
    assert leaves[0]["SHA256"] == attachment["Checksums"]["SHA256"]


def test_deep_and_wide_trees_are_returned(rest_api):
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth) for depth in range(150)
    )
    wide = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 2_000
    for content in (deep, wide):
        mail_id = rest_api.add_mail(content)
        response = rest_api.http.get(f"/api/v1/message/{mail_id}/structure")
        assert response.status_code == 200 and response.json()["Size"] == len(content)


def test_defects_have_octets_and_lines(rest_api):
    rest_api.add_mail("From: app@example.com\r\nSubject: a\r\nDate: yesterday\r\n\r\n1\r\n2\0\r\n")
    source = rest_api.http.get("/api/v1/message/latest/raw").content
    defects = rest_api.http.get("/api/v1/message/latest/defects").json()
    by_where = {defect["Where"]: defect for defect in defects}
    date, nul = by_where["header Date"], next(defect for defect in defects if defect["Reason"] == "NUL")

    assert (source[date["Start"] : date["End"]], date["Line"]) == (b"Date: yesterday", 3)
    assert (source[nul["Start"] : nul["End"]], nul["Line"]) == (b"\0", 6)


def test_missing_fields_have_no_place(rest_api):
    rest_api.add_mail("Subject: a\r\n\r\n")
    for defect in rest_api.http.get("/api/v1/message/latest/defects").json():
        assert (defect["Reason"], defect["Start"], defect["End"], defect["Line"]) == ("missing", None, None, None)


@pytest.mark.slow
def test_many_defects_of_a_large_mail_take_little_time(rest_api):
    rest_api.add_mail(b"".join(b"X-%d: \xff\r\n" % number for number in range(400)) + b"\r\n" + b"x\r\n" * 3_000_000)
    started_at = time.monotonic()
    defects = rest_api.http.get("/api/v1/message/latest/defects").json()

    assert len(defects) > 400 and time.monotonic() - started_at < 10
    assert next(defect["Line"] for defect in defects if defect["Where"] == "header X-399") == 400


def test_unknown_mail_has_no_structure(rest_api):
    assert rest_api.http.get("/api/v1/message/none/structure").status_code == 404
