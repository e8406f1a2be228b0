"""Prepare the content of mails for a language model: visible, and of limited length.

A mail can hide text from a reader that a model still reads: characters without a glyph (the tags of U+E0000, zero-width
characters, variation selectors), characters that change the direction of text, and control characters.  They become
escapes.
"""

from __future__ import annotations

import bisect
import re
from typing import TYPE_CHECKING, Literal

from typing_extensions import TypedDict

from lazr.smtptest._util.escape import escape_character, escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Cleaner", "Truncation", "make_visible"]

MAX_VALUE_CHARACTERS = 4_000
"""How much of a subject, an address, a link and other short values is returned, counted with the escapes."""

MAX_LIST_ITEMS = 200
"""How many links, attachments and other items are returned."""

MAX_TOTAL_CHARACTERS = 200_000
"""How many characters all short values of one result have, counted with the escapes."""

# Characters that Unicode counts as printable although fonts show nothing: those of Default_Ignorable_Code_Point, and
# the blank Braille pattern.  Format characters and most spaces are not printable, and so escaped already.
_INVISIBLE_PATTERN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# One selector after a symbol chooses between its black and its colored form, as in most emoji.
_EMOJI_SELECTORS = "\ufe0e\ufe0f"


class Truncation(TypedDict):
    """What the result leaves out: it has `returned` of `total` units of a field."""

    field: str
    unit: Literal["characters", "bytes", "items"]
    returned: int
    total: int


def make_visible(text: str) -> str:
    r"""Return the text with an escape for each character that a reader would not see.

    Line feeds, tabs and no-break spaces stay.

    >>> print(make_visible("Hi\u202e\u200b there\x1b[2J\U000e0041"))
    Hi\u202e\u200b there\x1b[2J\U000e0041
    >>> print(make_visible("a\ufe01\u3164b"), len(make_visible("\u2764\ufe0f")))
    a\ufe01\u3164b 2
    """
    return _INVISIBLE_PATTERN.sub(_escape_invisible, escape_unprintable(text, multiline=True))


def _escape_invisible(match: re.Match[str]) -> str:
    before = match.string[match.start() - 1 : match.start()]
    is_in_emoji = match[0] in _EMOJI_SELECTORS and before != "\u2800" and _is_symbol(before)
    return match[0] if is_in_emoji else escape_character(match[0])


def _is_symbol(character: str) -> bool:
    return "\u2190" <= character <= "\u2bff" or "\U0001f000" <= character <= "\U0001faff"


def _make_source_visible(text: str) -> str:
    source = text.encode("utf-8", "surrogateescape")
    return make_visible(source.decode("utf-8", "backslashreplace"))


def _cut_visible(text: str, limit: int, make_visible: Callable[[str], str] = make_visible) -> tuple[str, int]:
    """Return the visible form of the longest beginning that fits, and its length in the text.

    Args:
        text: The text.
        limit: How many characters the visible form has at most.
        make_visible: Returns the visible form of a text.
    """
    piece = text[:limit]
    shown = make_visible(piece)
    if len(shown) > limit:  # the visible form of a beginning is the beginning of the visible form
        lengths = range(len(piece) + 1)
        end = bisect.bisect_right(lengths, limit, key=lambda end: len(make_visible(piece[:end]))) - 1
        piece = piece[:end]
        shown = make_visible(piece)
    return shown, len(piece)


class Cleaner:
    """Make the values of one result visible, and limit their number and length.

    `truncated` lists the texts that were cut.

    >>> cleaner = Cleaner()
    >>> cleaner.clean("subject", "a" * 5000) == "a" * 4000
    True
    >>> cleaner.cut_text("text", "0123456789", offset=2, limit=3)
    '234'
    >>> [(cut["field"], cut["returned"], cut["total"]) for cut in cleaner.truncated]
    [('subject', 4000, 5000), ('text', 3, 10)]
    """

    def __init__(self) -> None:
        self._truncations: dict[tuple[str, str], Truncation] = {}
        self._remaining = MAX_TOTAL_CHARACTERS

    @property
    def truncated(self) -> list[Truncation]:
        """What is left out, in the order in which it was found."""
        return list(self._truncations.values())

    def cut_text(self, field: str, text: str, *, offset: int, limit: int, total: int = 0) -> str:
        """Return at most `limit` characters of a long text, from `offset` on.

        The escapes count for the limit.  The note in `truncated` counts the characters without them, so `offset`
        plus `returned` reads on.

        Args:
            field: The name of the text in the result.
            text: The text, or its beginning.
            offset: The first character.
            limit: The number of characters of the result.
            total: The length of the whole text, if `text` may be only its beginning.
        """
        shown, length = _cut_visible(text[offset : offset + limit], limit)
        self.report(field, length, max(len(text), total))
        return shown

    def cut_source(self, field: str, piece: bytes, *, limit: int, total: int) -> str:
        r"""Return at most `limit` characters of a piece of a source.

        The escapes count for the limit.  A byte that is not UTF-8 becomes an escape, and so does a character at an
        edge of the piece.

        Args:
            field: The name of the source in the result.
            piece: Bytes of the source.
            limit: The number of characters of the result.
            total: The number of bytes of the whole source.

        >>> Cleaner().cut_source("source", b"\xffabc", limit=5, total=4)
        '\\xffa'
        """
        text = piece.decode("utf-8", "surrogateescape")
        shown, length = _cut_visible(text, limit, _make_source_visible)
        self.report(field, len(text[:length].encode("utf-8", "surrogateescape")), total, "bytes")
        return shown

    def report(
        self, field: str, returned: int, total: int, unit: Literal["characters", "bytes", "items"] = "characters"
    ) -> None:
        """Note that a field is not complete; the notes of one field and unit are added up.

        Args:
            field: The name of the field in the result.
            returned: How much of it is in the result.
            total: How much of it there is.
            unit: What is counted.
        """
        if returned < total:
            before = self._truncations.get((field, unit), {"returned": 0, "total": 0})
            self._truncations[field, unit] = {
                "field": field,
                "unit": unit,
                "returned": before["returned"] + returned,
                "total": before["total"] + total,
            }

    def clean(self, field: str, value: object) -> object:
        """Return a JSON value whose texts, keys included, are visible and short.

        Args:
            field: The name of the value in the result, for the list `truncated`.
            value: A text, a list, an object, or a number.
        """
        if isinstance(value, str):
            shown, length = _cut_visible(value, min(MAX_VALUE_CHARACTERS, self._remaining))
            self._remaining -= len(shown)
            self.report(field, length, len(value))
            return shown
        if isinstance(value, list | tuple):
            self.report(field, min(len(value), MAX_LIST_ITEMS), len(value), "items")
            return [self.clean(field, item) for item in value[:MAX_LIST_ITEMS]]
        if isinstance(value, dict):
            pairs = list(value.items())[:MAX_LIST_ITEMS]
            self.report(field, len(pairs), len(value), "items")
            return {str(self.clean(field, str(key))): self.clean(field, item) for key, item in pairs}
        return value
