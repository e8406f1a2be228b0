"""Modified UTF-7 (RFC 3501 5.1.3)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.imap.utf7 import decode_utf7, encode_utf7


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("", b""),
        ("INBOX", b"INBOX"),
        ("&", b"&-"),
        ("a&b", b"a&-b"),
        ("Entwürfe", b"Entw&APw-rfe"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("\N{GRINNING FACE}", b"&2D3eAA-"),
        ("é&è", b"&AOk-&-&AOg-"),
        ("\t", b"&AAk-"),
    ],
)
def test_text_has_one_encoding(text, octets):
    assert encode_utf7(text) == octets
    assert decode_utf7(octets) == text


@pytest.mark.parametrize(
    "octets",
    [
        b"&",  # no end
        b"a&b",
        b"&AGE-",  # printable ASCII
        b"&AOk-&AOg-",  # two parts in a row
        b"&AOl-",  # bits that are left over
        b"&AOkA-",  # half a character
        b"&AO-",
        b"&A-",  # no octet
        b"&2D0-",  # half of a surrogate pair
        b"&AOk",
        b"&AO/p-",  # "/" of base64 is "," here
        b"&AOk=-",
        b"\xc3\xa9",
        b"&,-",
    ],
)
def test_other_encodings_are_refused(octets):
    with pytest.raises(ValueError, match=r"."):
        decode_utf7(octets)


@settings(deadline=None)
@given(st.text())
def test_decode_inverts_encode(text):
    octets = encode_utf7(text)

    assert decode_utf7(octets) == text
    assert octets.isascii()


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=40), st.text("&-AOk2D,+/= x", max_size=12).map(str.encode)))
def test_any_octets_are_decoded_or_refused(octets):
    try:
        text = decode_utf7(octets)
    except ValueError:
        return
    assert encode_utf7(text) == octets
