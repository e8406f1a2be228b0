"""The tree of MIME parts with their places in the bytes, for well-formed and for hostile mails."""

import itertools

import pytest

from lazr.smtptest import Mail
from lazr.smtptest.mail.mime.defect import Defects
from lazr.smtptest.mail.mime.header import read_block
from lazr.smtptest.mail.mime.limits import MAX_HEADER_BLOCK_FIELDS
from lazr.smtptest.mail.mime.tree import read_tree
from tests.mail.malformed import messages
from tests.mail.test_corpus import CORPUS, MAILS, receive

MULTIPART = b"Content-Type: multipart/mixed; boundary=%s\r\n"

HOSTILE = {
    "empty": b"",
    "no header": b"\r\nbody",
    "one line end": b"\n",
    "no body": b"Subject: a\r\n",
    "no line end": b"Subject: a",
    "no empty line": b"Subject: a\r\nnot a field\r\nmore",
    "bare CR": b"Subject: a\rTo: b\r\rbody\r",
    "bare LF": b"Subject: a\n\nbody\n",
    "mixed line ends": b"Subject: a\nTo: b\r\n\nbody\r\r\n",
    "NUL and 8-bit": b"Subject: \0\xff\r\n\r\n\0\xfe",
    "no end boundary": MULTIPART % b"b" + b"\r\n--b\r\n\r\none\r\n--b\r\nX: y\r\n\r\ntwo",
    "empty parts": MULTIPART % b"b" + b"\r\n--b\r\n--b\r\n\r\n--b\r\n--b--\r\n",
    "end before start": MULTIPART % b"b" + b"\r\n--b--\r\n--b\r\n\r\nx",
    "delimiter in the header": MULTIPART % b"b" + b"\r\n--b\r\nX: y\r\n--b\r\nX: z\r\n--b--",
    "outer ends inner": MULTIPART % b"a"
    + b"\r\n--a\r\n"
    + MULTIPART % b"b"
    + b"\r\n--b\r\n\r\nx\r\n--a\r\n\r\ny\r\n--a--\r\n",
    "same boundary": MULTIPART % b"a" + b"\r\n--a\r\n" + MULTIPART % b"a" + b"\r\n--a\r\n\r\nx\r\n--a--\r\n--a--\r\n",
    "preamble and epilogue": MULTIPART % b"b" + b"\r\npreamble\r\n--b\r\n\r\nx\r\n--b--\r\nepilogue",
    "LF only": (MULTIPART % b"b" + b"\r\n--b\r\nA: b\r\n\r\nx\r\n--b--\r\n").replace(b"\r", b""),
}


def check_ranges(content, part, start=0, end=None):
    """Assert that the ranges of a part are in order and within a range, and that those of its parts are apart."""
    end = len(content) if end is None else end
    (header_start, header_end), (body_start, body_end) = part.header_range, part.body_range
    assert start <= header_start <= header_end <= body_start <= body_end <= end
    assert content[header_end:body_start] in (b"", b"\n", b"\r\n", b"\r")
    at = body_start
    for child in part.parts:
        check_ranges(content, child, at, body_end)
        at = child.body_range[1]


def check_mail(content):
    mail = Mail("1", receive(next(iter(MAILS))).envelope, [content])
    check_ranges(content, mail.structure)
    parsed = content.replace(b"\r", b"\n") if b"\n" not in content else content
    parts = list(read_tree(parsed, Defects()).walk())
    assert len(parts) == len(list(mail.structure.walk()))
    for part, place in zip(parts, mail.structure.walk(), strict=True):
        fields, _ = read_block(
            parsed, place.header_range[0], place.body_range[0], MAX_HEADER_BLOCK_FIELDS, lambda _: None
        )
        assert fields[: len(part.fields)] == part.fields
        assert content[slice(*place.body_range)].replace(b"\r", b"\n") == parsed[
            part.body_start : part.body_end
        ].replace(b"\r", b"\n")


@pytest.mark.parametrize("path", MAILS)
def test_ranges_of_corpus_are_what_the_parser_used(path):
    check_mail((CORPUS / path).read_bytes())
    mail = receive(path)
    contents = {part.number: part.decode() for part in mail.structure.walk() if not part.parts}

    assert {part.number: part.content for part in mail.attachments}.items() <= contents.items()


@pytest.mark.parametrize("name", HOSTILE)
def test_ranges_of_hostile_mails_are_what_the_parser_used(name):
    check_mail(HOSTILE[name])


@pytest.mark.slow
def test_ranges_of_malformed_mails_lie_inside_each_other():
    for _, build in itertools.islice(messages(), 0, None, 3):
        content = build()
        if len(content) < 200_000:
            check_mail(content)


def test_ranges_of_parts_are_exact():
    content = HOSTILE["preamble and epilogue"]
    root = Mail.from_bytes(content).structure
    (part,) = root.parts

    assert content[slice(*root.header_range)] == MULTIPART % b"b"
    assert content[slice(*root.body_range)] == b"preamble\r\n--b\r\n\r\nx\r\n--b--\r\nepilogue"
    assert content[slice(*part.header_range)] == b"" and content[slice(*part.body_range)] == b"x"
    assert (root.number, part.number, part.content_type) == ("", "1", "text/plain")
    assert repr(root) == "<MessagePart root multipart/mixed>"


def test_part_tells_what_is_declared_and_what_is_found():
    content = (
        b"Content-Type: Image/PNG; name=a.png; CHARSET=utf-8\r\nContent-Transfer-Encoding: BASE64 (really)\r\n"
        b"Content-Disposition: Attachment; filename=b.png\r\nContent-ID: <c@d>\r\n\r\nJVBERi0xLjcK\r\n"
    )
    part = Mail.from_bytes(content).structure

    assert (part.number, part.content_type, part.detected_type) == ("1", "image/png", "application/pdf")
    assert (part.encoding, part.disposition, part.filename) == ("base64", "attachment", "b.png")
    assert (part.content_id, part.charset, part.decode()) == ("c@d", "utf-8", b"%PDF-1.7\n")
