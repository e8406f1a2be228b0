"""Transfer encodings (RFC 2045 6), well-formed or not: no text is lost."""

import binascii
import time

import pytest

from lazr.smtptest.mail.mime.transfer_encoding import (
    decode_quoted_printable,
    decode_transfer_encoding,
    decode_uuencode,
)


@pytest.mark.parametrize(
    ("encoded", "decoded", "reason"),
    [
        (b"one=\rtwo=\rthree\r\nfour\r\n", b"one=\rtwo=\rthree\r\nfour\r\n", "invalid escape"),
        (b"one=\r", b"one=\r", "invalid escape"),
        (b"a==3D b", b"a== b", "invalid escape"),
        (b"===3D3D", b"===3D", "invalid escape"),
        (b"==\r\nb", b"=b", "invalid escape"),
        (b"a=4", b"a=4", "invalid escape"),
        (b"a=4\r\nb", b"a=4\r\nb", "invalid escape"),
        (b"a=zz=3d", b"a=zz=", "invalid escape"),
        (b"a=\r\nb=\nc= \t\r\nd=", b"abcd", None),
        (b"=C3=a4", b"\xc3\xa4", None),
        (b"a\xe4=3D", b"a\xe4=", "not US-ASCII in quoted-printable"),
    ],
)
def test_quoted_printable_loses_no_text(encoded, decoded, reason):
    reasons = []

    assert decode_quoted_printable(encoded, reasons.append) == decoded
    assert (reasons == []) if reason is None else (reason in " ".join(reasons))
    # A long text is searched in its beginning only, but these escapes lose text.
    if b"=\r" in encoded.replace(b"=\r\n", b"") or b"==" in encoded:
        filler = b"x" * (4 * 1024 * 1024)
        assert decode_quoted_printable(filler + encoded, lambda _: None) == filler + decoded


def encode_uu(data, *, line_end=b"\r\n", backtick=False):
    lines = [binascii.b2a_uu(data[at : at + 45], backtick=backtick).rstrip(b"\n") for at in range(0, len(data), 45)]
    return line_end.join([b"begin 644 a b.bin", *lines, b"`", b"end", b""])


ALL_BYTES = bytes(range(256))


@pytest.mark.parametrize(
    ("encoded", "decoded", "reasons"),
    [
        (encode_uu(ALL_BYTES), ALL_BYTES, []),
        (encode_uu(ALL_BYTES, line_end=b"\n", backtick=True), ALL_BYTES, []),
        (b"A line before.\r\n\r\n" + encode_uu(b"abc") + b"A line after.\r\n", b"abc", []),
        (encode_uu(b""), b"", []),
        # Spaces at the end of a line are lost, and a checksum is added.
        (b"begin 644 a\n#86)C\n#\n#86)CX\nend\n", b"abc\0\0\0abc", []),
        (b"begin 644 a\n#86)C\n\nend\n", b"abc", []),
        (b"begin 644 a\n#86)C\n\x80\nend\n", b"abc", ["invalid line in uuencoded data"]),
        (b"begin 644 a\n#86)C\n", b"abc", ["uuencoded data without an end line"]),
        (b"#86)C\nend\n", b"#86)C\nend\n", ["uuencoded data without a begin line"]),
        (b"", b"", ["uuencoded data without a begin line"]),
    ],
)
def test_uuencoded_data_is_decoded(encoded, decoded, reasons):
    found_reasons = []

    assert decode_uuencode(encoded, found_reasons.append) == decoded
    assert found_reasons == reasons


@pytest.mark.parametrize("name", ["x-uuencode", "uuencode", "x-uue", "uue"])
def test_uuencode_is_not_a_standard_encoding(name):
    reasons = []

    assert decode_transfer_encoding(encode_uu(b"abc"), name, reasons.append) == b"abc"
    assert reasons == [f"'{name}' is not a standard transfer encoding"]


def test_quoted_printable_has_no_white_space_at_line_ends():
    encoded = b"a \t\r\nb=20 \nc =\r\nd \te \t"

    assert decode_transfer_encoding(encoded, "quoted-printable", lambda _: None) == b"a\r\nb \nc d \te"


def test_white_space_in_quoted_printable_takes_little_time():
    start = time.process_time()
    encoded = b" " * 1_000_000 + b"x"

    assert decode_transfer_encoding(encoded, "quoted-printable", lambda _: None) == encoded
    assert time.process_time() - start < 2
