"""Seeded random numbers for a rule that acts with a probability."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

__all__ = ["Dice"]


class Dice:
    """The random choices of one rule: equal seeds and equal rules get equal results.

    Args:
        probability: The share of matches at which the rule acts, more than 0 and at most 1.
        own_seed: A seed that the rule brings along; None to use that of the server.
        key: A text that equal rules share.  Two rules with different keys get independent numbers.

    >>> dice = Dice(0.5, 7, "NOOP")
    >>> [dice.roll() for _ in range(6)]
    [False, True, True, False, False, True]
    """

    __slots__ = ("_next_random", "_seed", "key", "own_seed", "probability")

    def __init__(self, probability: float, own_seed: int | str | None, key: str) -> None:
        self.probability: Final = probability
        self.own_seed: Final = own_seed
        self.key: Final = key
        self._next_random: Callable[[], float] | None = None
        self._seed = ""
        self.reseed(None, 1)

    def reseed(self, server_seed: int | str | None, ordinal: int) -> None:
        """Start over, as the `ordinal`-th rule with this key; the rule's own seed comes first."""
        self._seed = f"{server_seed if self.own_seed is None else self.own_seed}/{self.key}/{ordinal}"
        self._next_random = None

    def roll(self) -> bool:
        """Return whether the rule acts at this match."""
        if self._next_random is None:
            from random import Random  # loaded with the first rule that needs it

            self._next_random = Random(self._seed).random  # noqa: S311 - reproducible on purpose
        return self._next_random() < self.probability
