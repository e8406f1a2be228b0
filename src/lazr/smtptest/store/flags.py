"""The system flags of mails, as names for IMAP and as bits for databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["STORED_FLAGS", "decode_flags", "encode_flags", "parse_flags"]

STORED_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
r"""The flags of RFC 9051 2.3.2 that a store keeps as such; `\Seen` is the read mark, keywords are tags."""

_BITS = {flag: 1 << position for position, flag in enumerate(STORED_FLAGS)}
_ALL_BITS = (1 << len(STORED_FLAGS)) - 1
# Bits that a later version may define are ignored.
_DECODED = tuple(tuple(flag for flag, bit in _BITS.items() if value & bit) for value in range(1 << len(STORED_FLAGS)))


def parse_flags(flags: Iterable[str]) -> tuple[str, ...]:
    r"""Return flags in their usual order and letter case, each of them once.

    Raises:
        ValueError: a name is no flag that a store keeps.

    >>> parse_flags(["\\draft", "\\Answered"])
    ('\\Answered', '\\Draft')
    >>> parse_flags(["\\Seen"])
    Traceback (most recent call last):
    ValueError: a flag must be one of \Answered, \Flagged, \Deleted, \Draft, got '\\Seen'
    """
    return decode_flags(encode_flags(flags))


def encode_flags(flags: Iterable[str]) -> int:
    r"""Return flags as the bits of a number; raise `ValueError` as `parse_flags` does.

    >>> encode_flags(["\\Answered", "\\Draft"])
    9
    """
    bits = 0
    for flag in flags:
        bit = _BITS.get(flag) or _BITS.get(flag[:1] + flag[1:].capitalize())
        if bit is None:
            raise ValueError(f"a flag must be one of {', '.join(STORED_FLAGS)}, got {flag!r}")
        bits |= bit
    return bits


def decode_flags(bits: int) -> tuple[str, ...]:
    r"""Return the flags that the bits of a number stand for.

    >>> decode_flags(9)
    ('\\Answered', '\\Draft')
    """
    return _DECODED[bits & _ALL_BITS]
