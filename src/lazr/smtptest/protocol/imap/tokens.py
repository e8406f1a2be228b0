"""Read the tokens of a command: atoms, strings, numbers and parentheses (RFC 9051 4, 9)."""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.imap.parse_error import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection, Sequence
    from typing import TypeVar

    from lazr.smtptest.protocol.imap.reader import Literal

    T = TypeVar("T")

__all__ = ["MAX_NUMBER64", "TokenReader"]

MAX_NUMBER64 = 0x7FFF_FFFF_FFFF_FFFF  # RFC 9051 9: number64 has 63 bits
_MAX_DIGITS = 19

_ATOM = compile_lazily(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_ASTRING = compile_lazily(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
_LIST_ATOM = compile_lazily(rb'[^\x00-\x20\x7f-\xff(){"\\]+')
_QUOTED = compile_lazily(rb'"([^"\\\r\n]*(?:\\["\\][^"\\\r\n]*)*)"')
_ESCAPE = compile_lazily(rb"\\(.)")
_SEQUENCE_STARTS = frozenset((b"*", b"$", *(b"%d" % digit for digit in range(10))))
_NUMBER = compile_lazily(rb"[0-9]+")
_NIL = compile_lazily(rb"(?i)nil(?![^\x00-\x20\x7f-\xff(){%*\"\\])")


class TokenReader:
    """A position in one command.

    Each `read_…` method reads one token, and raises `ParseError` if there is another; `skip…` methods return whether
    there was one.

    Args:
        lines: The lines of the command.
        literals: The literals; each one is between two lines.
        start: Where to begin in the first line.
        is_utf8: Quoted strings can have UTF-8 (RFC 9051 4.3, RFC 6855 3).

    `has_charset`, after the CHARSET of a search, lets quoted strings be in it.  RFC 3501 9 asks for literals there, but
    imap-tools and others send quoted strings, and other servers accept them.
    """

    __slots__ = ("_base", "_index", "_line", "_lines", "_literals", "_offset", "has_charset", "is_utf8")

    def __init__(
        self, lines: Sequence[bytes], literals: Sequence[Literal] = (), start: int = 0, *, is_utf8: bool = False
    ) -> None:
        self._lines = lines
        self._literals = literals
        self._index = 0  # of the line, and of the literal after it
        self._base = 0  # the octets before this line
        self._line = lines[0]
        self._offset = start
        self.is_utf8: bool = is_utf8
        self.has_charset: bool = False

    @property
    def position(self) -> int:
        """The octets of the command before the next token."""
        return self._base + self._offset

    def fail(self, text: str, position: int | None = None) -> ParseError:
        """Return the error of the next token, or of the one at `position`."""
        return ParseError(text, self.position if position is None else position)

    # -- what comes next ---------------------------------------------------------------------

    def has(self, octets: bytes) -> bool:
        """Return whether the next octets are these."""
        return self._line.startswith(octets, self._offset)

    def has_literal(self) -> bool:
        """Return whether a literal comes next."""
        return self._offset == len(self._line) and self._index < len(self._literals)

    def has_string(self) -> bool:
        """Return whether a quoted string or a literal comes next."""
        return self.has(b'"') or self.has_literal()

    def skip(self, octets: bytes) -> bool:
        """Read these octets if they come next; return whether they did."""
        if not self.has(octets):
            return False
        self._offset += len(octets)
        return True

    def read_exactly(self, octets: bytes, expected: str) -> None:
        """Read these octets."""
        if not self.skip(octets):
            raise self.fail(f"expected {expected}")

    def read_space(self, expected: str) -> None:
        """Read the space before an argument."""
        self.read_exactly(b" ", f"a space and {expected}")

    def read_end(self) -> None:
        """Read the end of the command."""
        if self._offset != len(self._line) or self.has_literal():
            raise self.fail("expected the end of the command")

    def _match(self, pattern: re.Pattern[bytes], expected: str) -> re.Match[bytes]:
        match = pattern.match(self._line, self._offset)
        if match is None:
            raise self.fail(f"expected {expected}")
        self._offset = match.end()
        return match

    def has_sequence_set(self) -> bool:
        """Return whether a sequence set comes next."""
        return self._line[self._offset : self._offset + 1] in _SEQUENCE_STARTS

    def has_word(self, word: bytes) -> bool:
        """Return whether the next token is this word of the protocol, in any case."""
        end = self._offset + len(word)
        return self._line[self._offset : end].upper() == word and _ATOM.match(self._line, end) is None

    def skip_word(self, word: bytes) -> bool:
        """Read this word if it comes next; return whether it did."""
        if not self.has_word(word):
            return False
        self._offset += len(word)
        return True

    def read_word(self, word: bytes) -> None:
        """Read this word."""
        if not self.skip_word(word):
            raise self.fail(f"expected {word.decode()}")

    # -- tokens ------------------------------------------------------------------------------

    def read_atom(self, expected: str) -> str:
        """Read an atom, such as the name of a flag."""
        return self._match(_ATOM, expected)[0].decode()

    def read_keyword(self, expected: str) -> str:
        """Read an atom that is a word of the protocol, and return it in capitals."""
        return self.read_atom(expected).upper()

    def read_choice(self, choices: Collection[str], expected: str) -> str:
        """Read one of these words of the protocol, and return it in capitals."""
        position = self.position
        word = self.read_keyword(expected)
        if word not in choices:
            raise self.fail(f"expected {expected}: {', '.join(choices)}", position)
        return word

    def read_pattern(self, pattern: re.Pattern[bytes], expected: str) -> str:
        """Read a token of ASCII that is one match of a pattern."""
        return self._match(pattern, expected)[0].decode()

    def read_number(self, expected: str, maximum: int = MAX_NUMBER64) -> int:
        """Read a number from 0 to `maximum`."""
        position = self.position
        digits = self._match(_NUMBER, expected)[0].lstrip(b"0")
        number = int(digits or b"0") if len(digits) <= _MAX_DIGITS else maximum + 1
        if number > maximum:
            raise self.fail(f"expected {expected} of at most {maximum}", position)
        return number

    def read_literal(self, expected: str) -> Literal:
        """Read a literal."""
        if not self.has_literal():
            raise self.fail(f"expected {expected}")
        literal = self._literals[self._index]
        self._base += self._offset + len(literal.content)
        self._index += 1
        self._line = self._lines[self._index]
        self._offset = 0
        return literal

    def read_string(self, expected: str) -> bytes:
        """Read a quoted string or a literal, without NUL."""
        position = self.position
        if not self.has(b'"'):
            content = self.read_literal(expected).content
            if b"\0" in content:
                raise self.fail(f"expected {expected} without NUL", position)
            return content
        content = self._match(_QUOTED, 'a quoted string with its second ", and with \\ only before \\ and "')[1]
        if not (self.is_utf8 or self.has_charset or content.isascii()):
            raise self.fail(f"expected {expected} in ASCII, or in a literal, or after ENABLE UTF8=ACCEPT", position)
        return _ESCAPE.sub(rb"\1", content) if b"\\" in content else content

    def read_astring(self, expected: str) -> bytes:
        """Read an atom, which can have `]`, or a string."""
        return self.read_string(expected) if self.has_string() else self._match(_ASTRING, expected)[0]

    def read_list_pattern(self, expected: str) -> bytes:
        """Read a pattern of LIST: an atom, which can have `%`, `*` and `]`, or a string."""
        return self.read_string(expected) if self.has_string() else self._match(_LIST_ATOM, expected)[0]

    def read_text(self, expected: str) -> str:
        """Read an atom or a string in UTF-8."""
        position = self.position
        return self.decode(self.read_astring(expected), expected, position)

    def read_nil_or_string(self, expected: str) -> bytes | None:
        """Read NIL, which is None, or a string."""
        if self.has_string():
            return self.read_string(expected)
        self._match(_NIL, expected)
        return None

    def decode(self, octets: bytes, expected: str, position: int, charset: str = "utf-8") -> str:
        """Return octets of a string at `position` as text."""
        try:
            return octets.decode(charset)
        except UnicodeDecodeError as error:
            raise self.fail(f"expected {expected} in {charset.upper()}", position) from error

    def read_list(self, read_item: Callable[[], T], expected: str, max_items: int, *, can_be_empty: bool) -> list[T]:
        """Read `(item item …)`.

        Args:
            read_item: Reads one item.
            expected: What the list is, for errors.
            max_items: The limit of the items.
            can_be_empty: Whether `()` is a list.
        """
        self.read_exactly(b"(", f"( and {expected}")
        if can_be_empty and self.skip(b")"):
            return []
        items = [read_item()]
        while not self.skip(b")"):
            self.read_exactly(b" ", f"a space or ) in {expected}")
            self.check_count(len(items) + 1, expected, max_items)
            items.append(read_item())
        return items

    def check_count(self, count: int, expected: str, max_items: int) -> None:
        """Refuse more than `max_items` (RFC 5530, LIMIT)."""
        if count > max_items:
            raise ParseError(
                f"expected at most {max_items} items in {expected}", self.position, code="LIMIT", status="NO"
            )
