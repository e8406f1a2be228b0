"""Prepare a text for the search for one-time codes.

`normalize_text` makes the digits of all scripts alike; `mask_other_numbers` covers telephone numbers, dates and others.

A mask has the length of the text that it covers, so distances between words and numbers stay right.
"""

from __future__ import annotations

import re
import unicodedata

from lazr.smtptest.mail import code_words

__all__ = ["MASK", "mask_other_numbers", "normalize_text"]

MASK = "\x7f"  # neither a letter, nor a digit, nor punctuation

_WORD = code_words.EXTENDING_CHARACTERS
_UNITS = code_words.QUANTITY_UNITS
_EMPHASIS_UNDERSCORES = re.compile(rf"(?<!{_WORD})(?<!_)_++|_++(?!{_WORD})")
_GROUPS_WITH_DOTS = re.compile(r"(?<![\w.·•-])[0-9]{1,4}(?:[_·•][0-9]{1,4})++(?![\w·•])")
_COMBINED_LETTER = re.compile(r"[^\W\d_][\u0300-\u036f]{1,4}+")
# The number of a card of which only the end is visible: **** 1234, XXXX-1234.
_CARD_END = re.compile(r"(?:[*•·xX#]{4}[ -]?){1,4}+[0-9]{2,4}(?![0-9*•])|[*•·]{3,4}[ -]?[0-9]{2,4}(?![0-9*•])")
_TRANSLATION: dict[int, str | None] = {
    # Spaces, marks of emphasis, and frames.
    **dict.fromkeys(map(ord, "\xa0\u1680\u200b\u200c\u202f\u205f\u3000*`~│┃║▏█■□\t"), " "),
    **dict.fromkeys(range(0x2000, 0x200B), " "),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212\uff0d"), "-"),
    # Marks of direction, joiners and soft hyphens are invisible.
    **dict.fromkeys([0xAD, 0x34F, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF]),
    **dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)]),
    # Full-width letters.
    **{0xFF21 + index: chr(ord("A") + index) for index in range(26)},
    **{0xFF41 + index: chr(ord("a") + index) for index in range(26)},
    0xFF3F: "_",
    0x0130: "I",  # the only letter whose lower case has two characters
}

# A digit in each line, as the boxes of an HTML mail become: "4\n\n8\n\n2\n\n9", or "- 4\n- 8\n- 2\n- 9" of a list.
_DIGIT_LINES = re.compile(r"^ {0,4}(?:- )?[0-9] *\n(?:(?: *\n){0,3}+ {0,4}(?:- )?[0-9] *(?:\n|\Z)){3,}+", re.MULTILINE)
_DIGITS_WITH_DOTS = re.compile(r"(?<![0-9])[0-9](?: ?[·•|‧・] ?[0-9]){3,}+")
_HYPHEN_BETWEEN_GROUPS = re.compile(r"^ *(?:[0-9]{3} - [0-9]{3}|[0-9]{4} - [0-9]{4}) *$", re.MULTILINE)
_NOT_DIGIT = re.compile(r"[^0-9]")

