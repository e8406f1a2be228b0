"""Composing a message: header fields, content types and multiparts."""

import pytest

from lazr.smtptest.mail.compose import (
    AttachmentFile,
    build_address_field,
    build_text_field,
    compose_message,
    sniff_content_type,
)

PNG = b"\x89PNG\r\n\x1a\n"
INJECTION = "a\r\nBcc: eve@example.com"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (PNG, "image/png"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", "audio/wav"),
        (b"PK\x03\x04", "application/zip"),
        ("ü".encode(), "text/plain; charset=utf-8"),
        (b"", "text/plain; charset=utf-8"),
        (b"\xff\xfe", "application/octet-stream"),
    ],
)
def test_content_type_is_sniffed(content, content_type):
    assert sniff_content_type(content) == content_type


@pytest.mark.parametrize("inline", [True, False])
def test_attachment_makes_one_multipart_mixed(inline):
    content = compose_message(
        ["From: a@b.example"], "text", "", [AttachmentFile("f.bin", "a/b", b"x" * 500, "cid" if inline else "")]
    )

    assert b"multipart/mixed" in content and content.count(b"multipart/") == 1


@pytest.mark.parametrize(
    "build",
    [
        lambda text: build_text_field("Subject", text),
        lambda text: build_text_field(text, "x"),
        lambda text: build_address_field("To", [(text, "ann@example.com")]),
        lambda text: build_address_field("To", [("Ann", f"ann@example.com{text}")]),
        lambda text: compose_message([], "", "", [AttachmentFile(text, "a/b", b"")]),
        lambda text: compose_message([], "", "", [AttachmentFile("f", f"a/b; c={text}", b"")]),
        lambda text: compose_message([], "", "", [AttachmentFile("f", "a/b", b"", text)]),
    ],
)
@pytest.mark.parametrize("text", [INJECTION, "a\nb", "a\rb", "a\0b", "a\x1b[2J"])
def test_control_character_raises_value_error(build, text):
    with pytest.raises(ValueError, match=r"must|@"):
        build(text)


# CVE-2024-6923, CVE-2026-1299: an encoded word in a value must not become a line end and a further header field.
@pytest.mark.parametrize(
    "build",
    [
        lambda word: build_text_field("Subject", word),
        lambda word: build_text_field("Subject", f"ü {word}"),
        lambda word: build_address_field("To", [(word, "ann@example.com")]),
        lambda word: build_address_field("To", [(f"ü {word}", "ann@example.com")]),
    ],
)
def test_encoded_word_does_not_inject_a_header_field(build):
    field = build("=?utf-8?q?a=0D=0ABcc:_eve@example.com?=")

    assert "\nBcc" not in field and "\rBcc" not in field
