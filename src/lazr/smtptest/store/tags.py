"""Parse the tags that `X-Tags` fields and clients give to a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.store.text_normalization import fold, make_storable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_TAGS", "MAX_TAG_CHARACTERS", "check_tags", "parse_single_tag", "parse_tags"]

MAX_TAGS = 100
"""A mail has at most this many tags."""
MAX_TAG_CHARACTERS = 100
"""A tag has at most this many characters."""

_MAX_FIELD_CHARACTERS = 2 * MAX_TAGS * MAX_TAG_CHARACTERS


def parse_tags(values: Iterable[str]) -> tuple[str, ...]:
    """Return the tags in comma-separated values: the first 100, and each of them once.

    Tags that differ only in letter case are the same tag.

    A tag longer than 100 characters is cut.

    >>> parse_tags(["one, Two", "two,,three"])
    ('one', 'Two', 'three')
    """
    tags: dict[str, str] = {}
    for value in values:
        for tag in make_storable(value[:_MAX_FIELD_CHARACTERS]).split(","):
            words = " ".join(tag.split())[:MAX_TAG_CHARACTERS]
            if words and len(tags) < MAX_TAGS:
                tags.setdefault(fold(words), words)
    return tuple(tags.values())


def check_tags(values: Iterable[str]) -> None:
    """Raise `ValueError` if `parse_tags` would drop or cut a tag.

    Args:
        values: the tags, also several in one value, separated by commas.

    >>> check_tags(["one, two", "three"])
    >>> check_tags(map(str, range(101)))
    Traceback (most recent call last):
    ValueError: a mail must have at most 100 tags, got 101; remove some
    """
    tags = {fold(tag): " ".join(tag.split()) for value in values for tag in value.split(",") if tag.strip()}
    if len(tags) > MAX_TAGS:
        raise ValueError(f"a mail must have at most {MAX_TAGS} tags, got {len(tags)}; remove some")
    longest = max(tags.values(), key=len, default="")
    if len(longest) > MAX_TAG_CHARACTERS:
        raise ValueError(f"a tag must have at most {MAX_TAG_CHARACTERS} characters, got {len(longest)}; shorten it")


def parse_single_tag(text: str) -> str:
    """Return the one tag that the text names.

    Raises:
        ValueError: the text names no tag, or several, or one that is too long.

    >>> parse_single_tag(" two  words ")
    'two words'
    """
    tags = parse_tags([text])
    if len(tags) != 1:
        raise ValueError(f"a tag must not be empty or contain a comma, got {text!r}")
    check_tags([text])
    return tags[0]
