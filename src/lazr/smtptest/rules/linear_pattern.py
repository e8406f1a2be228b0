"""Regular expressions from untrusted input, matched by RE2 in linear time.

The patterns of rules that come over HTTP or from a file run in the thread of the server.  `re` backtracks: a pattern
such as `(a+)+$` would stop the server forever, and Python cannot interrupt it.  RE2 does not backtrack, so it has
neither look-around nor backreferences.  Three limits bound its work: the size of the compiled program, its memory, and
the length of the searched text.
"""

from __future__ import annotations

from lazr.smtptest.errors import MissingExtra

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["LinearPattern"]

# RE2 searches in a time that is proportional to the product of these two.  The largest takes about 0.2 s.
_MAX_PROGRAM_INSTRUCTIONS = 2_000
_MAX_SEARCHED_CHARACTERS = 10_000

_MAX_MEMORY_BYTES = 1 << 20

_SUPPORTED_FLAGS = "ims"  # "a" changes nothing: \d, \w, \s and \b of RE2 are ASCII

_SYNTAX_URL = "https://github.com/google/re2/wiki/Syntax"


class LinearPattern:
    """A compiled pattern: a function that looks for it in a text, in linear time.

    - `pattern`: the regular expression; `flags`: letters as in a definition, "i" for example.

    Of a long text, the first 10,000 characters are searched.

    Args:
        pattern: The regular expression, in the syntax of RE2.
        flags: Letters out of "imsa"; none by default.

    Raises:
        MissingExtra: If google-re2 is not installed.
        ValueError: If RE2 cannot compile the pattern, or the pattern is too large.

    >>> pattern = LinearPattern("(a+)+$")
    >>> pattern("a" * 5_000 + "!"), pattern("banana")
    (False, True)
    """

    __slots__ = ("_search", "flags", "pattern")

    def __init__(self, pattern: str, flags: str = "") -> None:
        self.pattern: Final = pattern
        self.flags: Final = flags
        self._search = _compile(pattern, flags).search

    def __call__(self, text: str) -> bool:
        """Return whether the pattern is found in the text."""
        octets = text[:_MAX_SEARCHED_CHARACTERS].encode("utf-8", "replace")  # RE2 takes no lone surrogates
        return self._search(octets) is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LinearPattern):
            return NotImplemented
        return (self.pattern, self.flags) == (other.pattern, other.flags)

    def __hash__(self) -> int:
        return hash((self.pattern, self.flags))

    def __reduce__(self) -> tuple[object, ...]:
        return LinearPattern, (self.pattern, self.flags)

    def __repr__(self) -> str:
        return f"regex({self.pattern!r}{f', {self.flags!r}' if self.flags else ''})"


def _compile(pattern: str, flags: str) -> Any:
    try:
        import re2
    except ImportError as error:
        raise MissingExtra(
            f"the regular expression {pattern!r} comes from a file or over HTTP, which needs google-re2:"
            ' pip install "lazr.smtptest[regex]"'
        ) from error
    unsupported = [letter for letter in flags if letter not in (*_SUPPORTED_FLAGS, "a")]
    if unsupported:
        raise ValueError(f"regex {pattern!r}: flags must be out of 'imsa', got {unsupported[0]!r}; leave it out")
    options = re2.Options()
    options.log_errors = False  # RE2 would write them to stderr
    options.max_mem = _MAX_MEMORY_BYTES
    letters = "".join(letter for letter in _SUPPORTED_FLAGS if letter in flags)
    try:
        compiled = re2.compile(f"(?{letters}){pattern}" if letters else pattern, options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0].decode("utf-8", "replace") if isinstance(error, re2.error) else error
        raise ValueError(
            f"regex {pattern!r} is not valid: {reason}; patterns from files and HTTP have the syntax of RE2, which has"
            f" no look-around and no backreferences ({_SYNTAX_URL})"
        ) from None
    if compiled.programsize > _MAX_PROGRAM_INSTRUCTIONS:
        raise ValueError(
            f"regex {pattern!r} is too large: it must compile to at most {_MAX_PROGRAM_INSTRUCTIONS:,} instructions,"
            f" got {compiled.programsize:,}; use smaller repetitions"
        )
    return compiled
