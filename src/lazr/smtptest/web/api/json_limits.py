"""Check the size of a JSON text before it is parsed.

A JSON value of three bytes, such as `[],`, becomes a Python object of 64.  A body of 50 MiB could so take more than a
gigabyte, and nothing can stop the parser halfway.
"""

from __future__ import annotations

import re

__all__ = ["MAX_JSON_DEPTH", "MAX_JSON_VALUES", "check_json_limits"]

MAX_JSON_VALUES = 100_000
"""The values of a body: its strings, numbers, literals, lists, objects and keys."""

MAX_JSON_DEPTH = 100
"""How deep lists and objects may be nested."""

# A string, or a character that begins, ends or separates values.  A string without an end goes to the end of the text,
# so that no text is searched twice.
_TOKEN_PATTERN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},:]', re.DOTALL)


def check_json_limits(text: bytes) -> None:
    """Raise `ValueError` if a JSON text has too many values, or is nested too deep.

    The check takes linear time and no memory.  It does not check the syntax.

    Args:
        text: JSON in UTF-8 (RFC 8259 8.1).

    >>> check_json_limits(b"[" * 101)
    Traceback (most recent call last):
    ValueError: JSON must be nested at most 100 deep, got more; send flatter values
    """
    # Each value has one of these characters before it, except the first.  The characters may also be in strings.
    most_values = 1 + sum(text.count(character) for character in (b",", b":", b"[", b"{"))
    most_depth = text.count(b"[") + text.count(b"{")
    if most_values <= MAX_JSON_VALUES and most_depth <= MAX_JSON_DEPTH:
        return
    values, depth = 1, 0
    for matched in _TOKEN_PATTERN.finditer(text):
        first = text[matched.start()]
        if first in b"[{":
            values += 1
            depth += 1
            if depth > MAX_JSON_DEPTH:
                raise ValueError(f"JSON must be nested at most {MAX_JSON_DEPTH} deep, got more; send flatter values")
        elif first in b"]}":
            depth -= 1
        elif first in b",:":
            values += 1
        if values > MAX_JSON_VALUES:
            raise ValueError(
                f"JSON must have at most {MAX_JSON_VALUES:,} values, got more; send several requests, "
                "or a search instead of IDs"
            )
