"""Match folder names with the patterns of LIST (RFC 9051 6.3.9), without backtracking."""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Final

__all__ = ["DELIMITER", "ListPattern"]

DELIMITER = "/"
_INBOX = "INBOX"
_WILDCARDS = compile_lazily(r"[*%]{2,}")


class ListPattern:
    """A pattern: `*` stands for any text, and `%` for any text without a delimiter.

    Each character of a name takes one step, whatever the wildcards: the pattern is an automaton (Shift-And), with all
    its states in one integer.

    Args:
        reference: The reference name; it goes before the pattern (RFC 9051 6.3.9).
        pattern: The pattern.

    >>> pattern = ListPattern("", "lists/%")
    >>> [name for name in ("lists", "lists/python", "lists/python/dev") if pattern.matches(name)]
    ['lists/python']
    """

    __slots__ = ("_automaton", "_matches_inbox", "text")

    def __init__(self, reference: str, pattern: str) -> None:
        text = reference + pattern
        level, delimiter, rest = text.partition(DELIMITER)
        if level.upper() == _INBOX:  # without regard to case (RFC 9051 5.1)
            text = _INBOX + delimiter + rest
        self.text: Final = text
        self._automaton = _Automaton(text)
        self._matches_inbox = _Automaton(text.upper()).matches(_INBOX)

    def matches(self, name: str) -> bool:
        """Return whether a folder name matches."""
        return self._matches_inbox if name == _INBOX else self._automaton.matches(name)


class _Automaton:
    """Bit `i` of a state: the first `i` characters of the pattern match the input so far."""

    __slots__ = ("_any", "_any_in_level", "_end", "_positions_by_character")

    def __init__(self, text: str) -> None:
        # Wildcards in a row are one: "%*%" is "*", and "%%" is "%".
        text = _WILDCARDS.sub(_join_wildcards, text)
        positions: dict[str, int] = {}
        for position, character in enumerate(text):
            positions[character] = positions.get(character, 0) | 1 << position
        self._any = positions.pop("*", 0)
        self._any_in_level = positions.pop("%", 0)
        self._positions_by_character = positions
        self._end = 1 << len(text)

    def matches(self, name: str) -> bool:
        wildcards = self._any | self._any_in_level
        state = 1 | (1 & wildcards) << 1  # a wildcard can stand for nothing
        for character in name:
            kept = state & (self._any if character == DELIMITER else wildcards)
            state = (state & self._positions_by_character.get(character, 0)) << 1 | kept
            state |= (state & wildcards) << 1
            if not state:
                return False
        return bool(state & self._end)


def _join_wildcards(match: re.Match[str]) -> str:
    return "*" if "*" in match[0] else "%"
