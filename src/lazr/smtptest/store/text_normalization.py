"""Normalize text for comparison, and for storage in every kind of store."""

from __future__ import annotations

import re

__all__ = ["fold", "lower_ascii", "make_storable"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def fold(text: str) -> str:
    """Return the text in the form for comparison.

    Letter case and the amount of white space do not count.

    >>> fold("Straße  in\\nBERN")
    'strasse in bern'
    """
    return " ".join((text.lower() if text.isascii() else text.casefold()).split())


def lower_ascii(text: str) -> str:
    """Return the text with the letters of ASCII in lower case, as every database can do it.

    >>> lower_ascii("SENT Ü")
    'sent Ü'
    """
    return (
        text.lower()
        if text.isascii()
        else text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    )


def make_storable(text: str) -> str:
    """Replace what some stores cannot hold: NUL and lone surrogates become U+FFFD.

    >>> make_storable("a\\0b\\ud800c")
    'a\ufffdb\ufffdc'
    """
    if "\0" not in text and (text.isascii() or _SURROGATE.search(text) is None):
        return text
    return _SURROGATE.sub("\ufffd", text.replace("\0", "\ufffd"))
