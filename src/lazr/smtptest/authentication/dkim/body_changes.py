"""Find out which well-known change of a body explains a wrong body hash.

`explain_body` tries, in this order: mistakes of signers and changes of the whole body, lines added at the end or before
the end, lines added at the top, and changes of one line.  Only hashes decide: a change is reported if undoing it gives
exactly the hash that was signed.
"""

from __future__ import annotations

import hashlib

from lazr.smtptest.authentication.dkim.body_variants import list_body_variants
from lazr.smtptest.authentication.dkim.canonicalization import canonicalize_body
from lazr.smtptest.authentication.dkim.change import Change
from lazr.smtptest.authentication.dkim.single_byte import find_changed_byte

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.authentication.dkim.message import Message
    from lazr.smtptest.authentication.dkim.search_budget import SearchBudget

__all__ = ["MAX_SEARCHED_OCTETS", "explain_body"]

# Longer bodies are checked, but not searched.
MAX_SEARCHED_OCTETS = 1_000_000
MAX_LINES = 20_000
# A single character is searched in short bodies only, such as those of tests.
MAX_CHARACTERS = 4_000
# Texts that forwarders insert are near the top or near the end, before the last boundary of a multipart.
MAX_LINES_AT_TOP = 100
MAX_LINES_AT_END = 12


def explain_body(
    message: Message, algorithm: str, length: int | None, body_hash: bytes, budget: SearchBudget
) -> Change | None:
    """Return the change that explains why the body has another hash; None if none is found.

    Args:
        message: The mail.
        algorithm: The canonicalization of the body.
        length: How many bytes of the canonical body are signed, the tag l=; None for all.
        body_hash: The SHA-256 digest that was signed, the tag bh=.
        budget: How much may be hashed.
    """
    if len(message.body) > MAX_SEARCHED_OCTETS or budget.is_spent:
        return None
    search = _Search(message.canonicalize_body(algorithm), length, body_hash, budget)
    for change in (
        _search_variants(search, message, algorithm),
        search.find_appended(),
        search.find_inserted_near_end(),
        search.find_prepended(),
        search.find_changed_line(algorithm),
        search.find_changed_character(),
    ):
        for found in change:
            return found
    return None


def _search_variants(search: _Search, message: Message, algorithm: str) -> Iterator[Change]:
    for variant in list_body_variants(message, algorithm):
        # Canonicalization reads the text several times.
        if not search.budget.spend(4 * len(variant.text)):
            return
        if search.matches(variant.text) or search.matches(canonicalize_body(variant.text, algorithm)):
            yield variant.change


class _Search:
    """Compare changed forms of a canonical body with the signed hash."""

    def __init__(self, body: bytes, length: int | None, body_hash: bytes, budget: SearchBudget) -> None:
        self.budget = budget
        self._body = body
        self._length = length
        self._hash = body_hash
        # Without the last piece, which is empty, because a canonical body ends with a line end.
        self._lines = body.split(b"\r\n")[:-1] if body.count(b"\r\n") <= MAX_LINES else []
        self._offsets = [0]
        for line in self._lines:
            self._offsets.append(self._offsets[-1] + len(line) + 2)

    def matches(self, canonical: bytes) -> bool:
        """Return whether this canonical body is what was signed."""
        if not self.budget.spend(len(canonical)):
            return False
        return hashlib.sha256(canonical[: self._length]).digest() == self._hash

    def _hash_prefixes(self) -> Iterator[tuple[int, hashlib._Hash]]:
        """Yield the number of lines and their hash, for the start of the body."""
        state = hashlib.sha256()
        for number, line in enumerate(self._lines):
            yield number, state
            if not self.budget.spend(len(line)):
                return
            state.update(line + b"\r\n")

    def find_appended(self) -> Iterator[Change]:
        """Search for text that was appended: the start of the body has the signed hash."""
        if self._length is not None:
            return
        for number, state in self._hash_prefixes():
            # An empty line would not be the last one of a canonical body.
            if number and self._lines[number - 1] and state.copy().digest() == self._hash:
                yield Change(f"{_count_lines(len(self._lines) - number)} added at the end", f"body line {number + 1}")
                return

    def find_inserted_near_end(self) -> Iterator[Change]:
        """Search for a footer before the last lines, such as before the end of a multipart."""
        for last in range(1, min(MAX_LINES_AT_END, len(self._lines)) + 1):
            end = len(self._lines) - last
            rest = self._body[self._offsets[end] :]
            for number, state in self._hash_prefixes():
                if number >= end or not self.budget.spend(len(rest)):
                    break
                trial = state.copy()
                trial.update(rest)
                if self._is_signed(trial, self._offsets[number] + len(rest)):
                    yield Change(f"{_count_lines(end - number)} inserted", f"body line {number + 1}")
                    return

    def _is_signed(self, state: hashlib._Hash, length: int) -> bool:
        return state.digest() == self._hash and (self._length is None or self._length == length)

    def find_prepended(self) -> Iterator[Change]:
        """Search for text that was put in front."""
        for number in range(1, min(MAX_LINES_AT_TOP, len(self._lines))):
            if self.matches(self._body[self._offsets[number] :]):
                yield Change(f"{_count_lines(number)} inserted at the top", "body line 1")
                return

    def find_changed_line(self, algorithm: str) -> Iterator[Change]:
        """Search for a single line that was changed, added or lost."""
        for number, state in self._hash_prefixes():
            rest = self._body[self._offsets[number + 1] :]
            for text, line in _list_line_variants(self._lines[number], algorithm):
                if not self.budget.spend(len(rest) + len(line)):
                    return
                trial = state.copy()
                trial.update(line + rest)
                if self._is_signed(trial, self._offsets[number] + len(line) + len(rest)):
                    yield Change(text, f"body line {number + 1}")
                    return

    def find_changed_character(self) -> Iterator[Change]:
        """Search for a single character that was changed."""
        if len(self._body) > MAX_CHARACTERS:
            return
        found = find_changed_byte(self._body[: self._length], "sha256", self._hash, self.budget)
        if found:
            line = self._body.count(b"\n", 0, found.position) + 1
            yield Change(found.text, f"body line {line}")


def _count_lines(count: int) -> str:
    return "a line was" if count == 1 else f"{count} lines were"


def _list_line_variants(line: bytes, algorithm: str) -> Iterator[tuple[str, bytes]]:
    """Yield how a line may have looked when it was signed, and what happened to it since."""
    end = b"\r\n"
    rfc = "(RFC 5321 4.5.2)"
    yield "a line was inserted", b""
    yield "an empty line was removed before this line", end + line + end
    yield (
        f"a dot was lost at the start of a line: the client did not do dot-stuffing {rfc}",
        b"." + line + end,
    )
    if line.startswith(b"."):
        yield (
            f"a dot was added at the start of a line: the client did dot-stuffing twice {rfc}",
            line[1:] + end,
        )
    if line.startswith(b">From "):
        yield 'a ">" was put before "From "', line[1:] + end
    yield "a line was broken", line
    yield "a line was broken at a space", line + b" "
    if algorithm == "simple":
        yield "white space was removed at the end of a line", line + b" " + end
        yield "white space was added at the end of a line", line.rstrip(b" \t") + end
        yield "white space was changed in a line", b" ".join(line.split()) + end
    if line.startswith(b" "):
        yield "a space was added at the start of a line", line[1:] + end
    else:
        yield "a space was removed at the start of a line", b" " + line + end
    yield "a line end of CR CR LF became CR LF", line + b"\r" + end
