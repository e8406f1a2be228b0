"""The places of defects in the bytes of a message."""

import itertools

import pytest

from lazr.smtptest import Mail
from tests.mail.malformed import messages
from tests.mail.test_corpus import CORPUS, MAILS, receive

HEADER = b"From: ann@example.com\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
TEXT = b"Content-Type: text/plain; charset=utf-8\r\n"
PARTS = HEADER + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n%s\r\n%s\r\n--b--\r\n"

# (content, location and reason of a defect, the bytes at its place; None for no place)
PLACES = [
    (b"From: a@b\r\nDate: yesterday\r\n\r\n", "header Date", "not a date", b"Date: yesterday"),
    (HEADER + b"Subject: a\r\n\tb\r\nSubject: c\r\n\r\n", "header Subject", "2 fields", b"Subject: c"),
    (HEADER + b"Message-ID: a\r\n b\r\n\r\n", "header Message-ID", "not a message", b"Message-ID: a\r\n b"),
    (b"Subject: a\r\n\r\n", "header From", "missing", None),
    (HEADER + b"\r\na\rb\r\n", "content", "CR without LF", b"\r"),
    (HEADER + b"\r\na\nb\nc\r\n", "content", "2 × LF without CR", b"\n"),
    (HEADER + b"\r\na\0b\r\n", "content", "NUL", b"\0"),
    (HEADER + b"\r\na\r\n" + b"x" * 1000 + b"\r\nb", "content", "line 5 has more", b"x" * 1000),
    (HEADER + b"\r\n" + b"x" * 1000, "content", "line 4 has more", b"x" * 1000),
    (HEADER + b"stray line\r\nTo: a@b\r\n\r\n", "content", "a line of the header is not a field", b"stray line"),
    (b"From me\r\n" + HEADER + b"\r\n", "content", "the first line of the header", b"From me"),
    (HEADER + b": x\r\nTo: a@b\r\n\r\n", "content", "header field without a name", b": x"),
    (HEADER + b"text\r\nmore", "content", "no empty line", b"text"),
    (HEADER + TEXT + b"\r\ncaf\xe9\xe9!", "content", "bytes that are not utf_8", b"\xe9\xe9"),
    (HEADER + b"\r\nf\xc3\xbcr", "content", "bytes above 127", b"\xc3\xbc"),
    (HEADER + b"Content-Type: text\r\n\r\n", "content", "'text' is not a content type", b"Content-Type: text"),
    (
        HEADER + b"Content-Type: multipart/mixed\r\n\r\n",
        "content",
        "without a boundary",
        b"Content-Type: multipart/mixed",
    ),
    (
        PARTS % (TEXT + b"Content-Transfer-Encoding: base64\r\n", b"SGk=\r\n!!!\r\n"),
        "part 1",
        "invalid characters in base64",
        b"!!!",
    ),
    (
        PARTS % (TEXT + b"Content-Transfer-Encoding: quoted-printable\r\n", b"a =ZZ b"),
        "part 1",
        "invalid escape in quoted-printable",
        b"=",
    ),
    (
        PARTS % (TEXT + b"Content-Transfer-Encoding: x-own\r\n", b"a"),
        "part 1",
        "'x-own' is not a known transfer encoding",
        b"Content-Transfer-Encoding: x-own",
    ),
    (
        PARTS % (TEXT + b"content-type: text/html\r\n", b"a"),
        "part 1",
        "2 Content-Type fields",
        b"content-type: text/html",
    ),
    (
        HEADER + b"Content-Type: text/html\r\n\r\n<p>a<img src='cid:none@x'>",
        "html",
        "HTML refers to cid:none@x",
        b"cid:none@x",
    ),
    (HEADER + b"Content-Type: text/html\r\n\r\n<p>a<!-- b", "html", "unterminated comment", b"<p>a<!-- b"),
]


@pytest.mark.parametrize(("content", "where", "reason", "expected"), PLACES)
def test_defect_is_located(content, where, reason, expected):
    mail = Mail("1", receive(next(iter(MAILS))).envelope, [content])
    places = mail.defect_ranges
    found = [defect for defect in places if defect.where == where and reason in defect.reason]
    place = places[min(found, key=lambda defect: len(defect.reason))]

    assert (None if place is None else content[slice(*place)]) == expected


def test_bare_cr_mail_is_located_in_its_own_bytes():
    mail = Mail("1", receive(next(iter(MAILS))).envelope, [b"From: a@b\rDate: x\r\rbody"])
    places = {str(defect): place for defect, place in mail.defect_ranges.items()}

    assert places["content: line ends are bare CR"] == (9, 10)
    assert places["header Date: not a date"] == (10, 17)


@pytest.mark.parametrize("path", MAILS)
def test_defects_of_corpus_are_located_or_missing(path):
    mail = receive(path)
    size = len((CORPUS / path).read_bytes())

    assert tuple(mail.defect_ranges) == mail.defects
    for defect, place in mail.defect_ranges.items():
        assert defect.reason.startswith("missing") if place is None else 0 <= place[0] <= place[1] <= size


@pytest.mark.slow
def test_defects_of_malformed_mails_lie_in_their_mail():
    envelope = receive(next(iter(MAILS))).envelope
    for _, build in itertools.islice(messages(), 1, None, 5):
        content = build()
        if len(content) < 100_000:
            places = Mail("1", envelope, [content]).defect_ranges.values()
            assert all(place is None or 0 <= place[0] <= place[1] <= len(content) for place in places)
