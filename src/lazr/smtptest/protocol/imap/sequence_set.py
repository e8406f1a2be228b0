"""Sequence sets (RFC 9051 9): ranges of message numbers or UIDs, never expanded.

The time to find messages is bounded by the length of the set and the number of messages, not by the numbers in the set:
`1:4294967295` costs as much as `1`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from lazr.smtptest.protocol.imap.parse_error import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Final

    Ranges = Sequence[tuple[int, int]]

__all__ = ["MAX_NUMBER", "SAVED_RESULT", "STAR", "SequenceSet", "format_sequence_set", "parse_sequence_set"]

MAX_NUMBER = 0xFFFF_FFFF  # RFC 9051 9: nz-number is an unsigned number of 32 bits
STAR = MAX_NUMBER + 1  # `*`, the largest number in use
_MAX_DIGITS = 10


class SequenceSet:
    """A set of message numbers or of UIDs.

    Args:
        ranges: Pairs of the first and the last number, in the order of the command; `STAR` stands for `*`.
        is_saved_result: The set is `$`, the result of the last `SEARCH RETURN (SAVE)` (RFC 5182 2.1), without `ranges`.

    >>> numbers = parse_sequence_set("2,4:*")
    >>> numbers.find_numbers(6), numbers.find_uids([1, 2, 9, 11])
    ([2, 4, 5, 6], [2, 9, 11])
    """

    __slots__ = ("is_saved_result", "ranges")

    def __init__(self, ranges: Iterable[tuple[int, int]], *, is_saved_result: bool = False) -> None:
        self.ranges: Final = tuple(ranges)
        self.is_saved_result: Final = is_saved_result

    def merge_ranges(self, largest: int) -> list[tuple[int, int]]:
        """Return ascending ranges that do not touch each other, with `largest` instead of `*`.

        Args:
            largest: The largest number or UID in use; 0 if there is no message, which drops `*`.
        """
        resolved = sorted(
            (min(first, last), max(first, last))
            for first, last in (
                (largest if first == STAR else first, largest if last == STAR else last) for first, last in self.ranges
            )
            if first and last
        )
        merged: list[tuple[int, int]] = []
        for first, last in resolved:
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return merged

    def find_numbers(self, count: int) -> list[int]:
        """Return the message numbers of this set, ascending, in a folder of `count` messages."""
        found: list[int] = []
        for first, last in self.merge_ranges(count):
            found.extend(range(first, min(last, count) + 1))
        return found

    def find_uids(self, uids: Sequence[int]) -> list[int]:
        """Return those of `uids`, which are ascending, that are in this set of UIDs."""
        found: list[int] = []
        for first, last in self.merge_ranges(uids[-1] if uids else 0):
            found.extend(uids[bisect_left(uids, first) : bisect_right(uids, last)])
        return found

    def is_within(self, count: int) -> bool:
        """Return whether all message numbers exist; if not, the reply is BAD (RFC 9051 9)."""
        return all((number == STAR and count > 0) or number <= count for pair in self.ranges for number in pair)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SequenceSet):
            return NotImplemented
        return (self.ranges, self.is_saved_result) == (other.ranges, other.is_saved_result)

    def __hash__(self) -> int:
        return hash((self.ranges, self.is_saved_result))

    def __str__(self) -> str:
        if self.is_saved_result:
            return "$"
        return ",".join(
            str(_format_number(first)) if first == last else f"{_format_number(first)}:{_format_number(last)}"
            for first, last in self.ranges
        )

    def __repr__(self) -> str:
        return f"SequenceSet({str(self)!r})"


SAVED_RESULT: Final = SequenceSet((), is_saved_result=True)


def parse_sequence_set(text: str, position: int | None = None) -> SequenceSet:
    """Return the set that a text such as `1,3:5,7:*` or `$` describes.

    Args:
        text: The text.
        position: Where it begins in its command, for the error.

    Raises:
        ParseError: The text is not a sequence set.
    """
    if text == "$":
        return SAVED_RESULT
    ranges: list[tuple[int, int]] = []
    for part in text.split(","):
        first, colon, last = part.partition(":")
        number = _parse_number(first, position)
        ranges.append((number, _parse_number(last, position) if colon else number))
    return SequenceSet(ranges)


def format_sequence_set(numbers: Iterable[int]) -> str:
    """Return numbers as a sequence set, in their order; consecutive ones become a range.

    >>> format_sequence_set([1, 2, 3, 5, 7, 8])
    '1:3,5,7:8'
    """
    parts: list[str] = []
    first = last = 0
    for number in numbers:
        if last and number == last + 1:
            last = number
            continue
        if last:
            parts.append(_format_range(first, last))
        first = last = number
    if last:
        parts.append(_format_range(first, last))
    return ",".join(parts)


def _format_range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}:{last}"


def _format_number(number: int) -> str:
    return "*" if number == STAR else str(number)


def _parse_number(digits: str, position: int | None) -> int:
    if digits == "*":
        return STAR
    if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS and digits[0] != "0":
        number = int(digits)
        if number <= MAX_NUMBER:
            return number
    raise ParseError("expected a sequence set such as 1,3:5 or 7:*, of numbers from 1 to 4294967295", position)
