"""What is wrong with a mail: where, and why."""

from __future__ import annotations

from lazr.smtptest.mail.mime import caps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    Note = Callable[[str], None]  # takes the reason

__all__ = ["Defect", "Defects"]


class Defect:
    """One thing that is wrong with a mail, or that could not be read.

    - `where`: such as "content", "header Subject", "part 1.2" or "html".
    - `reason`: in words; it has "truncated" in it where something was too much to be read.

    Two are equal when both are; as a string it is both.

    >>> print(Defect("header Date", "not a date"))
    header Date: not a date
    """

    __slots__ = ("reason", "where")

    def __init__(self, where: str, reason: str) -> None:
        self.where: Final = where
        self.reason: Final = reason

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Defect) and (self.where, self.reason) == (other.where, other.reason)

    def __hash__(self) -> int:
        return hash((self.where, self.reason))

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"

    def __repr__(self) -> str:
        return f"Defect({self.where!r}, {self.reason!r})"


class Defects:
    """The defects found so far, each once, in the order of their finding."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[Defect, None] = {}

    def at(self, where: str) -> Note:
        """A function that notes a reason there."""
        return lambda reason: self.add(where, reason)

    def add(self, where: str, reason: str) -> None:
        """Note one; past the cap, that there are more."""
        if len(self._found) < caps.DEFECTS:
            self._found[Defect(where, reason)] = None
        else:
            self._found[Defect("content", "there are more defects: the list is truncated")] = None

    def all(self) -> tuple[Defect, ...]:
        """All of them."""
        return tuple(self._found)


def shown(text: str, most: int = 60) -> str:
    """A stranger's text for the words of a defect: short, and in quotes."""
    return repr(text if len(text) <= most else text[:most] + "…")