_NUMBER = rf"(?<!{_WORD})(?<![a-z]-)[0-9]{{1,12}}+"
_URLS_AND_ADDRESSES = (
    r"(?:[a-z][a-z0-9+.-]{1,20}+://|www\.|mailto:)[^\s<>\"]*+",
    r"(?<![^\s@<>\"])[^\s@<>\"]{1,64}+@[^\s@<>\"]{1,255}+",
    r"(?<![0-9a-z-])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-z-])",  # UUID
)
_DATES_AND_TIMES = (
    r"(?<![0-9])[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}(?![0-9]|[-/.][0-9])",
    r"(?<![0-9])[0-9]{1,2}([/.])[0-9]{1,2}\1[0-9]{2,4}(?![0-9]|[-/.][0-9])",
    r"(?<![0-9])[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}(?![0-9]|[-/.][0-9])",
    r"(?<![0-9])(?:19|20)[0-9]{2}[-/](?:(?:19|20)[0-9]{2}|[0-9]{2})(?![0-9-])",  # a range of years
    r"(?<![0-9:])[0-9]{1,2}(?::[0-9]{2}){1,2}(?![0-9:])(?: ?[ap]\.?m\b)?",
    r"(?<![0-9])[0-9]{1,2} ?[ap]\.?m\b",
)
_QUANTITIES = (
    r"(?:[€£¥₹₽₺₴₩฿$]|\b(?:eur|usd|gbp|chf|jpy|inr|rs\.?) ?) ?[0-9]{1,12}+(?:[.,' ][0-9]{3}\b){0,4}(?:[.,][0-9]{2})?",
    # With separators of thousands, and without.
    rf"(?<![0-9.,])[0-9]{{1,3}}(?: [0-9]{{3}}){{1,4}}(?:[.,][0-9]{{1,4}})?[ -]?{_UNITS}",
    rf"(?<![0-9.,'])[0-9]{{1,3}}(?:[.,'][0-9]{{3}}){{1,4}}(?:[.,][0-9]{{1,4}})?[ -]?{_UNITS}",
    # After a comma may be another sentence ("123456,5 minutes"), except in prices.
    rf"{_NUMBER}(?:[.-][0-9]{{1,12}}+|,[0-9]{{1,2}}(?=[ -]?{code_words.CURRENCY_UNITS}))?[ -]?{_UNITS}",
    r"(?<![0-9])[0-9]{2,5}(?:[x×]| [x×] )[0-9]{2,5}(?![0-9])",
)
_TELEPHONE_AND_ACCOUNT_NUMBERS = (
    r"\b[a-z]{2}[0-9]{2}(?: ?[a-z]{4})?(?: ?[0-9]{4}){2,7}(?: ?[0-9]{1,3})?(?![0-9a-z])",  # IBAN
    # E.164, and national numbers with an area code.
    r"\+(?:[ ()./-]{0,2}[0-9]){7,15}|(?<![0-9])00[1-9](?:[ ()./-]{0,2}[0-9]){8,13}(?![0-9])",
    r"(?<![0-9])\(0[0-9]{1,5}\)[ -]?[0-9](?:[ -]?[0-9]){3,9}",
    r"(?<![0-9])(?:1[ .-])?\(?[0-9]{3}\)?[ ./-]{1,2}[0-9]{3}[ .-][0-9]{4}(?![0-9])",
    r"(?<![0-9])0[0-9](?:[ .-][0-9]{2}){4}(?![0-9])",
    # 0123-4567 and 012-345 may be codes.
    (
        r"(?<![0-9])0[0-9]{1,4}(?:[/-]| [/-] |/ )[0-9]{3,8}(?:[ -][0-9]{1,4}){0,3}"
        r"(?<!0[0-9]{3}-[0-9]{4})(?<!0[0-9]{2}-[0-9]{3})(?![0-9])"
    ),
    (
        r"\b(?:call|ring|dial|tel|telefon|phone|fax|hotline|whatsapp)[.:]?(?: us)?(?: at| on| under)?[ :.]{1,3}"
        r"[0-9(](?:[ ()./-]{0,2}[0-9]){2,13}(?![0-9])"
    ),
    # A short number: "text STOP to 72345".
    r"\b(?:text|sms|reply|send|message)(?: [\"'“]?[a-z]{2,10}[\"'”]?){1,3} to:? [0-9]{4,6}(?![0-9])",
)
_POSTAL_CODES = (
    r"\b(?:d|a|ch|de|at|f|i|l|b|nl|dk|se|sk|cz|pl)-[0-9]{4,5}(?= [^\W\d_]{2})",
    # In the Netherlands: 1012 LG Amsterdam
    r"(?<![0-9])[1-9][0-9]{3} (?-i:(?!IS|TO|OR|AS|IN|ES)[A-Z]{2},? [A-Z][a-z])",
    r", ?[a-z]{2} [0-9]{5}(?:-[0-9]{4})?(?![0-9])|\b[a-z]{2} [0-9]{5}-[0-9]{4}(?![0-9])",
)
# Each pattern has bounded or possessive repeats, so it takes linear time.
_OTHER_NUMBERS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        *_URLS_AND_ADDRESSES,
        *_DATES_AND_TIMES,
        *_QUANTITIES,
        *_TELEPHONE_AND_ACCOUNT_NUMBERS,
        *_POSTAL_CODES,
    )
]


def normalize_text(text: str) -> str:
    """Return a text with ASCII digits, and with spaces for marks of emphasis.

    >>> normalize_text("**١٢٣٤** ５６")
    '  1234   56'
    """
    if not text.isascii():
        text = _COMBINED_LETTER.sub(lambda match: unicodedata.normalize("NFC", match[0]), text)
        text = text.translate({ord(digit): str(unicodedata.decimal(digit)) for digit in set(text) if digit.isdecimal()})
    text = _GROUPS_WITH_DOTS.sub(lambda match: re.sub("[_·•]", "-", match[0]), text)
    text = _CARD_END.sub(_mask, text).translate(_TRANSLATION)
    if "_" in text:
        text = _EMPHASIS_UNDERSCORES.sub(lambda match: " " * len(match[0]), text)
    text = _DIGITS_WITH_DOTS.sub(_join_digits, _DIGIT_LINES.sub(_join_digits, text))
    return _HYPHEN_BETWEEN_GROUPS.sub(_join_groups, text)


def _join_digits(match: re.Match[str]) -> str:
    """Return digits with spaces between them, except for a scale or a list: 1, 2, 3, 4, 5."""
    digits = _NOT_DIGIT.sub("", match[0])
    if (
        len(digits) > 8
        or match.string[match.end() : match.end() + 1].isdigit()
        or digits in "0123456789"
        or digits in "9876543210"
    ):
        return match[0]
    end = match[0].rindex(digits[-1]) + 1  # the line ends here also afterwards
    return _NOT_DIGIT.sub(" ", match[0][:end]) + match[0][end:]


def _join_groups(match: re.Match[str]) -> str:
    return match[0].replace("-", " ")


def mask_other_numbers(text: str) -> str:
    """Return a text with `MASK` over URLs, dates, prices, telephone numbers and the like.

    >>> mask_other_numbers("Code 1234, 10 minutes, +1 555 123 4567").replace(MASK, "_")
    'Code 1234, __________, _______________'
    """
    for pattern in _OTHER_NUMBERS:
        text = pattern.sub(_mask, text)
    return text


def _mask(match: re.Match[str]) -> str:
    return MASK * len(match[0])
