"""Parse SEARCH, SORT and THREAD (RFC 9051 6.4.4, RFC 5256)."""

from __future__ import annotations

import codecs

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.imap.argument_parsers import read_sequence_set
from lazr.smtptest.protocol.imap.command_types import SearchCommand, SortCommand, SortCriterion, ThreadCommand
from lazr.smtptest.protocol.imap.dates import parse_date
from lazr.smtptest.protocol.imap.parse_error import ParseError
from lazr.smtptest.protocol.imap.search_keys import (
    MAX_SEARCH_DEPTH,
    MAX_SEARCH_KEYS,
    MAX_TEXT_KEYS,
    AgeKey,
    AllKey,
    AndKey,
    DateKey,
    FlagKey,
    ModSeqKey,
    NotKey,
    OrKey,
    SequenceKey,
    SizeKey,
    TextKey,
)
from lazr.smtptest.protocol.imap.sequence_set import MAX_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.protocol.imap.search_keys import DateComparison, SearchKey, TextKind
    from lazr.smtptest.protocol.imap.tokens import TokenReader

__all__ = ["parse_search", "parse_sort", "parse_thread"]

CHARSETS = ("US-ASCII", "UTF-8", "ISO-8859-1", "ISO-8859-15", "WINDOWS-1252")
_RETURN_OPTIONS = ("MIN", "MAX", "ALL", "COUNT", "SAVE")
_SORT_FIELDS = ("ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO")
_THREAD_ALGORITHMS = ("ORDEREDSUBJECT", "REFERENCES")
_SEARCH_WORD = compile_lazily(rb"[A-Za-z0-9-]+")
_DATE_ATOM = compile_lazily(rb"[0-9A-Za-z-]+")
_MODSEQ_ENTRY_TYPES = ("ALL", "PRIV", "SHARED")


def parse_search(tokens: TokenReader, *, is_uid: bool) -> SearchCommand:
    """Parse SEARCH after its name."""
    tokens.read_space("a search key")
    return_options = _read_return_options(tokens)
    charset = ""
    if tokens.has_word(b"CHARSET"):
        tokens.skip_word(b"CHARSET")
        tokens.read_space("a charset")
        charset = _read_charset(tokens)
        tokens.read_space("a search key")
    key = _KeyReader(tokens, charset or "UTF-8").read_keys()
    return SearchCommand(key, charset, return_options, is_uid)


def parse_sort(tokens: TokenReader, *, is_uid: bool) -> SortCommand:
    """Parse SORT after its name (RFC 5256 3)."""
    tokens.read_space("a list of sort criteria")
    return_options = _read_return_options(tokens)
    criteria = tokens.read_list(
        lambda: _read_criterion(tokens), "a list of sort criteria", 2 * len(_SORT_FIELDS), can_be_empty=False
    )
    charset, key = _read_charset_and_keys(tokens)
    return SortCommand(tuple(criteria), charset, key, return_options, is_uid)


def parse_thread(tokens: TokenReader, *, is_uid: bool) -> ThreadCommand:
    """Parse THREAD after its name (RFC 5256 3)."""
    tokens.read_space("a threading algorithm")
    algorithm = tokens.read_choice(_THREAD_ALGORITHMS, "a threading algorithm")
    charset, key = _read_charset_and_keys(tokens)
    return ThreadCommand(algorithm, charset, key, is_uid)


def _read_criterion(tokens: TokenReader) -> SortCriterion:
    is_reverse = tokens.skip_word(b"REVERSE")
    if is_reverse:
        tokens.read_space("a sort criterion")
    return SortCriterion(tokens.read_choice(_SORT_FIELDS, "a sort criterion"), is_reverse)


def _read_charset_and_keys(tokens: TokenReader) -> tuple[str, SearchKey]:
    tokens.read_space("a charset")
    charset = _read_charset(tokens)
    tokens.read_space("a search key")
    return charset, _KeyReader(tokens, charset).read_keys()


