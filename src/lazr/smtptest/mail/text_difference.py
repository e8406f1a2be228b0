"""Name the difference of two strings that look equal: spaces, case, Unicode forms, damage.

The reports of failed expectations use it: a person who compares both strings on a screen sees no difference.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["describe_difference", "describe_missed_pattern"]

_MAX_COMPARED_CHARACTERS = 20_000

_SPACES = re.compile(r"[^\S\n\r\t ]")  # white space that is not ASCII, such as U+00A0
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\u2026": "...",
    }
)
# The letters of Cyrillic and Greek that most fonts draw like Latin letters (Unicode UTS 39, confusables).
_LOOK_ALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u0501\u051b\u0410\u0412\u0415\u041a\u041c\u041d"
    "\u041e\u0420\u0421\u0422\u0425\u0405\u0406\u0408\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f"
    "\u03a1\u03a4\u03a5\u03a7\u03bf\u03bd\u0131\u0261",
    "aeopcyxsijdqABEKMHOPCTXSIJABEZHIKMNOPTYXovig",
)


def describe_difference(expected: str, value: str) -> str:
    r"""Return the only difference of a value that is nearly equal; "" for other values.

    Args:
        expected: the expected string.
        value: the string of a mail; untrusted input.  Strings over 20,000 characters are compared in fewer ways.

    >>> describe_difference("Welcome", "welcome")
    "only the case differs (re.compile('(?i)…') ignores case)"
    >>> describe_difference("10 EUR", "10\xa0EUR")
    'only the kind of space differs: character 3 is U+00A0 NO-BREAK SPACE, expected U+0020 SPACE'
    """
    if expected.strip() == value.strip():
        return "only white space at the ends differs"
    if expected.lower() == value.lower():
        return "only the case differs (re.compile('(?i)…') ignores case)"
    if max(len(expected), len(value)) <= _MAX_COMPARED_CHARACTERS:
        for description, transform in _TRANSFORMS:
            if transform(expected) == transform(value):
                return f"{description}: {_describe_first_difference(expected, value)}"
        damage = _describe_damage(expected, value)
        if damage:
            return f"{damage}: {_describe_first_difference(expected, value)}"
    return "only white space differs" if expected.split() == value.split() else ""


def describe_missed_pattern(pattern: re.Pattern[str], value: str) -> str:
    r"""Return why a pattern is not found in a value that seems to have it; "" if unknown.

    >>> describe_missed_pattern(re.compile("10 EUR"), "only 10\xa0EUR")
    'found if the kind of space does not count'
    """
    if len(value) > _MAX_COMPARED_CHARACTERS:
        return ""
    if not pattern.flags & re.IGNORECASE and re.compile(pattern.pattern, pattern.flags | re.IGNORECASE).search(value):
        return "found if the case does not count, as in re.compile('(?i)…')"
    for description, transform in _TRANSFORMS:
        changed = transform(value)
        if changed != value and pattern.search(changed):
            subject = description.removeprefix("only ").removesuffix(" differs").removesuffix(" differ")
            verb = "do" if description.endswith(" differ") else "does"
            return f"found if {subject} {verb} not count"
    repaired = _repair_mojibake(value)
    if repaired != value and pattern.search(repaired):
        return "found if the text is repaired: the application has read UTF-8 in another charset"
    return ""


# -- transformations after which look-alikes are equal ---------------------------------------


def _unify_spaces(text: str) -> str:
    return _SPACES.sub(" ", text)


def _unify_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _remove_invisible_characters(text: str) -> str:
    if text.isascii():
        return text
    from unicodedata import category

    return "".join(character for character in text if category(character) != "Cf")


def _normalize(form: str) -> Callable[[str], str]:
    def normalize(text: str) -> str:
        from unicodedata import normalize

        return text if text.isascii() else normalize(form, text)  # type: ignore[arg-type]  # one of the four forms

    return normalize


def _unescape_html(text: str) -> str:
    if "&" not in text:
        return text
    from html import unescape

    return unescape(text)


_TRANSFORMS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("only the line ends differ", _unify_line_ends),
    ("only the kind of space differs", _unify_spaces),
    ("only invisible characters differ", _remove_invisible_characters),
    ("only the Unicode normalization (NFC, NFD) differs", _normalize("NFC")),
    ("only typographic quotation marks and dashes differ", lambda text: text.translate(_TYPOGRAPHIC)),
    ("only compatibility forms of characters differ", _normalize("NFKC")),
    ("only HTML character references differ", _unescape_html),
    ("only look-alike letters of another script differ", lambda text: text.translate(_LOOK_ALIKES)),
)


# -- damaged characters ----------------------------------------------------------------------


def _describe_damage(expected: str, value: str) -> str:
    """Return how an application has damaged the characters; the empty string if it has not."""
    if expected.isascii():
        return ""
    if _repair_mojibake(value) == expected:
        return "the application has read UTF-8 in another charset"
    for charset in ("ascii", "cp1252", "latin-1"):
        if expected.encode(charset, "replace").decode(charset) == value:
            return f"characters that are not in {charset} were replaced by '?'"
    if "\ufffd" in value and _NON_ASCII.sub("\ufffd", expected) == _NON_ASCII.sub("\ufffd", value):
        return "characters that could not be decoded were replaced by U+FFFD"
    if expected.encode("ascii", "ignore").decode() == value:
        return "characters that are not in ascii were removed"
    return ""


def _repair_mojibake(text: str) -> str:
    """Return the text with its bytes read as UTF-8; the same text if they are not UTF-8."""
    if text.isascii():
        return text
    for charset in ("cp1252", "latin-1"):
        try:
            return text.encode(charset).decode("utf-8")
        except UnicodeError:
            continue
    return text


def _describe_first_difference(expected: str, value: str) -> str:
    pairs = zip(expected, value, strict=False)
    position = next((index for index, (left, right) in enumerate(pairs) if left != right), None)
    if position is None:
        position = min(len(expected), len(value))
    return (
        f"character {position + 1} is {_name_character(value, position)}, "
        f"expected {_name_character(expected, position)}"
    )


def _name_character(text: str, position: int) -> str:
    if position >= len(text):
        return "the end"
    from unicodedata import name

    character = text[position]
    return f"U+{ord(character):04X} {name(character, '')}".rstrip()
