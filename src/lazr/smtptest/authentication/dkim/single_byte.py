"""Find the single character that was changed, added or lost in a short text, by its hash."""

from __future__ import annotations

import hashlib
import string
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.authentication.dkim.search_budget import SearchBudget

__all__ = ["ByteChange", "find_changed_byte"]

# The most frequent changes come first, because the budget ends the search.
_ALPHABETS = (
    string.digits.encode("ascii"),
    string.ascii_lowercase.encode("ascii"),
    (string.ascii_uppercase + string.punctuation + " ").encode("ascii"),
)


class ByteChange(NamedTuple):
    """A change of one character.

    Args:
        text: A clause: 'one character was changed, from "5" to "6"'.
        position: Where in the text, from 0.
    """

    text: str
    position: int


def find_changed_byte(text: bytes, hash_name: str, digest: bytes, budget: SearchBudget) -> ByteChange | None:
    """Return the change of one character that explains another hash; None if none is found.

    Args:
        text: The text as it is now.
        hash_name: The hash function, a name of `hashlib`.
        digest: The hash of the text as it was.
        budget: How much may be hashed.

    >>> from lazr.smtptest.authentication.dkim.search_budget import SearchBudget
    >>> find_changed_byte(b"46 EUR", "sha256", hashlib.sha256(b"45 EUR").digest(), SearchBudget())
    ByteChange(text='one character was changed, from "5" to "6"', position=1)
    """
    for alphabet in _ALPHABETS:
        for position, prefix in _hash_prefixes(text, hash_name):
            for change, rest in _list_variants(text, position, alphabet):
                if not budget.spend(len(rest)):
                    return None
                trial = prefix.copy()
                trial.update(rest)
                if trial.digest() == digest:
                    return ByteChange(change, position)
    return None


def _hash_prefixes(text: bytes, hash_name: str) -> Iterator[tuple[int, hashlib._Hash]]:
    state = hashlib.new(hash_name, usedforsecurity=False)
    for position in range(len(text)):
        yield position, state
        state.update(text[position : position + 1])


def _list_variants(text: bytes, position: int, alphabet: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what happened, and the rest of the text from this position as it was before."""
    now = chr(text[position])
    rest = text[position + 1 :]
    if alphabet is _ALPHABETS[0]:
        yield f'the character "{now}" was added', rest
    for code in alphabet:
        before = bytes([code])
        yield f'one character was changed, from "{chr(code)}" to "{now}"', before + rest
        yield f'the character "{chr(code)}" was removed', before + text[position:]
