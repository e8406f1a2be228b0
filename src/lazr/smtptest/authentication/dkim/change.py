"""A change that explains why a signature does not match."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Change", "Variant"]


class Change(NamedTuple):
    """What happened to a mail after it was signed.

    Args:
        text: A clause that completes a sentence: "a line was added at the end".
        place: Where: "header Subject", "body line 12".
    """

    text: str
    place: str


class Variant(NamedTuple):
    """How a text may have looked before a change."""

    change: Change
    text: bytes