def _read_return_options(tokens: TokenReader) -> frozenset[str] | None:
    """Read `RETURN (…)` and the space after it; `()` is ALL (RFC 4731 3.1)."""
    if not tokens.skip_word(b"RETURN"):
        return None
    tokens.read_space("a list of result options")
    options = tokens.read_list(
        lambda: tokens.read_choice(_RETURN_OPTIONS, "a result option"),
        "a list of result options",
        2 * len(_RETURN_OPTIONS),
        can_be_empty=True,
    )
    tokens.read_space("a search key")
    return frozenset(options or ("ALL",))


def _read_charset(tokens: TokenReader) -> str:
    position = tokens.position
    charset = tokens.read_text("a charset").upper()
    if charset not in CHARSETS:
        code = f"BADCHARSET ({' '.join(CHARSETS)})"  # RFC 9051 7.1
        raise ParseError("expected another charset", position, code=code, status="NO")
    tokens.has_charset = True
    return charset


class _KeyReader:
    """The search keys of one command; their texts are in one charset."""

    __slots__ = ("_charset", "_count", "_text_count", "_tokens")

    def __init__(self, tokens: TokenReader, charset: str) -> None:
        self._tokens = tokens
        self._charset = codecs.lookup(charset).name
        self._count = 0
        self._text_count = 0

    def read_keys(self, depth: int = 0) -> SearchKey:
        """Read keys with a space between them."""
        keys = [self._read_key(depth)]
        while self._tokens.skip(b" "):
            keys.append(self._read_key(depth))
        return keys[0] if len(keys) == 1 else AndKey(tuple(keys))

    def _read_key(self, depth: int) -> SearchKey:
        tokens = self._tokens
        self._count += 1
        tokens.check_count(self._count, "the search keys", MAX_SEARCH_KEYS)
        if depth > MAX_SEARCH_DEPTH:
            text = f"expected at most {MAX_SEARCH_DEPTH} parentheses, NOT and OR within each other"
            raise ParseError(text, tokens.position, code="LIMIT", status="NO")
        if tokens.skip(b"("):
            key = self.read_keys(depth + 1)
            tokens.read_exactly(b")", "a space and a search key, or )")
            return key
        position = tokens.position
        if tokens.has_sequence_set():
            return SequenceKey(read_sequence_set(tokens))
        word = tokens.read_pattern(_SEARCH_WORD, "a search key").upper()
        if word in _PLAIN_KEYS:
            return _PLAIN_KEYS[word]
        if word == "NOT":
            tokens.read_space("a search key")
            return NotKey(self._read_key(depth + 1))
        if word == "OR":
            tokens.read_space("a search key")
            left = self._read_key(depth + 1)
            tokens.read_space("a search key")
            return OrKey(left, self._read_key(depth + 1))
        read_argument = _KEYS_WITH_ARGUMENT.get(word)
        if read_argument is None:
            raise tokens.fail(f"expected a search key of RFC 9051 6.4.4, got {word[:50]}", position)
        tokens.read_space(f"the argument of {word}")
        return read_argument(self, word)

    def _read_string(self, expected: str) -> str:
        position = self._tokens.position
        return self._tokens.decode(self._tokens.read_astring(expected), expected, position, self._charset)

    def read_text_key(self, word: str) -> TextKey:
        if word in ("BODY", "TEXT"):
            self._text_count += 1
            self._tokens.check_count(self._text_count, "the search keys BODY and TEXT", MAX_TEXT_KEYS)
        return TextKey(_TEXT_KINDS[word], self._read_string("a text"))

    def read_header_key(self, _word: str) -> TextKey:
        name = self._tokens.read_text("the name of a header field")
        self._tokens.read_space("a text")
        return TextKey("HEADER", self._read_string("a text"), name)

    def read_keyword_key(self, word: str) -> FlagKey:
        return FlagKey(self._tokens.read_atom("a keyword"), word == "KEYWORD")

    def read_date_key(self, word: str) -> DateKey:
        tokens = self._tokens
        position = tokens.position
        is_quoted = tokens.has(b'"')
        text = tokens.read_text("a date") if is_quoted else tokens.read_pattern(_DATE_ATOM, "a date such as 1-Feb-2026")
        try:
            day = parse_date(text)
        except ValueError as error:
            raise tokens.fail("expected a date such as 1-Feb-2026", position) from error
        return DateKey(_DATE_COMPARISONS[word], day, is_sent=word.startswith("SENT"))

    def read_size_key(self, word: str) -> SizeKey:
        return SizeKey(word == "LARGER", self._tokens.read_number("a size"))

    def read_age_key(self, word: str) -> AgeKey:
        return AgeKey(word == "OLDER", self._tokens.read_number("a number of seconds", MAX_NUMBER))

    def read_uid_key(self, _word: str) -> SequenceKey:
        return SequenceKey(read_sequence_set(self._tokens), is_uid=True)

    def read_mod_seq_key(self, _word: str) -> ModSeqKey:
        """Read MODSEQ; one counter is kept for all flags, so the name of an entry changes nothing."""
        if self._tokens.has(b'"'):
            self._tokens.read_string("the name of an entry")
            self._tokens.read_space("a type of entries")
            self._tokens.read_choice(_MODSEQ_ENTRY_TYPES, "a type of entries")
            self._tokens.read_space("a modification sequence")
        return ModSeqKey(self._tokens.read_number("a modification sequence"))


