"""Checks of the numbers in rules, which may have any type and any size."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeGuard

__all__ = ["is_finite_number", "is_whole_number"]


def is_finite_number(value: object) -> TypeGuard[float]:
    """Return whether the value is an `int` or a finite `float`, and fits into a `float`.

    >>> is_finite_number(0.5), is_finite_number(True), is_finite_number(float("nan")), is_finite_number(10**400)
    (True, False, False, False)
    """
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def is_whole_number(value: object, minimum: int = 0) -> bool:
    """Return whether the value is an `int` of at least `minimum`.

    >>> is_whole_number(3), is_whole_number(True), is_whole_number(3, 4)
    (True, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum
