"""Strings that look equal: the named difference."""

import re

import pytest

from lazr.smtptest.mail.text_difference import describe_difference, describe_missed_pattern

NFC = "only the Unicode normalization (NFC, NFD) differs"
DAMAGED = "the application has read UTF-8 in another charset"
LOST = "characters that could not be decoded were replaced by U+FFFD"

# Expected string, value, the beginning of the description.
DIFFERENCES = [
    ("Welcome", "Welcome ", "only white space at the ends differs"),
    ("Welcome", "welcome", "only the case differs"),
    ("a b", "a  b", "only white space differs"),
    ("a\nb", "a\r\nb", "only the line ends differ: character 2 is U+000D, expected U+000A"),
    ("10 EUR", "10\xa0EUR", "only the kind of space differs: character 3 is U+00A0 NO-BREAK SPACE, expected U+0020"),
    ("10\xa0EUR", "10 EUR", "only the kind of space differs: character 3 is U+0020 SPACE, expected U+00A0"),
    ("1 000", "1\u202f000", "only the kind of space differs: character 2 is U+202F NARROW NO-BREAK SPACE"),
    ("10 EUR", "10\u2003EUR", "only the kind of space differs: character 3 is U+2003 EM SPACE"),
    ("Code 1234", "Code\u200b 1234", "only invisible characters differ: character 5 is U+200B ZERO WIDTH SPACE"),
    ("Hi", "\ufeffHi", "only invisible characters differ: character 1 is U+FEFF ZERO WIDTH NO-BREAK SPACE"),
    ("shipping", "ship\xadping", "only invisible characters differ: character 5 is U+00AD SOFT HYPHEN"),
    ("Hi", "Hi\u200d", "only invisible characters differ: character 3 is U+200D ZERO WIDTH JOINER, expected the end"),
    ("Grüße", "Gru\u0308ße", f"{NFC}: character 3 is U+0075 LATIN SMALL LETTER U, expected U+00FC"),
    ("Gru\u0308ße", "Grüße", f"{NFC}: character 3 is U+00FC LATIN SMALL LETTER U WITH DIAERESIS"),
    ("Ann's", "Ann\u2019s", "only typographic quotation marks and dashes differ: character 4 is U+2019"),
    ("a - b", "a \u2013 b", "only typographic quotation marks and dashes differ: character 3 is U+2013 EN DASH"),
    ("Hi...", "Hi\u2026", "only typographic quotation marks and dashes differ"),
    ("office", "o\ufb03ce", "only compatibility forms of characters differ: character 2 is U+FB03"),
    ("Tom & Jerry", "Tom &amp; Jerry", "only HTML character references differ: character 6 is U+0061"),
    ("paypal", "p\u0430ypal", "only look-alike letters of another script differ: character 2 is U+0430 CYRILLIC"),
    ("Welcome", "Welc\u03bfme", "only look-alike letters of another script differ: character 5 is U+03BF GREEK"),
    ("Grüße", "GrÃ¼ÃŸe", f"{DAMAGED}: character 3 is U+00C3"),
    ("für", "fÃ¼r", f"{DAMAGED}: character 2 is U+00C3"),
    ("Grüße", "Gr??e", "characters that are not in ascii were replaced by '?'"),
    ("Grüße, \u4f60", "Grüße, ?", "characters that are not in cp1252 were replaced by '?'"),
    ("Grüße", "Gr\ufffd\ufffde", LOST),
    ("Grüße", "Gr\ufffd\ufffd\ufffd\ufffde", LOST),
    ("Grüße", "Gre", "characters that are not in ascii were removed"),
    ("Welcome", "Goodbye", ""),
    ("", "x", ""),
    ("x", "", ""),
    ("ü", "?x", ""),
    ("Grüße", "Gr\ufffd\ufffdes", ""),
]


@pytest.mark.parametrize(("expected", "value", "description"), DIFFERENCES)
def test_difference_is_named(expected, value, description):
    found = describe_difference(expected, value)
    assert found.startswith(description) and bool(found) is bool(description)


@pytest.mark.parametrize(
    ("pattern", "value", "description"),
    [
        ("welcome", "Welcome!", "found if the case does not count, as in re.compile('(?i)…')"),
        ("10 EUR", "it is 10\xa0EUR", "found if the kind of space does not count"),
        ("1234", "code 12\u200b34", "found if invisible characters do not count"),
        ("Grüße", "Viele Gru\u0308ße", "found if the Unicode normalization (NFC, NFD) does not count"),
        ("Grüße", "Viele GrÃ¼ÃŸe", "found if the text is repaired: the application has read UTF-8 in another charset"),
        ("welcome", "Goodbye", ""),
    ],
)
def test_missed_pattern_is_explained(pattern, value, description):
    assert describe_missed_pattern(re.compile(pattern), value) == description


@pytest.mark.parametrize("unit", ["a", "\ufffd", "ü", "u\u0308", "&", "&amp;", "?", "\u200b", " ", "\xa0", "Ã¼"])
def test_long_values_are_compared(unit):
    expected = "ü" * 60
    for count in (20_000 // len(unit), 100_000):
        assert isinstance(describe_difference(expected, unit * count), str)
        assert isinstance(describe_difference(unit * count + "x", unit * count + "y"), str)
        assert isinstance(describe_missed_pattern(re.compile("zz"), unit * count), str)
