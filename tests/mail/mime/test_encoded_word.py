"""Encoded words (RFC 2047), as senders write them."""

import pytest

from lazr.smtptest.mail.mime.encoded_word import decode_words

BASE64 = "R3LDvMOfZSBhdXMgTcO8bmNoZW4sIOS4reaWh+Wtlw=="  # "Grüße aus München, 中文字"


def decode(text):
    reasons = []
    return decode_words(text, reasons.append), reasons


@pytest.mark.parametrize(
    ("text", "decoded", "reason"),
    [
        # Base64 that is cut between two words, elsewhere than at four letters.
        ("=?utf-8?B?5Lit5?= =?utf-8?B?paH?=", "中文", "cut between"),
        ("=?utf-8?B?5Li?= =?utf-8?B?t5paH?=", "中文", "cut between"),
        ("=?utf-8?B?5L?= =?utf-8?B?it5paH?=", "中文", "cut between"),
        ("=?utf-8?B?5L?= =?UTF-8?b?i?= =?utf-8?B?t5paH?= x", "中文 x", "cut between"),
        ("=?utf-8?B?5Lit?= =?utf-8?B?5p?= =?utf-8?B?aH?=", "中文", "cut between"),
        ("=?utf-8?B?w6T=?= =?utf-8?B?5Lit5?= =?utf-8?B?paH?=", "ä中文", "cut between"),
        *(
            (
                " ".join(f"=?utf-8?B?{BASE64[at : at + size]}?=" for at in range(0, len(BASE64), size)),
                "Grüße aus München, 中文字",
                "cut between",
            )
            for size in (1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 17, 25, 30)
        ),
        # Words that have lost their padding.
        ("=?utf-8?B?YWI?= =?utf-8?B?YWI?=", "abab", "without padding"),
        ("=?utf-8?B?YQ?= =?utf-8?B?Yg?=", "ab", "without padding"),
        ("=?utf-8?B?YWI?= =?utf-8?B?w6Q?= =?utf-8?B?YWI?= =?utf-8?B?YWI?=", "abäabab", "without padding"),
        ("=?utf-8?B?YWI?= =?utf-8?q?a=62?=", "abab", "without padding"),
        ("=?utf-8?B?YWI=?= =?utf-8?B?YWI=?=", "abab", None),
        # An escape that is cut.
        ("=?utf-8?q?a=C?= =?utf-8?q?3=A4?=", "aä", "escape is cut"),
        ("=?utf-8?q?a=?= =?utf-8?q?C3=A?= =?utf-8?q?4b?=", "aäb", "escape is cut"),
        ("=?utf-8?q?a=?= b", "a= b", "invalid escape"),
        # White space in a word, and a charset that is no name.
        ("=?ISO-8859-1 ?Q?Gr=FC=DFe?=", "Grüße", None),
        ("=? iso-8859-1?Q?Gr=FC=DFe?=", "Grüße", None),
        ("=?UTF 8?q?=C3=A4?= =?iso 8859-1?q?=E4?=", "ää", None),
        ("=?'utf-8'?q?=C3=A4?= =?'utf-8'?q?=C3=A4?=", "ää", "read as utf-8"),
        ("=?x-unknown?q?=C3=A4?= b =?x-unknown?q?=E4?=", "ä b ä", "not a charset of text"),
        ("=??q?a?=", "=??q?a?=", None),
        ("=?utf-8?q?a==3D?=", "a==", "invalid escape"),
        ("=?utf-8?B?a?= b", "=?utf-8?B?a?= b", "incomplete"),
        ("=?utf-8?B?w6Q=?= =?utf-8?B?a?= b", "ä=?utf-8?B?a?= b", "incomplete"),
        ("=?utf-8?q?a=_b?=", "a= b", "invalid escape"),
        ("a =?\tb c?q?a?=", "a =?\tb c?q?a?=", None),
    ],
)
def test_words_are_decoded_as_other_programs_decode_them(text, decoded, reason):
    found, reasons = decode(text)

    assert found == decoded
    assert (reasons == []) if reason is None else (reason in " ".join(reasons))


def test_time_is_linear_in_the_number_of_cut_words():
    text = " ".join(["=?utf-8?B?5?="] * 7000) + " =?utf-8?q?=?=" * 7000

    assert len(decode(text)[0]) > 7000
    words = " ".join(["=?utf-8?B?YWJjZ?="] * 6000)
    assert len(decode(words)[0]) > 6000
