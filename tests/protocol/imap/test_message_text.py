"""The texts that SEARCH looks in, if a folder has no index."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.folders import read_structure
from lazr.smtptest.protocol.imap.message_text import has_field, read_message_text
from tests.helpers.imap_messages import FakeMessage, FakePart

MESSAGE = b"""From: =?utf-8?q?Ren=C3=A9_?=
 =?utf-8?b?w4lyaWM=?= <rene@example.com>\r
To: ann@example.com\r
TO : bob@example.com\r
X-Empty:\r
no field\r
Subject: =?iso-8859-1*fr?Q?caf=E9?= and =?x-unknown?q?=E9?= =?utf-8?b?A?= =?utf-8?q?plain\r
Content-Type: multipart/mixed; boundary=b\r
\r
Preamble\r
--b\r
Content-Type: text/plain; charset="windows-1251"\r
Content-Transfer-Encoding: quoted-printable\r
\r
=CF=F0=E8=E2=E5=F2 Long=\r
Line\r
--b\r
Content-Type: image/png; name=picture.png\r
Content-Transfer-Encoding: base64\r
\r
c2VjcmV0\r
--b\r
Content-Type: message/rfc822\r
X-Part: around\r
\r
Subject: Inner\r
Content-Type: text/html; x=y\r
\r
<p>Stra\xc3\x9fe</p>\r
--b--\r
""".replace(b"utf-8?q?Ren=C3=A9_?=\n", b"utf-8?q?Ren=C3=A9_?=\r\n")


class SimpleMessage:
    def __init__(self, content):
        self.content = content
        self.structure = read_structure(content)


def read(kind, name="", content=MESSAGE):
    return read_message_text(SimpleMessage(content), kind, name)


def test_fields_are_decoded_and_folded():
    assert read("FROM") == "rené éric <rene@example.com>\nrene@example.com"
    assert read("TO").startswith("ann@example.com\nbob@example.com\n")
    assert read("HEADER", "x-EMPTY") == ""
    assert read("HEADER", "no field") == read("BCC") == ""
    assert read("SUBJECT") == "café and é=?utf-8?b?a?= =?utf-8?q?plain"


def test_addresses_are_those_of_the_envelope_too():
    content = b"From: <ann (of)@ (the) example.com>\r\nTo: Team: bob@example.com;\r\nCc: Ann <cy@ example.com>\r\n\r\n"

    assert "ann@example.com" in read("FROM", content=content)
    assert read("TO", content=content).endswith(";\nbob@example.com")
    assert "cy@example.com" in read("CC", content=content)


def test_body_has_texts_and_the_messages_within():
    body = read("BODY")

    assert "привет longline" in body
    assert "subject: inner" in body
    assert "<p>strasse</p>" in body  # as `str.casefold` writes it
    for other in ("rene@example.com", "picture.png", "secret", "c2vj", "x-part"):
        assert other not in body


def test_text_has_all_headers_too():
    text = read("TEXT")

    for expected in ("rené éric", "café", "picture.png", "x-part: around", "subject: inner", "привет"):
        assert expected in text
    assert "secret" not in text


@pytest.mark.parametrize(("name", "has"), [("x-empty", True), ("To", True), ("Cc", False), ("é", False)])
def test_fields_exist_or_not(name, has):
    assert has_field(SimpleMessage(MESSAGE), name) is has


@pytest.mark.parametrize(
    ("charset", "octets", "text"),
    [
        ("utf-8", b"\xc3\xa9", "é"),
        ("us-ascii", b"\xc3\xa9", "é"),  # what many programs declare, or leave out
        ("us-ascii", b"\xe9", "é"),
        ("iso-8859-99", b"\x80", "€"),
        ("punycode", b"abc-", "abc-"),  # a codec, but slow and not a charset
        ("zip", b"abc", "abc"),
        ("koi8-r", b"\xc9", "и"),
        ("x" * 100, b"\xe9", "é"),
    ],
)
def test_charsets_of_bodies(charset, octets, text):
    content = b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n\r\n" + octets

    assert read("BODY", content=content) == text


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["TEXT", "BODY", "SUBJECT", "HEADER"]))
def test_any_message_has_a_text(content, kind):
    assert isinstance(read(kind, "Subject", content), str)


@settings(deadline=None)
@given(st.text("=?utf-8qb_ \r\n:éA", max_size=60))
def test_any_header_is_decoded(text):
    read("SUBJECT", content=b"Subject: " + text.encode() + b"\r\n\r\n")


def test_text_without_charset_is_utf_8():
    message = FakeMessage("é".encode(), FakePart(decoded="é".encode()))
    assert read_message_text(message, "BODY", "") == "é"


def test_fields_after_100_kib_are_not_searched():
    content = b"A: 1\r\n" + b"B: 2\r\n" * 20_000 + b"C: 3\r\n\r\n"
    assert read("HEADER", "a", content) == "1"
    assert read("HEADER", "c", content) == ""
