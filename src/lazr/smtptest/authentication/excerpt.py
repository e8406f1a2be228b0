"""Short texts of untrusted values, for the reasons of results."""

from __future__ import annotations

__all__ = ["shorten"]


def shorten(text: str, limit: int = 80) -> str:
    """Return the text, or its start and an ellipsis.

    Args:
        text: The text.
        limit: The number of characters of the result at most.

    >>> shorten("v=spf1 -all", 8)
    'v=spf1 …'
    """
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
