"""Binary messages of APPEND, which clients without BINARY can read too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazr.smtptest.folders import read_structure
from lazr.smtptest.folders.binary_content import encode_binary_parts

PARTS = (
    b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
    b"--b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding:\r\n binary\r\nX: y\r\n\r\n\0\1\r\n2\r\n"
    b"--b\r\nContent-Type: application/y\r\n\r\n\0\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: a\r\n\r\nb\0c\r\n--b--\r\n"
)


def test_message_without_nul_is_not_changed():
    assert encode_binary_parts(b"a: b\r\n\r\n\xff\1") == b"a: b\r\n\r\n\xff\1"


def test_parts_with_nul_are_encoded():
    encoded = encode_binary_parts(PARTS)
    before, after = read_structure(PARTS), read_structure(encoded)

    assert b"\0" not in encoded
    assert [part.encoding for part in after.parts] == [b"7BIT", b"BASE64", b"BASE64", b"7BIT"]
    assert [part.decode() for part in after.parts[:3]] == [part.decode() for part in before.parts[:3]]
    assert after.parts[3].message.decode() == b"b\0c"
    assert b"Content-Type: application/x\r\nX: y\r\nContent-Transfer-Encoding: base64\r\n\r\n" in encoded


@pytest.mark.parametrize(
    "content", [b"\0", b"\r\n\0", b"a: b\0\r\n\r\n", b"Content-Transfer-Encoding: base64\r\n\r\n\0"]
)
def test_other_nul_is_kept_or_encoded(content):
    assert b"\0" in content
    assert isinstance(encode_binary_parts(content), bytes)


@given(st.binary())
def test_body_can_be_read_back(body):
    encoded = encode_binary_parts(b"Subject: a\r\nContent-Type: a/b\r\n\r\n" + body + b"\0")

    assert read_structure(encoded).decode() == body + b"\0"