_PLAIN_KEYS: dict[str, SearchKey] = {
    "ALL": AllKey(),
    "ANSWERED": FlagKey("\\Answered", is_set=True),
    "DELETED": FlagKey("\\Deleted", is_set=True),
    "DRAFT": FlagKey("\\Draft", is_set=True),
    "FLAGGED": FlagKey("\\Flagged", is_set=True),
    "NEW": AndKey((FlagKey("\\Recent", is_set=True), FlagKey("\\Seen", is_set=False))),
    "OLD": FlagKey("\\Recent", is_set=False),
    "RECENT": FlagKey("\\Recent", is_set=True),
    "SEEN": FlagKey("\\Seen", is_set=True),
    "UNANSWERED": FlagKey("\\Answered", is_set=False),
    "UNDELETED": FlagKey("\\Deleted", is_set=False),
    "UNDRAFT": FlagKey("\\Draft", is_set=False),
    "UNFLAGGED": FlagKey("\\Flagged", is_set=False),
    "UNSEEN": FlagKey("\\Seen", is_set=False),
}
_TEXT_KINDS: dict[str, TextKind] = {
    "BCC": "BCC",
    "BODY": "BODY",
    "CC": "CC",
    "FROM": "FROM",
    "SUBJECT": "SUBJECT",
    "TEXT": "TEXT",
    "TO": "TO",
}
_DATE_COMPARISONS: dict[str, DateComparison] = {
    "BEFORE": "BEFORE",
    "ON": "ON",
    "SINCE": "SINCE",
    "SENTBEFORE": "BEFORE",
    "SENTON": "ON",
    "SENTSINCE": "SINCE",
}
_KEYS_WITH_ARGUMENT: dict[str, Callable[[_KeyReader, str], SearchKey]] = {
    **dict.fromkeys(_TEXT_KINDS, _KeyReader.read_text_key),
    **dict.fromkeys(_DATE_COMPARISONS, _KeyReader.read_date_key),
    "HEADER": _KeyReader.read_header_key,
    "KEYWORD": _KeyReader.read_keyword_key,
    "UNKEYWORD": _KeyReader.read_keyword_key,
    "LARGER": _KeyReader.read_size_key,
    "SMALLER": _KeyReader.read_size_key,
    "OLDER": _KeyReader.read_age_key,
    "YOUNGER": _KeyReader.read_age_key,
    "UID": _KeyReader.read_uid_key,
    "MODSEQ": _KeyReader.read_mod_seq_key,
}
