"""Record the defects of a message, each with its location and its reason."""

from __future__ import annotations

from lazr.smtptest.mail.mime import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    DefectRecorder = Callable[[str], None]  # takes the reason

__all__ = ["Defect", "Defects", "quote_untrusted", "shorten_untrusted"]


class Defect:
    """One malformed or unreadable element of a mail.

    Both arguments are attributes; two defects are equal if both are.

    Args:
        where: the location: "content", "header Subject", "part 1.2" or "html".
        reason: a phrase; it ends with the word "truncated" if a limit of the reader was reached.

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
    """The defects found so far, each once, in the order of discovery.

    A limit of the reader is no fault of the mail, so it is kept apart: its reason ends with the word "truncated".
    Reasons quote untrusted text only in front of other words.
    """

    __slots__ = ("_defects", "_limits")

    def __init__(self) -> None:
        self._defects: dict[Defect, None] = {}
        self._limits: dict[Defect, None] = {}

    def build_recorder(self, where: str) -> DefectRecorder:
        """Return a function that adds a defect with a given reason at this location."""
        return lambda reason: self.add(where, reason)

    def add(self, where: str, reason: str) -> None:
        """Add a defect or a limit; above the maximum, add one limit about the rest."""
        found = self._limits if reason.endswith("truncated") else self._defects
        if len(found) < limits.MAX_DEFECTS:
            found[Defect(where, reason)] = None
        else:
            self._limits[Defect("content", "more defects: the list is truncated")] = None

    def to_tuple(self) -> tuple[Defect, ...]:
        """Return the defects of the mail."""
        return tuple(self._defects)

    def limits_to_tuple(self) -> tuple[Defect, ...]:
        """Return the limits of the reader that the mail reached."""
        return tuple(self._limits)


def shorten_untrusted(text: str, max_characters: int = 60) -> str:
    """Return the beginning of an untrusted text without line ends, for the reason of a defect."""
    text = text if len(text) <= max_characters else text[:max_characters] + "…"
    return text if text.isprintable() else repr(text)[1:-1]


def quote_untrusted(text: str, max_characters: int = 60) -> str:
    """Return untrusted text in quotes, shortened, for the reason of a defect."""
    return repr(text if len(text) <= max_characters else text[:max_characters] + "…")
